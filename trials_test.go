package s3sync_test

import (
	"context"
	"fmt"
	"io/fs"
	"iter"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
)

// TestTrials: for any content of both sides, any options and any fault, a run deletes
// only objects that an independent model of the policies allows it to delete, loses
// nothing else, and reports what happened. A reported success is a success.
//
// Each direction has a third of the trials: -rapid.checks=3334 makes twenty thousand, in
// two rounds. A failure names the seed and how to repeat it.
func TestTrials(t *testing.T) {
	for name, d := range map[string]direction{"up": up, "down": down, "across": across} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			seen := map[string]int{}
			n := 0
			check := func(rt *rapid.T) {
				tr := drawTrial(rt, d)
				n++
				j := tr.run(t.Context(), filepath.Join(root, fmt.Sprint(n)), tr.injectFault)
				for _, what := range j.seen {
					seen[what]++
				}
				if len(j.wrong) > 0 {
					rt.Log(strings.Join(j.wrong, "\n"), "\n", j)
					rt.Fatal(j.kind) // only the kind: rapid simplifies trials that fail in the same way
				}
			}
			rounds := 2
			if testing.Short() {
				rounds = 8 // in which rapid makes a fifth of the trials: too few to see each kind
			}
			for range rounds {
				rapid.Check(t, check)
			}
			t.Logf("%d trials: %v", n, seen)
			for _, what := range []string{"clean", "deleted", "refused", "fault"} {
				if seen[what] == 0 && !t.Failed() {
					t.Errorf("no trial of the kind %q: the trials show nothing of it", what)
				}
			}
		})
	}
}

// writeObjects writes a tree into a bucket below a prefix.
func (tr tree) writeObjects(ctx context.Context, s *mem.Store, prefix string) {
	for _, key := range sortedKeys(tr) {
		th := tr[key]
		s.SetClock(func() time.Time { return trialTime(th.age) })
		opts := storage.WriteOptions{Size: int64(len(th.data)), Attributes: storage.Attributes{ContentType: th.contentType}}
		if th.meta != "" {
			opts.Metadata = map[string]string{"name": th.meta}
		}
		if th.tag != "" {
			opts.Tags = map[string]string{"tag": th.tag}
		}
		if err := th.write(ctx, s, prefix+key, opts); err != nil && prefix+key != "" {
			panic(err)
		}
	}
	s.SetClock(func() time.Time { return trialTime(1000) })
}

func (th entry) write(ctx context.Context, s storage.Store, key string, opts storage.WriteOptions) error {
	if !th.parts {
		_, err := s.Put(ctx, key, storage.Block{Data: []byte(th.data)}, opts)
		return err
	}
	w, err := s.Create(ctx, key, opts)
	if err == nil {
		err = w.WritePart(ctx, 1, 0, storage.Block{Data: []byte(th.data[:1])})
	}
	if err == nil {
		err = w.WritePart(ctx, 2, 1, storage.Block{Data: []byte(th.data[1:])})
	}
	if err == nil {
		_, err = w.Commit(ctx)
	}
	return err
}

// bucketView reads the objects of a bucket below a prefix, and those outside of it.
func bucketView(ctx context.Context, s *mem.Store, prefix string, written tree) (v *sideView, beside tree) {
	v, beside = &sideView{entries: tree{}}, tree{}
	for o, err := range s.List(ctx, storage.ListOptions{}) {
		if err != nil {
			panic(err)
		}
		r, err := s.Open(ctx, o.Key, storage.OpenOptions{})
		if err != nil {
			panic(err)
		}
		p := make([]byte, o.Size)
		if err := r.ReadAt(ctx, p, 0); err != nil {
			panic(err)
		}
		th := entry{kind: aFile, data: string(p), age: int(o.ModTime.Sub(trialTime(0)).Seconds())}
		key, inside := strings.CutPrefix(o.Key, prefix)
		if !inside {
			beside[o.Key] = th
			continue
		}
		was := written[key]
		th.contentType, th.meta, th.tag = was.contentType, was.meta, was.tag
		v.entries[key] = th
	}
	return v, beside
}

