package lease

import (
	"bytes"
	"context"
	"errors"
	"iter"
	"math/rand/v2"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// partSize is that of the parts in these tests, in bytes. The target has the parts of the
// source, so that they may be small.
const partSize = 1000

// traffic is what all workers did with objects in parts.
type traffic struct {
	mu      sync.Mutex
	begun   int           // uploads
	parts   map[int]int   // by number, how often a part arrived
	reads   map[int64]int // by offset, how often the object was read there
	aborted int
}

func (t *traffic) did(f func()) {
	t.mu.Lock()
	defer t.mu.Unlock()
	f()
}

// most returns how often the part arrived, or the range was read, that did so most often.
func most[K comparable](times map[K]int) (n int) {
	for _, m := range times {
		n = max(n, m)
	}
	return n
}

// A life is that of a worker. Once it is over, nothing of the worker reaches a store.
type life struct {
	over atomic.Bool
	// key, if set, is the only one whose calls fail then.
	key     string
	traffic *traffic
	// part, if set, is called after a part arrived.
	part func(n int)
	// created, if set, is called after an upload began.
	created func()
}

func (l *life) check(op, key string) error {
	if l.over.Load() && (l.key == "" || l.key == key) {
		return &storage.Error{Op: op, Key: key, Err: storage.ErrTransient}
	}
	return nil
}

// A mortal is a store as a worker reaches it.
type mortal struct {
	storage.Store

	life *life
}

func (m mortal) Unwrap() storage.Store { return m.Store }

func (m mortal) resumer() storage.Resumer {
	r, _ := storage.As[storage.Resumer](m.Store)
	return r
}

func (m mortal) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	if err := m.life.check("list", ""); err != nil {
		return func(yield func(storage.Object, error) bool) { yield(storage.Object{}, err) }
	}
	return m.Store.List(ctx, opts)
}

func (m mortal) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	if err := m.life.check("open", key); err != nil {
		return nil, err
	}
	r, err := m.Store.Open(ctx, key, opts)
	return mortalReader{r, m.life, key}, err
}

type mortalReader struct {
	storage.Reader

	life *life
	key  string
}

func (r mortalReader) ReadAt(ctx context.Context, p []byte, off int64) error {
	if err := r.life.check("read", r.key); err != nil {
		return err
	}
	if r.key == "big" {
		r.life.traffic.did(func() { r.life.traffic.reads[off]++ })
	}
	return r.Reader.ReadAt(ctx, p, off)
}

func (m mortal) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	if err := m.life.check("put", key); err != nil {
		return storage.Info{}, err
	}
	return m.Store.Put(ctx, key, b, opts)
}

func (m mortal) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	if err := m.life.check("delete", ""); err != nil {
		all := make([]error, len(objects))
		for i := range all {
			all[i] = err
		}
		return all
	}
	return m.Store.Delete(ctx, objects, opts)
}

func (m mortal) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	if err := m.life.check("create", key); err != nil {
		return nil, err
	}
	w, err := m.Store.Create(ctx, key, opts)
	m.life.traffic.did(func() { m.life.traffic.begun++ })
	if m.life.created != nil {
		m.life.created()
	}
	return m.writer(w, key), err
}

func (m mortal) Resume(ctx context.Context, key, token string, opts storage.WriteOptions) (storage.Writer, []storage.WrittenPart, error) {
	if err := m.life.check("resume", key); err != nil {
		return nil, nil, err
	}
	w, held, err := m.resumer().Resume(ctx, key, token, opts)
	if err != nil {
		return nil, nil, err
	}
	return m.writer(w, key), held, nil
}

func (m mortal) Discard(ctx context.Context, key, token string) error {
	return errors.Join(m.life.check("discard", key), m.resumer().Discard(ctx, key, token))
}

func (m mortal) DiscardEmpty(ctx context.Context, key string, at time.Time) error {
	return errors.Join(m.life.check("discard", key), m.resumer().DiscardEmpty(ctx, key, at))
}

func (m mortal) Expect(key, token string) { m.resumer().Expect(key, token) }

func (m mortal) Leftovers(ctx context.Context) iter.Seq2[storage.Leftover, error] {
	return m.resumer().Leftovers(ctx)
}

type mortalWriter struct {
	storage.Writer
	storage.Unfinished

	life *life
	key  string
}

func (m mortal) writer(w storage.Writer, key string) mortalWriter {
	left, _ := w.(storage.Unfinished) // all writers of the stores are
	return mortalWriter{w, left, m.life, key}
}

