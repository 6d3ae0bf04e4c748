package verify_test

import (
	"errors"
	"strings"
	"testing"

	"s3sync/internal/verify"
	"s3sync/storage"
)

// TestCheckCopy: what verifies a copy, and what is told where nothing does.
func TestCheckCopy(t *testing.T) {
	const (
		a, b  = "11111111111111111111111111111111", "22222222222222222222222222222222"
		crc   = "Ffmx7kz9nB0="
		other = "AAAAAAAAAAA="
	)
	object := func(etag string, sums ...string) storage.Info {
		info := storage.Info{Object: storage.Object{Key: "k", ETag: etag}}
		for _, value := range sums {
			info.Checksums = append(info.Checksums, storage.Checksum{Algorithm: "CRC64NVME", Value: value, Type: "FULL_OBJECT"})
		}
		return info
	}
	etagNotDigest := func(info storage.Info) storage.Info { info.ETagNotDigest = true; return info }
	composite := func(etag string) storage.Info {
		info := object(etag)
		info.Checksums = []storage.Checksum{{Algorithm: "SHA1", Value: "AAAAAAAAAAAAAAAAAAAAAAAAAAA=-2", Type: "COMPOSITE"}}
		return info
	}
	read := everything
	read.ReadChecksum = true
	for name, tt := range map[string]struct {
		opts           verify.Options
		source, target storage.Info
		kept           bool

		etag, sum, lacks bool
		why, mismatch    string
	}{
		"same":                     {opts: everything, source: object(a), target: object(a), kept: true, etag: true},
		"different":                {opts: everything, source: object(a), target: object(b), kept: true, mismatch: "the source's ETag is 1111"},
		"different parts":          {opts: everything, source: object(a + "-2"), target: object(b + "-2"), kept: true, mismatch: "that of the copy is 2222"},
		"parts not kept":           {opts: everything, source: object(a + "-2"), target: object(b + "-3"), why: "the sizes of its parts are not known"},
		"cut":                      {opts: everything, source: object(a), target: object(b + "-3"), why: "too large to be copied in one piece"},
		"own ETag of parts":        {opts: everything, source: object(a + "-2"), target: object(b), kept: true, why: "an ETag of its own kind"},
		"no ETag":                  {opts: everything, source: object(a), target: object(""), kept: true, why: "gives no ETag: without ServerSideCopy the bytes"},
		"no digest":                {opts: everything, source: object("x"), target: object(a), kept: true, why: "no ETag that is a digest"},
		"encrypted":                {opts: everything, source: object(a), target: etagNotDigest(object(b)), kept: true, why: "and source and target have no additional checksum in common"},
		"encrypted, checksum":      {opts: everything, source: object(a, crc), target: etagNotDigest(object(b, crc)), kept: true, sum: true},
		"encrypted, could be":      {opts: everything, source: object(a, crc), target: etagNotDigest(object(b)), kept: true, why: "Verify.Algorithm=CRC64NVME would let the target keep"},
		"both":                     {opts: everything, source: object(a, crc), target: object(a, crc), kept: true, etag: true, sum: true},
		"checksum differs":         {opts: everything, source: object(a, crc), target: object(a, other), kept: true, mismatch: "the source's CRC64NVME checksum is Ff"},
		"checksum not wanted":      {opts: verify.Options{ETag: true, Multipart: true}, source: object(a, crc), target: object(a, other), kept: true, etag: true},
		"off":                      {opts: verify.Options{Checksum: true, Multipart: true}, source: object(a), target: object(b), kept: true, why: "verification is off"},
		"parts off":                {opts: verify.Options{ETag: true}, source: object(a + "-2"), target: object(b + "-2"), kept: true, why: "written in parts is off"},
		"checksum of parts":        {opts: everything, source: composite(a + "-2"), target: composite(b + "-2"), sum: true},
		"checksum of parts is off": {opts: verify.Options{Checksum: true, ETag: true}, source: composite(a + "-2"), target: composite(a + "-2"), why: "written in parts is off"},
		"source without":           {opts: read, source: object(a), target: object(a), kept: true, etag: true, lacks: true},
		"source with":              {opts: read, source: object(a, crc), target: object(a), kept: true, etag: true},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, tt.opts, newStore(), newStore(), 1)
			got, err := v.CheckCopy(&tt.source, &tt.target, tt.kept)
			if tt.mismatch != "" {
				m, ok := errors.AsType[*verify.MismatchError](err)
				if !ok || !errors.Is(err, storage.ErrMismatch) || !strings.Contains(err.Error(), tt.mismatch) ||
					(m.Algorithm == "") == strings.Contains(tt.mismatch, "checksum") {
					t.Errorf("%v, want %q", err, tt.mismatch)
				}
				return
			}
			if err != nil || got.ETag != tt.etag || got.Checksum != tt.sum || got.SourceLacksChecksum != tt.lacks {
				t.Errorf("%v, %+v", err, got)
			}
			if (got.Why == nil) != (tt.why == "") || got.Why != nil && !strings.Contains(got.Why.Error(), tt.why) {
				t.Errorf("why: %v, want %q", got.Why, tt.why)
			}
			if d := got.Digests; d.SourceETag != tt.source.ETag || d.TargetETag != tt.target.ETag ||
				len(tt.source.Checksums) > 0 && (d.Algorithm != string(tt.source.Checksums[0].Algorithm) || d.Source != tt.source.Checksums[0].Value) ||
				len(tt.target.Checksums) > 0 && d.Target != tt.target.Checksums[0].Value {
				t.Errorf("digests %+v", d)
			}
		})
	}
	// A report of warnings recognizes the reason.
	source, target := object(a), object(b+"-3")
	got, err := newVerifier(t, everything, newStore(), newStore(), 1).CheckCopy(&source, &target, false)
	if err != nil || !errors.Is(got.Why, verify.ErrOtherParts) {
		t.Errorf("%v, %v", err, got.Why)
	}
}
