package s3sync_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// A settled is a directory whose files were last changed an hour earlier than they were, so
// that their digests are kept. It counts the bytes of files that are opened.
type settled struct {
	*dir.Store

	read atomic.Int64
}

func (s *settled) earlier(o *storage.Object) {
	if o.File.Changed != 0 {
		o.File.Changed -= int64(time.Hour)
	}
}

func (s *settled) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		for o, err := range s.Store.List(ctx, opts) {
			s.earlier(&o)
			if !yield(o, err) {
				return
			}
		}
	}
}

func (s *settled) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	info, err := s.Store.Stat(ctx, key, opts)
	s.earlier(&info.Object)
	return info, err
}

func (s *settled) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	r, err := s.Store.Open(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	s.read.Add(r.Info().Size)
	return &settledReader{r, s}, nil
}

type settledReader struct {
	storage.Reader

	of *settled
}

func (r *settledReader) Info() storage.Info {
	info := r.Reader.Info()
	r.of.earlier(&info.Object)
	return info
}

// A placed is a store in memory that has a place.
type placed struct {
	*mem.Store

	name string
}

func (p *placed) Location() storage.Location {
	return storage.Location{Server: "http://localhost", Container: p.name}
}

func (p *placed) FullKey(key string) string { return key }

func (p *placed) StatFull(context.Context, string) (storage.Object, error) {
	return storage.Object{}, errors.ErrUnsupported
}

// A stateRun runs a sync with state.
type stateRun struct {
	t    *testing.T
	root string
	dir  *settled
	far  *placed
	cfg  *s3sync.Config
	log  bytes.Buffer
}

func newStateRun(t *testing.T) *stateRun {
	t.Helper()
	s := &stateRun{t: t, root: t.TempDir(), far: &placed{mem.New(), "bucket"}, cfg: s3sync.DefaultConfig()}
	store, err := dir.Open(s.root, dir.Options{Source: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = store.Close() })
	s.dir = &settled{Store: store}
	s.cfg.Source.Store, s.cfg.Target.Store = s.dir, s.far
	s.cfg.State.Dir = t.TempDir()
	s.cfg.Logger = slog.New(slog.NewTextHandler(&s.log, &slog.HandlerOptions{Level: slog.LevelInfo + 1}))
	return s
}

// write writes a file that seems to be old.
func (s *stateRun) write(name, text string, modified time.Time) {
	s.t.Helper()
	path := filepath.Join(s.root, name)
	if err := errors.Join(os.WriteFile(path, []byte(text), 0o600), os.Chtimes(path, modified, modified)); err != nil {
		s.t.Fatal(err)
	}
}

// run runs the sync, and returns its report and how many bytes of files were opened.
func (s *stateRun) run() (*s3sync.Report, int64) {
	s.t.Helper()
	s.dir.read.Store(0)
	report, err := s3sync.Sync(s.t.Context(), s.cfg)
	if err != nil {
		s.t.Fatal(err)
	}
	return report, s.dir.read.Load()
}

// A tree that was uploaded is compared by contents without reading it. A file that changes
// although size and time remain is noticed, and nothing else is read.
func TestUnchangedFilesAreNotReadAgain(t *testing.T) {
	for _, how := range []s3sync.Check{{Mode: s3sync.CheckETag}, {Mode: s3sync.CheckChecksum, Algorithm: "SHA256"}} {
		t.Run(fmt.Sprint(how.Mode), func(t *testing.T) {
			s := newStateRun(t)
			s.cfg.Verify.Algorithm = how.Algorithm
			old := time.Now().Add(-24 * time.Hour)
			for i := range 50 {
				s.write(fmt.Sprint("file", i), strings.Repeat(fmt.Sprint(i), 100), old)
			}
			if report, _ := s.run(); report.Stats.Transferred != 50 {
				t.Fatalf("%+v", report.Stats)
			}
			s.cfg.Check = how
			if report, read := s.run(); report.Stats.Transferred != 0 || read != 0 {
				t.Errorf("%d transferred, %d bytes read", report.Stats.Transferred, read)
			}
			s.write("file7", strings.Repeat("8", 100), old)
			if report, read := s.run(); report.Stats.Transferred != 1 || read != 200 {
				t.Errorf("after a change: %d transferred, %d bytes read", report.Stats.Transferred, read)
			}
			if report, read := s.run(); report.Stats.Transferred != 0 || read != 0 {
				t.Errorf("then: %d transferred, %d bytes read", report.Stats.Transferred, read)
			}
			s.cfg.State.VerifyCache = 100
			if report, read := s.run(); report.Stats.Transferred != 0 || read == 0 {
				t.Errorf("verified: %d transferred, %d bytes read", report.Stats.Transferred, read)
			}
			if s.log.Len() > 0 {
				t.Error(s.log.String())
			}
		})
	}
}

