// Package storagetest holds the conformance suite of [storage.Store]: what the
// pipeline relies on, told as tests. Every store of this module passes it, the
// S3 one against each server it is tested with.
//
// The suite needs a store that can be written. It makes a few thousand small
// requests and moves about 30 MiB at most, so that it can be run against a real
// server.
package storagetest

import (
	"bytes"
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"

	"s3sync/storage"
)

// Options say what a store, or the server behind it, cannot hold or does in
// its own way. The zero value expects nothing special: every key is tried, ETags
// and attributes are not looked at.
type Options struct {
	// SkipKey, if set, returns why a key is not tried at all; an empty reason
	// tries it. It is meant for faults of servers: a store that refuses a key
	// with storage.ErrUnstorable needs no entry here.
	SkipKey func(key string) (reason string)
	// MaxKeyLen is the longest key that is tried, in bytes. 0 is 1,024, the
	// limit of S3.
	MaxKeyLen int
	// MinPartSize is the smallest size of a part that is not the last one, in
	// bytes. 0 is no limit; S3 has 5 MiB.
	MinPartSize int64
	// Attributes: the store keeps them, except those of the next two fields.
	Attributes bool
	// Redirects: the store keeps Attributes.WebsiteRedirect.
	Redirects bool
	// StorageClass is one that the store keeps besides STANDARD; empty is none.
	StorageClass string
	// Tags: the store is a storage.Tagger.
	Tags bool
	// Conditions: the store heeds those of WriteOptions and DeleteOptions.
	Conditions bool
	// MD5ETags: the ETag is the MD5 digest of what was put, and of an object in
	// parts that of the digests of its parts with their number appended.
	MD5ETags bool
	// Layouts: Reader.Layout tells the parts in which objects were written.
	Layouts bool
	// ModTimes: the store stamps WriteOptions.ModTime on objects.
	ModTimes bool
	// Directories: keys that end in a slash are directories. They hold no data,
	// are not listed, and stay.
	Directories bool
	// Objects is how many objects the paging test writes. 0 is 2,501.
	Objects int
}

// Run tests a store. It calls open for an empty one at the start of each test
// and closes it at its end; open cleans up behind it with t.Cleanup.
func Run(t *testing.T, open func(t *testing.T) storage.Store, opts Options) {
	t.Helper()
	if opts.MaxKeyLen == 0 {
		opts.MaxKeyLen = 1024
	}
	if opts.Objects == 0 {
		opts.Objects = 2501
	}
	for _, tt := range []struct {
		name string
		run  func(*suite)
	}{
		{"ListEmpty", testListEmpty},
		{"ListOrder", testListOrder},
		{"ListRanges", testListRanges},
		{"ListBreak", testListBreak},
		{"Pages", testPages},
		{"Missing", testMissing},
		{"Put", testPut},
		{"Overwrite", testOverwrite},
		{"ReadAt", testReadAt},
		{"ReadConcurrently", testReadConcurrently},
		{"ReadChanged", testReadChanged},
		{"OddKeysAlone", testOddKeysAlone},
		{"OddKeysTogether", testOddKeysTogether},
		{"DirectoryKeys", testDirectoryKeys},
		{"Parts", testParts},
		{"PartAgain", testPartAgain},
		{"Abort", testAbort},
		{"Resume", testResume},
		{"ResumeAborted", testResumeAborted},
		{"Discard", testDiscard},
		{"DiscardEmpty", testDiscardEmpty},
		{"Attributes", testAttributes},
		{"Tags", testTags},
		{"SetTags", testSetTags},
		{"Conditions", testConditions},
		{"DeleteSame", testDeleteSame},
		{"ModTime", testModTime},
		{"Delete", testDelete},
		{"Copy", testCopy},
		{"CopyKeys", testCopyKeys},
		{"CopyParts", testCopyParts},
		{"CopyOnePart", testCopyOnePart},
		{"CopyChanged", testCopyChanged},
		{"CopyAbort", testCopyAbort},
		{"ResumeCopy", testResumeCopy},
		{"Locator", testLocator},
		{"Place", testPlace},
		{"Cancelled", testCancelled},
	} {
		t.Run(tt.name, func(t *testing.T) {
			st := open(t)
			t.Cleanup(func() {
				if err := st.Close(); err != nil {
					t.Errorf("Close: %v", err)
				}
			})
			tt.run(&suite{Store: st, t: t, opts: opts})
		})
	}
}

// A suite is the store of one test, with shorthands that fail the test.
type suite struct {
	storage.Store

	t    *testing.T
	opts Options
}

// mapKey returns the key under which the store lists key.
func (s *suite) mapKey(key string) (string, error) {
	if m, ok := storage.As[storage.KeyMapper](s.Store); ok {
		return m.MapKey(key)
	}
	return key, nil
}

// skip tells whether a key is left out, and logs why.
func (s *suite) skip(t *testing.T, key string) bool {
	t.Helper()
	if len(key) > s.opts.MaxKeyLen {
		t.Logf("key of %d bytes not tried", len(key))
		return true
	}
	if s.opts.SkipKey == nil {
		return false
	}
	reason := s.opts.SkipKey(key)
	if reason != "" {
		t.Logf("key %q not tried: %s", key, reason)
	}
	return reason != ""
}

// block returns data with the digests that the store wants.
func (s *suite) block(data []byte) storage.Block {
	b := storage.Block{Data: data}
	caps := s.Caps()
	if caps.WantMD5 {
		sum := md5.Sum(data)
		b.MD5 = sum[:]
	}
	if caps.WantSHA256 {
		sum := sha256.Sum256(data)
		b.SHA256 = sum[:]
	}
	return b
}

