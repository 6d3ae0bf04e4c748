package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/attributes"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/resume"
	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/storage"
	"s3sync/storage/dir"
)

func (s *store) Resume(ctx context.Context, key, token string, opts storage.WriteOptions) (storage.Writer, []storage.WrittenPart, error) {
	var parts []storage.WrittenPart
	w, err := call(s, "resume", func() (storage.Writer, error) {
		w, held, err := s.Store.Resume(ctx, key, token, opts)
		parts = held
		return &writer{w, s}, err
	})
	return w, parts, err
}

func (s *store) ResumeCopy(
	ctx context.Context, key, token string, from storage.CopySource, opts storage.WriteOptions,
) (storage.CopyWriter, []storage.WrittenPart, error) {
	var parts []storage.WrittenPart
	w, err := call(s, "resume", func() (storage.CopyWriter, error) {
		w, held, err := s.Store.ResumeCopy(ctx, key, token, inside(from), opts)
		parts = held
		return &copyWriter{w, s}, err
	})
	return w, parts, err
}

func (s *store) Discard(ctx context.Context, key, token string) error {
	_, err := call(s, "discard", func() (int, error) { return 0, s.Store.Discard(ctx, key, token) })
	return err
}

func (s *store) DiscardEmpty(ctx context.Context, key string, at time.Time) error {
	_, err := call(s, "discard-empty", func() (int, error) { return 0, s.Store.DiscardEmpty(ctx, key, at) })
	return err
}

func (w *writer) Token() string                              { return inner(w.Writer).Token() }
func (w *writer) Leave(ctx context.Context) error            { return inner(w.Writer).Leave(ctx) }
func (w *writer) Part(n int) (storage.WrittenPart, bool)     { return inner(w.Writer).Part(n) }
func (w *writer) Adopt(p storage.WrittenPart, n int64) error { return inner(w.Writer).Adopt(p, n) }

func (w *copyWriter) Token() string                          { return inner(w.CopyWriter).Token() }
func (w *copyWriter) Leave(ctx context.Context) error        { return inner(w.CopyWriter).Leave(ctx) }
func (w *copyWriter) Part(n int) (storage.WrittenPart, bool) { return inner(w.CopyWriter).Part(n) }
func (w *copyWriter) Adopt(p storage.WrittenPart, n int64) error {
	return inner(w.CopyWriter).Adopt(p, n)
}

func inner(w any) storage.Unfinished {
	u, ok := w.(storage.Unfinished)
	if !ok {
		panic("no Unfinished")
	}
	return u
}

// memory is a state in memory. Records that were put and not durably are lost if lose is
// set when it is read again.
type memory struct {
	mu      sync.Mutex
	records map[string][]byte
	before  func(op string) error // as that of a store; its failure keeps nothing
}

func newMemory() *memory { return &memory{records: map[string][]byte{}} }

func (m *memory) may(op string) bool { return m.before == nil || m.before(op) == nil }

func (m *memory) Put(key string, record []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.may("record") {
		m.records[key] = slices.Clone(record)
	}
}

func (m *memory) PutDurable(key string, record []byte) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !m.may("durable") {
		return errInjected
	}
	m.records[key] = slices.Clone(record)
	return nil
}

func (m *memory) Remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.may("forget") {
		delete(m.records, key)
	}
}

func (m *memory) All(prefix string, f func(string, []byte) bool) {
	m.mu.Lock()
	records := maps.Clone(m.records)
	m.mu.Unlock()
	for _, key := range slices.Sorted(maps.Keys(records)) {
		if strings.HasPrefix(key, prefix) && !f(key, records[key]) {
			return
		}
	}
}

// dropParts loses the records of parts, as a power loss may.
func (m *memory) dropParts() {
	maps.DeleteFunc(m.records, func(key string, _ []byte) bool { return strings.HasPrefix(key, "p") })
}

func (r *run) resumes(m *memory) *run {
	r.opts.Journal = resume.Open(m, time.Hour)
	return r
}

// dies returns what fails every call from the nth on, and whether it was reached.
func dies(n int) (func(string) error, func() bool) {
	var mu sync.Mutex
	return func(string) error {
			mu.Lock()
			defer mu.Unlock()
			n--
			if n < 0 {
				return errInjected
			}
			return nil
		}, func() bool {
			mu.Lock()
			defer mu.Unlock()
			return n < 0
		}
}

func (s *store) count(op string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	n := 0
	for _, c := range s.calls {
		if c == op {
			n++
		}
	}
	return n
}

