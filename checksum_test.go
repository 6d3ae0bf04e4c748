package s3sync_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/checksum"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// checksumSizes are sizes around the threshold of runSmall, and sizes of unequal parts.
func checksumSizes() map[string]int {
	return map[string]int{"empty": 0, "whole": 1000, "threshold": 8 << 10, "two parts": 9<<10 + 1}
}

// eachChecksum runs a test for every checksum that S3 has.
func eachChecksum(t *testing.T, test func(t *testing.T, a checksum.Algorithm, full bool)) {
	t.Helper()
	for _, a := range checksum.Algorithms() {
		for _, full := range []bool{false, true} {
			if full && !checksum.Allows(a, checksum.FullObject) {
				continue
			}
			t.Run(fmt.Sprint(a, "/full=", full), func(t *testing.T) { test(t, a, full) })
		}
	}
}

// Upload, copy in other part sizes, download: every checksum is verified.
func TestAdditionalChecksums(t *testing.T) {
	eachChecksum(t, func(t *testing.T, a checksum.Algorithm, full bool) {
		source, first, second := mem.New(), mem.New(), mem.New()
		sizes := checksumSizes()
		for name, size := range sizes {
			put(t, source, map[string]string{name: strings.Repeat("0123456", size/7+1)[:size]})
		}
		up := config(source, first)
		up.Verify.Algorithm, up.Verify.FullObject = string(a), full
		across := config(first, second)
		across.Verify.Algorithm, across.Verify.FullObject = string(a), full
		across.Verify.ReadChecksum = true
		across.Transfer.ChunkSize = 5 * s3sync.MiB
		down := download(second, t.TempDir())
		down.Verify.ReadChecksum = true
		for _, cfg := range []*s3sync.Config{up, across, down} {
			report := runSmall(t, cfg)
			n := int64(len(sizes))
			if report.ChecksumVerified != n || report.ETagVerified != n || report.Unverified+report.Warnings != 0 {
				t.Errorf("%+v", report.Stats)
			}
		}
	})
}

// Checksums verify an object whose ETags are no digests.
func TestChecksumsVerifyWhatETagsCannot(t *testing.T) {
	for name, tt := range map[string]struct {
		algorithm  string
		read       bool
		verified   int64
		unverified int64
	}{
		"none":        {"", false, 0, 1},
		"only upload": {"CRC32C", false, 1, 1}, // the download is not verified
		"only read":   {"", true, 1, 1},
		"both":        {"CRC32C", true, 1, 0},
		"different":   {"SHA256", true, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			_, err := source.Put(t.Context(), "a", storage.Block{Data: []byte("data")},
				storage.WriteOptions{Size: 4, Checksum: storage.Checksum{Algorithm: "CRC32C", Type: "COMPOSITE"}})
			if err != nil {
				t.Fatal(err)
			}
			source.etagNotDigest = true
			target.written = func(_ string, i *storage.Info) { i.ETagNotDigest = true }
			cfg := config(source, target)
			cfg.Verify.Algorithm, cfg.Verify.ReadChecksum = tt.algorithm, tt.read
			report := run(t, cfg)
			if report.ETagVerified != 0 || report.ChecksumVerified != tt.verified || report.Unverified != tt.unverified {
				t.Errorf("%+v", report.Stats)
			}
		})
	}
}

// A source without a requested checksum is a warning, not a failure.
func TestMissingChecksumIsAWarning(t *testing.T) {
	source, target := mem.New(), mem.New()
	put(t, source, map[string]string{"a": "data"})
	cfg := config(source, target)
	cfg.Verify.ReadChecksum = true
	report := run(t, cfg)
	if report.Transferred != 1 || report.Warnings != 1 || report.ETagVerified != 1 || report.Unverified != 0 {
		t.Errorf("%+v", report.Stats)
	}
}

// A wrong checksum in a response of either side never counts as verified.
func TestWrongChecksumIsAFailure(t *testing.T) {
	for name, side := range map[string]func(source, target *faulty){
		"source": func(source, _ *faulty) { source.wrongChecksums = true },
		"target": func(_, target *faulty) {
			target.written = func(_ string, i *storage.Info) { i.Checksums[0].Value = "AAAAAA==" }
		},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			_, err := source.Put(t.Context(), "a", storage.Block{Data: []byte("data")},
				storage.WriteOptions{Size: 4, Checksum: storage.Checksum{Algorithm: "CRC32", Type: "FULL_OBJECT"}})
			if err != nil {
				t.Fatal(err)
			}
			side(source, target)
			cfg := config(source, target)
			cfg.Verify.Algorithm, cfg.Verify.ReadChecksum = "CRC32", true
			report, err := try(t, cfg)
			if !errors.Is(err, storage.ErrMismatch) || report.Transferred+report.ChecksumVerified != 0 {
				t.Errorf("error %v, %+v", err, report.Stats)
			}
			if name == "source" && len(contents(t, target.Store)) != 0 {
				t.Error("published before it was verified")
			}

			cfg.Verify.Checksum = name == "source"
			if _, err := try(t, cfg); (err == nil) != (name == "target") {
				t.Errorf("with the comparison at the target off: %v", err)
			}
		})
	}
}

