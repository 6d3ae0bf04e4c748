package checksum_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"s3sync/internal/checksum"
)

func compositeValue(digest []byte, parts int) string {
	return fmt.Sprintf("%s-%d", base64.StdEncoding.EncodeToString(digest), parts)
}

func mustSum(t testing.TB, alg checksum.Algorithm, layout checksum.Layout, typ checksum.Type) *checksum.Sum {
	t.Helper()
	s, err := checksum.NewSum(alg, layout, typ)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// Zero-filled objects, computed independently; xxHashes with libxxhash 0.8.1.
func TestSumVectors(t *testing.T) {
	const console = 17_179_870
	tests := []struct {
		alg    checksum.Algorithm
		typ    checksum.Type
		layout checksum.Layout
		want   string
	}{
		{checksum.CRC32, checksum.FullObject, checksum.Whole(9 * mib), "YyFLrQ=="},
		{checksum.CRC32, checksum.FullObject, checksum.Uniform(9*mib, 8*mib), "YyFLrQ=="},
		{checksum.CRC32, checksum.Composite, checksum.Whole(9 * mib), "YyFLrQ=="},
		{checksum.CRC32, checksum.Composite, checksum.Uniform(9*mib, 8*mib), "A0o2bA==-2"},
		{checksum.CRC32, checksum.Composite, checksum.Uniform(50*mib, console), "ef6o8Q==-4"},
		{checksum.CRC32C, checksum.FullObject, checksum.Uniform(9*mib, 8*mib), "Gs/MBw=="},
		{checksum.CRC32C, checksum.FullObject, checksum.Whole(0), "AAAAAA=="},
		{checksum.CRC64NVME, checksum.FullObject, checksum.Uniform(9*mib, 8*mib), "1q6/IYHP8XY="},
		{checksum.CRC64NVME, checksum.FullObject, checksum.Whole(50 * mib), "ZfX5vT9m/o8="},
		{checksum.CRC64NVME, checksum.FullObject, checksum.Uniform(50*mib, console), "ZfX5vT9m/o8="},
		{checksum.SHA1, checksum.Composite, checksum.Uniform(9*mib, 8*mib), "0HI48iiv7WNeaKOt7yI50jp/JOk=-2"},
		{checksum.SHA256, checksum.Composite, checksum.Uniform(9*mib, 8*mib), "zWifJvli3SaQ9LZtHxzpOjkUE9x4ovgJZ+34As/NMwc=-2"},
		{checksum.SHA256, checksum.Composite, checksum.Uniform(30*mib, 8*mib), "FG7hVvyFjayJ8sgiubA6vZYD+V5rT3kub2C2iDOIW+w=-4"},
		{checksum.SHA256, checksum.Composite, checksum.Whole(9 * mib), "0u5HA82WmJRcp7n+FonqMJVZfqwaCv2NugDKx4lP3EM="},
		{checksum.SHA512, checksum.Composite, checksum.Uniform(9*mib, 8*mib), "5gHNFwrytRkOHvbjgippRxal7BgRsDFnaswFJdS63mOgmpwtzh+3aXwzelbTU2I7Pd7keP7uWtYLvNvMNZ4nqA==-2"},
		{checksum.MD5, checksum.Composite, checksum.Uniform(9*mib, 8*mib), "0SbvCIF9BJDiB+RWywrggA==-2"},
		{checksum.XXHASH64, checksum.FullObject, checksum.Whole(9 * mib), "gYFOKDSXcG4="},
		{checksum.XXHASH64, checksum.Composite, checksum.Uniform(9*mib, 8*mib), "T2YRqk6alD4=-2"},
		{checksum.XXHASH3, checksum.FullObject, checksum.Whole(9 * mib), "wQ1drNLDFHs="},
		{checksum.XXHASH3, checksum.Composite, checksum.Uniform(9*mib, 8*mib), "DHavEC112Yk=-2"},
		{checksum.XXHASH128, checksum.FullObject, checksum.Whole(9 * mib), "RcN+MaSML6nBDV2s0sMUew=="},
		{checksum.XXHASH128, checksum.Composite, checksum.Uniform(9*mib, 8*mib), "XewTue9xp/NjaEGmQC6SWA==-2"},
	}
	for _, tt := range tests {
		t.Run(fmt.Sprint(tt.alg, tt.typ, tt.layout.Sizes()), func(t *testing.T) {
			for _, step := range []int64{tt.layout.Total(), mib + 1} {
				s := mustSum(t, tt.alg, tt.layout, tt.typ)
				zeros := make([]byte, max(step, 1))
				for off := int64(0); off < tt.layout.Total(); off += step {
					n := min(step, tt.layout.Total()-off)
					if err := s.WriteAt(t.Context(), zeros[:n], off); err != nil {
						t.Fatal(err)
					}
				}
				if got, err := s.Value(); got != tt.want || err != nil {
					t.Errorf("in steps of %d: got %s, %v, want %s", step, got, err, tt.want)
				}
			}
		})
	}
}

// What Amazon S3 answered to UploadPart for each part, and to HeadObject.
func TestSumAsS3(t *testing.T) {
	tests := map[checksum.Algorithm]map[string][]string{
		checksum.CRC32:  {"R/nORQ==-2": {"W0QpDQ==", "anCi7Q=="}},
		checksum.CRC32C: {"ROC8NA==-2": {"wMKxiw==", "myWdrQ=="}},
		checksum.SHA1:   {"CBB1y8xhBCot1HoCMQCx18NR2tU=-2": {"1/0x5kkt8+9IA/j+B6LiWtFTdrY=", "H2o2aM+t5OzS5CuqgWtQ90pWCpo="}},
		checksum.SHA256: {
			"D0xEU2q/FgypQljU/eaDWTSRcnDG3KQGOtevJWcmMRY=-1": {"n7gWa0Gp88JMie9iljKcv731WbPhWtFVibhxsVB8FAw="},
			"rVWtNbadtsaKXJAcgWPWjifHzJaXde/iV4jaJAOdivc=-3": {
				"lcKa6Boe7a167tUCN5C4OaFygGSYD8MBnBARTrdL+1w=",
				"gHjhbUT4oo2tSCtSZJdlKi+jeNXJT+VImqdPXsXvkOc=",
				"4l9PQ3zOPZ0oGFvknFX+J4zZwE4WMzO+l3r8XrbWOeM=",
			},
		},
	}
	for alg, values := range tests {
		for want, parts := range values {
			s := mustSum(t, alg, checksum.Uniform(int64(len(parts)), 1), checksum.Composite)
			for i, p := range parts {
				digest, err := base64.StdEncoding.DecodeString(p)
				if err != nil {
					t.Fatal(err)
				}
				if err := s.SetPart(i, digest); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := s.Value(); got != want || err != nil {
				t.Errorf("%s: got %s, %v, want %s", alg, got, err, want)
			}
			for value, want := range map[string]bool{
				want:                              true,
				want[:strings.Index(want, "-")]:   true, // as GetObjectAttributes answers
				want + "0":                        false,
				parts[0]:                          false,
				strings.Replace(want, "=", "", 1): false,
				"":                                false,
			} {
				if got, err := s.Matches(value); got != want || err != nil {
					t.Errorf("%s: %q matches: got %v, %v, want %v", alg, value, got, err, want)
				}
			}
		}
	}
}

// FuzzSum writes data, cut in one way, from several goroutines, into layouts cut
// in another: see FuzzETag. CRCs get their pieces in random order.
func FuzzSum(f *testing.F) {
	f.Add([]byte("some bytes of an object"), []byte{5}, []byte{3, 7}, uint64(1))
	f.Add([]byte("some bytes of an object"), []byte{5, 0, 9}, []byte{20}, uint64(2))
	f.Add([]byte{}, []byte{0, 0}, []byte{1}, uint64(3))
	f.Add([]byte("x"), []byte{}, []byte{}, uint64(4))
	f.Add(bytes.Repeat([]byte("0123456789"), 300), []byte{255, 255, 255}, []byte{200, 201, 202, 203, 204}, uint64(5))
	f.Fuzz(func(t *testing.T, data, parts, cuts []byte, seed uint64) {
		layout := checksum.Whole(int64(len(data)))
		if len(parts) > 0 {
			layout = mustParts(t, pieces(len(data), parts)...)
		}
		for _, alg := range checksum.Algorithms() {
			for _, typ := range []checksum.Type{checksum.Composite, checksum.FullObject} {
				if layout.Multipart() && !checksum.Allows(alg, typ) {
					continue
				}
				s := mustSum(t, alg, layout, typ)
				writePieces(t, s, data, cuts, rand.New(rand.NewPCG(seed, 0)))
				got, err := s.Value()
				if want := referenceValue(alg, typ, data, layout); got != want || err != nil {
					t.Errorf("%s %s: got %s, %v, want %s in %v", alg, typ, got, err, want, layout.Sizes())
				}
				for i := range layout.Len() {
					off, n := layout.Bounds(i)
					if got, ok := s.PartSum(i); !ok || !bytes.Equal(got, digest(alg, data[off:off+n])) {
						t.Errorf("%s: part %d has digest %x, %v", alg, i, got, ok)
					}
				}
			}
		}
	})
}

// writePieces writes data in pieces, each from a goroutine of its own. Half of
// them run after all others were admitted; those of a CRC in random order.
func writePieces(t *testing.T, s *checksum.Sum, data, cuts []byte, random *rand.Rand) {
	var writers sync.WaitGroup
	defer writers.Wait()
	start := make(chan struct{})
	defer close(start)
	type piece struct {
		data []byte
		off  int64
	}
	var todo []piece
	off := int64(0)
	for _, n := range pieces(len(data), cuts) {
		todo = append(todo, piece{data[off : off+n], off})
		off += n
	}
	ctx := t.Context()
	if checksum.Allows(s.Algorithm(), checksum.FullObject) {
		ctx = noWait(t)
		random.Shuffle(len(todo), func(i, j int) { todo[i], todo[j] = todo[j], todo[i] })
	}
	for _, p := range todo {
		late := random.IntN(2) == 0
		writers.Go(func() {
			if late {
				<-start
			}
			if err := s.WriteAt(ctx, p.data, p.off); err != nil {
				t.Error(err)
			}
		})
	}
}

// noWait returns a context with which every wait fails.
func noWait(t *testing.T) context.Context {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	return ctx
}

// Whole parts are digested in any order, whatever the algorithm; a CRC takes any
// bytes, and other digests wait for those before them.
func TestSumWaits(t *testing.T) {
	data := []byte("0123456789")
	layout := checksum.Uniform(10, 4)
	for _, alg := range checksum.Algorithms() {
		t.Run(string(alg), func(t *testing.T) {
			typ := checksum.Composite
			if !checksum.Allows(alg, typ) {
				typ = checksum.FullObject
			}
			s := mustSum(t, alg, layout, typ)
			for i := layout.Len() - 1; i >= 0; i-- {
				off, n := layout.Bounds(i)
				if err := s.WriteAt(noWait(t), data[off:off+n], off); err != nil {
					t.Fatal(err)
				}
			}
			if got, err := s.Value(); got != referenceValue(alg, typ, data, layout) || err != nil {
				t.Errorf("got %s, %v", got, err)
			}
			err := mustSum(t, alg, layout, typ).WriteAt(noWait(t), data[1:2], 1)
			if crc := checksum.Allows(alg, checksum.FullObject); crc != (err == nil) || !crc && !errors.Is(err, context.Canceled) {
				t.Errorf("second byte before the first: got %v", err)
			}
		})
	}
}

func TestNewSum(t *testing.T) {
	tests := map[string]struct {
		alg    checksum.Algorithm
		layout checksum.Layout
		typ    checksum.Type
		want   checksum.Type
	}{
		"parts":              {checksum.SHA1, checksum.Uniform(2, 1), checksum.Composite, checksum.Composite},
		"parts, full":        {checksum.CRC32C, checksum.Uniform(2, 1), checksum.FullObject, checksum.FullObject},
		"whole":              {checksum.SHA1, checksum.Whole(2), checksum.Composite, checksum.FullObject},
		"whole of CRC64NVME": {checksum.CRC64NVME, checksum.Whole(2), checksum.Composite, checksum.FullObject},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := mustSum(t, tt.alg, tt.layout, tt.typ)
			if s.Algorithm() != tt.alg || s.Type() != tt.want || !s.Layout().Equal(tt.layout) {
				t.Errorf("got %s %s of %v", s.Algorithm(), s.Type(), s.Layout().Sizes())
			}
		})
	}
}

