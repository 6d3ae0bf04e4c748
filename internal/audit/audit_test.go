package audit_test

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/internal/audit"
	"s3sync/internal/checksum"
	"s3sync/internal/manifest"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/mem"
)

type fatal interface {
	Helper()
	Fatal(args ...any)
	Context() context.Context
}

// put writes an object in one piece, and returns what a manifest says of it.
func put(t fatal, s storage.Store, key, data string) manifest.Entry {
	t.Helper()
	sum := md5.Sum([]byte(data))
	info, err := s.Put(t.Context(), key, storage.Block{Data: []byte(data), MD5: sum[:]}, storage.WriteOptions{Size: int64(len(data))})
	if err != nil {
		t.Fatal(err)
	}
	return entryOf(key, data, &info)
}

func entryOf(key, data string, info *storage.Info) manifest.Entry {
	digest := sha256.Sum256([]byte(data))
	e := manifest.Entry{
		Done: manifest.Written, Size: int64(len(data)), SHA256: hex.EncodeToString(digest[:]), Verified: []string{"etag"},
		Target: &manifest.Object{ETag: info.ETag, VersionID: info.VersionID},
	}
	e.SetKey(key)
	return e
}

// putParts writes an object in parts of a size.
func putParts(t fatal, s storage.Store, key, data string, size int) {
	t.Helper()
	w, err := s.Create(t.Context(), key, storage.WriteOptions{Size: int64(len(data))})
	if err != nil {
		t.Fatal(err)
	}
	for i, part := range slices.Collect(slices.Chunk([]byte(data), size)) {
		sum := md5.Sum(part)
		if err := w.WritePart(t.Context(), i+1, int64(i*size), storage.Block{Data: part, MD5: sum[:]}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func remove(t fatal, s storage.Store, key string) {
	t.Helper()
	if err := s.Delete(t.Context(), []storage.Object{{Key: key}}, storage.DeleteOptions{})[0]; err != nil {
		t.Fatal(err)
	}
}

// in returns the entries of a manifest.
func in(entries ...manifest.Entry) audit.Entries {
	slices.SortStableFunc(entries, func(a, b manifest.Entry) int { return strings.Compare(a.TheKey(), b.TheKey()) })
	return func(visit func(*manifest.Entry) error) error {
		for _, e := range entries {
			if err := visit(&e); err != nil {
				return err
			}
		}
		return nil
	}
}

// run audits a store, and returns the findings as "kind key" in order.
func run(t fatal, entries audit.Entries, s storage.Store, opts audit.Options) ([]string, audit.Result) {
	t.Helper()
	var found []string
	opts.Tell = func(f audit.Finding) {
		text := string(f.Kind) + " " + f.Key
		if f.VersionID != "" {
			text += " version"
		}
		found = append(found, text)
	}
	opts.Workers = 4
	result, err := audit.Run(t.Context(), entries, side.New("target", s, side.Options{}), opts)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(found)
	return found, result
}

func expect(t *testing.T, found []string, want ...string) {
	t.Helper()
	if diff := cmp.Diff(want, found); diff != "" {
		t.Error(diff)
	}
}

func TestFindings(t *testing.T) {
	s := mem.New()
	kept, gone, longer, other := put(t, s, "kept", "1"), put(t, s, "gone", "1"), put(t, s, "longer", "1"), put(t, s, "other", "1")
	deleted, back, failed := put(t, s, "deleted", "1"), put(t, s, "back", "1"), put(t, s, "failed", "1")
	empty := put(t, s, "empty", "")
	deleted.Done, back.Done, failed.Done = manifest.Deleted, manifest.Deleted, manifest.Failed
	remove(t, s, "gone")
	remove(t, s, "deleted")
	put(t, s, "longer", "22")
	put(t, s, "other", "2")
	put(t, s, "new", "3")
	put(t, s, "a first one", "3")
	entries := in(kept, gone, longer, other, deleted, back, failed, empty)
	want := []string{"additional a first one", "additional back", "additional new", "different longer", "different other", "missing gone"}
	for _, read := range []bool{false, true} {
		found, r := run(t, entries, s, audit.Options{Read: read})
		expect(t, found, want...)
		if r.Same() != 2 || r.Uncovered != 1 || r.ByETag == 1 == read || r.Missing != 1 || r.Different != 2 || r.Additional != 3 {
			t.Errorf("%+v", r)
		}
	}
}

// Nothing in the manifest, and nothing in the store.
func TestEmpty(t *testing.T) {
	s := mem.New()
	e := put(t, s, "a", "1")
	found, _ := run(t, in(), s, audit.Options{})
	expect(t, found, "additional a")
	found, _ = run(t, in(e), mem.New(), audit.Options{})
	expect(t, found, "missing a")
	found, _ = run(t, in(), mem.New(), audit.Options{})
	expect(t, found)
}

// An object in other parts has another ETag. Only reading it tells.
func TestOtherParts(t *testing.T) {
	s := mem.New()
	e := put(t, s, "a", "0123456789")
	putParts(t, s, "a", "0123456789", 4)
	found, _ := run(t, in(e), s, audit.Options{})
	expect(t, found, "unknown a")
	found, r := run(t, in(e), s, audit.Options{Read: true})
	expect(t, found)
	if r.ByContent != 1 || r.ReadBytes != 10 {
		t.Errorf("%+v", r)
	}
	putParts(t, s, "a", "012345678x", 4)
	found, _ = run(t, in(e), s, audit.Options{Read: true})
	expect(t, found, "different a")
}

// Without a SHA-256 the ETag is computed in the recorded parts.
func TestReadByETag(t *testing.T) {
	const data = "0123456789"
	etag := func(l checksum.Layout) string {
		e := checksum.NewETag(l)
		if err := e.WriteAt(t.Context(), []byte(data), 0); err != nil {
			t.Fatal(err)
		}
		sum, err := e.Sum()
		if err != nil {
			t.Fatal(err)
		}
		return sum
	}
	uneven, err := checksum.Parts([]int64{2, 5, 3})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		set  func(e *manifest.Entry)
		data string
		want []string
	}{
		"whole":            {func(e *manifest.Entry) { e.Target.ETag = etag(checksum.Whole(10)) }, data, nil},
		"parts":            {func(e *manifest.Entry) { e.Target.ETag, e.PartSize = etag(checksum.Uniform(10, 4)), 4 }, data, nil},
		"uneven parts":     {func(e *manifest.Entry) { e.Target.ETag, e.PartSizes = etag(uneven), []int64{2, 5, 3} }, data, nil},
		"unknown parts":    {func(e *manifest.Entry) { e.Target.ETag = etag(uneven) }, data, []string{"unknown a"}},
		"wrong parts":      {func(e *manifest.Entry) { e.Target.ETag, e.PartSizes = etag(uneven), []int64{2, 5} }, data, []string{"unknown a"}},
		"no ETag":          {func(e *manifest.Entry) { e.Target.ETag = "" }, data, []string{"unknown a"}},
		"an ETag of a KMS": {func(e *manifest.Entry) { e.Verified = nil; e.Target.ETag = strings.Repeat("0", 32) }, data, []string{"unknown a"}},
		"another content":  {func(e *manifest.Entry) { e.Target.ETag = etag(checksum.Whole(10)) }, "0123456780", []string{"different a"}},
		"of the source": {func(e *manifest.Entry) {
			e.Target.ETag, e.Source = "", &manifest.Object{ETag: etag(checksum.Whole(10))}
		}, data, nil},
		"a checksum": {func(e *manifest.Entry) {
			sum := sha256.Sum256([]byte(data))
			e.Target = &manifest.Object{Checksum: "SHA256:" + base64.StdEncoding.EncodeToString(sum[:])}
		}, data, nil},
		"a checksum of parts": {func(e *manifest.Entry) { e.Target = &manifest.Object{Checksum: "SHA256:abc=-2"} }, data, []string{"unknown a"}},
	} {
		t.Run(name, func(t *testing.T) {
			s := mem.New()
			e := put(t, s, "a", tt.data)
			e.SHA256 = ""
			tt.set(&e)
			found, _ := run(t, in(e), s, audit.Options{Read: true})
			expect(t, found, tt.want...)
		})
	}
}

// An additional checksum tells without reading.
func TestByChecksum(t *testing.T) {
	const data = "0123456789"
	sum := sha256.Sum256([]byte(data))
	block := storage.Block{Data: []byte(data), Checksum: sum[:]}
	opts := storage.WriteOptions{Size: 10, Checksum: storage.Checksum{Algorithm: "SHA256", Type: checksum.FullObject}}
	s := mem.New()
	info, err := s.Put(t.Context(), "a", block, opts)
	if err != nil {
		t.Fatal(err)
	}
	e := entryOf("a", data, &info)
	e.Target.ETag = strings.Repeat("0", 32) + "-3"
	found, r := run(t, in(e), s, audit.Options{})
	expect(t, found)
	if r.ByChecksum != 1 || r.ReadBytes != 0 {
		t.Errorf("%+v", r)
	}
	e.SHA256 = strings.Repeat("0", 64)
	found, _ = run(t, in(e), s, audit.Options{})
	expect(t, found, "different a")
}

// Older versions are looked at by their ids.
func TestVersions(t *testing.T) {
	s := mem.NewVersioned()
	one, two := put(t, s, "a", "1"), put(t, s, "a", "2")
	found, r := run(t, in(one, two), s, audit.Options{})
	expect(t, found)
	if r.ByETag != 2 {
		t.Errorf("%+v", r)
	}
	one.Target.VersionID = "none"
	found, _ = run(t, in(one, two), s, audit.Options{})
	expect(t, found, "missing a version")
	remove(t, s, "a")
	found, _ = run(t, in(two), s, audit.Options{})
	expect(t, found, "missing a")
}

// The target holds a key under another name, which comes at another place.
func TestRemapped(t *testing.T) {
	s := mem.New()
	a, b := put(t, s, "z/a", "1"), put(t, s, "b", "2")
	a.SetKey("/z/a")
	a.Target.SetKey("z/a")
	found, r := run(t, in(a, b), s, audit.Options{Sort: true})
	expect(t, found)
	if r.ByETag != 2 {
		t.Errorf("%+v", r)
	}
	from := mem.New()
	put(t, from, "/x", "1")
	put(t, from, "b", "2")
	a.SetKey("/x")
	found, _ = run(t, in(a, b), from, audit.Options{BySourceKey: true})
	expect(t, found)
}

// A shuffled store lists in no order.
type shuffled struct{ *mem.Store }

func (shuffled) Caps() storage.Caps { return storage.Caps{DeleteBatch: 1} }

func (s shuffled) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		var all []storage.Object
		for o, err := range s.Store.List(ctx, opts) {
			if err != nil {
				yield(o, err)
				return
			}
			all = append(all, o)
		}
		for _, o := range slices.Backward(all) {
			if !yield(o, nil) {
				return
			}
		}
	}
}

