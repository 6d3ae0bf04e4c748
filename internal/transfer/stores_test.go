package transfer_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"

	"s3sync/internal/attributes"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
	"s3sync/storage"
	"s3sync/storage/mem"
)

var (
	errInjected  = errors.New("injected")
	errTransient = fmt.Errorf("%w: %w", storage.ErrTransient, errInjected)
)

// A store in memory that notes its calls, and may fail them before or after they
// were carried out.
type store struct {
	*mem.Store

	caps func(*storage.Caps)
	// before and after may fail a call: open, read, check, layout-infer, layout-exact, put, create, part,
	// commit, abort, delete, stat, copy, create-copy and copy-part.
	before, after func(op string) error
	// info and written may change what is told of an object that is open, and of one
	// that was written.
	info, written func(*storage.Info)
	layout        func(sizes []int64) []int64

	mu     sync.Mutex
	calls  []string
	copied storage.CopySource // the last one
}

func newStore() *store { return &store{Store: mem.New()} }

// newFiles is a store of files.
func newFiles() *store {
	s := newStore()
	s.caps = func(c *storage.Caps) { *c = storage.Caps{Files: true} }
	s.info = func(i *storage.Info) { i.ETag = "" }
	s.written = s.info
	return s
}

func (s *store) Caps() storage.Caps {
	caps := s.Store.Caps()
	if s.caps != nil {
		s.caps(&caps)
	}
	return caps
}

// passes counts bytes as a store does whose objects pass a connection, if it is one.
func (s *store) passes(ctx context.Context, n int) {
	if s.Caps().Metered {
		storage.MeterOf(ctx).Add(int64(n))
	}
}

// call makes a call, unless it fails before.
func call[T any](s *store, op string, do func() (T, error)) (T, error) {
	s.mu.Lock()
	s.calls = append(s.calls, op)
	s.mu.Unlock()
	if s.before != nil {
		if err := s.before(op); err != nil {
			var none T
			return none, err
		}
	}
	answer, err := do()
	if err == nil && s.after != nil {
		err = s.after(op)
	}
	return answer, err
}

// called are the calls so far, in order.
func (s *store) called() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return strings.Join(s.calls, " ")
}

func (s *store) tell(info storage.Info, err error) (storage.Info, error) {
	if err == nil && s.written != nil {
		s.written(&info)
	}
	return info, err
}

func (s *store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	return call(s, partsOp("stat", opts.Parts), func() (storage.Info, error) {
		info, err := s.Store.Stat(ctx, key, opts)
		if err == nil && opts.Listed == nil && opts.Parts != storage.NoParts {
			err = errors.New("the store cannot make sure of the answer")
		}
		if s.layout != nil {
			info.Parts = s.layout(info.Parts)
		}
		return info, err
	})
}

func (s *store) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	return call(s, "open", func() (storage.Reader, error) {
		r, err := s.Store.Open(ctx, key, opts)
		if err != nil {
			return nil, err
		}
		return &reader{r, s}, nil
	})
}

func (s *store) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	s.passes(ctx, len(b.Data))
	return call(s, "put", func() (storage.Info, error) { return s.tell(s.Store.Put(ctx, key, b, opts)) })
}

func (s *store) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	return call(s, "create", func() (storage.Writer, error) {
		w, err := s.Store.Create(ctx, key, opts)
		return &writer{w, s}, err
	})
}

func (s *store) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	_, err := call(s, "delete", func() (int, error) { return 0, s.Store.Delete(ctx, objects, opts)[0] })
	return []error{err}
}

func (s *store) Copies(from storage.Store) bool {
	_, ok := from.(*store)
	return ok
}

func (s *store) Copy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.Info, error) {
	s.copied = from
	return call(s, "copy", func() (storage.Info, error) { return s.tell(s.Store.Copy(ctx, key, inside(from), opts)) })
}

func (s *store) CreateCopy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.CopyWriter, error) {
	return call(s, "create-copy", func() (storage.CopyWriter, error) {
		w, err := s.Store.CreateCopy(ctx, key, inside(from), opts)
		return &copyWriter{w, s}, err
	})
}