// writeFiles writes a tree into a directory, as far as names allow. The targets of
// links are outside of the directory.
func (tr tree) writeFiles(root string) {
	outside := root + ".outside"
	for _, dir := range []string{root, filepath.Join(outside, "dir", "g")} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			panic(err)
		}
	}
	writeEntry(filepath.Join(outside, "file"), entry{data: "outside", age: 1})
	writeEntry(filepath.Join(outside, "dir", "f"), entry{data: "f", age: 1})
	writeEntry(filepath.Join(outside, "dir", "g", "h"), entry{data: "h", age: 1})
	for _, name := range sortedKeys(tr) {
		th, path := tr[name], filepath.Join(root, filepath.FromSlash(name))
		if os.MkdirAll(filepath.Dir(path), 0o750) != nil {
			continue // a file is in the way
		}
		switch th.kind {
		case aFile:
			writeEntry(path, th)
		case aDir:
			_ = os.Mkdir(path, 0o750)
		case aDangling:
			_ = os.Symlink("nothing", path)
		case aLink:
			_ = os.Symlink(filepath.Join(outside, "file"), path)
		case aLinkDir:
			_ = os.Symlink(filepath.Join(outside, "dir"), path)
		case aLoop:
			_ = os.Symlink(".", path)
		case aPipe, aSocket:
			_ = makeSpecial(path, th.kind)
		}
	}
}

func writeEntry(path string, th entry) {
	if fi, err := os.Lstat(path); err == nil && !fi.Mode().IsRegular() {
		return
	}
	if os.WriteFile(path, []byte(th.data), 0o600) == nil {
		_ = os.Chtimes(path, time.Time{}, trialTime(th.age))
	}
}

// sides are the stores of a trial, each in a wrapper for its faults, and the stores to
// inspect.
type sides struct {
	from, to         *mem.Store
	fromRoot, toRoot string
	source, target   *faulty
}

// open opens both sides and returns the configuration of the run.
func (tr *trial) open(ctx context.Context, root string) (*sides, *s3sync.Config) {
	s := &sides{}
	cfg := config(nil, nil)
	tr.o.set(cfg)
	if tr.direction == up {
		s.fromRoot = filepath.Join(root, "source")
		tr.source.writeFiles(s.fromRoot)
		cfg.Source.URL = s.fromRoot
		store, err := dir.Open(s.fromRoot, dir.Options{Source: true, IgnoreSymlinks: tr.o.ignoreLinks})
		if err != nil {
			panic(err)
		}
		s.source = &faulty{Store: store}
		if tr.wraps() {
			cfg.Source.Store = fileSide{s.source, store}
		}
	} else {
		s.from = mem.New()
		tr.source.writeObjects(ctx, s.from, tr.sourcePrefix)
		cfg.Source.URL = "s3://source/" + tr.sourcePrefix
		s.source = &faulty{Store: below{s.from, tr.sourcePrefix}}
		cfg.Source.Store = bucketSide{s.source, below{s.from, tr.sourcePrefix}}
	}
	if tr.direction == down {
		s.toRoot = filepath.Join(root, "target")
		tr.target.writeFiles(s.toRoot)
		cfg.Target.URL = s.toRoot
		store, err := dir.Open(s.toRoot, dir.Options{})
		if err != nil {
			panic(err)
		}
		s.target = &faulty{Store: store}
		if tr.wraps() {
			cfg.Target.Store = fileSide{s.target, store}
		}
	} else {
		s.to = mem.New()
		tree{"beside/a": {data: "beside"}}.writeObjects(ctx, s.to, "")
		tr.target.writeObjects(ctx, s.to, tr.targetPrefix)
		cfg.Target.URL = "s3://target/" + tr.targetPrefix
		s.target = &faulty{Store: below{s.to, tr.targetPrefix}}
		cfg.Target.Store = bucketSide{s.target, below{s.to, tr.targetPrefix}}
	}
	return s, cfg
}

// wraps reports whether the fault is in a store, so directories are wrapped as well.
func (tr *trial) wraps() bool {
	switch tr.fault.name {
	case "", "root renamed", "root replaced", "directory renamed", "file removed", "cancel in the source listing":
		return false
	}
	return true
}

