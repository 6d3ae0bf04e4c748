package logformat

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
)

// A dry run shows a line that a user can review for each object.
func TestPreview(t *testing.T) {
	const up = "a.txt"
	action := func(action, reason, key string, more ...slog.Attr) []slog.Attr {
		attrs := []slog.Attr{
			slog.String("key", key), slog.String("action", action), slog.String("reason", reason),
			slog.String("source", "dir/"+key), slog.String("target", "s3://b/"+key),
		}
		return append(attrs, more...)
	}
	size := func(n int64) slog.Attr { return slog.Int64("size", n) }
	for name, tt := range map[string]struct {
		level  slog.Level
		fields []slog.Attr
		want   string
	}{
		"new":       {levelInfo, action("upload", "new", up, size(12_897_485)), "upload (new)                 a.txt → s3://b/a.txt  12.3 MiB"},
		"longest":   {levelInfo, action("overwrite", "checksum differs", up, size(5), slog.Int64("target_size", 5)), "overwrite (checksum differs) a.txt → s3://b/a.txt  5 B"},
		"overwrite": {levelInfo, action("overwrite", "newer", up, size(5), slog.Int64("target_size", 2048)), "overwrite (newer)            a.txt → s3://b/a.txt  5 B, was 2.00 KiB"},
		"delete":    {levelInfo, action("delete", "only in the target", up, size(1024)), "delete (only in the target)  s3://b/a.txt  1.00 KiB"},
		"keep":      {levelDebug, action("keep", "folder marker", "d/", size(0)), "keep (folder marker)         s3://b/d/  0 B"},
		"skip":      {levelDebug, action("skip", "same", up, size(0)), "skip (same)                  a.txt  0 B"},
		"version": {
			levelInfo, action("copy", "new version", up, size(3), slog.String("source_version_id", "v1")),
			"copy (new version)           a.txt → s3://b/a.txt  version v1  3 B",
		},
		"a skipped version": {levelDebug, action("skip", "same version", up, size(3), slog.String("version_id", "v1")), "skip (same version)          a.txt  version v1  3 B"},
		"delete marker": {
			levelInfo, action("mark", "deleted in the source", up, slog.String("source_version_id", "v2")),
			"mark (deleted in the source) a.txt → s3://b/a.txt  version v2",
		},
		"tags": {levelInfo, action("tag", "tags differ", up, size(3)), "tag (tags differ)            a.txt → s3://b/a.txt  3 B"},

		"more than one line": {levelInfo, action("upload", "new", "a\nb\x1b[1m", size(1)), `upload (new)                 "a\nb\x1b[1m" → "s3://b/a\nb\x1b[1m"  1 B`},
		"turned around":      {levelInfo, action("delete", "only in the target", "a\u202eb", size(1)), `delete (only in the target)  "s3://b/a\u202eb"  1 B`},
		"not text":           {levelDebug, action("skip", "same", "a\xff", size(1)), `skip (same)                  "a\xff"  1 B`},
		"blanks":             {levelDebug, action("skip", "same", " a", size(1)), `skip (same)                  " a"  1 B`},
		"like the rest":      {levelDebug, action("skip", "same", "a  1 B", size(1)), `skip (same)                  "a  1 B"  1 B`},
		"like an arrow":      {levelDebug, action("skip", "same", "a → b", size(1)), `skip (same)                  "a → b"  1 B`},
		"like quotes":        {levelDebug, action("skip", "same", `"a"`, size(1)), `skip (same)                  "\"a\""  1 B`},
		"other scripts":      {levelDebug, action("skip", "same", "é 日本", size(1)), `skip (same)                  é 日本  1 B`},

		"a warning":     {levelWarn, action("skip", "directory key with data", "d/"), `2025-07-11T00:48:43.946290Z  WARN m key="d/"`},
		"another thing": {levelInfo, []slog.Attr{slog.String("key", up)}, `2025-07-11T00:48:43.946290Z  INFO m key="a.txt"`},
	} {
		t.Run(name, func(t *testing.T) {
			p := &preview{records: pinned(appendText)}
			if got := string(p.append(nil, record(tt.level, "m"), tt.fields)); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// With all details, what is skipped is a record that scripts know. What would be done
// has its line nevertheless.
func TestPreviewWithDetails(t *testing.T) {
	p := &preview{records: pinned(appendText), details: true}
	fields := []slog.Attr{
		slog.String("name", "HeadObjectChecker"), slog.String("key", "a"), slog.String("action", "skip"), slog.String("reason", "same ETag"), slog.Int64("size", 1),
	}
	got := string(p.append(nil, record(levelDebug, "object filtered. ETags are same."), fields))
	if want := `2025-07-11T00:48:43.946290Z DEBUG object filtered. ETags are same. name="HeadObjectChecker" key="a"`; got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
	if got := string(p.append(nil, record(levelInfo, "would upload"), fields)); !strings.HasPrefix(got, "skip (same ETag)") {
		t.Errorf("got %s", got)
	}
}

func TestPreviewInColour(t *testing.T) {
	p := &preview{records: appendColoured, colours: true}
	fields := []slog.Attr{slog.String("action", "delete"), slog.String("reason", "x"), slog.String("target", "t")}
	if got, want := string(p.append(nil, record(levelInfo, "m"), fields)), "\x1b[31mdelete (x)                  \x1b[0m t  0 B"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	seen := map[string]bool{}
	for _, action := range []string{"delete", "overwrite", "upload", "skip"} {
		fields[0] = slog.String("action", action)
		colour, _, _ := strings.Cut(string(p.append(nil, record(levelInfo, "m"), fields)), action)
		seen[colour] = true
	}
	if len(seen) != 4 {
		t.Errorf("%d colours", len(seen))
	}
}

func TestPreviewTotals(t *testing.T) {
	n := slog.Int64
	for name, tt := range map[string]struct {
		fields []slog.Attr
		want   string
	}{
		"everything": {
			[]slog.Attr{
				n("upload_object", 3), n("upload_byte", 12_897_485), n("overwrite_object", 1), n("overwrite_byte", 10), n("tag_object", 2), n("untag_object", 1),
				n("mark_object", 1), n("delete_object", 2), n("delete_byte", 2048), n("keep_object", 4), n("skip_object", 10), slog.Bool("incomplete", false),
			},
			"dry run, nothing was changed: would upload 3 objects, 12.3 MiB; overwrite 1, 10 B; tag 2; untag 1; mark 1; delete 2, 2.00 KiB; keep 4; skip 10",
		},
		"one":        {[]slog.Attr{n("delete_object", 1), n("delete_byte", 1)}, "dry run, nothing was changed: would delete 1 object, 1 B"},
		"nothing":    {[]slog.Attr{n("upload_object", 0), n("upload_byte", 0)}, "dry run, nothing was changed: would change nothing"},
		"skipped":    {[]slog.Attr{n("skip_object", 7)}, "dry run, nothing was changed: would change nothing; skip 7"},
		"incomplete": {[]slog.Attr{n("copy_object", 2), n("copy_byte", 3), slog.Bool("incomplete", true)}, "dry run, not complete, nothing was changed: would at least copy 2 objects, 3 B"},
		"failed":     {[]slog.Attr{n("skip_object", 7), slog.Bool("incomplete", true)}, "dry run, not complete, nothing was changed: nothing to do was found; skip 7"},
	} {
		t.Run(name, func(t *testing.T) {
			p := &preview{}
			if got := string(p.append(nil, record(levelInfo, "dry run summary"), tt.fields)); got != tt.want {
				t.Errorf("got\n%s\nwant\n%s", got, tt.want)
			}
		})
	}
}

// What JSON says in addition is not in the text that scripts know.
func TestPinnedText(t *testing.T) {
	for want, format := range map[string]textFormat{
		`2025-07-11T00:48:43.946290Z  INFO sync completed. key="a" size=1` + "\n":                                                                                      pinned(appendText),
		`{"timestamp":"2025-07-11T00:48:43.946290Z","level":"INFO","fields":{"message":"sync completed.","key":"a","size":1,"action":"upload","reason":"new"}}` + "\n": appendJSON,
	} {
		var out bytes.Buffer
		err := newHandler(&out, format).Handle(t.Context(), record(levelInfo, "sync completed.",
			slog.String("key", "a"), slog.Int("size", 1), slog.String("action", "upload"), slog.String("reason", "new")))
		if err != nil || out.String() != want {
			t.Errorf("got %s, %v, want %s", &out, err, want)
		}
	}
}