// The first comparison reads each file once, and the second one none.
func TestComparisonFillsTheCache(t *testing.T) {
	s := newStateRun(t)
	old := time.Now().Add(-24 * time.Hour)
	for i := range 20 {
		s.write(fmt.Sprint("file", i), strings.Repeat("x", 100), old)
	}
	stateDir := s.cfg.State.Dir
	s.cfg.State.Dir = ""
	s.run()
	s.cfg.State.Dir, s.cfg.Check.Mode, s.cfg.DryRun = stateDir, s3sync.CheckETag, true
	for _, want := range []int64{2000, 0} {
		if report, read := s.run(); report.Stats.Transferred != 0 || read != want {
			t.Errorf("%d transferred, %d bytes read, want %d", report.Stats.Transferred, read, want)
		}
	}
}

// A report reads every file whatever is known of it, because it is to find out what is on
// the disk now. Less is read only if that is asked for.
func TestReportReadsFiles(t *testing.T) {
	s := newStateRun(t)
	for i := range 20 {
		s.write(fmt.Sprint("file", i), strings.Repeat("x", 100), time.Now().Add(-24*time.Hour))
	}
	s.run()
	s.cfg.Report.Status = true
	for range 2 {
		if report, read := s.run(); report.Incomplete || read != 2000 {
			t.Errorf("%+v, %d bytes read", report, read)
		}
	}
	s.cfg.State.VerifyCache = 1
	if _, read := s.run(); read == 2000 {
		t.Error("all was read again")
	}
}

// A file that changes in the second of its upload, with the same size, is uploaded again.
// Without state it never would be.
func TestChangeInTheSecondOfTheUpload(t *testing.T) {
	s := newStateRun(t)
	second := time.Now().Truncate(time.Second)
	s.far.SetClock(func() time.Time { return second })
	s.write("a", "before", second.Add(100*time.Millisecond))
	s.run()
	if report, _ := s.run(); report.Stats.Transferred != 0 {
		t.Error("unchanged, and transferred")
	}
	s.write("a", "behind", second.Add(300*time.Millisecond))
	stateDir := s.cfg.State.Dir
	s.cfg.State.Dir = ""
	if report, _ := s.run(); report.Stats.Transferred != 0 {
		t.Error("without state it was noticed")
	}
	s.cfg.State.Dir = stateDir
	for _, want := range []int64{1, 0} {
		if report, _ := s.run(); report.Stats.Transferred != want {
			t.Errorf("%d transferred, want %d", report.Stats.Transferred, want)
		}
	}
}

// Neither contents nor metadata are in the state.
func TestStateHoldsNoContents(t *testing.T) {
	s := newStateRun(t)
	canaries := []string{"canary-meta", "canary-content"}
	s.cfg.Metadata.User = map[string]string{"x": canaries[0]}
	s.write("a", canaries[1], time.Now().Add(-time.Hour))
	s.run()
	found := 0
	err := fs.WalkDir(os.DirFS(s.cfg.State.Dir), ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := os.ReadFile(filepath.Join(s.cfg.State.Dir, name))
		found += len(data)
		if i := slices.IndexFunc(canaries, func(c string) bool { return bytes.Contains(data, []byte(c)) }); i >= 0 {
			t.Errorf("%s holds %s", name, canaries[i])
		}
		return err
	})
	if err != nil || found == 0 {
		t.Error(found, err)
	}
}