func (w mortalWriter) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	time.Sleep(time.Second) // of the test
	if err := w.life.check("part", w.key); err != nil {
		return err
	}
	if err := w.Writer.WritePart(ctx, n, off, b); err != nil {
		return err
	}
	w.life.traffic.did(func() { w.life.traffic.parts[n]++ })
	if w.life.part != nil {
		w.life.part(n)
	}
	return w.life.check("part", w.key) // the answer
}

func (w mortalWriter) Commit(ctx context.Context) (storage.Info, error) {
	if err := w.life.check("commit", w.key); err != nil {
		return storage.Info{}, err
	}
	info, err := w.Writer.Commit(ctx)
	return info, errors.Join(err, w.life.check("commit", w.key))
}

func (w mortalWriter) Abort(ctx context.Context) error {
	if err := w.life.check("abort", w.key); err != nil {
		return err
	}
	w.life.traffic.did(func() { w.life.traffic.aborted++ })
	return w.Writer.Abort(ctx)
}

// A parted is a job with one object in parts.
type parted struct {
	*world
	*traffic

	data  []byte
	store *mem.Store // the target
}

// newParted makes a job whose object "big" has so many parts, metadata and tags.
func newParted(t *testing.T, parts int, set func(*job.Spec)) *parted {
	t.Helper()
	w := newWorld(t, func(s *job.Spec) {
		s.Ranges = 1
		s.Settings.Transfer.AutoChunkSize = true
		s.Settings.Transfer.Workers, s.Settings.Transfer.ParallelParts = 1, 1
		if set != nil {
			set(s)
		}
	})
	p := &parted{world: w, traffic: &traffic{parts: map[int]int{}, reads: map[int64]int{}}, store: mem.New()}
	w.target.Store = p.store
	p.data = make([]byte, parts*partSize-7)
	r := rand.NewChaCha8([32]byte{})
	_, _ = r.Read(p.data) // never fails
	p.fill(t)
	put(t, w.source.Store, map[string]string{"a": "1", "z": "2"})
	w.submit(t)
	return p
}