func (r *run) nothingLeft(t *testing.T, m *memory) {
	t.Helper()
	for l, err := range r.target.Leftovers(t.Context()) {
		t.Errorf("left: %+v, %v", l, err)
	}
	if len(m.records) > 0 {
		t.Errorf("records: %q", m.records)
	}
}

// ways are the ways of an object between two stores.
func ways() map[string]func(*run) {
	return map[string]func(*run){
		"up":          func(r *run) { r.source = newFiles() },
		"same parts":  func(*run) {},
		"other parts": func(r *run) { r.opts.ChunkSize = 5 },
		"copy":        func(r *run) { r.opts.Copy = true },
	}
}

// TestEveryEndOfAProcess lets a run end before each of its calls, to the stores and the
// state. The next one goes on: it sends at most one part again, and nothing is left.
func TestEveryEndOfAProcess(t *testing.T) {
	const parts = 5
	for name, way := range ways() {
		t.Run(name, func(t *testing.T) {
			for n := range 1000 {
				r, m := newRun(), newMemory()
				way(r)
				a := r.fill(t, 4, 4, 4, 4, 4)
				die, died := dies(n)
				r.source.before, r.target.before, m.before = die, die, die
				r.resumes(m)
				_, err := r.transferrer(t).Transfer(t.Context(), a)
				whole := r.opts.ChunkSize == 4 || r.opts.Copy
				if !died() {
					if n < 10 || err != nil {
						t.Fatalf("after %d calls: %v", n, err)
					}
					return
				}
				r.source.before, r.target.before, m.before = nil, nil, nil
				_, published := contents(t, r.target)
				noted := slices.ContainsFunc(slices.Collect(maps.Keys(m.records)), func(key string) bool { return strings.HasPrefix(key, "o") })
				sent := r.target.count("part") + r.target.count("copy-part")
				begun := r.target.count("create") + r.target.count("create-copy")
				r.resumes(m)
				if _, err := r.transferrer(t).Transfer(t.Context(), a); err != nil {
					t.Fatalf("after a run that ended after %d calls: %v", n, err)
				}
				r.arrived(t)
				again := r.target.count("part") + r.target.count("copy-part") - sent
				if most := parts + 1 - max(0, sent-1); begun > 0 && !published && whole && sent > 1 && again > most {
					t.Errorf("a run that ended after %d calls sent %d parts, the next one %d", n, sent, again)
				}
				if published && noted && again > 0 {
					t.Errorf("a run that ended after %d calls published the object, and the next one sent %d parts", n, again)
				}
				if len(m.records) > 0 && !published {
					t.Errorf("after %d calls: records %q", n, m.records)
				}
				for l, err := range r.target.Leftovers(t.Context()) {
					if !published {
						t.Errorf("after %d calls: %+v is left (%v)", n, l, err)
					}
				}
			}
		})
	}
}

// interrupted cancels a run once so many parts were sent.
func interrupted(t *testing.T, r *run, a *plan.Action, parts int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	r.target.after = func(op string) error {
		if op == "part" || op == "copy-part" {
			if parts--; parts == 0 {
				cancel()
			}
		}
		return nil
	}
	if _, err := r.transferrer(t).Transfer(ctx, a); !errors.Is(err, context.Canceled) {
		t.Fatalf("the interrupted run: %v", err)
	}
	r.target.after = nil
	r.nothing(t)
	r.target.calls, r.source.calls = nil, nil
}

