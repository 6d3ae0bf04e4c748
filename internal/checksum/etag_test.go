package checksum_test

import (
	"context"
	"crypto/md5"
	"encoding/hex"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/checksum"
)

var errTest = errors.New("test failure")

// Zero-filled objects, computed independently.
func TestETagVectors(t *testing.T) {
	tests := map[string]struct {
		layout checksum.Layout
		want   string
	}{
		"6 MiB whole":          {checksum.Whole(6 * mib), "da6a0d097e307ac52ed9b4ad551801fc"},
		"9 MiB in 8 MiB":       {checksum.Uniform(9*mib, 8*mib), "d126ef08817d0490e207e456cb0ae080-2"},
		"12 MiB in 8 MiB":      {checksum.Uniform(12*mib, 8*mib), "ebe97f2a4738800fe71edbe389c000a6-2"},
		"12 MiB by list":       {mustParts(t, 8*mib, 4*mib), "ebe97f2a4738800fe71edbe389c000a6-2"},
		"30 MiB in 8 MiB":      {checksum.Uniform(30*mib, 8*mib), "9be3303e9a8d67a0f1e609fb7a29030a-4"},
		"8 MiB in 8 MiB":       {checksum.Uniform(8*mib, 8*mib), "9ed977000dc166f25a9b9ef26fb3c3fc-1"},
		"empty whole":          {checksum.Whole(0), "d41d8cd98f00b204e9800998ecf8427e"},
		"empty, one part":      {checksum.Uniform(0, 8*mib), "59adb24ef3cdbe0297f05b395827453f-1"},
		"empty parts between":  {mustParts(t, 0, 3, 0), reference(make([]byte, 3), mustParts(t, 0, 3, 0))},
		"more than one at end": {mustParts(t, 1, 2), reference(make([]byte, 3), mustParts(t, 1, 2))},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			for _, step := range []int64{tt.layout.Total(), mib + 1} {
				e := checksum.NewETag(tt.layout)
				zeros := make([]byte, max(step, 1))
				for off := int64(0); off < tt.layout.Total(); off += step {
					n := min(step, tt.layout.Total()-off)
					if err := e.WriteAt(t.Context(), zeros[:n], off); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := e.Sum(); got != tt.want || err != nil {
					t.Errorf("in steps of %d: got %s, %v, want %s", step, got, err, tt.want)
				}
			}
		})
	}
}

// reference computes an ETag in the plainest way.
func reference(data []byte, layout checksum.Layout) string {
	var all []byte
	for _, n := range layout.Sizes() {
		sum := md5.Sum(data[:n])
		all = append(all, sum[:]...)
		data = data[n:]
	}
	if !layout.Multipart() {
		return hex.EncodeToString(all)
	}
	sum := md5.Sum(all)
	return fmt.Sprintf("%x-%d", sum, layout.Len())
}

// FuzzETag writes data, cut in one way, from several goroutines, into layouts
// cut in another. Every byte of parts and cuts is the size of one piece; the
// last size goes on to the end.
func FuzzETag(f *testing.F) {
	f.Add([]byte("some bytes of an object"), []byte{5}, []byte{3, 7}, uint64(1))
	f.Add([]byte("some bytes of an object"), []byte{5, 0, 9}, []byte{20}, uint64(2))
	f.Add([]byte{}, []byte{0, 0}, []byte{1}, uint64(3))
	f.Add([]byte("x"), []byte{}, []byte{}, uint64(4))
	f.Fuzz(func(t *testing.T, data, parts, cuts []byte, seed uint64) {
		layout := checksum.Whole(int64(len(data)))
		if len(parts) > 0 {
			var err error
			if layout, err = checksum.Parts(pieces(len(data), parts)); err != nil {
				t.Fatal(err)
			}
		}
		e := checksum.NewETag(layout)
		random := rand.New(rand.NewPCG(seed, 0))

		// Callers are admitted in ascending order, but run as they like: those
		// with a mark are delayed until all are admitted.
		var writers sync.WaitGroup
		start := make(chan struct{})
		off := int64(0)
		for _, n := range pieces(len(data), cuts) {
			p, at, late := data[off:off+n], off, random.IntN(2) == 0
			off += n
			writers.Go(func() {
				if late {
					<-start
				}
				if err := e.WriteAt(t.Context(), p, at); err != nil {
					t.Error(err)
				}
			})
		}
		close(start)
		writers.Wait()
		got, err := e.Sum()
		if want := reference(data, layout); got != want || err != nil {
			t.Errorf("got %s, %v, want %s in %v", got, err, want, layout.Sizes())
		}
	})
}

