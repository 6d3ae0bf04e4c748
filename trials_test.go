package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"iter"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"slices"
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

// TestTrials: whatever stands on both sides, whatever the options and whatever
// goes wrong, a run deletes only what an independent model of the policies lets it
// delete, loses nothing else, and tells what happened. What it ends as a success
// is one.
//
// Each direction has a third of the trials: -rapid.checks=3334 makes ten thousand
// of them. A failure names the seed and what brings it back.
func TestTrials(t *testing.T) {
	for name, d := range map[string]direction{"up": up, "down": down, "across": across} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			seen := map[string]int{}
			n := 0
			rapid.Check(t, func(rt *rapid.T) {
				tr := drawTrial(rt, d)
				n++
				j := tr.run(t.Context(), filepath.Join(root, fmt.Sprint(n)), tr.arm)
				for _, what := range j.seen {
					seen[what]++
				}
				if len(j.wrong) > 0 {
					rt.Log(strings.Join(j.wrong, "\n"), "\n", j)
					rt.Fatal(j.kind) // and no more: what fails in the same way is made simpler
				}
			})
			t.Logf("%d trials: %v", n, seen)
			for _, what := range []string{"clean", "deleted", "refused", "fault"} {
				if seen[what] == 0 && !t.Failed() {
					t.Errorf("no trial of the kind %q: the trials show nothing of it", what)
				}
			}
		})
	}
}

// A below is what stands below a prefix of a bucket. Its keys are relative.
type below struct {
	*mem.Store

	prefix string
}

func (b below) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	opts.From = b.prefix + opts.From
	if opts.To != "" {
		opts.To = b.prefix + opts.To
	}
	opts.Range = opts.Intersect(storage.Prefixed(b.prefix))
	return each(func(o *storage.Object) { o.Key = strings.TrimPrefix(o.Key, b.prefix) })(b.Store.List(ctx, opts))
}

func (b below) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	return b.Store.Stat(ctx, b.prefix+key, opts)
}

func (b below) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	return b.Store.Open(ctx, b.prefix+key, opts)
}

func (b below) Put(ctx context.Context, key string, block storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	return b.Store.Put(ctx, b.prefix+key, block, opts)
}

func (b below) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	return b.Store.Create(ctx, b.prefix+key, opts)
}

func (b below) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	objects = slices.Clone(objects)
	for i := range objects {
		objects[i].Key = b.prefix + objects[i].Key
	}
	return b.Store.Delete(ctx, objects, opts)
}

func (b below) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	return b.Store.Tags(ctx, b.prefix+key, versionID)
}

func (b below) SetTags(ctx context.Context, key string, tags map[string]string) error {
	return b.Store.SetTags(ctx, b.prefix+key, tags)
}

