package s3sync_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A copier is a store that copies, and may return wrong responses.
type copier struct {
	*mem.Store

	maxCopy int64 // MaxCopy
	answer  func(*storage.Info)
	parts   int
	whole   int
}

func (c *copier) Caps() storage.Caps {
	caps := c.Store.Caps()
	if c.maxCopy > 0 {
		caps.MaxCopy = c.maxCopy
	}
	return caps
}

func (c *copier) Copy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.Info, error) {
	c.whole++
	info, err := c.Store.Copy(ctx, key, from, opts)
	c.change(&info)
	return info, err
}

func (c *copier) CreateCopy(ctx context.Context, key string, from storage.CopySource, opts storage.WriteOptions) (storage.CopyWriter, error) {
	w, err := c.Store.CreateCopy(ctx, key, from, opts)
	return &copierWriter{w, c}, err
}

func (c *copier) change(info *storage.Info) {
	if c.answer != nil {
		c.answer(info)
	}
}

type copierWriter struct {
	storage.CopyWriter
	c *copier
}

func (w *copierWriter) CopyPart(ctx context.Context, n int, off, size int64) error {
	w.c.parts++
	return w.CopyWriter.CopyPart(ctx, n, off, size)
}

func (w *copierWriter) Commit(ctx context.Context) (storage.Info, error) {
	info, err := w.CopyWriter.Commit(ctx)
	w.c.change(&info)
	return info, err
}

// putSummed writes an object with a checksum.
func putSummed(t *testing.T, s storage.Store, key, data, algorithm string) {
	t.Helper()
	_, err := s.Put(t.Context(), key, storage.Block{Data: []byte(data)}, storage.WriteOptions{
		Size: int64(len(data)), Checksum: storage.Checksum{Algorithm: storage.ChecksumAlgorithm(algorithm), Type: "FULL_OBJECT"},
	})
	if err != nil {
		t.Fatal(err)
	}
}