func TestNewSumRefuses(t *testing.T) {
	tests := map[string]struct {
		alg    checksum.Algorithm
		layout checksum.Layout
		typ    checksum.Type
	}{
		"unknown algorithm":    {"CRC16", checksum.Whole(1), checksum.FullObject},
		"unknown type":         {checksum.CRC32, checksum.Whole(1), ""},
		"SHA256 full object":   {checksum.SHA256, checksum.Uniform(2, 1), checksum.FullObject},
		"one part":             {checksum.XXHASH3, checksum.Uniform(1, 1), checksum.FullObject},
		"CRC64NVME composite":  {checksum.CRC64NVME, checksum.Uniform(2, 1), checksum.Composite},
		"unknown type of part": {checksum.CRC32, checksum.Uniform(2, 1), "PARTIAL"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			if s, err := checksum.NewSum(tt.alg, tt.layout, tt.typ); err == nil {
				t.Errorf("got %s %s, want an error", s.Algorithm(), s.Type())
			}
		})
	}
}

// Bytes of a CRC, which come in any order, are taken once only.
func TestSumRefuses(t *testing.T) {
	tests := map[string]struct {
		n   int
		off int64
	}{
		"again":             {4, 2},
		"inside":            {1, 3},
		"overlap before":    {2, 1},
		"overlap after":     {2, 5},
		"around":            {6, 1},
		"behind the end":    {1, 20},
		"over the end":      {3, 18},
		"a part set before": {2, 12},
		"a part ended":      {1, 15},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			s := mustSum(t, checksum.CRC32C, mustParts(t, 10, 4, 6), checksum.FullObject)
			if err := s.SetPart(1, make([]byte, 4)); err != nil {
				t.Fatal(err)
			}
			for _, r := range [][2]int64{{4, 2}, {6, 14}} {
				if err := s.WriteAt(t.Context(), make([]byte, r[0]), r[1]); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.WriteAt(t.Context(), make([]byte, tt.n), tt.off); err == nil {
				t.Error("got no error")
			}
			if got, err := s.Value(); err == nil || got != "" {
				t.Errorf("got %q, %v, want an error for missing bytes", got, err)
			}
			if ok, err := s.Matches(""); ok || err == nil {
				t.Errorf("matches: got %v, %v, want an error for missing bytes", ok, err)
			}
		})
	}
}

