package integration_test

import (
	"errors"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/s3server"
)

// A deletion that is probably a mistake is refused before it begins: exit code 1, one
// line that says what would have been deleted and which setting allows it, and nothing
// is deleted.
func TestRefusedDeletions(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		source, target []string
		prefix         string // of the target
		code           int
		line           string // of standard error
		permit         []string
		left           []string // then
	}{
		"empty source": {
			nil,
			[]string{"a", "b"},
			"",
			1,
			`nothing is deleted: no object was found in the source, and --delete would take 2 of the 2 objects of the target (100.0 %), first "a", "b". --allow-empty-source permits that`,
			[]string{"--allow-empty-source"},
			[]string{},
		},
		"too many": {
			[]string{"new"},
			numberedKeys(101),
			"",
			1,
			`nothing is deleted: --delete would take 101 of the 102 objects of the target (99.0 %), first "key-00", "key-01", "key-02", which is more than 80 %. --max-delete-percent 100 permits that`,
			[]string{"--max-delete-percent", "100"},
			[]string{"new"},
		},
		"siblings": {
			[]string{"a"},
			[]string{"photos/a", "photos/old", "photos-private/a"},
			"photos",
			1,
			`nothing is deleted: the prefix "photos" of the target ends in the middle of a name, as "photos-private/a" shows, which --delete would treat like the rest. Probably right is: --delete SOURCE s3://BUCKET/photos/. --allow-partial-prefix permits it as it is`,
			[]string{"--allow-partial-prefix"},
			[]string{"photosa"},
		},
		"siblings behind": {
			[]string{"a"}, []string{"photos/a", "photos2"}, "photos", 1, `as "photos2" shows`, []string{"--allow-partial-prefix"}, []string{"photosa"},
		},
		"a prefix that only lacks its slash": {
			[]string{"a"}, []string{"photos/", "photos/b"}, "photos", 0, "", nil, []string{"photos/", "photosa"},
		},
		"markers": {
			[]string{"a"}, []string{"dir/", "dir/sub/", "dir/old"}, "dir/", 0, "", nil, []string{"dir/", "dir/sub/", "dir/a"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachServer(t, func(t *testing.T, srv *s3server.Server) {
				root, target := t.TempDir(), newBucket(t, srv)
				for _, name := range tt.source {
					write(t, root, name, []byte("x"))
				}
				for _, key := range tt.target {
					target.put(t, key, nil)
				}
				side := at(srv, "", "s3://"+target.name+"/"+tt.prefix)
				for _, args := range [][]string{{"--dry-run"}, {}} {
					p := command(t, local(root), side, append(args, "--delete")...)
					code, line := p.run(t), strings.NewReplacer("SOURCE", root, "BUCKET", target.name).Replace(tt.line)
					if code != tt.code || !strings.Contains(p.stderr.String(), line) {
						t.Errorf("exit code %d, want %d\n%swant %s", code, tt.code, &p.stderr, line)
					}
					if tt.code != 0 && (strings.Count(p.stderr.String(), "nothing is deleted") != 1 || !strings.Contains(p.stdout.String(), "deleted 0 objects")) {
						t.Errorf("want one line and no deletion\n%s%s", &p.stdout, &p.stderr)
					}
				}
				if tt.code != 0 {
					for _, key := range tt.target {
						target.get(t, key)
					}
					p := command(t, local(root), side, append(tt.permit, "--delete")...)
					if code := p.run(t); code != 0 {
						t.Errorf("permitted: exit code %d\n%s", code, &p.stderr)
					}
				}
				target.holds(t, tt.left)
			})
		})
	}
}

// Siblings of the prefix are reported before anything is written.
func TestSiblingsShowFirst(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, target := t.TempDir(), newBucket(t, srv)
		write(t, root, "a", []byte("x"))
		target.put(t, "photos-private/a", nil)
		cfg := config(local(root), at(srv, "", "s3://"+target.name+"/photos"))
		cfg.Delete.Enable = true
		o := run(t, cfg)
		if !errors.Is(o.err, s3sync.ErrDeleteRefused) || o.Transferred != 0 {
			t.Errorf("%v, %+v", o.err, o.Stats)
		}
		target.holds(t, []string{"photos-private/a"})
	})
}

// A filter of a listing rejects an object, but its file is kept: a download with
// --delete, by the command.
func TestFilterKeepsMappedFiles(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, root := newBucket(t, srv), t.TempDir()
		// Not every server holds a//b. Relative to this prefix all keys begin with "/".
		source.put(t, "p/a/b", make([]byte, 100))
		source.put(t, "p/c", nil)
		side := at(srv, "", "s3://"+source.name+"/p")
		for _, args := range [][]string{
			{},
			{"--filter-smaller-size", "10"},
			{"--filter-larger-size", "1000"},
			{"--filter-mtime-before", "2001-01-01T00:00:00Z"},
			{"--filter-mtime-after", "2101-01-01T00:00:00Z"},
			{"--filter-include-regex", "z"},
			{"--filter-exclude-regex", "a"},
			{"--filter-exclude-regex", "a", "--delete-excluded"},
		} {
			p := command(t, side, local(root), append(args, "--delete")...)
			if code := p.run(t); code != 0 || !strings.Contains(p.stdout.String(), "deleted 0 objects") {
				t.Errorf("%q: exit code %d\n%s%s", args, code, &p.stdout, &p.stderr)
			}
			hasFiles(t, root, "a/b", "c")
		}
	})
}