// TestInterruptedObject: the next run sends what is missing, if what is there is still
// what the object is made of.
func TestInterruptedObject(t *testing.T) {
	for name, tt := range map[string]struct {
		change func(t *testing.T, r *run, m *memory, a *plan.Action)
		parts  map[string]int // sent by the second run, by way; 3 if it is not named
		anew   bool
	}{
		"unchanged": {},
		"the records of parts are lost": {
			change: func(_ *testing.T, _ *run, m *memory, _ *plan.Action) { m.dropParts() },
			parts:  map[string]int{"copy": 5},
		},
		"other metadata": {
			change: func(_ *testing.T, r *run, _ *memory, _ *plan.Action) { r.attrs.Replace.ContentType = "text/other" }, anew: true,
		},
		"other encryption": {
			change: func(_ *testing.T, r *run, _ *memory, _ *plan.Action) { r.opts.ResumeWith = "other" }, anew: true,
		},
		"no state": {
			change: func(_ *testing.T, _ *run, m *memory, _ *plan.Action) { clear(m.records) }, anew: true,
		},
		"the target lost it": {
			change: func(t *testing.T, r *run, _ *memory, _ *plan.Action) {
				for l, err := range r.target.Leftovers(t.Context()) {
					if err := errors.Join(err, r.target.Store.Discard(t.Context(), l.Key, l.Token)); err != nil {
						t.Fatal(err)
					}
				}
			},
			anew: true,
		},
		"another source": {
			change: func(t *testing.T, r *run, _ *memory, a *plan.Action) {
				data := storage.Block{Data: []byte(strings.Repeat("x", 20))}
				info, err := r.source.Store.Put(t.Context(), "a", data, storage.WriteOptions{Size: 20})
				if err != nil {
					t.Fatal(err)
				}
				a.Source = info.Object
			},
			anew: true,
		},
	} {
		for way, prepare := range ways() {
			t.Run(name+"/"+way, func(t *testing.T) {
				r, m := newRun(), newMemory()
				prepare(r)
				a := r.fill(t, 4, 4, 4, 4, 4)
				interrupted(t, r.resumes(m), a, 2)
				objects, size := r.opts.Journal.Keeps()
				if objects != 1 || size < 8 {
					t.Errorf("%d objects with %d bytes are kept", objects, size)
				}
				if tt.change != nil {
					tt.change(t, r, m, a)
				}
				if _, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a); err != nil {
					t.Fatal(err)
				}
				r.arrived(t)
				total := 5
				if r.opts.ChunkSize == 5 {
					total = 4
				}
				want := total - 2
				if n, ok := tt.parts[way]; ok {
					want = n
				}
				if tt.anew {
					want = total
				}
				if name == "another source" && way == "copy" {
					want = 0 // copied at once
				}
				if got := r.target.count("part") + r.target.count("copy-part"); got != want {
					t.Errorf("%d parts were sent, want %d: %s", got, want, r.target.called())
				}
				if name != "no state" {
					// Of an object that is not in parts any more.
					if err := r.transferrer(t).DiscardLeft(t.Context(), func(string) bool { return true }); err != nil {
						t.Fatal(err)
					}
					r.nothingLeft(t, m)
				}
			})
		}
	}
}

// TestRecordedPartsAreNotRead: between buckets, parts whose digests were recorded are not
// even read.
func TestRecordedPartsAreNotRead(t *testing.T) {
	for way, want := range map[string]int{"same parts": 3, "other parts": 4, "up": 5} {
		t.Run(way, func(t *testing.T) {
			r, m := newRun(), newMemory()
			ways()[way](r)
			a := r.fill(t, 4, 4, 4, 4, 4)
			interrupted(t, r.resumes(m), a, 2)
			if _, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			if got := r.source.count("read"); got != want {
				t.Errorf("%d reads, want %d", got, want)
			}
		})
	}
}

// TestPartOfOtherBytes: a part that the target holds and that has other bytes is sent
// again, whatever was recorded.
func TestPartOfOtherBytes(t *testing.T) {
	for way, prepare := range ways() {
		t.Run(way, func(t *testing.T) {
			r, m := newRun(), newMemory()
			prepare(r)
			a := r.fill(t, 4, 4, 4, 4, 4)
			interrupted(t, r.resumes(m), a, 2)
			for l, err := range r.target.Leftovers(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				w, _, err := r.target.Store.Resume(t.Context(), l.Key, l.Token, storage.WriteOptions{})
				if err == nil {
					err = w.WritePart(t.Context(), 1, 0, storage.Block{Data: []byte(strings.Repeat("z", int(min(r.opts.ChunkSize, 5))))})
				}
				if err != nil {
					t.Fatal(err)
				}
			}
			if _, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			r.arrived(t)
			r.nothingLeft(t, m)
		})
	}
}

// TestWhatIsKept: which failures keep what was written.
func TestWhatIsKept(t *testing.T) {
	for name, tt := range map[string]struct {
		err  error
		set  func(*run)
		kept bool
	}{
		"temporary":   {err: errTransient, kept: true},
		"throttled":   {err: storage.ErrThrottled, kept: true},
		"credentials": {err: storage.ErrCredentials, kept: true},
		"for good":    {err: errInjected},
		"full":        {err: storage.ErrFull},
		"mismatch":    {err: storage.ErrMismatch},
		"no journal":  {err: errTransient, set: func(r *run) { r.opts.Journal = nil }},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRun(), newMemory()
			r.retries = 0
			a := r.fill(t, 4, 4, 4, 4, 4)
			r.resumes(m)
			if tt.set != nil {
				tt.set(r)
			}
			parts := 0
			r.target.before = func(op string) error {
				if op == "part" {
					if parts++; parts == 3 {
						return tt.err
					}
				}
				return nil
			}
			if _, err := r.transferrer(t).Transfer(t.Context(), a); !errors.Is(err, tt.err) {
				t.Fatal(err)
			}
			if aborted := r.target.count("abort") > 0; aborted == tt.kept {
				t.Errorf("aborted: %v", aborted)
			}
			if !tt.kept {
				r.nothingLeft(t, m)
			}
		})
	}
}