func TestUnordered(t *testing.T) {
	s := mem.New()
	a, b := put(t, s, "a", "1"), put(t, s, "b", "2")
	put(t, s, "c", "3")
	found, _ := run(t, in(a, b), shuffled{s}, audit.Options{})
	expect(t, found, "additional c")
}

// A broken store fails to list.
type broken struct {
	*mem.Store

	after int
}

var errBroken = errors.New("broken")

func (s broken) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	return func(yield func(storage.Object, error) bool) {
		n := 0
		for o, err := range s.Store.List(ctx, opts) {
			if n++; n > s.after {
				yield(storage.Object{}, errBroken)
				return
			}
			if !yield(o, err) {
				return
			}
		}
	}
}

// A listing that fails ends the audit: what is behind it is not called missing.
func TestBrokenListing(t *testing.T) {
	s := mem.New()
	var entries []manifest.Entry
	for i := range 10 {
		entries = append(entries, put(t, s, fmt.Sprint(i), "1"))
	}
	for after := range 10 {
		var missing int
		_, err := audit.Run(t.Context(), in(entries...), side.New("target", broken{s, after}, side.Options{}), audit.Options{Workers: 2, Tell: func(f audit.Finding) { missing++ }})
		if !errors.Is(err, errBroken) || missing > 0 {
			t.Errorf("after %d: %v, %d findings", after, err, missing)
		}
	}
}

