package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
	"s3sync/internal/trash"
	"s3sync/internal/undo"
)

// undoOnly undoes the only run in the trash of a run, and fails the test if the target is not
// as before then.
func undoOnly(t *testing.T, cfg *s3sync.Config) *undo.Result {
	t.Helper()
	place, err := cfg.OpenTrash(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer place.Close()
	target, err := cfg.OpenTarget(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	id := ""
	for found, err := range trash.IDs(t.Context(), place) {
		if err != nil || id != "" {
			t.Fatal(found, err)
		}
		id = found
	}
	r, err := undo.Run(t.Context(), undo.Options{Target: target, Trash: place, ID: id, Report: func(c undo.Change) {
		if c.Err != nil {
			t.Errorf("%s %q: %v", c.What, c.Key, c.Err)
		}
	}})
	if err != nil || !r.Clean() {
		t.Errorf("undo: %+v, %v", r, err)
	}
	return r
}

func keptIn(t *testing.T, cfg *s3sync.Config) map[string]keptObject {
	t.Helper()
	target, err := cfg.OpenTarget(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer target.Close()
	return keptObjects(t, target)
}

// A trash on another file system has copies, and an undo copies them back, with times and
// permissions. An old run leaves it.
func TestTrashOnAnotherFileSystem(t *testing.T) {
	if runtime.GOOS != "linux" {
		t.Skip("no other file system is known")
	}
	elsewhere, err := os.MkdirTemp("/dev/shm", "s3sync-trash") //nolint:usetesting // it is to be on another file system
	if err != nil {
		t.Skip(err)
	}
	t.Cleanup(func() { _ = os.RemoveAll(elsewhere) })
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, place := t.TempDir(), filepath.Join(elsewhere, fmt.Sprint(srv.Kind))
		source := newBucket(t, srv)
		source.put(t, "d/over", []byte("new"))
		for name, mode := range map[string]os.FileMode{"d/over": 0o640, "gone": 0o600, "large": 0o755} {
			path := filepath.Join(root, name)
			text := strings.Repeat(name, 300_000)
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), mode); err != nil {
				t.Fatal(err)
			}
			when := time.Unix(1.6e9, 123e6)
			if err := os.Chtimes(path, when, when); err != nil {
				t.Fatal(err)
			}
		}
		cfg := config(source.at(""), local(root))
		cfg.Trash.URL, cfg.Delete.Enable, cfg.Delete.MaxPercent = place, true, 100
		before := keptIn(t, cfg)
		report := sync(t, cfg)
		if report.Transferred != 1 || report.Deleted != 2 {
			t.Errorf("%+v", report.Stats)
		}
		found, err := filepath.Glob(filepath.Join(place, "*", "objects", "large"))
		if err != nil || len(found) != 1 {
			t.Fatal(found, err)
		}
		r := undoOnly(t, cfg)
		if r.Objects[undo.Replaced] != 1 || r.Objects[undo.Restored] != 2 {
			t.Errorf("%+v", r)
		}
		if diff := cmp.Diff(before, keptIn(t, cfg)); diff != "" {
			t.Errorf("after undo (-want +got):\n%s", diff)
		}
	})
}