func TestAbortOnInterrupt(t *testing.T) {
	r, m := newRun(), newMemory()
	r.opts.AbortOnInterrupt = true
	interrupted(t, r.resumes(m), r.fill(t, 4, 4, 4, 4, 4), 2)
	r.nothingLeft(t, m)
}

// TestRetryGoesOn: another attempt of the same run sends only what is missing.
func TestRetryGoesOn(t *testing.T) {
	r, m := newRun(), newMemory()
	a := r.fill(t, 4, 4, 4, 4, 4)
	r.source.before = times(1, "check", errTransient)
	if _, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	r.arrived(t)
	r.nothingLeft(t, m)
	if n := r.target.count("part"); n != 5 {
		t.Errorf("%d parts were sent, want 5: %s", n, r.target.called())
	}
}

// TestStaleObjects: what is too old is removed, and so is what no object continues.
func TestStaleObjects(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r, m := newRun(), newMemory()
		a := r.fill(t, 4, 4, 4, 4, 4)
		interrupted(t, r.resumes(m), a, 2)
		time.Sleep(2 * time.Hour)
		if _, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a); err != nil {
			t.Fatal(err)
		}
		if n := r.target.count("part"); n != 5 {
			t.Errorf("%d parts were sent, want 5", n)
		}
		r.nothingLeft(t, m)
	})
	r, m := newRun(), newMemory()
	interrupted(t, r.resumes(m), r.fill(t, 4, 4, 4, 4, 4), 2)
	tr := r.resumes(m).transferrer(t)
	if err := tr.DiscardLeft(t.Context(), func(key string) bool { return key != "a" }); err != nil || r.target.count("discard") != 0 {
		t.Errorf("%v, %s: something of other keys was removed", err, r.target.called())
	}
	r.target.before = times(1, "discard", storage.ErrTransient)
	if err := tr.DiscardLeft(t.Context(), func(string) bool { return true }); !errors.Is(err, storage.ErrTransient) || r.target.count("discard") != 1 {
		t.Errorf("%v, %s: it cannot be removed", err, r.target.called())
	}
	if err := tr.DiscardLeft(t.Context(), func(string) bool { return true }); err != nil || r.target.count("discard") != 2 {
		t.Errorf("%v, %s: it can be removed", err, r.target.called())
	}
	r.nothingLeft(t, m)
}

// TestPartsCannotBeListed: the object begins anew, and the user is told once.
func TestPartsCannotBeListed(t *testing.T) {
	r, m := newRun(), newMemory()
	a := r.fill(t, 4, 4, 4, 4, 4)
	interrupted(t, r.resumes(m), a, 2)
	r.target.before = times(1, "resume", fmt.Errorf("%w: the server cannot list parts", errors.ErrUnsupported))
	if _, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a); err != nil {
		t.Fatal(err)
	}
	r.arrived(t)
	r.nothingLeft(t, m)
	if len(r.notices) != 1 || r.notices[0].Warning {
		t.Errorf("notices: %+v", r.notices)
	}
}