// inside names a source as the store in memory knows it.
func inside(from storage.CopySource) storage.CopySource {
	if s, ok := from.Store.(*store); ok {
		from.Store = s.Store
	}
	return from
}

type reader struct {
	storage.Reader
	s *store
}

func (r *reader) Info() storage.Info {
	info := r.Reader.Info()
	if r.s.info != nil {
		r.s.info(&info)
	}
	return info
}

func (r *reader) ReadAt(ctx context.Context, p []byte, off int64) error {
	r.s.passes(ctx, len(p))
	_, err := call(r.s, "read", func() (int, error) { return 0, r.Reader.ReadAt(ctx, p, off) })
	return err
}

func (r *reader) Layout(ctx context.Context, query storage.PartsQuery) ([]int64, error) {
	return call(r.s, partsOp("layout", query), func() ([]int64, error) {
		sizes, err := r.Reader.Layout(ctx, query)
		if r.s.layout != nil {
			sizes = r.s.layout(sizes)
		}
		return sizes, err
	})
}

func (r *reader) Check(ctx context.Context) error {
	_, err := call(r.s, "check", func() (int, error) { return 0, r.Reader.Check(ctx) })
	return err
}

type writer struct {
	storage.Writer
	s *store
}

func (w *writer) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	w.s.passes(ctx, len(b.Data))
	op := "part"
	if b.Stream != nil {
		op = "stream"
	}
	_, err := call(w.s, op, func() (int, error) { return 0, w.Writer.WritePart(ctx, n, off, b) })
	return err
}

func (w *writer) Commit(ctx context.Context) (storage.Info, error) {
	return call(w.s, "commit", func() (storage.Info, error) { return w.s.tell(w.Writer.Commit(ctx)) })
}

func (w *writer) Abort(ctx context.Context) error {
	_, err := call(w.s, "abort", func() (int, error) { return 0, errors.Join(ctx.Err(), w.Writer.Abort(ctx)) })
	return err
}

type copyWriter struct {
	storage.CopyWriter
	s *store
}

func (w *copyWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	_, err := call(w.s, "copy-part", func() (int, error) { return 0, w.CopyWriter.CopyPart(ctx, n, off, size) })
	return err
}

func (w *copyWriter) Commit(ctx context.Context) (storage.Info, error) {
	return call(w.s, "commit", func() (storage.Info, error) { return w.s.tell(w.CopyWriter.Commit(ctx)) })
}

func (w *copyWriter) Abort(ctx context.Context) error {
	_, err := call(w.s, "abort", func() (int, error) { return 0, errors.Join(ctx.Err(), w.CopyWriter.Abort(ctx)) })
	return err
}

// partsOp is a call that asks for parts.
func partsOp(op string, query storage.PartsQuery) string {
	switch query {
	case storage.InferParts:
		return op + "-infer"
	case storage.ExactParts:
		return op + "-exact"
	case storage.NoParts:
	}
	return op
}

// times lets the first calls of op fail with err.
func times(n int, op string, err error) func(string) error {
	var mu sync.Mutex
	return func(called string) error {
		mu.Lock()
		defer mu.Unlock()
		if called != op || n == 0 {
			return nil
		}
		n--
		return err
	}
}

// A run is a Transferrer between two stores, and what it told.
type run struct {
	source, target *store

	opts     transfer.Options
	attrs    attributes.Options
	retries  int
	memory   int64
	parallel int // parts at once

	mu      sync.Mutex
	steps   []string
	read    int64
	notices []storage.Notice
	unknown []string
}

// newRun is a run that verifies everything, with parts of 4 bytes, one at a time.
func newRun() *run {
	r := &run{source: newStore(), target: newStore(), retries: 2, memory: 1 << 20, parallel: 1}
	r.opts = transfer.Options{
		Threshold: 8, ChunkSize: 4, Verify: verify.Options{ETag: true, Multipart: true, Checksum: true, ChunkSize: 4},
	}
	return r
}