// pieces cuts n bytes as FuzzETag describes.
func pieces(n int, sizes []byte) (cut []int64) {
	for _, s := range sizes {
		s := min(int(s), n)
		cut = append(cut, int64(s))
		n -= s
	}
	if n > 0 || len(cut) == 0 {
		cut = append(cut, int64(n))
	}
	return cut
}

func TestETagWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		data := []byte("0123456789")
		layout := checksum.Uniform(10, 6)
		e := checksum.NewETag(layout)
		done := make([]bool, 3)
		write := func(i, from, to int) {
			if err := e.WriteAt(t.Context(), data[from:to], int64(from)); err != nil {
				t.Error(err)
			}
			done[i] = true
		}
		go write(2, 4, 8) // crosses the end of the first part
		go write(1, 2, 4)
		synctest.Wait()
		if done[1] || done[2] {
			t.Fatalf("writes did not wait: %v", done)
		}
		go write(0, 0, 2)
		synctest.Wait()
		if !done[0] || !done[1] || !done[2] {
			t.Fatalf("writes still wait: %v", done)
		}
		if _, err := e.Sum(); err == nil || !strings.Contains(err.Error(), "part 2 of 2") {
			t.Fatalf("got %v, want an error that names the part with missing bytes", err)
		}
		if _, ok := e.PartSum(1); ok {
			t.Fatal("the second part has a digest before its end")
		}
		write(0, 8, 10)
		if sum, ok := e.PartSum(1); !ok || sum != md5.Sum(data[6:]) {
			t.Errorf("got part digest %x, %v", sum, ok)
		}
		if got, err := e.Sum(); got != reference(data, layout) || err != nil {
			t.Errorf("got %s, %v", got, err)
		}
	})
}

func TestETagRefuses(t *testing.T) {
	tests := map[string]struct {
		n   int
		off int64
	}{
		"again":             {4, 0},
		"overlap":           {2, 3},
		"negative":          {1, -1},
		"behind the end":    {1, 10},
		"over the end":      {3, 8},
		"offset overflow":   {1, 1 << 62},
		"a part set before": {2, 6},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			e := checksum.NewETag(checksum.Uniform(10, 6))
			if err := e.WriteAt(t.Context(), make([]byte, 4), 0); err != nil {
				t.Fatal(err)
			}
			if err := e.SetPart(1, [md5.Size]byte{}); err != nil {
				t.Fatal(err)
			}
			if err := e.WriteAt(t.Context(), make([]byte, tt.n), tt.off); err == nil {
				t.Error("got no error")
			}
		})
	}
}

// Two writers of the same bytes: one of them is told, and neither hangs.
func TestETagConcurrentOverlap(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		e := checksum.NewETag(checksum.Whole(30))
		errs := make(chan error, 2)
		for _, n := range []int{20, 10} {
			go func() { errs <- e.WriteAt(t.Context(), make([]byte, n), 10) }()
		}
		synctest.Wait()
		if err := e.WriteAt(t.Context(), make([]byte, 10), 0); err != nil {
			t.Fatal(err)
		}
		if a, b := <-errs, <-errs; (a == nil) == (b == nil) {
			t.Errorf("got %v and %v, want one error", a, b)
		}
	})
}

func TestETagSetPart(t *testing.T) {
	data := []byte("0123456789")
	layout := checksum.Uniform(10, 4)
	e := checksum.NewETag(layout)
	for range 2 { // the second time as after a retry of the part
		if err := e.SetPart(1, md5.Sum(data[4:8])); err != nil {
			t.Fatal(err)
		}
	}
	if err := e.SetPart(1, md5.Sum(data)); err == nil {
		t.Error("another digest was accepted")
	}
	if err := e.WriteAt(t.Context(), data[:2], 0); err != nil {
		t.Fatal(err)
	}
	if err := e.SetPart(0, md5.Sum(data[:4])); err == nil {
		t.Error("the digest of a part in work was accepted")
	}
	for _, r := range [][2]int{{2, 4}, {8, 10}} {
		if err := e.WriteAt(t.Context(), data[r[0]:r[1]], int64(r[0])); err != nil {
			t.Fatal(err)
		}
	}
	for text, ok := range map[string]bool{string(data[8:]): true, string(data): false} {
		if err := e.SetPart(2, md5.Sum([]byte(text))); (err == nil) != ok {
			t.Errorf("digest of %q for a part that was written: got %v", text, err)
		}
	}
	if got, err := e.Sum(); got != reference(data, layout) || err != nil {
		t.Errorf("got %s, %v", got, err)
	}
}