// Objects that a key of the user encrypts are kept and restored with that key.
func TestTrashWithCustomerKeys(t *testing.T) {
	srv := s3server.Start(t, s3server.MinIO, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", srv.CAFile)
	root := t.TempDir()
	for _, name := range []string{"a", "b"} {
		if err := os.WriteFile(filepath.Join(root, name), []byte("old "+name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	cfg := config(local(root), at(srv, "", "s3://"+srv.Bucket(t)+"/p/"))
	cfg.Encryption.TargetCustomer = customerKey(1)
	sync(t, cfg)
	before := keptIn(t, cfg)
	cfg.Trash.URL = strings.TrimSuffix(cfg.Target.URL, "p/") + "trash"
	cfg.Delete.Enable, cfg.Delete.MaxPercent, cfg.Check.Mode = true, 100, s3sync.CheckOverwrite
	if err := os.WriteFile(filepath.Join(root, "a"), []byte("new"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Remove(filepath.Join(root, "b")); err != nil {
		t.Fatal(err)
	}
	if report := sync(t, cfg); report.Transferred != 1 || report.Deleted != 1 {
		t.Errorf("%+v", report.Stats)
	}
	undoOnly(t, cfg)
	if diff := cmp.Diff(before, keptIn(t, cfg)); diff != "" || len(before) != 2 {
		t.Errorf("after undo (-want +got):\n%s", diff)
	}
}

// What a server answers with status 200 and an error in the body is no copy: nothing is done
// with the object.
func TestTrashCopyThatFails(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, fault := range map[string]string{
			"error in the body": "status=200 code=InternalError", "refused as archived": "status=403 code=InvalidObjectState",
			"other bytes": "etag=bad", "denied": "status=403 code=AccessDenied",
		} {
			t.Run(name, func(t *testing.T) {
				b := newBucket(t, srv)
				b.put(t, "p/over", []byte("old"))
				b.put(t, "p/gone", []byte("old"))
				root := t.TempDir()
				if err := os.WriteFile(filepath.Join(root, "over"), []byte("newer"), 0o600); err != nil {
					t.Fatal(err)
				}
				cfg := config(local(root), s3sync.Endpoint{})
				cfg.Target = at(srv, "", "s3://"+b.name+"/p/")
				before := keptIn(t, cfg)
				proxy := faultproxy.New(t, srv.Endpoint, "CopyObject "+fault)
				cfg.Target.EndpointURL = proxy.URL
				cfg.Trash.URL, cfg.Check.Mode = "s3://"+b.name+"/trash/", s3sync.CheckOverwrite
				cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
				report, err := s3sync.Sync(t.Context(), cfg)
				if err == nil || report.Transferred+report.Deleted > 0 || report.Failed != 1 || !strings.Contains(err.Error(), "so nothing is done with it") {
					t.Errorf("%+v, %v", report, err)
				}
				cfg.Target.EndpointURL = srv.Endpoint
				if diff := cmp.Diff(before, keptIn(t, cfg)); diff != "" {
					t.Errorf("the target (-want +got):\n%s", diff)
				}
			})
		}
	})
}

// What docs/undo.md says that a trash costs.
func TestTrashCosts(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range map[string]struct {
			versions    bool
			heads, tags int // for each object that is overwritten or deleted
			copies      int
			undoHeads   int // for one object of each kind: overwritten, deleted, and new
		}{
			"bucket":   {false, 1, 1, 1, 12},
			"versions": {true, 1, 0, 0, 12},
		} {
			t.Run(name, func(t *testing.T) {
				const n = 40
				b := newBucket(t, srv)
				if tt.versions {
					b = newVersionedBucket(t, srv)
				}
				root := t.TempDir()
				for i := range n {
					b.put(t, fmt.Sprint("p/over", i), []byte("old"))
					b.put(t, fmt.Sprint("p/gone", i), []byte("old"))
					for _, name := range []string{"over", "new"} {
						if err := os.WriteFile(filepath.Join(root, fmt.Sprint(name, i)), []byte("newer"), 0o600); err != nil {
							t.Fatal(err)
						}
					}
				}
				proxy := faultproxy.New(t, srv.Endpoint)
				cfg := config(local(root), at(srv, proxy.URL, "s3://"+b.name+"/p/"))
				cfg.Trash.URL, cfg.Check.Mode = "s3://"+b.name+"/trash/", s3sync.CheckSize
				cfg.Delete.Enable, cfg.Delete.MaxPercent = true, 100
				if report := sync(t, cfg); report.Transferred != 2*n || report.Deleted != n {
					t.Errorf("%+v", report.Stats)
				}
				journal := proxy.Count("PutObject key=trash/*/journal/*")
				got := map[string]int{
					"HEAD": proxy.Count("HeadObject"), "copy": proxy.Count("CopyObject"), "tags": proxy.Count("GetObjectTagging"),
					"PUT": proxy.Count("PutObject") - journal, "DELETE": proxy.Count("DeleteObjects"),
				}
				want := map[string]int{"HEAD": 2 * n * tt.heads, "copy": 2 * n * tt.copies, "tags": 2 * n * tt.tags, "PUT": 2 * n, "DELETE": 1}
				t.Logf("%v, journal %d", got, journal)
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("requests (-want +got):\n%s\n%s", diff, proxy.Report(20))
				}
				if journal > n {
					t.Errorf("%d pieces of the journal", journal)
				}
				before := len(proxy.Requests())
				undoOnly(t, cfg)
				undone := map[string]int{}
				for _, r := range proxy.Requests()[before:] {
					undone[r.Operation]++
				}
				t.Logf("undo: %v", undone)
				if heads := undone["HeadObject"]; heads > n*tt.undoHeads {
					t.Errorf("an undo takes %d HEAD requests", heads)
				}
			})
		}
	})
}

// A delete marker is no object: what is written in its place is written, also in parts, and so
// is what an undo restores.
func TestTrashAboveDeleteMarkers(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		b, root := newVersionedBucket(t, srv), t.TempDir()
		large := strings.Repeat("l", 11<<20)
		for _, name := range []string{"small", "large"} {
			b.put(t, "p/gone-"+name, []byte("old"))
			b.put(t, "p/"+name, []byte("old"))
			b.delete(t, "p/"+name)
		}
		b.putParts(t, "p/gone-large", []byte(large))
		for name, text := range map[string]string{"small": "s", "large": large} {
			if err := os.WriteFile(filepath.Join(root, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cfg := config(local(root), at(srv, "", "s3://"+b.name+"/p/"))
		cfg.Trash.URL, cfg.Delete.Enable, cfg.Delete.MaxPercent = "s3://"+b.name+"/trash/", true, 100
		before := keptIn(t, cfg)
		if report := sync(t, cfg); report.Transferred != 2 || report.Deleted != 2 {
			t.Errorf("%+v", report.Stats)
		}
		undoOnly(t, cfg)
		if diff := cmp.Diff(before, keptIn(t, cfg)); diff != "" {
			t.Errorf("after undo (-want +got):\n%s", diff)
		}
	})
}

// The run is named at its end, where the user sees it.
func TestTrashNamesTheRun(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source, root := newBucket(t, srv), t.TempDir()
		source.put(t, "a", []byte("a"))
		place := filepath.Join(root, "trash")
		cfg := config(source.at(""), local(filepath.Join(root, "target")))
		cfg.Trash.URL = place
		for i := range 2 {
			events := listening(cfg)
			sync(t, cfg)
			told := slices.ContainsFunc(*events, func(ev s3sync.Event) bool {
				return strings.Contains(ev.Note, "to take the run back: s3sync undo 20") && strings.HasSuffix(ev.Note, " Trash.URL "+place)
			})
			if told != (i == 0) {
				t.Errorf("run %d: %+v", i, *events)
			}
		}
	})
}
