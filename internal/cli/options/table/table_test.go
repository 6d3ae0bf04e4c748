package table

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/cli/options/value"
	"s3sync/internal/fields"
)

// rows returns the table of a new Config.
func rows() (*s3sync.Config, *Settings, []*Option) {
	cfg, set := s3sync.DefaultConfig(), &Settings{}
	return cfg, set, Rows(cfg, set, &Log{}, &Own{}, &Records{})
}

// find returns a row by its name.
func find(t *testing.T, all []*Option, name string) *Option {
	t.Helper()
	i := slices.IndexFunc(all, func(o *Option) bool { return o.Name == name })
	if i < 0 {
		t.Fatalf("there is no row %s", name)
	}
	return all[i]
}

// No two rows have a name, a letter or a variable in common: pflag would panic for some,
// and the others would set both.
func TestRowsAreDistinct(t *testing.T) {
	_, _, all := rows()
	names := map[string]string{}
	take := func(kind, name string, o *Option) {
		if name == "" {
			return
		}
		if other := names[kind+name]; other != "" {
			t.Errorf("%s and %s have the %s %s in common", other, o.Title(), kind, name)
		}
		names[kind+name] = o.Title()
	}
	for _, o := range all {
		take("name ", o.Name, o)
		take("name ", o.Alias, o)
		take("letter ", o.Short, o)
		for _, v := range o.Variables() {
			take("variable ", v, o)
		}
		if strings.HasPrefix(o.Bare(), "AWS_") && o.Env == EnvPrefixed {
			continue
		}
		if !strings.Contains(o.Usage, "`") && o.Value.TakesText() && !o.Positional() && o.Value.Kind != value.Toggle {
			t.Errorf("%s takes a value, and its usage names none", o.Title())
		}
		if strings.HasSuffix(o.Usage, ".") || o.Usage == "" {
			t.Errorf("%s: usage %q", o.Title(), o.Usage)
		}
	}
}

// Each row sets the field that it names and no other, and Reset takes it back.
func TestRowsSetTheirFields(t *testing.T) {
	samples := []string{"true", "7", "auto:7", "1h", "2d", "8MiB", "2026-01-02", "s3://x/", "http://h:1", "x=y", "*.x", "x"}
	_, _, names := rows()
	for i, row := range names {
		if row.File && row.Sets == RulesPath {
			continue // TestRuleFiles
		}
		cfg, _, all := rows()
		o := all[i]
		if o.Sets == "" {
			continue
		}
		tries := samples
		if len(o.Choices) > 0 {
			tries = o.Choices[:1]
		}
		before := snapshot(cfg)
		set := slices.ContainsFunc(tries, func(text string) bool {
			return o.Value.Parse(text) == nil && !maps.Equal(before, snapshot(cfg))
		})
		if !set {
			// Some switches restate the default: what they set must be what there is.
			if _, one, ok := strings.Cut(o.Sets, "="); !ok || one == "" {
				t.Errorf("%s changes nothing", o.Title())
			}
			continue
		}
		for path, was := range snapshot(cfg) {
			if before[path] != was && !slices.Contains(o.Paths(), path) {
				t.Errorf("%s changes %s", o.Title(), path)
			}
		}
		o.Value.Reset()
		if after := snapshot(cfg); !maps.Equal(before, after) {
			t.Errorf("%s is not reset", o.Title())
		}
	}
}

// snapshot returns the fields of a Config as texts.
func snapshot(cfg *s3sync.Config) map[string]string {
	all := map[string]string{}
	for f := range fields.Of(cfg) {
		v := f.Value
		if v.Kind() == reflect.Pointer && !v.IsNil() {
			v = v.Elem()
		}
		all[f.Path] = fmt.Sprint(v)
	}
	return all
}