// A manifest that fails while it is read again ends the audit.
func TestBrokenManifest(t *testing.T) {
	s := mem.New()
	e := put(t, s, "a", "1")
	_, err := audit.Run(t.Context(), func(visit func(*manifest.Entry) error) error {
		return errors.Join(visit(&e), errBroken)
	}, side.New("target", s, side.Options{}), audit.Options{Workers: 2})
	if !errors.Is(err, errBroken) {
		t.Error(err)
	}
}

// For any tree and any changes to it the findings are those that one would count by hand.
func TestAnyTree(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-c/]{1,3}[a-c]`), 0, 12, rapid.ID[string]).Draw(t, "keys")
		s := mem.New()
		var entries []manifest.Entry
		want := []string{}
		for _, key := range keys {
			e := put(rapidT{t}, s, key, key)
			switch rapid.SampledFrom([]string{"kept", "gone", "changed", "new", "deleted"}).Draw(t, "fate of "+key) {
			case "gone":
				remove(rapidT{t}, s, key)
				want = append(want, "missing "+key)
			case "changed":
				put(rapidT{t}, s, key, strings.ToUpper(key))
				want = append(want, "different "+key)
			case "new":
				want = append(want, "additional "+key)
				continue
			case "deleted":
				remove(rapidT{t}, s, key)
				e.Done = manifest.Deleted
			}
			entries = append(entries, e)
		}
		slices.Sort(want)
		found, _ := run(rapidT{t}, in(entries...), s, audit.Options{
			Read: rapid.Bool().Draw(t, "read"), Sort: rapid.Bool().Draw(t, "sort"),
		})
		if !slices.Equal(found, want) {
			t.Fatalf("got %q, want %q", found, want)
		}
	})
}

type rapidT struct{ *rapid.T }

func (rapidT) Context() context.Context { return context.Background() }

// What is packed for sorting is unpacked.
func TestPack(t *testing.T) {
	e := put(t, mem.New(), "a", "1")
	text, err := manifest.Pack(&e)
	if err != nil {
		t.Fatal(err)
	}
	got, err := manifest.Unpack(bytes.Clone(text))
	if diff := cmp.Diff(&e, got); err != nil || diff != "" {
		t.Error(err, diff)
	}
}

// A key that ends in a slash is an object of a bucket like others.
func TestSlashAtTheEnd(t *testing.T) {
	s := mem.New()
	marker, data := put(t, s, "marker/", ""), put(t, s, "data/", "1")
	found, _ := run(t, in(marker, data), s, audit.Options{})
	expect(t, found)
	remove(t, s, "marker/")
	put(t, s, "data/", "2")
	found, r := run(t, in(marker, data), s, audit.Options{})
	expect(t, found, "different data/", "missing marker/")
	if r.Same() != 0 {
		t.Errorf("%+v", r)
	}
}
