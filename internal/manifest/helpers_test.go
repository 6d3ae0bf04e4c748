package manifest_test

import (
	"bytes"
	"fmt"
	"time"

	"pgregory.net/rapid"

	"s3sync/internal/manifest"
)

var noon = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func header() manifest.Header {
	return manifest.Header{Program: "s3sync 1.0", Source: "photos", Target: "s3://bucket/photos", Started: noon, Options: []string{"--delete"}}
}

// made returns the manifest of entries that come in this order.
func made(t interface{ Fatal(args ...any) }, entries ...manifest.Entry) []byte {
	w := manifest.NewWriter(header())
	for i := range entries {
		if err := w.Add(&entries[i]); err != nil {
			t.Fatal(err)
		}
	}
	var out bytes.Buffer
	if _, err := w.Write(&out, manifest.End{Ended: noon.Add(time.Hour), Complete: true}); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// entry returns an entry with all that a run may know.
func entry(key string, size int64) manifest.Entry {
	e := manifest.Entry{
		Done: manifest.Written, Reason: "new", Size: size, SHA256: fmt.Sprintf("%064x", size), PartSize: 8 << 20,
		Source: &manifest.Object{Modified: noon}, Target: &manifest.Object{ETag: "abc-2", VersionID: "v1", Checksum: "SHA256:abc="},
		Verified: []string{"etag", "checksum"},
	}
	e.SetKey(key)
	return e
}

// some returns entries with the keys 000, 001, and so on.
func some(n int) []manifest.Entry {
	entries := make([]manifest.Entry, n)
	for i := range entries {
		entries[i] = entry(fmt.Sprintf("%03d", i), int64(i))
	}
	return entries
}

func read(data []byte) ([]manifest.Entry, *manifest.Content, error) {
	var entries []manifest.Entry
	c, err := manifest.Read(bytes.NewReader(data), manifest.ReadOptions{Visit: func(e *manifest.Entry) error {
		entries = append(entries, *e)
		return nil
	}})
	return entries, c, err
}

func text() *rapid.Generator[string] {
	return rapid.OneOf(rapid.String(), rapid.Map(rapid.SliceOfN(rapid.Byte(), 0, 12), func(b []byte) string { return string(b) }))
}

func objects() *rapid.Generator[*manifest.Object] {
	return rapid.Custom(func(t *rapid.T) *manifest.Object {
		if rapid.Bool().Draw(t, "none") {
			return nil
		}
		o := &manifest.Object{
			ETag: text().Draw(t, "etag"), VersionID: text().Draw(t, "version"), Checksum: text().Draw(t, "checksum"),
			Modified: time.Unix(rapid.Int64Range(0, 1e10).Draw(t, "seconds"), rapid.Int64Range(0, 999999999).Draw(t, "nanoseconds")),
		}
		if rapid.Bool().Draw(t, "other key") {
			o.SetKey(text().Draw(t, "target key"))
		}
		return o
	})
}

func anyEntry() *rapid.Generator[manifest.Entry] {
	return rapid.Custom(func(t *rapid.T) manifest.Entry {
		e := manifest.Entry{
			Done: rapid.SampledFrom([]manifest.Done{
				manifest.Written, manifest.Unchanged, manifest.Tagged, manifest.Deleted, manifest.PerhapsDeleted, manifest.Skipped, manifest.Failed,
			}).Draw(t, "done"),
			Reason: text().Draw(t, "reason"), Size: rapid.Int64Min(0).Draw(t, "size"),
			SHA256: rapid.SampledFrom([]string{"", fmt.Sprintf("%064d", 7)}).Draw(t, "sha256"),
			Source: objects().Draw(t, "source"), Target: objects().Draw(t, "target"),
			PartSize:  rapid.Int64Min(0).Draw(t, "part size"),
			PartSizes: rapid.SliceOf(rapid.Int64Min(0)).Draw(t, "part sizes"),
			Verified:  rapid.SliceOf(rapid.SampledFrom([]string{"etag", "checksum"})).Draw(t, "verified"),
			Error:     text().Draw(t, "error"), Unverified: text().Draw(t, "unverified"),
		}
		e.SetKey(text().Draw(t, "key"))
		return e
	})
}
