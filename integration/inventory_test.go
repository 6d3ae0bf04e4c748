package integration_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/inventorytest"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// inventoryOf puts an inventory of what a bucket holds below a prefix into another bucket, and
// returns the URL of its manifest.
func inventoryOf(t *testing.T, b bucket, prefix string, in bucket, o inventorytest.Options) string {
	t.Helper()
	cfg := s3sync.DefaultConfig()
	cfg.Source = b.at("")
	cfg.Source.URL += "/" + prefix
	store, err := cfg.OpenSource(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	o.Bucket, o.Prefix = b.name, prefix
	var failed error
	files, err := inventorytest.Write(func(yield func(storage.Object) bool) {
		var all []storage.Object
		for object, err := range store.List(t.Context(), storage.ListOptions{}) {
			if failed = err; err != nil {
				return
			}
			all = append(all, object)
		}
		slices.Reverse(all)
		for _, object := range all {
			if !yield(object) {
				return
			}
		}
	}, o)
	if err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	for key, data := range files {
		in.put(t, key, data)
	}
	return in.at("").URL + "/" + o.Manifest()
}

// An inventory in a bucket leads to what a listing leads to. What became of the bucket since
// then is found: what has gone is a warning, and what changed is transferred as it is now.
func TestInventory(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for _, parquet := range []bool{false, true} {
			t.Run(map[bool]string{false: "CSV", true: "Parquet"}[parquet], func(t *testing.T) {
				source, target, evidence := newBucket(t, srv), newBucket(t, srv), newBucket(t, srv)
				want := map[string][]byte{}
				for i := range 20 {
					key := fmt.Sprintf("d%d/é +%d", i%3, i)
					want[key] = fmt.Appendf(nil, "content of %d", i)
					source.put(t, "p/"+key, want[key])
				}
				source.put(t, "q/outside", []byte("outside"))
				url := inventoryOf(t, source, "p/", evidence, inventorytest.Options{Folder: "of the source/daily", Parquet: parquet, PerFile: 7})

				// Since then one object came, one has gone, and one changed.
				source.put(t, "p/later", []byte("later"))
				source.put(t, "p/d0/é +0", []byte("changed since then"))
				want["d0/é +0"] = []byte("changed since then")
				gone := "d1/é +1"
				side{bucket: source, prefix: "p/"}.delete(t, gone)
				delete(want, gone)
				cfg := config(source.at(""), target.at(""))
				cfg.Source.URL += "/p/"
				cfg.Source.Inventory = url
				o := run(t, cfg)
				if o.err != nil || o.Transferred != int64(len(want)) || o.Warnings != 1 || o.Failed != 0 || o.Unverified != 0 {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
				for _, ev := range o.eventsOf(s3sync.EventWarning) {
					if ev.Key != gone {
						t.Errorf("a warning about %q: %v", ev.Key, ev.Err)
					}
				}
				keys := slices.Collect(maps.Keys(want))
				target.holds(t, keys)
				target.contains(t, want, keys)

				// The target changes after its inventory: nothing of that is deleted by it.
				url = inventoryOf(t, target, "", evidence, inventorytest.Options{Folder: "of the target", Parquet: parquet})
				files := t.TempDir()
				for key, data := range want {
					if !strings.HasPrefix(key, "d2/") {
						write(t, files, key, data)
					}
				}
				changed := "d2/é +2"
				target.put(t, changed, []byte("somebody else's"))
				back := config(local(files), target.at(""))
				back.Target.Inventory = url
				back.Delete.Enable, back.Delete.ListIsComplete = true, true
				o = run(t, back)
				if o.err != nil || o.Deleted != 5 || o.Warnings != 1 || o.Transferred != 0 {
					t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
				}
				if got := target.get(t, changed); string(got) != "somebody else's" {
					t.Errorf("%q", got)
				}

				// Another file than the manifest names is refused before anything is done.
				for _, key := range evidence.keys(t) {
					if strings.HasPrefix(key, "of the source/daily/data/") {
						evidence.put(t, key, []byte("damaged"))
					}
				}
				empty := newBucket(t, srv)
				cfg.Target = empty.at("")
				if o := run(t, cfg); o.err == nil || !strings.Contains(o.err.Error(), "is not the one that its manifest names") {
					t.Errorf("%v", o.err)
				}
				empty.holds(t, nil)
			})
		}
	})
}

// A list of names leads to what a listing leads to, for files and for a bucket.
func TestFilesFromOnServers(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, b, down := t.TempDir(), newBucket(t, srv), t.TempDir()
		names := []string{}
		for i := range 120 { // enough for a listing in place of questions
			name := fmt.Sprintf("d%d/é +%03d", i%3, i)
			write(t, root, name, []byte(name))
			names = append(names, name)
		}
		write(t, root, "unnamed", []byte("x"))
		b.put(t, "only there", []byte("x"))
		list := filepath.Join(t.TempDir(), "list")
		write(t, filepath.Dir(list), "list", []byte(strings.Join(names, "\n")))
		p := command(t, local(root), b.at(""), "--files-from="+list)
		if code := p.run(t); code != 0 {
			t.Errorf("exit code %d\n%s%s", code, &p.stdout, &p.stderr)
		}
		b.holds(t, append(slices.Clone(names), "only there"))
		few := filepath.Join(t.TempDir(), "few")
		write(t, filepath.Dir(few), "few", []byte(names[7]+"\nonly there\ngone since then\n"))
		p = command(t, b.at(""), local(down), "--files-from="+few)
		if code := p.run(t); code != 3 || !strings.Contains(p.stderr.String(), `key="gone since then"`) {
			t.Errorf("exit code %d\n%s%s", code, &p.stdout, &p.stderr)
		}
		hasFiles(t, down, names[7], "only there")
	})
}