func TestRuleFiles(t *testing.T) {
	file := filepath.Join(t.TempDir(), "patterns")
	for name, tt := range map[string]struct{ content, fault string }{
		"good":     {"# a comment\n\n*.tmp\n/build/  \n", ""},
		"negated":  {"*.tmp\n!keep\n", `has no pattern in line 2 of "` + file + `": "!keep": ! has no meaning here: --include takes something back, and \! is the letter`},
		"no class": {"[a\n", `has no pattern in line 1 of "` + file + `": "[a": `},
	} {
		if err := os.WriteFile(file, []byte(tt.content), 0o600); err != nil {
			t.Fatal(err)
		}
		cfg, set, all := rows()
		err := find(t, all, "exclude-from").Value.Set(file)
		if tt.fault != "" {
			if err == nil || !strings.HasPrefix(err.Error(), tt.fault) {
				t.Errorf("%s: error %v", name, err)
			}
			continue
		}
		if err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if got := len(cfg.Filter.Globs); got != 2 || cfg.Filter.Globs[1].Pattern != "/build/" || set.Rules.Fault() != "" {
			t.Errorf("%s: %v, %s", name, cfg.Filter.Globs, set.Rules.Fault())
		}
	}
	_, _, all := rows()
	if err := find(t, all, "include-from").Value.Set(file + ".not"); err == nil || !strings.HasPrefix(err.Error(), "cannot be read: ") {
		t.Errorf("error %v", err)
	}
}

// An include before all excludes changes nothing. The fault shows the line that was meant,
// in the quotes that a shell needs.
func TestRulesFault(t *testing.T) {
	const changes = " changes nothing, because everything is included until something is excluded; to exclude everything else write: --exclude '*' "
	for want, given := range map[string][]string{
		"": {"exclude", "*", "include", "*.jpg"},
		"--include '*.jpg'" + changes + "--include '*.jpg'":                          {"include", "*.jpg"},
		"--include photos/" + changes + "--include photos/ --exclude 'it'\\''s.tmp'": {"include", "photos/", "exclude", "it's.tmp"},
	} {
		_, set, all := rows()
		for i := 0; i < len(given); i += 2 {
			if err := find(t, all, given[i]).Value.Set(given[i+1]); err != nil {
				t.Fatal(err)
			}
		}
		if got := set.Rules.Fault(); got != want {
			t.Errorf("%v: got\n%s\nwant\n%s", given, got, want)
		}
	}
}

func TestStronger(t *testing.T) {
	line, prefixed, bare := Option{Given: true}, Option{Given: true, From: "S3SYNC_X"}, Option{Given: true, From: "X"}
	off := Option{From: "S3SYNC_X"} // a switch that a variable sets to false
	for _, tt := range []struct {
		one, both Option
		want      bool
	}{
		{line, line, true},
		{line, prefixed, true},
		{prefixed, line, false},
		{prefixed, prefixed, true},
		{bare, prefixed, false},
		{prefixed, bare, true},
		{Option{}, line, false},
		{off, prefixed, true},
		{off, line, false},
	} {
		if got := tt.one.Stronger(&tt.both); got != tt.want {
			t.Errorf("%+v over %+v: %v", tt.one.From, tt.both.From, got)
		}
	}
}

func TestRecordsDistinct(t *testing.T) {
	for want, r := range map[string]Records{
		"": {HTMLReport: "a", FailedKeys: "b", MetricsFile: "c", Manifest: "d", SignKey: "d"},
		"--html-report and --failed-keys name the same file":      {HTMLReport: "a", FailedKeys: "./a"},
		"--metrics-file and --manifest name the same file":        {MetricsFile: "x/../a", Manifest: "a"},
		"--sign-key signs a manifest, and there is no --manifest": {SignKey: "k"},
	} {
		got := ""
		if err := r.Distinct(); err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestAddress(t *testing.T) {
	for text, ok := range map[string]bool{"localhost:9100": true, ":9100": true, "[::1]:1": true, "9100": false, "host": false, "host:": false} {
		_, _, all := rows()
		if err := find(t, all, "metrics-listen").Value.Set(text); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}
