package s3sync_test

import (
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// A defaultChecksumStore is like a directory bucket: its ETags are not digests, and
// CRC64NVME is its default checksum.
type defaultChecksumStore struct{ *faulty }

func newDefaultChecksumStore() defaultChecksumStore {
	return defaultChecksumStore{&faulty{
		Store: mem.New(), etagNotDigest: true,
		written: func(_ string, i *storage.Info) { i.ETagNotDigest = true },
	}}
}

func (d defaultChecksumStore) Caps() storage.Caps {
	caps := d.Store.Caps()
	caps.DefaultChecksum = "CRC64NVME"
	caps.WantMD5 = false
	return caps
}

// An object without MD5 digests is verified by the default checksum of its store, in
// every direction.
func TestDefaultChecksum(t *testing.T) {
	plain := func() storage.Store { return mem.New() }
	special := func() storage.Store { return newDefaultChecksumStore() }
	type counts struct{ etag, sum, unverified, warnings int64 }
	for name, tt := range map[string]struct {
		source, target func() storage.Store
		has            storage.ChecksumAlgorithm // the checksum of the source's objects
		verify         s3sync.Verify
		want           counts // of each object
		gets           string // the checksum of the target's objects
	}{
		"upload":                 {plain, special, "", s3sync.Verify{}, counts{sum: 1}, "CRC64NVME"},
		"download":               {special, plain, "CRC64NVME", s3sync.Verify{}, counts{sum: 1}, ""},
		"between two":            {special, special, "CRC64NVME", s3sync.Verify{}, counts{sum: 1}, "CRC64NVME"},
		"other algorithm":        {special, special, "SHA256", s3sync.Verify{Algorithm: "CRC32"}, counts{sum: 1}, "CRC32"},
		"source without, silent": {special, special, "", s3sync.Verify{}, counts{unverified: 1}, "CRC64NVME"},
		"source without, asked":  {special, special, "", s3sync.Verify{ReadChecksum: true}, counts{unverified: 1, warnings: 1}, "CRC64NVME"},
		"off, upload":            {plain, special, "", s3sync.Verify{NoExpressChecksum: true}, counts{unverified: 1}, ""},
		"off, download":          {special, plain, "CRC64NVME", s3sync.Verify{NoExpressChecksum: true}, counts{unverified: 1}, ""},
		"off, asked":             {special, plain, "CRC64NVME", s3sync.Verify{NoExpressChecksum: true, ReadChecksum: true}, counts{sum: 1}, ""},
		"off, other algorithm":   {plain, special, "", s3sync.Verify{NoExpressChecksum: true, Algorithm: "SHA1"}, counts{sum: 1}, "SHA1"},
		"nobody wants one":       {plain, plain, "", s3sync.Verify{}, counts{etag: 1}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := tt.source(), tt.target()
			sizes := checksumSizes()
			for key, size := range sizes {
				opts := storage.WriteOptions{Size: int64(size)}
				if tt.has != "" {
					opts.Checksum = storage.Checksum{Algorithm: tt.has, Type: "FULL_OBJECT"}
				}
				data := []byte(strings.Repeat("x", size))
				if _, err := source.Put(t.Context(), key, storage.Block{Data: data}, opts); err != nil {
					t.Fatal(err)
				}
			}
			cfg := config(source, target)
			tt.verify.ETag, tt.verify.Multipart, tt.verify.Checksum = true, true, true
			cfg.Verify = tt.verify
			report := runSmall(t, cfg)
			n := int64(len(sizes))
			got := counts{report.ETagVerified, report.ChecksumVerified, report.Unverified, report.Warnings}
			if want := (counts{tt.want.etag * n, tt.want.sum * n, tt.want.unverified * n, tt.want.warnings * n}); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			for key := range sizes {
				info, err := target.Stat(t.Context(), key, storage.StatOptions{Checksums: true})
				if err != nil {
					t.Fatal(err)
				}
				var algorithms []string
				for _, c := range info.Checksums {
					algorithms = append(algorithms, string(c.Algorithm))
					if c.Algorithm == "CRC64NVME" && c.Type != "FULL_OBJECT" {
						t.Errorf("%q has %+v", key, c)
					}
				}
				if want := strings.Fields(tt.gets); !slices.Equal(algorithms, want) {
					t.Errorf("%q has %v, want %v", key, algorithms, want)
				}
			}
		})
	}
}

// The reason for an unverified object does not say that the user turned verification
// off.
func TestDefaultChecksumOffIsTold(t *testing.T) {
	target := newDefaultChecksumStore()
	source := mem.New()
	put(t, source, map[string]string{"a": "1"})
	cfg := config(source, target)
	cfg.Verify.NoExpressChecksum = true
	var why string
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventUnverified {
			why = ev.Err.Error()
		}
	}
	run(t, cfg)
	if !strings.Contains(why, "directory bucket") {
		t.Errorf("unverified because %q", why)
	}
}