// fill writes the object of the source, in parts.
func (p *parted) fill(t *testing.T) {
	t.Helper()
	opts := storage.WriteOptions{Size: int64(len(p.data)), Tags: map[string]string{"color": "blue"}}
	opts.Metadata, opts.ContentType = map[string]string{"who": "me"}, "image/raw"
	source, err := p.source.Store.Create(t.Context(), "big", opts)
	for n := 0; err == nil && n*partSize < len(p.data); n++ {
		b := p.data[n*partSize : min((n+1)*partSize, len(p.data))]
		err = source.WritePart(t.Context(), n+1, int64(n)*partSize, storage.Block{Data: b, Size: int64(len(b))})
	}
	if err == nil {
		_, err = source.Commit(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
}

// worker returns another worker of the job.
func (p *parted) worker(name string) (Env, *life) {
	l := &life{traffic: p.traffic}
	env := p.env
	env.Worker = name
	env.Connect = func(name string) (s3sync.Endpoint, error) {
		e, err := p.env.Connect(name)
		e.Store = mortal{e.Store, l}
		return e, err
	}
	return env, l
}

// first returns the only lease.
func (p *parted) first(t *testing.T) job.Lease {
	t.Helper()
	leases, err := Split(t.Context(), p.env, p.run)
	if err != nil || len(leases) != 1 {
		t.Fatal(leases, err)
	}
	return leases[0]
}

// arrived checks that the target has the object as one machine writes it, that no upload and no
// record is left, and what the report says.
func (p *parted) arrived(t *testing.T, results ...job.Ref) {
	t.Helper()
	report, _ := p.finish(t, results, false, nil)
	if s := report.Report.Stats; s.Transferred+s.Skipped != 3 || s.Failed != 0 || s.Warnings != 0 || report.Counters.Listed != 3 {
		t.Errorf("%+v", report.Counters)
	}
	whole := mem.New()
	cfg := *p.spec.Settings
	cfg.Source.Store, cfg.Target.Store = p.source, whole
	if _, err := s3sync.Sync(t.Context(), &cfg); err != nil {
		t.Fatal(err)
	}
	if got := contents(t, p.store)["big"]; !bytes.Equal([]byte(got), p.data) {
		t.Errorf("the object has %d bytes, or others than the %d of the source", len(got), len(p.data))
	}
	if diff := cmp.Diff(look(t, whole), look(t, p.store)); diff != "" {
		t.Errorf("the object of one machine (-) and of the job (+):\n%s", diff)
	}
	p.nothingLeft(t)
}

// look returns what a store says of the object, without its time.
func look(t *testing.T, s *mem.Store) any {
	t.Helper()
	info, err := s.Stat(t.Context(), "big", storage.StatOptions{Checksums: true, Parts: storage.ExactParts})
	if err != nil {
		t.Fatal(err)
	}
	tags, err := s.Tags(t.Context(), "big", "")
	if err != nil {
		t.Fatal(err)
	}
	info.ModTime = time.Time{}
	return []any{info, tags}
}

func (p *parted) nothingLeft(t *testing.T) {
	t.Helper()
	for l, err := range p.store.Leftovers(t.Context()) {
		t.Errorf("an upload is left: %+v, %v", l, err)
	}
	if left := p.records(t); len(left) > 0 {
		t.Errorf("records are left: %q", left)
	}
}

// records returns the records of objects in parts.
func (p *parted) records(t *testing.T) (keys []string) {
	t.Helper()
	for key := range contents(t, p.state.Store) {
		if strings.Contains(key, "/unfinished/") {
			keys = append(keys, key)
		}
	}
	return keys
}

// kill lets a worker begin the lease and end after its part n.
func (p *parted) kill(t *testing.T, l job.Lease, attempt, n int) {
	t.Helper()
	env, life := p.worker("killed")
	arrived := 0
	life.part = func(int) {
		if arrived++; arrived == n {
			life.over.Store(true)
		}
	}
	if _, err := Copy(t.Context(), env, l, attempt); err == nil {
		t.Fatal("the worker did not end")
	}
	if len(p.records(t)) == 0 {
		t.Fatal("nothing was written down")
	}
}

// An object in parts that a killed worker began is continued by the next one: no part is sent
// again that arrived, and none is read again whose record was written.
func TestPartsOutliveTheirWorker(t *testing.T) {
	// Records are written every two seconds, which is three parts here.
	for name, tt := range map[string]struct {
		at    []int // after so many parts a worker ends
		again int   // parts that are read again
	}{
		"once":                {[]int{5}, 2},
		"at the first part":   {[]int{1}, 1},
		"again and again":     {[]int{4, 1, 2}, 1 + 2 + 4},
		"after the last part": {[]int{7}, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newParted(t, 7, nil)
				l := p.first(t)
				for i, n := range tt.at {
					p.kill(t, l, i+1, n)
				}
				env, _ := p.worker("next")
				result, err := Copy(t.Context(), env, l, len(tt.at)+1)
				if err != nil || !result.Done {
					t.Fatal(result, err)
				}
				if p.begun != 1 || most(p.parts) != 1 || len(p.parts) != 7 {
					t.Errorf("%d uploads, parts %v", p.begun, p.parts)
				}
				again := 0
				for _, n := range p.reads {
					again += n - 1
				}
				if again > tt.again {
					t.Errorf("%d parts were read again, want %d: %v", again, tt.again, p.reads)
				}
				p.arrived(t, result.Checkpoint)
			})
		})
	}
}

// A worker that was cut off goes on with the same upload at the same time. One of the two
// publishes the object; what the other one does costs no data, and is in no report.
func TestZombieWithTheSameUpload(t *testing.T) {
	for name, tt := range map[string]struct {
		zombieFirst bool // it publishes before the other one
		begun       int
	}{
		"the new worker is first": {false, 1},
		"the zombie is first":     {true, 2}, // what the zombie publishes is written once more
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newParted(t, 4, nil)
				l := p.first(t)
				zombie, life := p.worker("zombie")
				cut, back := make(chan struct{}), make(chan struct{})
				life.part = func(n int) {
					if n == 2 {
						close(cut)
						<-back
					}
				}
				ended := make(chan error, 1)
				go func() {
					_, err := Copy(t.Context(), zombie, l, 1)
					ended <- err
				}()
				<-cut
				next, other := p.worker("next")
				if tt.zombieFirst {
					once := sync.OnceFunc(func() {
						close(back)
						if err := <-ended; err != nil {
							t.Errorf("the zombie: %v", err)
						}
					})
					other.part = func(n int) {
						if n == 3 {
							once()
						}
					}
				}
				result, err := Copy(t.Context(), next, l, 2)
				if err != nil || !result.Done || result.Counters.Transferred+result.Counters.Skipped != 3 || result.Counters.Failed != 0 {
					t.Fatal(result, err)
				}
				if !tt.zombieFirst {
					close(back)
					t.Logf("the zombie: %v", <-ended)
				}
				if p.begun != tt.begun {
					t.Errorf("%d uploads began, want %d", p.begun, tt.begun)
				}
				p.arrived(t, result.Checkpoint)
			})
		})
	}
}