// Parts whose digest is known mix with parts that are written.
func TestSumSetPart(t *testing.T) {
	data := []byte("0123456789")
	layout := checksum.Uniform(10, 4)
	for _, alg := range checksum.Algorithms() {
		for _, typ := range []checksum.Type{checksum.Composite, checksum.FullObject} {
			if !checksum.Allows(alg, typ) {
				continue
			}
			t.Run(fmt.Sprint(alg, typ), func(t *testing.T) {
				s := mustSum(t, alg, layout, typ)
				given := digest(alg, data[4:8])
				for range 2 { // the second time as after a retry of the part
					if err := s.SetPart(1, given); err != nil {
						t.Fatal(err)
					}
				}
				clear(given) // it was copied
				if err := s.SetPart(2, digest(alg, data[8:])[1:]); err == nil {
					t.Error("a digest of another size was accepted")
				}
				if err := s.SetPart(1, digest(alg, data)); err == nil {
					t.Error("another digest was accepted")
				}
				for _, r := range [][2]int{{0, 2}, {2, 4}, {8, 10}} {
					if err := s.WriteAt(t.Context(), data[r[0]:r[1]], int64(r[0])); err != nil {
						t.Fatal(err)
					}
					if err := s.SetPart(0, digest(alg, data[:4])); (err == nil) != (r[0] > 0) {
						t.Errorf("digest of a part after byte %d: got %v", r[1], err)
					}
				}
				if got, ok := s.PartSum(1); !ok || !bytes.Equal(got, digest(alg, data[4:8])) {
					t.Errorf("got part digest %x, %v", got, ok)
				} else {
					clear(got) // it is a copy
				}
				if got, err := s.Value(); got != referenceValue(alg, typ, data, layout) || err != nil {
					t.Errorf("got %s, %v", got, err)
				}
			})
		}
	}
}

