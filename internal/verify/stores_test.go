package verify_test

import (
	"context"
	"errors"
	"testing"

	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/internal/verify"
	"s3sync/storage"
	"s3sync/storage/mem"
)

var errInjected = errors.New("injected")

// everything verifies all there is.
var everything = verify.Options{ETag: true, Multipart: true, Checksum: true}

// A store in memory with other capabilities, which may tell something else than is
// right.
type store struct {
	*mem.Store

	caps    func(*storage.Caps)
	told    func(*storage.Info)                  // at Open and of what was written
	layout  func(sizes []int64) ([]int64, error) // of what is open
	sums    func([]storage.Checksum) ([]storage.Checksum, error)
	queries []storage.PartsQuery
}

func (s *store) Caps() storage.Caps {
	caps := s.Store.Caps()
	if s.caps != nil {
		s.caps(&caps)
	}
	return caps
}

func (s *store) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	r, err := s.Store.Open(ctx, key, opts)
	return &reader{r, s}, err
}

type reader struct {
	storage.Reader
	s *store
}

func (r *reader) Info() storage.Info {
	info := r.Reader.Info()
	info.Checksums = nil // they are asked for
	if r.s.told != nil {
		r.s.told(&info)
	}
	return info
}

func (r *reader) Layout(ctx context.Context, query storage.PartsQuery) ([]int64, error) {
	r.s.queries = append(r.s.queries, query)
	sizes, err := r.Reader.Layout(ctx, query)
	if r.s.layout != nil {
		return r.s.layout(sizes)
	}
	return sizes, err
}

func (r *reader) Checksums(ctx context.Context) ([]storage.Checksum, error) {
	sums, err := r.Reader.Checksums(ctx)
	if r.s.sums != nil {
		return r.s.sums(sums)
	}
	return sums, err
}

func newStore() *store { return &store{Store: mem.New()} }

// newFiles is a store of files.
func newFiles() *store {
	return &store{
		Store: mem.New(),
		caps:  func(c *storage.Caps) { *c = storage.Caps{Files: true} },
		told:  func(i *storage.Info) { i.ETag, i.Checksums = "", nil },
	}
}

// newExpress is like a directory bucket.
func newExpress() *store {
	return &store{
		Store: mem.New(),
		caps:  func(c *storage.Caps) { c.DefaultChecksum, c.WantMD5 = "CRC64NVME", false },
		told:  func(i *storage.Info) { i.ETagNotDigest = true },
	}
}

const key = "a"

// fill writes an object of ten bytes in parts of these sizes, or whole if there are
// none, with a checksum if an algorithm is given.
func (s *store) fill(t *testing.T, algorithm checksum.Algorithm, parts ...int) {
	t.Helper()
	sum := storage.Checksum{Algorithm: algorithm}
	if algorithm != "" {
		sum.Type = checksum.FullObject
		if checksum.Allows(algorithm, checksum.Composite) {
			sum.Type = checksum.Composite
		}
	}
	write(t, s.Store, "0123456789", parts, storage.WriteOptions{Size: 10, Checksum: sum}, nil)
}

// write writes data as one who verifies it, if v is not nil.
func write(t *testing.T, s storage.Store, data string, parts []int, opts storage.WriteOptions, v *verify.Verification) storage.Info {
	t.Helper()
	block := func(i, from, n int) storage.Block {
		b := storage.Block{Data: []byte(data[from : from+n])}
		if v == nil {
			return b
		}
		b, err := v.Block(t.Context(), b.Data, i, int64(from))
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	if len(parts) == 0 {
		info, err := s.Put(t.Context(), key, block(0, 0, len(data)), opts)
		if err != nil {
			t.Fatal(err)
		}
		return info
	}
	w, err := s.Create(t.Context(), key, opts)
	if err != nil {
		t.Fatal(err)
	}
	off := 0
	for i, n := range parts {
		if err := w.WritePart(t.Context(), i+1, int64(off), block(i, off, n)); err != nil {
			t.Fatal(err)
		}
		off += n
	}
	info, err := w.Commit(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return info
}

func layoutOf(t *testing.T, parts []int) checksum.Layout {
	t.Helper()
	if len(parts) == 0 {
		return checksum.Whole(10)
	}
	sizes := make([]int64, len(parts))
	for i, n := range parts {
		sizes[i] = int64(n)
	}
	layout, err := checksum.Parts(sizes)
	if err != nil {
		t.Fatal(err)
	}
	return layout
}

func newVerifier(t *testing.T, opts verify.Options, source, target storage.Store, attempts int) *verify.Verifier {
	t.Helper()
	l := limits.New(limits.Options{Memory: 1 << 20, ParallelParts: 16})
	policy := side.Options{Policy: retry.Policy{Count: attempts - 1}}
	return verify.New(opts, side.New("source", source, policy), side.New("target", target, policy), l)
}

// pass writes the object of source to target in parts of these sizes, and verifies
// it.
func pass(t *testing.T, opts verify.Options, source, target *store, parts ...int) (verify.Result, error) {
	t.Helper()
	v := newVerifier(t, opts, source, target, 1)
	r, err := source.Open(t.Context(), key, storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	info := r.Info()
	from := v.Source(r, &info, 0)
	var p verify.Verification
	if err := v.Begin(t.Context(), &p, layoutOf(t, parts), &from); err != nil {
		return verify.Result{}, err
	}
	data := make([]byte, 10)
	if err := r.ReadAt(t.Context(), data, 0); err != nil {
		t.Fatal(err)
	}
	written := write(t, target.Store, string(data), parts, storage.WriteOptions{Size: 10, Checksum: v.WrittenChecksum()}, &p)
	if target.told != nil {
		target.told(&written)
	}
	if err := p.CheckSource(&info); err != nil {
		return verify.Result{}, err
	}
	if err := p.CheckTarget(&written); err != nil {
		return verify.Result{}, err
	}
	return p.Result(&info, &written), nil
}