// putOnePart writes an object in one part.
func putOnePart(t *testing.T, s storage.Store, key, data string) {
	t.Helper()
	w, err := s.Create(t.Context(), key, storage.WriteOptions{Size: int64(len(data))})
	if err != nil {
		t.Fatal(err)
	}
	if err := w.WritePart(t.Context(), 1, 0, storage.Block{Data: []byte(data)}); err != nil {
		t.Fatal(err)
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// TestServerSideCopyVerification: what verifies a copy, and what is reported if nothing
// verifies it.
func TestServerSideCopyVerification(t *testing.T) {
	wrong := func(info *storage.Info) {
		info.ETag = strings.Repeat("0", 32) + strings.TrimLeft(info.ETag, "0123456789abcdef")
	}
	etagNotDigest := func(info *storage.Info) { info.ETag, info.ETagNotDigest = "no digest", true }
	whole := func(s storage.Store) { put(t, s, map[string]string{"k": "0123456789"}) }
	parts := func(s storage.Store) { putParts(t, s, "k", 3, 3, 4) }
	summed := func(s storage.Store) { putSummed(t, s, "k", "0123456789", "CRC64NVME") }
	sum := func(c *s3sync.Config) { c.Verify.Algorithm = "CRC64NVME" }
	for name, tt := range map[string]struct {
		put          func(storage.Store)
		most         int64
		options      func(*s3sync.Config)
		answer       func(*storage.Info)
		whole, parts int // number of copies

		etags, sums, unverified, warnings int64
		fails                             bool
		why                               string
	}{
		"whole":       {put: whole, whole: 1, etags: 1},
		"empty":       {put: func(s storage.Store) { put(t, s, map[string]string{"k": ""}) }, whole: 1, etags: 1},
		"parts":       {put: parts, parts: 3, etags: 1},
		"one part":    {put: func(s storage.Store) { putOnePart(t, s, "k", "01234") }, parts: 1, etags: 1},
		"empty part":  {put: func(s storage.Store) { putOnePart(t, s, "k", "") }, whole: 1, etags: 1},
		"just enough": {put: whole, most: 10, whole: 1, etags: 1},
		"too large": {
			put: whole, most: 9, parts: 2, unverified: 1, warnings: 1,
			why: "too large to be copied in one piece as the source was written, so that the ETags differ, and source and target have no additional checksum in common: without ServerSideCopy",
		},
		"too large, summed":          {put: summed, options: sum, most: 4, parts: 3, sums: 1},
		"too large, not summed":      {put: summed, most: 4, parts: 3, unverified: 1, warnings: 1, why: "Verify.Algorithm=CRC64NVME"},
		"parts too large":            {put: parts, most: 3, parts: 4, unverified: 1, warnings: 1, why: "the sizes of its parts"},
		"summed":                     {put: summed, options: sum, whole: 1, etags: 1, sums: 1},
		"encrypted":                  {put: whole, answer: etagNotDigest, whole: 1, unverified: 1, why: "no digest of its content"},
		"encrypted, summed":          {put: summed, options: sum, answer: etagNotDigest, whole: 1, sums: 1},
		"encrypted, could be summed": {put: summed, answer: etagNotDigest, whole: 1, unverified: 1, why: "Verify.Algorithm=CRC64NVME"},
		"no digest":                  {put: whole, answer: func(i *storage.Info) { i.ETag = "x" }, whole: 1, unverified: 1, why: "no ETag that is a digest"},
		"wrong ETag":                 {put: whole, answer: wrong, whole: 6, fails: true, why: "the source's ETag is 781e5e245d69b566979b86e28d23f2c7, that of the copy is 0"},
		"wrong ETag of parts":        {put: parts, answer: wrong, parts: 18, fails: true, why: "the source's ETag is"},
		"wrong checksum":             {put: summed, options: sum, answer: func(i *storage.Info) { i.Checksums[0].Value = "AAAAAAAAAAA=" }, whole: 6, fails: true, why: "the source's CRC64NVME checksum is Ffmx7kz9nB0=, that of the copy is AAAAAAAAAAA="},
		"not wanted":                 {put: whole, answer: wrong, options: func(c *s3sync.Config) { c.Verify.ETag, c.Verify.Multipart = false, false }, whole: 1, unverified: 1, why: "verification is off"},
		"not wanted of parts":        {put: parts, answer: wrong, options: func(c *s3sync.Config) { c.Verify.Multipart = false }, parts: 3, unverified: 1, why: "written in parts is off"},
		"checksum not wanted":        {put: summed, answer: func(i *storage.Info) { i.Checksums[0].Value = "AAAAAAAAAAA=" }, options: func(c *s3sync.Config) { sum(c); c.Verify.Checksum = false }, whole: 1, etags: 1},
		"checksum of the source":     {put: summed, options: func(c *s3sync.Config) { c.Verify.ReadChecksum = true }, whole: 1, etags: 1},
		"no checksum of the source":  {put: whole, options: func(c *s3sync.Config) { c.Verify.ReadChecksum = true }, whole: 1, etags: 1, warnings: 1},
		"part sizes of the options":  {put: parts, options: func(c *s3sync.Config) { c.Transfer.AutoChunkSize = true }, parts: 3, etags: 1},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := mem.New(), &copier{Store: mem.New(), maxCopy: tt.most, answer: tt.answer}
			tt.put(source)
			cfg := config(source, target)
			cfg.ServerSideCopy, cfg.Transfer.ParallelParts = true, 1
			if tt.options != nil {
				tt.options(cfg)
			}
			why := ""
			cfg.OnEvent = func(ev s3sync.Event) {
				if ev.Type == s3sync.EventUnverified || ev.Type == s3sync.EventFailed {
					why = ev.Err.Error()
				}
			}
			report, err := try(t, cfg)
			if (err != nil) != tt.fails || (report.Transferred == 0) != tt.fails || tt.fails && !errors.Is(err, storage.ErrMismatch) {
				t.Errorf("%v, %+v", err, report.Stats)
			}
			if report.ETagVerified != tt.etags || report.ChecksumVerified != tt.sums || report.Unverified != tt.unverified || report.Warnings != tt.warnings {
				t.Errorf("%+v", report.Stats)
			}
			if target.whole != tt.whole || target.parts != tt.parts {
				t.Errorf("copied %d times whole and %d parts, want %d and %d", target.whole, target.parts, tt.whole, tt.parts)
			}
			if (why == "") != (tt.why == "") || !strings.Contains(why, tt.why) {
				t.Errorf("told %q, want %q", why, tt.why)
			}
			equal(t, contents(t, target), contents(t, source))
		})
	}
}

// TestServerSideCopyNeedsACopier: a run that cannot copy writes nothing.
func TestServerSideCopyNeedsACopier(t *testing.T) {
	source := mem.New()
	put(t, source, map[string]string{"k": "v"})
	target := mem.New()
	for name, stores := range map[string][2]storage.Store{
		"the target does not copy":    {source, &faulty{Store: target}},
		"not from a source like this": {&faulty{Store: source}, target},
	} {
		cfg := config(stores[0], stores[1])
		cfg.ServerSideCopy, cfg.Delete.Enable = true, true
		report, err := try(t, cfg)
		if err == nil || !strings.Contains(err.Error(), "server-side copy: the target cannot copy from the source") || report.Transferred != 0 {
			t.Errorf("%s: %v, %+v", name, err, report.Stats)
		}
		if got := contents(t, target); len(got) != 0 {
			t.Errorf("%s: %v", name, got)
		}
	}
}