// Verify.Multipart also controls composite checksums.
func TestMultipartVerifyOff(t *testing.T) {
	source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
	put(t, source, map[string]string{"a": strings.Repeat("x", 9*s3sync.MiB)})
	cfg := config(source, target)
	cfg.Verify.Algorithm = "SHA256"
	cfg.Verify.Multipart = false
	report := run(t, cfg)
	if report.Transferred != 1 || report.ETagVerified+report.ChecksumVerified != 0 || report.Unverified != 1 {
		t.Errorf("%+v", report.Stats)
	}
}

// Transfer.AutoChunkSize gives the target the parts of the source, whatever they are,
// even if they are too large for memory.
func TestAutoChunkSize(t *testing.T) {
	const kib = 1 << 10
	for name, tt := range map[string]struct {
		parts []int // one number is an object written whole
		sum   string
	}{
		"whole":               {[]int{20 * kib}, "CRC32"},
		"small whole":         {[]int{100}, ""},
		"uniform":             {[]int{5 * kib, 5 * kib, kib}, "SHA256"},
		"not uniform":         {[]int{5 * kib, 7 * kib, 6 * kib, 1}, "CRC64NVME"},
		"larger than memory":  {[]int{40 * kib, 33 * kib}, ""},
		"whole beyond memory": {[]int{70 * kib}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), mem.New()
			putParts(t, source, "a", tt.parts...)
			cfg := config(source, target)
			cfg.Transfer.AutoChunkSize = true
			cfg.Transfer.MaxMemory = 32 * s3sync.MiB
			cfg.Verify.Algorithm = tt.sum
			report := runSmall(t, cfg)
			if report.ETagVerified != 1 || report.ChecksumVerified != int64(min(len(tt.sum), 1)) || report.Warnings != 0 {
				t.Errorf("%+v", report.Stats)
			}
			opts := storage.StatOptions{Parts: storage.ExactParts}
			want, err := source.Stat(t.Context(), "a", opts)
			got, err2 := target.Stat(t.Context(), "a", opts)
			if err := errors.Join(err, err2); err != nil {
				t.Fatal(err)
			}
			if got.ETag != want.ETag || !slices.Equal(got.Parts, want.Parts) {
				t.Errorf("target has %s %v, source %s %v", got.ETag, got.Parts, want.ETag, want.Parts)
			}
		})
	}
}

// putParts writes an object in parts of these sizes, or whole if there is one.
func putParts(t *testing.T, s storage.Store, key string, sizes ...int) {
	t.Helper()
	total := 0
	for _, n := range sizes {
		total += n
	}
	data := []byte(strings.Repeat("0123456789abcde", total/15+1)[:total])
	if len(sizes) == 1 {
		put(t, s, map[string]string{key: string(data)})
		return
	}
	w, err := s.Create(t.Context(), key, storage.WriteOptions{Size: int64(total)})
	if err != nil {
		t.Fatal(err)
	}
	off := 0
	for i, n := range sizes {
		if err := w.WritePart(t.Context(), i+1, int64(off), storage.Block{Data: data[off : off+n]}); err != nil {
			t.Fatal(err)
		}
		off += n
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestChecksumThatIsNotKept: if a target does not confirm the requested checksum, there
// is one warning, even if the response is not compared.
func TestChecksumThatIsNotKept(t *testing.T) {
	for name, tt := range map[string]struct {
		algorithm string
		keeps     bool
		set       func(*s3sync.Config)
		warnings  int64
	}{
		"kept":          {algorithm: "CRC32C", keeps: true},
		"not kept":      {algorithm: "CRC32C", warnings: 1},
		"not compared":  {algorithm: "CRC32C", set: func(c *s3sync.Config) { c.Verify.Checksum = false }, warnings: 1},
		"not asked for": {},
		"as error":      {algorithm: "CRC32C", set: func(c *s3sync.Config) { c.WarnAsError = true }},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), &faulty{Store: mem.New()}
			put(t, source, map[string]string{"a": "1", "b": "2", "c": "3"})
			if !tt.keeps {
				target.written = func(_ string, info *storage.Info) { info.Checksums = nil }
			}
			cfg := config(source, target)
			cfg.Verify.Algorithm = tt.algorithm
			if tt.set != nil {
				tt.set(cfg)
			}
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventWarning && !strings.Contains(ev.Err.Error(), "CRC32C checksum") {
					t.Errorf("warned of %v", ev.Err)
				}
			}
			r, err := try(t, cfg)
			if (err != nil) != cfg.WarnAsError || r.Failed == 1 != cfg.WarnAsError || r.Transferred != 3 || r.Warnings != tt.warnings || r.ETagVerified != 3 {
				t.Errorf("%v, %+v", err, r.Stats)
			}
		})
	}
}