func TestETagWakesWaiters(t *testing.T) {
	tests := map[string]struct {
		wake func(e *checksum.ETag, cancel context.CancelCauseFunc)
		sum  bool // Sum fails, too
	}{
		"cancel": {func(_ *checksum.ETag, cancel context.CancelCauseFunc) { cancel(errTest) }, false},
		"abort":  {func(e *checksum.ETag, _ context.CancelCauseFunc) { e.Abort(errTest); e.Abort(nil) }, true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				e := checksum.NewETag(checksum.Whole(10))
				ctx, cancel := context.WithCancelCause(t.Context())
				errs := make(chan error, 2)
				for off := int64(4); off <= 6; off += 2 {
					go func() { errs <- e.WriteAt(ctx, make([]byte, 2), off) }()
				}
				time.AfterFunc(time.Minute, func() { tt.wake(e, cancel) })
				for range 2 {
					if err := <-errs; !errors.Is(err, errTest) {
						t.Errorf("got %v, want the cause", err)
					}
				}
				if !tt.sum {
					return
				}
				if _, err := e.Sum(); !errors.Is(err, errTest) {
					t.Errorf("Sum: got %v, want the cause", err)
				}
				if err := e.WriteAt(t.Context(), make([]byte, 2), 0); !errors.Is(err, errTest) {
					t.Errorf("WriteAt: got %v, want the cause", err)
				}
			})
		})
	}
	t.Run("abort without a reason", func(t *testing.T) {
		e := checksum.NewETag(checksum.Whole(0))
		e.Abort(nil)
		if _, err := e.Sum(); err == nil {
			t.Error("got no error")
		}
	})
}

// An ETag matches its own text and nothing else, and not before all bytes are there.
func TestETagMatches(t *testing.T) {
	data := []byte("twelve bytes")
	for _, layout := range []checksum.Layout{
		checksum.Whole(12), checksum.Uniform(12, 12), checksum.Uniform(12, 5), mustParts(t, slices.Repeat([]int64{0}, 9_999)...), mustParts(t, 12),
	} {
		e := checksum.NewETag(layout)
		bytes := data[:layout.Total()]
		if len(bytes) > 0 {
			if ok, err := e.Matches(reference(bytes, layout)); ok || err == nil {
				t.Errorf("without bytes: %v, error %v", ok, err)
			}
		}
		if err := e.WriteAt(t.Context(), bytes, 0); err != nil {
			t.Fatal(err)
		}
		want := reference(bytes, layout)
		for etag, matches := range map[string]bool{
			want: true, want + "0": false, want[1:]: false, want + "-2": false, strings.ToUpper(want): false, "": false,
		} {
			if got, err := e.Matches(etag); got != matches || err != nil {
				t.Errorf("%s and %s: %v, error %v", want, etag, got, err)
			}
		}
	}
}

// The ETag of an object written whole takes no memory but its own, which serves again.
func TestETagOfAWholeObjectIsCheap(t *testing.T) {
	data := []byte("data")
	sum := md5.Sum(data)
	want := hex.EncodeToString(sum[:])
	var e checksum.ETag
	allocations := testing.AllocsPerRun(100, func() {
		e.Begin(checksum.Whole(4))
		if err := e.SetPart(0, sum); err != nil {
			t.Error(err)
		}
		if matches, err := e.Matches(want); !matches || err != nil {
			t.Errorf("%v, error %v", matches, err)
		}
	})
	if allocations > 0 {
		t.Errorf("%v allocations", allocations)
	}
}

func BenchmarkETag(b *testing.B) {
	data := make([]byte, 8*mib)
	for name, layout := range map[string]checksum.Layout{
		"whole": checksum.Whole(8 * mib),
		"parts": checksum.Uniform(8*mib, 5*mib),
	} {
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(data)))
			for b.Loop() {
				e := checksum.NewETag(layout)
				if err := e.WriteAt(b.Context(), data, 0); err != nil {
					b.Fatal(err)
				}
				if _, err := e.Sum(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("10 KiB", func(b *testing.B) {
		b.ReportAllocs()
		b.SetBytes(10 << 10)
		for b.Loop() {
			e := checksum.NewETag(checksum.Whole(10 << 10))
			if err := e.WriteAt(b.Context(), data[:10<<10], 0); err != nil {
				b.Fatal(err)
			}
			if _, err := e.Sum(); err != nil {
				b.Fatal(err)
			}
		}
	})
}