// tryPut puts an object and returns the error.
func (s *suite) tryPut(ctx context.Context, key string, data []byte) (storage.Info, error) {
	return s.Put(ctx, key, s.block(data), storage.WriteOptions{Size: int64(len(data))})
}

// put puts an object.
func (s *suite) put(t *testing.T, key string, data []byte) storage.Info {
	t.Helper()
	info, err := s.tryPut(t.Context(), key, data)
	if err != nil {
		t.Fatalf("Put(%q, %d bytes): %v", key, len(data), err)
	}
	return info
}

// putAll puts an object of its own key as content under each key, some at once.
func (s *suite) putAll(t *testing.T, keys []string) {
	t.Helper()
	atOnce(keys, func(key string) {
		if _, err := s.tryPut(t.Context(), key, []byte(key)); err != nil {
			t.Errorf("Put(%q): %v", key, err)
		}
	})
	if t.Failed() {
		t.FailNow()
	}
}

// atOnce calls f for every item, a few at a time, and waits for all.
func atOnce[T any](items []T, f func(T)) {
	const n = 16
	var wg sync.WaitGroup
	next := make(chan T)
	for range min(n, len(items)) {
		wg.Go(func() {
			for item := range next {
				f(item)
			}
		})
	}
	for _, item := range items {
		next <- item
	}
	close(next)
	wg.Wait()
}

// list returns the objects of a range, in key order.
func (s *suite) list(t *testing.T, r storage.Range) []storage.Object {
	t.Helper()
	var objects []storage.Object
	opts := storage.ListOptions{Range: r, Problem: func(p storage.Problem) { t.Errorf("List(%q): problem: %v", r, p.Err) }}
	for o, err := range s.List(t.Context(), opts) {
		if err != nil {
			t.Fatalf("List(%q): %v", r, err)
		}
		objects = append(objects, o)
	}
	if !s.Caps().Ordered {
		slices.SortFunc(objects, func(a, b storage.Object) int { return bytes.Compare([]byte(a.Key), []byte(b.Key)) })
	}
	return objects
}

// wantKeys fails the test if the keys of a range are not those, in that order.
func (s *suite) wantKeys(t *testing.T, r storage.Range, want []string) {
	t.Helper()
	objects := s.list(t, r)
	for i := range max(len(objects), len(want)) {
		switch {
		case i >= len(objects):
			t.Errorf("List(%q): %d keys, want %d: %q and what follows is missing", r, len(objects), len(want), want[i])
		case i >= len(want):
			t.Errorf("List(%q): %d keys, want %d: %q and what follows is too much", r, len(objects), len(want), objects[i].Key)
		case objects[i].Key != want[i]:
			t.Errorf("List(%q): key %d is %q, want %q", r, i, objects[i].Key, want[i])
		default:
			continue
		}
		return
	}
}

// wantMissing fails the test if there is an object under key.
func (s *suite) wantMissing(t *testing.T, key string) {
	t.Helper()
	if info, err := s.Stat(t.Context(), key, storage.StatOptions{}); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Stat(%q) = %+v, %v; want fs.ErrNotExist", key, info, err)
	}
	r, err := s.Open(t.Context(), key, storage.OpenOptions{})
	if err == nil {
		defer r.Close()
	}
	if !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("Open(%q): %v; want fs.ErrNotExist", key, err)
	}
}

// tryRead reads a whole object.
func (s *suite) tryRead(ctx context.Context, key string) (data []byte, info storage.Info, err error) {
	r, err := s.Open(ctx, key, storage.OpenOptions{})
	if err != nil {
		return nil, info, err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	info = r.Info()
	data = make([]byte, info.Size)
	if err := r.ReadAt(ctx, data, 0); err != nil {
		return nil, info, err
	}
	return data, info, r.Check(ctx)
}

// wantContent fails the test if the object does not read, by Stat, List and
// Open alike, as want.
func (s *suite) wantContent(t *testing.T, key string, want []byte) storage.Info {
	t.Helper()
	got, info, err := s.tryRead(t.Context(), key)
	if err != nil {
		t.Fatalf("reading %q: %v", key, err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("reading %q: got %d bytes that are not the %d bytes written", key, len(got), len(want))
	}
	listed, err := s.mapKey(key)
	if err != nil {
		t.Fatalf("MapKey(%q): %v", key, err)
	}
	stat, err := s.Stat(t.Context(), key, storage.StatOptions{})
	if err != nil {
		t.Fatalf("Stat(%q): %v", key, err)
	}
	objects := []storage.Object{info.Object, stat.Object}
	for _, o := range s.list(t, storage.Range{From: listed, To: listed + "\x01"}) {
		if o.Key == listed {
			objects = append(objects, o)
		}
	}
	if len(objects) != 3 {
		t.Errorf("%q is listed %d times, want once", listed, len(objects)-2)
	}
	for i, o := range objects {
		from := []string{"Open", "Stat", "List", "List"}[i]
		if o.Key != listed || o.Size != int64(len(want)) || o.ETag != stat.ETag {
			t.Errorf("%s tells key %q, size %d, ETag %q; want %q, %d, %q", from, o.Key, o.Size, o.ETag, listed, len(want), stat.ETag)
		}
		// HEAD tells times in whole seconds, listings in milliseconds.
		if o.ModTime.Unix() != stat.ModTime.Unix() {
			t.Errorf("%s tells %v as time of %q, Stat %v", from, o.ModTime, key, stat.ModTime)
		}
	}
	return info
}

// someBytes returns n bytes that do not repeat; a seed tells contents apart.
func someBytes(n int64, seed uint64) []byte {
	var key [32]byte
	key[0], key[1] = byte(seed), byte(seed>>8)
	data := make([]byte, n)
	_, _ = rand.NewChaCha8(key).Read(data) // never fails
	return data
}