// fill writes a tree into a bucket below a prefix.
func (tr tree) fill(ctx context.Context, s *mem.Store, prefix string) {
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

func (th thing) write(ctx context.Context, s storage.Store, key string, opts storage.WriteOptions) error {
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

// view reads a bucket below a prefix, and what stands beside it.
func bucketView(ctx context.Context, s *mem.Store, prefix string, written tree) (v *sideView, beside tree) {
	v, beside = &sideView{things: tree{}}, tree{}
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
		th := thing{kind: aFile, data: string(p), age: int(o.ModTime.Sub(trialTime(0)).Seconds())}
		key, inside := strings.CutPrefix(o.Key, prefix)
		if !inside {
			beside[o.Key] = th
			continue
		}
		was := written[key]
		th.contentType, th.meta, th.tag = was.contentType, was.meta, was.tag
		v.things[key] = th
	}
	return v, beside
}

// plant makes a tree in a directory, as far as there is room for it. What links
// lead to lies beside the directory.
func (tr tree) plant(root string) {
	outside := root + ".outside"
	for _, dir := range []string{root, filepath.Join(outside, "dir", "g")} {
		if err := os.MkdirAll(dir, 0o750); err != nil {
			panic(err)
		}
	}
	plantFile(filepath.Join(outside, "file"), thing{data: "outside", age: 1})
	plantFile(filepath.Join(outside, "dir", "f"), thing{data: "f", age: 1})
	plantFile(filepath.Join(outside, "dir", "g", "h"), thing{data: "h", age: 1})
	for _, name := range sortedKeys(tr) {
		th, path := tr[name], filepath.Join(root, filepath.FromSlash(name))
		if os.MkdirAll(filepath.Dir(path), 0o750) != nil {
			continue // a file is in the way
		}
		switch th.kind {
		case aFile:
			plantFile(path, th)
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

func plantFile(path string, th thing) {
	if fi, err := os.Lstat(path); err == nil && !fi.Mode().IsRegular() {
		return
	}
	if os.WriteFile(path, []byte(th.data), 0o600) == nil {
		_ = os.Chtimes(path, time.Time{}, trialTime(th.age))
	}
}

// A judgement is what became of a trial.
type judgement struct {
	*model

	report        *s3sync.Report
	err           error
	events        []s3sync.Event
	after         *sideView
	hit           bool // the fault came true
	beside        tree // after the run
	besideBefore  tree
	deleted       []string
	seen          []string // kinds of trials that this one is
	wrong         []string
	kind          string // of the first of them
	sourceAfter   *sideView
	targetChanged bool
}

func (j *judgement) fault(kind, format string, args ...any) {
	if j.kind == "" {
		j.kind = kind
	}
	j.wrong = append(j.wrong, kind+": "+fmt.Sprintf(format, args...))
}

func (j *judgement) String() string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, prefixes %q and %q, options %+v, fault %+v (came true: %v)\n", j.direction, j.sourcePrefix, j.targetPrefix, j.o, j.trial.fault, j.hit)
	for i, v := range []*sideView{j.source, j.target, j.after} {
		fmt.Fprintf(&b, "%s:", []string{"source", "target", "after"}[i])
		for _, key := range sortedKeys(v.things) {
			fmt.Fprintf(&b, " %q=%q@%d", key, v.things[key].data, v.things[key].age)
		}
		fmt.Fprintf(&b, "; blind %q, other %v\n", v.blind, v.other)
	}
	j.report.Elapsed = 0
	fmt.Fprintf(&b, "error %v, %+v\n", j.err, j.report.Stats)
	for _, ev := range j.events {
		if ev.Type != s3sync.EventWritten && ev.Type != s3sync.EventBegun {
			fmt.Fprintf(&b, "  event %d %q %s %s %v\n", ev.Type, ev.Key, ev.Reason, ev.Note, ev.Err)
		}
	}
	return b.String()
}

// sides are the stores of a trial, each in a wrapper for its faults, and what is
// to be looked at.
type sides struct {
	from, to         *mem.Store
	fromRoot, toRoot string
	source, target   *faulty
}

// open makes both sides and the configuration of the run.
func (tr *trial) open(ctx context.Context, root string) (*sides, *s3sync.Config) {
	s := &sides{}
	cfg := config(nil, nil)
	tr.o.set(cfg)
	if tr.direction == up {
		s.fromRoot = filepath.Join(root, "source")
		tr.source.plant(s.fromRoot)
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
		tr.source.fill(ctx, s.from, tr.sourcePrefix)
		cfg.Source.URL = "s3://source/" + tr.sourcePrefix
		s.source = &faulty{Store: below{s.from, tr.sourcePrefix}}
		cfg.Source.Store = bucketSide{s.source, below{s.from, tr.sourcePrefix}}
	}
	if tr.direction == down {
		s.toRoot = filepath.Join(root, "target")
		tr.target.plant(s.toRoot)
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
		tree{"beside/a": {data: "beside"}}.fill(ctx, s.to, "")
		tr.target.fill(ctx, s.to, tr.targetPrefix)
		cfg.Target.URL = "s3://target/" + tr.targetPrefix
		s.target = &faulty{Store: below{s.to, tr.targetPrefix}}
		cfg.Target.Store = bucketSide{s.target, below{s.to, tr.targetPrefix}}
	}
	return s, cfg
}

// wraps: the fault is one of a store, so that directories are wrapped as well.
func (tr *trial) wraps() bool {
	switch tr.fault.name {
	case "", "root renamed", "root replaced", "directory renamed", "file removed", "cancel in the source listing":
		return false
	}
	return true
}

// A fileSide is a directory with faults, and a bucketSide a bucket.
type (
	fileSide struct {
		*faulty
		dir *dir.Store
	}
	bucketSide struct {
		*faulty
		bucket below
	}
)

func (s fileSide) MapKey(key string) (string, error) { return s.dir.MapKey(key) }

func (s fileSide) StillThere(ctx context.Context) error { return s.dir.StillThere(ctx) }

func (s bucketSide) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	return call(s.faulty, "tags", key, func() (map[string]string, error) { return s.bucket.Tags(ctx, key, versionID) })
}

func (s bucketSide) SetTags(ctx context.Context, key string, tags map[string]string) error {
	_, err := call(s.faulty, "set-tags", key, func() (int, error) { return 0, s.bucket.SetTags(ctx, key, tags) })
	return err
}

func (s bucketSide) Copies(from storage.Store) bool {
	_, ok := from.(bucketSide)
	return ok
}

// unwrapped is a reader as the store in memory knows it.
func unwrapped(r storage.Reader) storage.Reader {
	if f, ok := r.(*faultyReader); ok {
		return f.Reader
	}
	return r
}

func (s bucketSide) Copy(ctx context.Context, key string, from storage.Reader, opts storage.WriteOptions) (storage.Info, error) {
	return call(s.faulty, "copy", key, func() (storage.Info, error) {
		info, err := s.bucket.Copy(ctx, s.bucket.prefix+key, unwrapped(from), opts)
		return s.answer("copy", key, info, err)
	})
}

func (s bucketSide) CreateCopy(ctx context.Context, key string, from storage.Reader, opts storage.WriteOptions) (storage.CopyWriter, error) {
	return call(s.faulty, "create-copy", key, func() (storage.CopyWriter, error) {
		w, err := s.bucket.CreateCopy(ctx, s.bucket.prefix+key, unwrapped(from), opts)
		if err != nil {
			return nil, err
		}
		return &faultyCopyWriter{CopyWriter: w, f: s.faulty, key: key}, nil
	})
}

// A faultyCopyWriter is the faultyWriter of a copy.
type faultyCopyWriter struct {
	storage.CopyWriter
	f   *faulty
	key string
}

func (w *faultyCopyWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	_, err := call(w.f, "copy-part", w.key, func() (int, error) { return 0, w.CopyWriter.CopyPart(ctx, n, off, size) })
	return err
}

func (w *faultyCopyWriter) Commit(ctx context.Context) (storage.Info, error) {
	return call(w.f, "commit", w.key, func() (storage.Info, error) {
		info, err := w.CopyWriter.Commit(ctx)
		return w.f.answer("commit", w.key, info, err)
	})
}

func (w *faultyCopyWriter) Abort(ctx context.Context) error {
	_, err := call(w.f, "abort", w.key, func() (int, error) { return 0, w.CopyWriter.Abort(ctx) })
	return err
}

// arm makes the fault come true while the run goes on.
func (tr *trial) arm(s *sides, cfg *s3sync.Config, cancel func()) (hit *atomic.Bool) {
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
			if name, ok := tr.held(f.key); key == f.key || ok && key == name {
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
		tr.onNth(cfg, func() { hit.Store(true); cancel() })
	case "root renamed", "root replaced", "directory renamed", "file removed":
		tr.onNth(cfg, func() { tr.vanish(s.fromRoot, hit) })
	}
	return hit
}

// onNth calls act when the nth object comes out of the listing of the source.
func (tr *trial) onNth(cfg *s3sync.Config, act func()) {
	n := 0
	cfg.Filter.Func = func(storage.Object) (bool, error) {
		if n++; n == tr.fault.nth {
			act()
		}
		return true, nil
	}
}

// vanish takes a part of the source away.
func (tr *trial) vanish(root string, hit *atomic.Bool) {
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

// An arming lets something go wrong in a run, and tells whether it did.
type arming func(s *sides, cfg *s3sync.Config, cancel func()) (hit *atomic.Bool)

// run runs a trial in a directory of its own and judges it.
func (tr *trial) run(ctx context.Context, root string, arm arming) *judgement {
	defer os.RemoveAll(root) //nolint:errcheck // the test's directory goes as a whole
	s, cfg := tr.open(ctx, root)
	defer s.source.Store.Close()
	defer s.target.Store.Close()
	j := &judgement{model: &model{trial: tr}}
	j.source, j.target, j.besideBefore = tr.look(ctx, s)
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
	j.report, j.err = s3sync.SyncUnchecked(runCtx, cfg, tr.sourcePrefix, tr.targetPrefix)
	j.hit = hit.Load()
	j.sourceAfter, j.after, j.beside = tr.look(ctx, s)
	j.judge()
	if len(j.wrong) == 0 && j.clean() && !j.o.dry && j.o.max == 0 {
		j.again(ctx, cfg)
	}
	return j
}

// look views both sides.
func (tr *trial) look(ctx context.Context, s *sides) (source, target *sideView, beside tree) {
	if s.from == nil {
		source = lookAt(s.fromRoot, true, !tr.o.ignoreLinks)
	} else {
		source, _ = bucketView(ctx, s.from, tr.sourcePrefix, tr.source)
	}
	if s.to == nil {
		return source, lookAt(s.toRoot, false, false), nil
	}
	target, beside = bucketView(ctx, s.to, tr.targetPrefix, tr.target)
	return source, target, beside
}

// clean: the run says that everything was done, and that nothing is left to say.
func (j *judgement) clean() bool {
	return j.err == nil && j.report.Failed == 0 && j.report.Warnings == 0 && !j.report.Incomplete
}

func (j *judgement) judge() {
	j.judgeTarget()
	j.judgeDeletions()
	j.judgeEvents()
	j.judgeSuccess()
	j.seen = append(j.seen, "all")
	for what, is := range map[string]bool{
		"clean": j.clean(), "deleted": len(j.deleted) > 0, "refused": j.refused() != "" && len(j.candidates()) > 0, "fault": j.hit,
	} {
		if is {
			j.seen = append(j.seen, what)
		}
	}
}

// judgeTarget: what is there is what was there, or what the source has.
func (j *judgement) judgeTarget() {
	from := map[string][]string{} // what the source has for a name
	for key, th := range j.source.things {
		if name, ok := j.held(key); ok {
			from[name] = append(from[name], th.data)
		}
	}
	for name, th := range j.after.things {
		old, existed := j.target.things[name]
		if existed && old.data == th.data && old.age == th.age {
			continue
		}
		j.targetChanged = true
		if !slices.Contains(from[name], th.data) {
			j.fault("foreign data", "the target's %q holds %q, which is not of the source", name, th.data)
		}
	}
	for name := range j.target.things {
		if _, still := j.after.things[name]; !still {
			j.deleted = append(j.deleted, name)
		}
	}
	slices.Sort(j.deleted)
	for name, what := range j.target.other {
		if _, replaced := j.after.things[name]; !replaced && j.after.other[name] != what {
			j.fault("lost", "%s %q of the target directory is gone", what, name)
		}
	}
	for _, name := range j.target.dirs {
		if !slices.Contains(j.after.dirs, name) {
			j.fault("lost", "directory %q of the target is gone", name)
		}
	}
	if !maps.Equal(j.beside, j.besideBefore) {
		j.fault("beside", "beside the target's prefix there was %v and is %v", j.besideBefore, j.beside)
	}
	if j.o.dry && (j.targetChanged || len(j.deleted) > 0) {
		j.fault("dry run", "a dry run changed the target")
	}
	if !j.vanishes() && !reflect.DeepEqual(j.source, j.sourceAfter) {
		j.fault("source changed", "the source was changed")
	}
}

func (j *judgement) vanishes() bool {
	return j.direction == up && (strings.HasPrefix(j.trial.fault.name, "root") || strings.HasSuffix(j.trial.fault.name, "ed") && !j.wraps())
}

// judgeDeletions: everything that is gone may be gone.
func (j *judgement) judgeDeletions() {
	for _, name := range j.deleted {
		if why := j.may(name); why != "" {
			j.fault("lost", "%q is deleted: %s", name, why)
		}
	}
	if len(j.deleted) == 0 {
		return
	}
	if why := j.refused(); why != "" {
		j.fault("lost", "%q are deleted although %s", j.deleted, why)
	}
	if j.o.max > 0 && int64(len(j.deleted)) > j.o.max {
		j.fault("max delete", "%d are deleted, and at most %d may be", len(j.deleted), j.o.max)
	}
	if j.hit && !j.trial.fault.once {
		switch j.trial.fault.name {
		case "source listing", "target listing", "problem in the source", "problem in the target", "put", "put denied", "open",
			"cancel in the source listing", "root renamed", "root replaced":
			j.fault("lost", "%q are deleted in spite of the fault", j.deleted)
		case "damage":
			j.fault("lost", "%q are deleted although an object could not be read", j.deleted)
		}
	}
	for _, key := range j.missing() {
		if j.incomparable(key) {
			continue // it is left as it is, with a warning
		}
		j.fault("lost", "%q are deleted although %q was not transferred", j.deleted, key)
	}
}

// incomparable tells that an object could not be compared with its twin.
func (j *judgement) incomparable(key string) bool {
	return slices.ContainsFunc(j.events, func(ev s3sync.Event) bool {
		return ev.Type == s3sync.EventWarning && ev.Key == key && strings.Contains(ev.Err.Error(), "cannot be compared")
	})
}

// missing are the objects that had to be transferred and are not.
func (j *judgement) missing() (keys []string) {
	for key, th := range j.source.things {
		if _, still := j.sourceAfter.things[key]; !still || !j.needed(key, th) {
			continue
		}
		name, _ := j.held(key)
		if j.after.things[name].data != th.data || !has(j.after.things, name) {
			keys = append(keys, key)
		}
	}
	slices.Sort(keys)
	return keys
}

func has[V any](m map[string]V, key string) bool {
	_, ok := m[key]
	return ok
}

// judgeEvents: each object has one outcome, the counters count them, and what is
// told is what happened.
func (j *judgement) judgeEvents() {
	outcomes, names := map[string][]s3sync.EventType{}, map[string]int{}
	var st s3sync.Stats
	var perhaps int64
	told := map[string]bool{}
	for _, ev := range j.events {
		switch ev.Type {
		case s3sync.EventTransferred:
			st.Transferred++
			name, ok := j.held(ev.Key)
			if _, marker := filed(strings.TrimRight(ev.Key, "/")); ok {
				names[name]++
			} else if !marker {
				j.fault("false event", "%q is told to be transferred, and cannot be", ev.Key)
			}
			if th := j.source.things[ev.Key]; ok && !j.o.dry && names[name] == 1 && j.after.things[name].data != th.data {
				j.fault("false event", "%q is told to be transferred, but the target has %q", ev.Key, j.after.things[name].data)
			}
		case s3sync.EventDeleted:
			st.Deleted++
			told[ev.Key] = true
			if !j.o.dry && has(j.after.things, ev.Key) {
				j.fault("false event", "%q is told to be deleted, and is there", ev.Key)
			}
			continue
		case s3sync.EventSkipped, s3sync.EventCancelled:
			st.Skipped++
		case s3sync.EventPerhapsDeleted:
			st.Warnings++
			st.PerhapsDeleted++
			told[ev.Key] = true
			continue
		case s3sync.EventWarning:
			st.Warnings++
		case s3sync.EventUnverified, s3sync.EventNoChecksum:
			perhaps++ // a warning, if it is for the parts of the object
			continue
		case s3sync.EventFailed:
			st.Failed++
			told[ev.Key] = true
		default:
			continue
		}
		if ev.Key != "" && ev.Type != s3sync.EventDeleted {
			outcomes[ev.Key] = append(outcomes[ev.Key], ev.Type)
		}
	}
	for name, n := range names {
		if n > 1 {
			j.fault("collision", "%d objects are told to be transferred to %q", n, name)
		}
	}
	for key, all := range outcomes {
		if len(all) > 1 {
			j.fault("outcomes", "%q has more than one outcome: %v", key, all)
		}
	}
	for _, name := range j.deleted {
		if !told[name] {
			j.fault("not told", "%q is deleted, and nothing tells so", name)
		}
	}
	r := j.report.Stats
	if r.Transferred != st.Transferred || r.Deleted != st.Deleted || r.Skipped != st.Skipped || r.Failed != st.Failed || r.PerhapsDeleted != st.PerhapsDeleted ||
		r.Warnings < st.Warnings || r.Warnings > st.Warnings+perhaps {
		j.fault("counters", "the report counts %+v, the events %+v", r, st)
	}
	if !j.o.dry && int(r.Deleted) > len(j.deleted) {
		j.fault("counters", "%d are told to be deleted, %d are", r.Deleted, len(j.deleted))
	}
	if (j.report.Failed > 0) && j.err == nil {
		j.fault("false success", "something failed, and the run did not")
	}
}

// judgeSuccess: what ends without a word is done.
func (j *judgement) judgeSuccess() {
	if !j.clean() {
		return
	}
	if j.hit && !j.trial.fault.once {
		switch j.trial.fault.name {
		case "source listing", "target listing", "put", "put denied", "open", "problem in the source", "problem in the target",
			"root renamed", "root replaced", "cancel in the source listing":
			j.fault("false success", "the fault came true, and the run tells of a success")
		case "directory renamed":
			j.judgeUnseen()
		}
	}
	for _, key := range j.missing() {
		if !j.o.dry {
			j.fault("false success", "%q is not transferred, and the run tells of a success", key)
		}
	}
	for key, th := range j.source.things {
		if name, ok := j.held(key); ok && !j.selects(key, th) && len(j.from(name)) == 1 && has(j.after.things, name) &&
			j.after.things[name] != j.target.things[name] {
			j.fault("filter", "%q is transferred although the filters leave it out", key)
		}
	}
	for _, name := range j.source.blind {
		if j.concerns(name) {
			j.fault("blind", "%q cannot be read, and nothing tells so", name)
		}
	}
	left := j.candidates()
	if j.refused() != "" {
		if len(left) > 0 {
			j.fault("refusal not told", "nothing may be deleted because %s, and the run tells of a success", j.refused())
		}
		return
	}
	if j.o.dry {
		return
	}
	for _, name := range left {
		if has(j.after.things, name) && (j.o.max == 0 || int64(len(left)) <= j.o.max) && j.must(name) {
			j.fault("not deleted", "%q is still there after a success", name)
		}
	}
	if j.o.max > 0 && int64(len(left)) > j.o.max && len(j.deleted) > 0 {
		j.fault("max delete", "more than %d had to go, and nothing tells so", j.o.max)
	}
}

// judgeUnseen: of a directory that went away in the course of the run everything
// was seen before, or something is told.
func (j *judgement) judgeUnseen() {
	top, _, _ := strings.Cut(j.trial.fault.key, "/")
	for key := range j.source.things {
		seen := slices.ContainsFunc(j.events, func(ev s3sync.Event) bool { return ev.Key == key })
		if strings.HasPrefix(key, top+"/") && !seen {
			j.fault("false success", "%q went away with its directory, was not looked at, and nothing tells so", key)
		}
	}
}

// from are the keys of the source that the target holds under a name.
func (j *judgement) from(name string) (keys []string) {
	for key := range j.source.things {
		if held, ok := j.held(key); ok && held == name {
			keys = append(keys, key)
		}
	}
	return keys
}

// again: a second run has nothing to do.
func (j *judgement) again(ctx context.Context, cfg *s3sync.Config) {
	if j.trial.fault.name != "" || j.o.check == "overwrite" {
		return
	}
	cfg.OnEvent = nil
	cfg.Check.ReadBoth = j.o.check == "etag" // the ETags of other parts tell nothing
	report, err := s3sync.SyncUnchecked(ctx, cfg, j.sourcePrefix, j.targetPrefix)
	if err != nil && !errors.Is(err, errInjected) || report.Transferred != 0 || report.Deleted != 0 {
		j.fault("second run", "a second run: %v, %+v", err, report)
	}
}