// injectFault injects the fault while the run goes on.
func (tr *trial) injectFault(s *sides, cfg *s3sync.Config, cancel func()) (hit *atomic.Bool) {
	hit = &atomic.Bool{}
	f := tr.fault
	var calls atomic.Int64
	strikes := func() bool { return !f.once || hit.CompareAndSwap(false, true) }
	listing := func(side *faulty) {
		side.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
			if !strikes() {
				return seq
			}
			hit.Store(true)
			return failAfter(f.nth-1, f.once)(seq)
		}
	}
	fails := func(err error) func(string) error {
		return func(key string) error {
			if name, ok := tr.targetName(f.key); key == f.key || ok && key == name {
				if strikes() {
					hit.Store(true)
					if f.once {
						err = storage.ErrTransient
					}
					return &storage.Error{Op: "op", Key: key, Err: err}
				}
			}
			return nil
		}
	}
	switch f.name {
	case "source listing":
		listing(s.source)
	case "target listing":
		listing(s.target)
	case "problem in the source":
		s.source.problem = storage.Problem{Err: &storage.Error{Op: "list", Key: "x", Err: fs.ErrPermission}}
		hit.Store(true)
	case "problem in the target":
		s.target.problem = storage.Problem{Err: &storage.Error{Op: "list", Key: "x", Err: fs.ErrPermission}}
	case "put":
		s.target.put = fails(errInjected)
	case "put denied":
		s.target.put = fails(fs.ErrPermission)
	case "open":
		s.source.open = fails(errInjected)
	case "damage":
		s.source.read = func(key string, p []byte, _ int64) error {
			if strings.TrimPrefix(key, tr.sourcePrefix) == f.key && len(p) > 0 && strikes() {
				hit.Store(true)
				p[0] ^= 1
			}
			return nil
		}
	case "delete":
		s.target.remove = &storage.Error{Op: "delete", Key: f.key, Err: errInjected}
	case "cancel at a call":
		at := func(string, string) error {
			if calls.Add(1) == int64(f.nth) {
				hit.Store(true)
				cancel()
			}
			return nil
		}
		s.source.before, s.target.before = at, at
	case "cancel in the source listing":
		tr.onNth(cfg, func(string) { hit.Store(true); cancel() })
	case "root renamed", "root replaced", "directory renamed", "file removed":
		tr.onNth(cfg, func(at string) {
			tr.takeAway(s.fromRoot, hit)
			// An object that was removed before it was listed is not in the source.
			tr.neverListed = f.name == "file removed" && hit.Load() && at < f.key
		})
	}
	return hit
}

// onNth calls act with the key of the nth object when the listing of the source yields
// it.
func (tr *trial) onNth(cfg *s3sync.Config, act func(key string)) {
	n := 0
	cfg.Filter.Func = func(o storage.Object) (bool, error) {
		if n++; n == tr.fault.nth {
			act(o.Key)
		}
		return true, nil
	}
}

// takeAway removes a part of the source.
func (tr *trial) takeAway(root string, hit *atomic.Bool) {
	top, below, _ := strings.Cut(tr.fault.key, "/")
	path := filepath.Join(root, top)
	switch tr.fault.name {
	case "root renamed", "root replaced":
		hit.Store(os.Rename(root, root+".gone") == nil)
		if tr.fault.name == "root replaced" {
			_ = os.Mkdir(root, 0o750)
		}
	case "directory renamed":
		if fi, err := os.Lstat(path); err == nil && below != "" && fi.IsDir() {
			hit.Store(os.Rename(path, root+".gone") == nil)
		}
	case "file removed":
		if fi, err := os.Lstat(path); err == nil && fi.Mode().IsRegular() {
			hit.Store(os.Remove(path) == nil)
		}
	}
}

// A faultInjector injects a fault into a run, and reports whether it occurred.
type faultInjector func(s *sides, cfg *s3sync.Config, cancel func()) (hit *atomic.Bool)

// run runs a trial in a directory of its own and checks the result.
func (tr *trial) run(ctx context.Context, root string, arm faultInjector) *trialResult {
	defer os.RemoveAll(root) //nolint:errcheck // the test's directory goes as a whole
	s, cfg := tr.open(ctx, root)
	defer s.source.Store.Close()
	defer s.target.Store.Close()
	j := &trialResult{model: &model{trial: tr}}
	j.source, j.target, j.besideBefore = tr.viewSides(ctx, s)
	runCtx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	hit := arm(s, cfg, func() { cancel(errInjected) })
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type != s3sync.EventProgress {
			j.events = append(j.events, ev)
		}
	}
	if err := cfg.Validate(); err != nil {
		panic(err)
	}
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = tr.o.threshold, tr.o.chunk
	j.report, j.err = s3sync.SyncUnchecked(runCtx, cfg, tr.targetPrefix)
	j.hit = hit.Load()
	j.sourceAfter, j.after, j.beside = tr.viewSides(ctx, s)
	j.check()
	if len(j.wrong) == 0 && j.clean() && !j.o.dry && j.o.max == 0 {
		j.runAgain(ctx, cfg)
	}
	return j
}

// viewSides views both sides.
func (tr *trial) viewSides(ctx context.Context, s *sides) (source, target *sideView, beside tree) {
	if s.from == nil {
		source = viewDirectory(s.fromRoot, true, !tr.o.ignoreLinks)
	} else {
		source, _ = bucketView(ctx, s.from, tr.sourcePrefix, tr.source)
	}
	if s.to == nil {
		return source, viewDirectory(s.toRoot, false, false), nil
	}
	target, beside = bucketView(ctx, s.to, tr.targetPrefix, tr.target)
	return source, target, beside
}