func (r *run) transferrer(t *testing.T) *transfer.Transferrer {
	t.Helper()
	l := limits.New(limits.Options{Memory: r.memory, FixedMemory: true, ParallelParts: limits.Concurrency(r.parallel)})
	policy := side.Options{Policy: retry.Policy{Count: r.retries}}
	from, to := side.New("source", r.source, policy), side.New("target", r.target, policy)
	r.opts.Read = func(n int64) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.read += n
	}
	r.opts.Observe = func(a *plan.Action, s transfer.Step) {
		r.mu.Lock()
		defer r.mu.Unlock()
		switch s.Kind {
		case transfer.Begun:
			r.steps = append(r.steps, "begun "+s.Source.Key)
		case transfer.Written:
			r.steps = append(r.steps, fmt.Sprintf("%d:%d", s.Part, s.Bytes))
		case transfer.Mismatch:
			if !errors.Is(s.Err, storage.ErrMismatch) {
				t.Error(s.Err)
			}
			r.steps = append(r.steps, "mismatch")
		}
		if s.Source.Key != a.Key() {
			t.Errorf("step of %q in the action of %q", s.Source.Key, a.Key())
		}
	}
	r.opts.Notice = func(n storage.Notice) { r.notices = append(r.notices, n) }
	r.opts.LayoutUnknown = func(key string) { r.unknown = append(r.unknown, key) }
	tr, err := transfer.New(r.opts, from, to, l, attributes.New(r.attrs, from, to))
	if err != nil {
		t.Fatal(err)
	}
	return tr
}

// fill writes the source object in parts of these sizes, or whole if there is one.
func (r *run) fill(t *testing.T, sizes ...int) *plan.Action {
	t.Helper()
	total := 0
	for _, n := range sizes {
		total += n
	}
	data := []byte(strings.Repeat("0123456789abcde", total/15+1)[:total])
	opts := storage.WriteOptions{Size: int64(total)}
	var info storage.Info
	var err error
	if len(sizes) == 1 {
		info, err = r.source.Store.Put(t.Context(), "a", storage.Block{Data: data}, opts)
	} else {
		info, err = writeParts(t.Context(), r.source.Store, data, sizes, opts)
	}
	if err != nil {
		t.Fatal(err)
	}
	return &plan.Action{Kind: plan.Transfer, Pair: plan.Pair{Source: info.Object, TargetKey: "a"}, Reason: plan.ReasonNew}
}

func writeParts(ctx context.Context, s storage.Store, data []byte, sizes []int, opts storage.WriteOptions) (storage.Info, error) {
	w, err := s.Create(ctx, "a", opts)
	if err != nil {
		return storage.Info{}, err
	}
	off := 0
	for i, n := range sizes {
		if err := w.WritePart(ctx, i+1, int64(off), storage.Block{Data: data[off : off+n]}); err != nil {
			return storage.Info{}, err
		}
		off += n
	}
	return w.Commit(ctx)
}

// contents reads the object that a store holds; false if there is none.
func contents(t *testing.T, s *store) (string, bool) {
	t.Helper()
	r, err := s.Store.Open(t.Context(), "a", storage.OpenOptions{})
	if err != nil {
		return "", false
	}
	defer r.Close()
	p := make([]byte, r.Info().Size)
	if err := r.ReadAt(t.Context(), p, 0); err != nil {
		t.Fatal(err)
	}
	return string(p), true
}

// arrived fails unless the target holds what the source holds.
func (r *run) arrived(t *testing.T) {
	t.Helper()
	want, _ := contents(t, r.source)
	if got, ok := contents(t, r.target); !ok || got != want {
		t.Errorf("the target has %q, %t, want %q", got, ok, want)
	}
}

// nothing fails if the target holds something.
func (r *run) nothing(t *testing.T) {
	t.Helper()
	if got, ok := contents(t, r.target); ok {
		t.Errorf("the target has %q", got)
	}
}

func has(t *testing.T, err error, text string) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("%v does not contain %q", err, text)
	}
}
