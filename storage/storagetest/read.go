package storagetest

import (
	"bytes"
	"errors"
	"slices"
	"testing"

	"s3sync/storage"
)

func testMissing(s *suite) {
	t := s.t
	s.put(t, "pre/fix", []byte("x"))
	for _, key := range []string{"missing", "missing/below", "pre", "pre/", "pre/fi", "pre/fix2", "pre/fix/below"} {
		if s.opts.Directories && key == "pre/" || s.skip(t, key) {
			continue
		}
		s.wantMissing(t, key)
	}
}

// open opens an object, to be closed at the end of the test.
func (s *suite) open(t *testing.T, key string, opts storage.OpenOptions) storage.Reader {
	t.Helper()
	r, err := s.Open(t.Context(), key, opts)
	if err != nil {
		t.Fatalf("Open(%q): %v", key, err)
	}
	t.Cleanup(func() {
		if err := r.Close(); err != nil {
			t.Errorf("closing the reader of %q: %v", key, err)
		}
	})
	return r
}

func testReadAt(s *suite) {
	t := s.t
	data := someBytes(100_000, 1)
	s.put(t, "object", data)
	s.put(t, "empty", nil)
	size := int64(len(data))

	for name, tt := range map[string]struct {
		first  int64
		ranges [][2]int64 // offset, length
	}{
		"whole":                {0, [][2]int64{{0, size}}},
		"first is whole":       {size, [][2]int64{{0, size}}},
		"first is more":        {2 * size, [][2]int64{{0, size}}},
		"pieces":               {0, [][2]int64{{0, 10}, {10, 1}, {11, size - 11}}},
		"pieces after first":   {1000, [][2]int64{{0, 1000}, {1000, 1000}, {2000, size - 2000}}},
		"backwards":            {0, [][2]int64{{size - 1, 1}, {5000, 7}, {0, 1}}},
		"not the first range":  {1000, [][2]int64{{5000, 100}, {0, 1000}}},
		"less than announced":  {1000, [][2]int64{{0, 10}, {10, 90}}},
		"the same again":       {1000, [][2]int64{{0, 1000}, {0, 1000}, {0, size}}},
		"overlapping":          {1000, [][2]int64{{0, 1000}, {500, 1000}}},
		"nothing at the start": {0, [][2]int64{{0, 0}, {0, 5}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.open(t, "object", storage.OpenOptions{First: tt.first})
			if got := r.Info().Size; got != size {
				t.Errorf("size %d, want %d", got, size)
			}
			for _, span := range tt.ranges {
				p := make([]byte, span[1])
				if err := r.ReadAt(t.Context(), p, span[0]); err != nil {
					t.Errorf("ReadAt(%d bytes, %d): %v", span[1], span[0], err)
				} else if !bytes.Equal(p, data[span[0]:span[0]+span[1]]) {
					t.Errorf("ReadAt(%d bytes, %d): wrong bytes", span[1], span[0])
				}
			}
			if err := r.Check(t.Context()); err != nil {
				t.Errorf("Check: %v", err)
			}
		})
	}
	for name, tt := range map[string]struct {
		key         string
		off, length int64
	}{
		"over the end":   {"object", size - 2, 4},
		"at the end":     {"object", size, 1},
		"after the end":  {"object", size + 10, 1},
		"more than all":  {"object", 0, size + 1},
		"empty":          {"empty", 0, 1},
		"empty, further": {"empty", 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := s.open(t, tt.key, storage.OpenOptions{})
			if err := r.ReadAt(t.Context(), make([]byte, tt.length), tt.off); err == nil {
				t.Errorf("ReadAt(%d bytes, %d) of %q succeeded", tt.length, tt.off, tt.key)
			}
		})
	}
	r := s.open(t, "empty", storage.OpenOptions{})
	if err := r.ReadAt(t.Context(), nil, 0); err != nil || r.Info().Size != 0 {
		t.Errorf("ReadAt of nothing of an object of %d bytes: %v", r.Info().Size, err)
	}
}

func testReadConcurrently(s *suite) {
	t := s.t
	data := someBytes(1<<20, 2)
	s.put(t, "object", data)
	r := s.open(t, "object", storage.OpenOptions{First: 10_000})
	var offsets []int64
	const step = 10_000
	for off := int64(0); off < int64(len(data)); off += step {
		offsets = append(offsets, off)
	}
	atOnce(offsets, func(off int64) {
		want := data[off:min(off+step, int64(len(data)))]
		got := make([]byte, len(want))
		if err := r.ReadAt(t.Context(), got, off); err != nil {
			t.Errorf("ReadAt(%d bytes, %d): %v", len(got), off, err)
		} else if !bytes.Equal(got, want) {
			t.Errorf("ReadAt(%d bytes, %d): wrong bytes", len(got), off)
		}
	})
}

func testReadChanged(s *suite) {
	t := s.t
	before := someBytes(100_000, 3)
	for name, after := range map[string][]byte{
		"same size": someBytes(int64(len(before)), 4),
		"larger":    slices.Concat(before, []byte("x")),
		"smaller":   before[:len(before)-1],
		"empty":     nil,
	} {
		t.Run(name, func(t *testing.T) {
			s.put(t, "object", before)
			r := s.open(t, "object", storage.OpenOptions{First: 1000})
			p := make([]byte, 1000)
			if err := r.ReadAt(t.Context(), p, 0); err != nil || !bytes.Equal(p, before[:1000]) {
				t.Fatalf("ReadAt before the change: %v", err)
			}
			s.put(t, "object", after)
			p = make([]byte, len(before)-1000)
			err := r.ReadAt(t.Context(), p, 1000)
			if err == nil {
				err = r.Check(t.Context())
			}
			if !errors.Is(err, storage.ErrChanged) {
				t.Errorf("reading after the change: %v; want storage.ErrChanged", err)
			}
		})
	}
}