// A worker that is told that it lost its lease does not abort the upload that the next one
// goes on with.
func TestCancelledZombieAbortsNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t, 4, nil)
		l := p.first(t)
		zombie, life := p.worker("zombie")
		cut, back := make(chan struct{}), make(chan struct{})
		life.part = func(n int) {
			if n == 2 {
				close(cut)
				<-back
			}
		}
		ctx, cancel := context.WithCancelCause(t.Context())
		ended := make(chan error, 1)
		go func() {
			_, err := Copy(ctx, zombie, l, 1)
			ended <- err
		}()
		<-cut
		next, other := p.worker("next")
		other.part = func(n int) {
			if n == 3 {
				cancel(errInjected)
				close(back)
				if err := <-ended; !errors.Is(err, errInjected) {
					t.Errorf("the zombie: %v", err)
				}
			}
		}
		result, err := Copy(t.Context(), next, l, 2)
		if err != nil || p.begun != 1 || p.aborted != 0 {
			t.Fatal(result, err, p.begun, p.aborted)
		}
		p.arrived(t, result.Checkpoint)
	})
}

// A job that is planned anew after the engine's database was lost goes on with the parts, also
// weeks later.
func TestPartsOutliveTheEngine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t, 4, nil)
		p.kill(t, p.first(t), 1, 3)
		time.Sleep(30 * 24 * time.Hour)
		run, err := Submit(t.Context(), p.env, p.place, p.spec, true)
		if err != nil || run.Epoch != 2 {
			t.Fatal(run, err)
		}
		p.run = run
		env, _ := p.worker("next")
		result, err := Copy(t.Context(), env, p.first(t), 1)
		if err != nil || p.begun != 1 || most(p.parts) != 1 {
			t.Fatal(result, err, p.begun, p.parts)
		}
		p.arrived(t, result.Checkpoint)
	})
}

// An object that failed keeps its parts for the sweep.
func TestSweepGoesOnWithParts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t, 4, nil)
		env, life := p.worker("first")
		life.key = "big"
		life.part = func(n int) { life.over.Store(n >= 3) }
		result, err := Copy(t.Context(), env, p.first(t), 1)
		if err != nil || !result.Done || result.Counters.Failed != 1 || len(p.records(t)) == 0 {
			t.Fatal(result, err)
		}
		v, err := Reduce(t.Context(), p.env, p.run, []job.Ref{result.Checkpoint})
		if err != nil || len(v.Failed) != 1 {
			t.Fatal(v, err)
		}
		next, _ := p.worker("next")
		swept, err := Sweep(t.Context(), next, v.Failed[0], 1)
		if err != nil || p.begun != 1 || most(p.parts) != 1 || swept.Counters.Transferred != 1 {
			t.Fatal(swept, err, p.begun, p.parts)
		}
		p.arrived(t, swept.Checkpoint)
	})
}

// A job that ends leaves no upload and no record, also if nobody goes on with what was begun.
func TestEndOfJobRemovesUploads(t *testing.T) {
	for name, change := range map[string]func(*life){
		"parts": func(l *life) {
			l.part = func(n int) { l.over.Store(n == 2) }
		},
		"an upload whose name nobody wrote down": func(l *life) {
			l.created = func() { l.over.Store(true) }
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				p := newParted(t, 3, nil)
				l := p.first(t)
				env, life := p.worker("killed")
				change(life)
				if _, err := Copy(t.Context(), env, l, 1); err == nil || len(p.records(t)) == 0 {
					t.Fatal(err, p.records(t))
				}
				if _, err := Report(t.Context(), p.env, p.run, nil); err != nil {
					t.Fatal(err)
				}
				p.nothingLeft(t)
			})
		})
	}
}

// What cannot be removed at the end is a warning, and its record stays.
func TestUploadsThatCannotBeRemoved(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := newParted(t, 4, nil)
		p.kill(t, p.first(t), 1, 2)
		env, life := p.worker("last")
		connect := env.Connect
		env.Connect = func(name string) (s3sync.Endpoint, error) {
			if name == "state" {
				return p.env.Connect(name)
			}
			return connect(name)
		}
		life.over.Store(true)
		if _, err := Report(t.Context(), env, p.run, nil); err != nil {
			t.Fatal(err)
		}
		report, err := ReadReport(t.Context(), p.env, p.run)
		if err != nil || len(report.Warnings) != 1 || !strings.Contains(report.Warnings[0], "could not all be removed") || len(p.records(t)) == 0 {
			t.Errorf("%+v, %v", report, err)
		}
	})
}