// TestDownloadGoesOn: the ranges that a file has already are read from there, not from the
// source, unless they were damaged.
func TestDownloadGoesOn(t *testing.T) {
	for name, tt := range map[string]struct {
		damage func(w storage.Writer)
		reads  int
	}{
		"as it was": {reads: 3},
		"damaged": {
			damage: func(w storage.Writer) {
				_ = w.WritePart(context.Background(), 1, 0, storage.Block{Data: []byte("dama")})
			}, reads: 4,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r, m := newRun(), newMemory()
			a := r.fill(t, 4, 4, 4, 4, 4)
			target, err := dir.Open(t.TempDir(), dir.Options{})
			if err != nil {
				t.Fatal(err)
			}
			defer target.Close()
			down := func(after func(op string) error) *transfer.Transferrer {
				r.source.after = after
				from, to := side.New("source", r.source, side.Options{Policy: retry.Policy{}}), side.New("target", target, side.Options{})
				r.resumes(m)
				tr, err := transfer.New(r.opts, from, to, limits.New(limits.Options{Memory: 1 << 20, FixedMemory: true, ParallelParts: 1}),
					attributes.New(r.attrs, from, to))
				if err != nil {
					t.Fatal(err)
				}
				return tr
			}
			ctx, cancel := context.WithCancel(t.Context())
			reads := 0
			tr := down(func(op string) error {
				if op == "read" {
					if reads++; reads == 3 {
						cancel()
						return context.Canceled
					}
				}
				return nil
			})
			if _, err := tr.Transfer(ctx, a); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			for l, err := range target.Leftovers(t.Context()) {
				if err != nil {
					t.Fatal(err)
				}
				if tt.damage != nil {
					w, _, err := target.Resume(t.Context(), "a", l.Token, storage.WriteOptions{Size: 20})
					if err != nil {
						t.Fatal(err)
					}
					tt.damage(w)
					if err := inner(w).Leave(t.Context()); err != nil {
						t.Fatal(err)
					}
				}
			}
			r.source.calls = nil
			if _, err := down(nil).Transfer(t.Context(), a); err != nil {
				t.Fatal(err)
			}
			if n := r.source.count("read"); n != tt.reads {
				t.Errorf("%d reads of the source, want %d: %s", n, tt.reads, r.source.called())
			}
			for l, err := range target.Leftovers(t.Context()) {
				t.Errorf("left: %+v, %v", l, err)
			}
			if len(m.records) > 0 {
				t.Errorf("records: %q", m.records)
			}
			info, err := target.Stat(t.Context(), "a", storage.StatOptions{})
			if err != nil || info.Size != 20 {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}

// TestFileToFileIsReadAgain: size and time of a file do not prove what its bytes are.
func TestFileToFileIsReadAgain(t *testing.T) {
	paths := [2]string{t.TempDir(), t.TempDir()}
	var stores [2]*dir.Store
	for i, path := range paths {
		s, err := dir.Open(path, dir.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = s.Close() })
		stores[i] = s
	}
	target := stores[1]
	file, old := filepath.Join(paths[0], "a"), time.Now().Add(-time.Hour)
	fill := func(text string) {
		if err := errors.Join(os.WriteFile(file, []byte(strings.Repeat(text, 20)), 0o600), os.Chtimes(file, old, old)); err != nil {
			t.Fatal(err)
		}
	}
	fill("a")
	r, m := newRun(), newMemory()
	send := func(ctx context.Context) error {
		info, err := stores[0].Stat(t.Context(), "a", storage.StatOptions{})
		if err != nil {
			t.Fatal(err)
		}
		from, to := side.New("source", stores[0], side.Options{}), side.New("target", target, side.Options{})
		r.resumes(m)
		tr, err := transfer.New(r.opts, from, to, limits.New(limits.Options{Memory: 1 << 20, FixedMemory: true, ParallelParts: 1}),
			attributes.New(r.attrs, from, to))
		if err != nil {
			t.Fatal(err)
		}
		_, err = tr.Transfer(ctx, &plan.Action{Kind: plan.Transfer, Pair: plan.Pair{Source: info.Object, TargetKey: "a"}})
		return err
	}
	ctx, cancel := context.WithCancel(t.Context())
	r.opts.Observe = func(_ *plan.Action, s transfer.Step) {
		if s.Kind == transfer.Written && s.Part == 2 {
			cancel()
		}
	}
	if err := send(ctx); !errors.Is(err, context.Canceled) {
		t.Fatal(err)
	}
	fill("b")
	if err := send(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(filepath.Join(paths[1], "a")); err != nil || string(got) != strings.Repeat("b", 20) {
		t.Errorf("the target has %q, %v", got, err)
	}
}

// TestNotPublishedAgainAndAgain: what was left and cannot be published is begun anew, and
// not left again, although the failure looks temporary. Servers answer so for uploads that
// they cannot complete.
func TestNotPublishedAgainAndAgain(t *testing.T) {
	for way, prepare := range ways() {
		t.Run(way, func(t *testing.T) {
			r, m := newRun(), newMemory()
			prepare(r)
			a := r.fill(t, 4, 4, 4, 4, 4)
			interrupted(t, r.resumes(m), a, 2)
			resumed := false
			r.target.before = func(op string) error {
				switch op {
				case "resume":
					resumed = true
				case "create", "create-copy":
					resumed = false
				case "commit", "commit-copy":
					if resumed {
						return errTransient
					}
				}
				return nil
			}
			for n := 1; ; n++ {
				_, err := r.resumes(m).transferrer(t).Transfer(t.Context(), a)
				if err == nil {
					break
				}
				if n == 2 {
					t.Fatalf("run %d failed: %v", n, err)
				}
			}
			r.target.before = nil
			r.arrived(t)
			r.nothingLeft(t, m)
		})
	}
}