// The digest of an empty part is known from the beginning.
func TestSumEmptyPart(t *testing.T) {
	for _, alg := range checksum.Algorithms() {
		s := mustSum(t, alg, checksum.Whole(0), checksum.FullObject)
		if err := s.SetPart(0, digest(alg, []byte("x"))); err == nil {
			t.Errorf("%s: another digest was accepted", alg)
		}
		if err := s.SetPart(0, digest(alg, nil)); err != nil {
			t.Errorf("%s: got %v", alg, err)
		}
		if got, err := s.Value(); got != referenceValue(alg, "", nil, s.Layout()) || err != nil {
			t.Errorf("%s: got %s, %v", alg, got, err)
		}
	}
}

func TestSumAbort(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := mustSum(t, checksum.SHA256, checksum.Uniform(10, 10), checksum.Composite)
		time.AfterFunc(time.Minute, func() { s.Abort(errTest) })
		if err := s.WriteAt(t.Context(), make([]byte, 1), 1); !errors.Is(err, errTest) {
			t.Errorf("WriteAt: got %v, want the cause", err)
		}
		if got, err := s.Value(); got != "" || !errors.Is(err, errTest) {
			t.Errorf("Value: got %q, %v, want the cause", got, err)
		}
	})
}

func BenchmarkSum(b *testing.B) {
	data := make([]byte, 8*mib)
	for _, alg := range []checksum.Algorithm{checksum.CRC32, checksum.CRC32C, checksum.CRC64NVME} {
		b.Run(string(alg)+"/blocks backwards", func(b *testing.B) {
			layout := checksum.Whole(8 * mib)
			b.SetBytes(layout.Total())
			for b.Loop() {
				s := mustSum(b, alg, layout, checksum.FullObject)
				for off := layout.Total() - mib; off >= 0; off -= mib {
					if err := s.WriteAt(b.Context(), data[off:off+mib], off); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
		b.Run(string(alg)+"/10000 parts", func(b *testing.B) {
			s := mustSum(b, alg, checksum.Uniform(10_000*17_179_870, 17_179_870), checksum.FullObject)
			digest := bytes.Repeat([]byte{0xA5}, checksum.Size(alg))
			for i := range 10_000 {
				if err := s.SetPart(i, digest); err != nil {
					b.Fatal(err)
				}
			}
			for b.Loop() {
				if _, err := s.Value(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, alg := range checksum.Algorithms() {
		b.Run(string(alg)+"/10 KiB", func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(10 << 10)
			for b.Loop() {
				s := mustSum(b, alg, checksum.Whole(10<<10), checksum.FullObject)
				if err := s.WriteAt(b.Context(), data[:10<<10], 0); err != nil {
					b.Fatal(err)
				}
				if _, err := s.Value(); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
