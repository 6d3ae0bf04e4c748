package compare

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/retry"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

const (
	kib10 = 10_000
	mib   = 1 << 20
)

var errInjected = errors.New("injected")

// directory holds a file "a", an hour older than objects in memory, or newer.
func directory(t *testing.T, data string, older bool) storage.Store {
	t.Helper()
	root := t.TempDir()
	name := filepath.Join(root, "a")
	if err := os.WriteFile(name, []byte(data), 0o600); err != nil {
		t.Fatal(err)
	}
	at := time.Now().Add(time.Hour)
	if older {
		at = time.Now().Add(-time.Hour)
	}
	if err := os.Chtimes(name, at, at); err != nil {
		t.Fatal(err)
	}
	s, err := dir.Open(root, dir.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = s.Close() })
	return s
}

// A fake passes everything on to its Store, unless a hook says otherwise, and counts
// the calls.
type fake struct {
	storage.Store
	// tells changes what is told of an object, also in a listing.
	tells change
	// stat, open and check fail before the call. read may also change what was read.
	stat, open, check func() error
	read              func(p []byte, off int64) error

	mu           sync.Mutex
	stats, opens int
}

func bucket(t *testing.T, o storagetest.Object, tells change) *fake {
	t.Helper()
	f := &fake{Store: mem.New(), tells: tells}
	o.Write(t, f.Store, "a")
	return f
}

// Unwrap passes the capabilities of the Store through.
func (f *fake) Unwrap() storage.Store { return f.Store }

// listed is what a listing tells of the object "a".
func (f *fake) listed(t *testing.T) storage.Object {
	t.Helper()
	for o, err := range f.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		if o.Key == "a" {
			info := storage.Info{Object: o}
			f.tell(storage.StatOptions{}, &info)
			return info.Object
		}
	}
	t.Fatal("the object is not listed")
	return storage.Object{}
}

func (f *fake) tell(opts storage.StatOptions, info *storage.Info) {
	if f.tells != nil {
		f.tells(opts, info)
	}
}

func fail(hook func() error) error {
	if hook == nil {
		return nil
	}
	return hook()
}

func (f *fake) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	f.mu.Lock()
	f.stats++
	f.mu.Unlock()
	if err := fail(f.stat); err != nil {
		return storage.Info{}, err
	}
	info, err := f.Store.Stat(ctx, key, opts)
	if !opts.Checksums {
		info.Checksums = nil // a store that is not asked for them does not tell them
	}
	f.tell(opts, &info)
	return info, err
}

func (f *fake) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	f.mu.Lock()
	f.opens++
	f.mu.Unlock()
	if err := fail(f.open); err != nil {
		return nil, err
	}
	r, err := f.Store.Open(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	return fakeReader{r, f}, nil
}

type fakeReader struct {
	storage.Reader
	f *fake
}

func (r fakeReader) ReadAt(ctx context.Context, p []byte, off int64) error {
	err := r.Reader.ReadAt(ctx, p, off)
	if err == nil && r.f.read != nil {
		return r.f.read(p, off)
	}
	return err
}

func (r fakeReader) Check(ctx context.Context) error {
	if err := fail(r.f.check); err != nil {
		return err
	}
	return r.Reader.Check(ctx)
}

// A change changes what a store tells of an object.
type change func(opts storage.StatOptions, info *storage.Info)

// encrypted is what is told of an object that is encrypted with KMS: its ETag only
// looks like a digest.
func encrypted(_ storage.StatOptions, info *storage.Info) { encrypt(info, "0") }

// encryptedAgain has other ETags.
func encryptedAgain(_ storage.StatOptions, info *storage.Info) { encrypt(info, "1") }

func encrypt(info *storage.Info, digit string) {
	_, parts, found := strings.Cut(info.ETag, "-")
	info.ETagNotDigest, info.ETag = true, strings.Repeat(digit, 32)
	if found {
		info.ETag += "-" + parts
	}
}

func noParts(_ storage.StatOptions, info *storage.Info) { info.Parts = nil }

func noETag(_ storage.StatOptions, info *storage.Info) { info.ETag = "" }

func garbage(_ storage.StatOptions, info *storage.Info) {
	for i := range info.Checksums {
		info.Checksums[i].Value = "nonsense"
	}
}

// inferred are parts that are inferred from the first one, wrongly.
func inferred(parts ...int64) change {
	return func(opts storage.StatOptions, info *storage.Info) {
		if opts.Parts == storage.InferParts {
			info.Parts = parts
		}
	}
}

func all(each ...change) change {
	return func(opts storage.StatOptions, info *storage.Info) {
		for _, f := range each {
			f(opts, info)
		}
	}
}

// comparer compares with parts of 8 MiB, and repeats a request twice.
func comparer(t *testing.T, opts Options, source, target storage.Store) *Comparer {
	t.Helper()
	if opts.ChunkSize == 0 {
		opts.ChunkSize = 8 * mib
	}
	l := limits.New(limits.Options{Memory: 64 * mib, ParallelParts: 4})
	repeat := side.Options{Policy: retry.Policy{Count: 2}}
	return New(opts, side.New("source", source, repeat), side.New("target", target, repeat), l)
}

// pairOf is what listings of both sides tell.
func pairOf(t *testing.T, source, target *fake) plan.Pair {
	t.Helper()
	return plan.Pair{Source: source.listed(t), Target: target.listed(t), Exists: true, TargetKey: "a"}
}

// decide compares the object "a" of two sides that were listed.
func decide(t *testing.T, opts Options, source, target *fake) Decision {
	t.Helper()
	d, err := comparer(t, opts, source, target).Compare(t.Context(), pairOf(t, source, target))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// An answer is what a comparison is to come to.
type answer struct {
	verdict checksum.Verdict
	reason  plan.Reason
	err     error // Decision.Err is one
}

func equals(why plan.Reason) answer { return answer{checksum.Equal, why, nil} }

func differs(why plan.Reason) answer { return answer{checksum.Different, why, nil} }

func isUndecided(why plan.Reason) answer { return answer{checksum.Unknown, why, ErrUndecided} }

func isIncomparable() answer { return answer{checksum.Unknown, "", ErrIncomparable} }

func (want answer) check(t *testing.T, d *Decision) {
	t.Helper()
	if d.Verdict != want.verdict || d.Reason != want.reason || !errors.Is(d.Err, want.err) {
		t.Errorf("%s, reason %q, error %v; want %s, %q, %v", d.Verdict, d.Reason, d.Err, want.verdict, want.reason, want.err)
	}
}

// calls compares how often a side was asked.
func calls(t *testing.T, name string, f *fake, stats, opens int) {
	t.Helper()
	if f.stats != stats || f.opens != opens {
		t.Errorf("the %s was asked %d times and opened %d times, want %d and %d", name, f.stats, f.opens, stats, opens)
	}
}
