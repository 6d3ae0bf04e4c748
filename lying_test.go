package s3sync_test

import (
	"context"
	"encoding/base64"
	"fmt"
	"math"
	"runtime/metrics"
	"slices"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/checksum"
	"s3sync/storage"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

// Stores that report anything about an object: sizes, ETags, parts and checksums that
// are wrong, contradictory or meaningless. Whatever the run counts as verified, or
// finds equal, must be so anyway.

// A script is the fuzzer's input, read from the front. After its end it reads zeros.
type script struct{ left []byte }

func (s *script) next() byte {
	if len(s.left) == 0 {
		return 0
	}
	b := s.left[0]
	s.left = s.left[1:]
	return b
}

// choose returns a number n with 0 <= number < n.
func (s *script) choose(n int) int { return int(s.next()) % n }

func (s *script) text() string {
	n := min(s.choose(48), len(s.left))
	text := string(s.left[:n])
	s.left = s.left[n:]
	return text
}

// size returns a size that may be reported instead of the right one.
func (s *script) size(right int64) int64 {
	sizes := []int64{right, right - 1, right + 1, 0, -1, math.MaxInt64, math.MinInt64, 1 << 40, 1 << 62, 2 * right}
	if i := s.choose(len(sizes) + 6); i < len(sizes) {
		return sizes[i]
	}
	return int64(s.next())
}

// lies are an object and what is reported about it.
type lies struct {
	object

	delivered string // the bytes that are read
	// Functions change what is reported. Nil reports the truth.
	etag          func(right string) string
	sizes         func(right []int64) []int64
	sums          func(right []storage.Checksum) []storage.Checksum
	length        func(right int64) int64
	etagNotDigest bool
}

func parseLies(s *script) lies {
	l := lies{object: object{Data: storagetest.Text('a', s.choose(64))}}
	l.object = inRandomParts(s, l.object)
	if all := checksum.Algorithms(); s.choose(2) == 0 {
		a := all[s.choose(len(all))]
		l.object = l.With(a, checksum.Allows(a, checksum.FullObject) && (s.choose(2) == 0 || !checksum.Allows(a, checksum.Composite)))
	}
	l.delivered = l.Data
	if n := len(l.Data); n > 0 && s.choose(2) == 0 {
		p := []byte(l.Data)
		p[s.choose(n)] ^= 1 << s.choose(8)
		l.delivered = string(p)
	}
	l.lieAboutETag(s)
	l.lieAboutSizes(s)
	l.lieAboutSums(s)
	if s.choose(8) == 0 {
		n := s.size(int64(len(l.Data)))
		l.length = func(int64) int64 { return n }
	}
	l.etagNotDigest = s.choose(16) == 0
	return l
}

// inRandomParts returns the object in random parts, or as it is.
func inRandomParts(s *script, o object) object {
	if s.choose(4) == 0 {
		return o
	}
	for left := len(o.Data); left > 0; {
		n := min(left, 1+s.choose(32))
		o.Parts, left = append(o.Parts, n), left-n
	}
	return o
}

func (l *lies) lieAboutETag(s *script) {
	switch s.choose(6) {
	case 0: // the digest of the delivered bytes, in other parts
		other := inRandomParts(s, object{Data: l.delivered})
		l.etag = func(string) string { return etagOf(other) }
	case 1: // another number of parts
		suffix := s.text()
		l.etag = func(right string) string {
			digest, _, _ := strings.Cut(right, "-")
			return digest + suffix
		}
	case 2:
		told := s.text()
		l.etag = func(string) string { return told }
	}
}

func (l *lies) lieAboutSizes(s *script) {
	switch s.choose(5) {
	case 0:
		l.sizes = func([]int64) []int64 { return nil }
	case 1:
		var told []int64
		for range s.choose(8) {
			told = append(told, s.size(int64(len(l.Data))))
		}
		l.sizes = func([]int64) []int64 { return told }
	case 2: // the same, in another order
		l.sizes = func(right []int64) []int64 {
			right = slices.Clone(right)
			slices.Reverse(right)
			return right
		}
	}
}

func (l *lies) lieAboutSums(s *script) {
	all := checksum.Algorithms()
	a, typ := all[s.choose(len(all))], []storage.ChecksumType{"", "COMPOSITE", "FULL_OBJECT", "OTHER"}[s.choose(4)]
	switch s.choose(6) {
	case 0: // a correct one of the delivered bytes, in other parts
		other := inRandomParts(s, object{Data: l.delivered})
		value := sumOf(other, a, checksum.Composite)
		if checksum.Allows(a, checksum.FullObject) && s.choose(2) == 0 || !checksum.Allows(a, checksum.Composite) {
			value = sumOf(other, a, checksum.FullObject)
		}
		l.sums = func([]storage.Checksum) []storage.Checksum {
			return []storage.Checksum{{Algorithm: a, Value: value, Type: typ}}
		}
	case 1: // another value
		value := s.text()
		l.sums = func([]storage.Checksum) []storage.Checksum {
			return []storage.Checksum{{Algorithm: a, Value: value, Type: typ}}
		}
	case 2: // of another type, or algorithm, or number of parts
		suffix, rename := s.text(), s.choose(2) == 0
		l.sums = func(right []storage.Checksum) []storage.Checksum {
			right = slices.Clone(right)
			for i := range right {
				digest, _, _ := strings.Cut(right[i].Value, "-")
				right[i].Value, right[i].Type = digest+suffix, typ
				if rename {
					right[i].Algorithm = a
				}
			}
			return right
		}
	}
}

// layoutOf returns the layout of an object.
func layoutOf(o object) checksum.Layout {
	if o.Parts == nil {
		return checksum.Whole(int64(len(o.Data)))
	}
	sizes := make([]int64, len(o.Parts))
	for i, n := range o.Parts {
		sizes[i] = int64(n)
	}
	layout, err := checksum.Parts(sizes)
	if err != nil {
		panic(err)
	}
	return layout
}

func etagOf(o object) string { return etagIn(o.Data, layoutOf(o)) }

func etagIn(data string, layout checksum.Layout) string {
	e := checksum.NewETag(layout)
	if err := e.WriteAt(context.Background(), []byte(data), 0); err != nil {
		panic(err)
	}
	value, err := e.Sum()
	if err != nil {
		panic(err)
	}
	return value
}

// sumOf returns the checksum of an object, or an empty text if that type has none.
func sumOf(o object, a checksum.Algorithm, t checksum.Type) string {
	sum, err := checksum.NewSum(a, layoutOf(o), t)
	if err != nil {
		return ""
	}
	if err := sum.WriteAt(context.Background(), []byte(o.Data), 0); err != nil {
		panic(err)
	}
	value, err := sum.Value()
	if err != nil {
		panic(err)
	}
	return value
}

// candidates returns the objects with these bytes in all parts that a test knows:
// whole, in equal parts, and as the object was written.
func (l *lies) candidates(data string) []object {
	objects := []object{{Data: data}}
	for size := 1; size <= len(data); size++ {
		o := object{Data: data}
		for left := len(data); left > 0; left -= size {
			o.Parts = append(o.Parts, min(size, left))
		}
		objects = append(objects, o)
	}
	if len(data) == len(l.Data) {
		backwards := slices.Clone(l.Parts)
		slices.Reverse(backwards)
		objects = append(objects, object{Data: data, Parts: l.Parts}, object{Data: data, Parts: backwards})
	}
	return objects
}

// matchesETag reports whether an ETag is that of the bytes in some parts, or in the
// parts of other.
func (l *lies) matchesETag(etag, data string, other ...object) bool {
	return slices.ContainsFunc(append(l.candidates(data), other...), func(o object) bool { return o.Data == data && etagOf(o) == etag })
}

// matchesChecksum does the same for an additional checksum. The number of parts may be
// missing.
func (l *lies) matchesChecksum(a checksum.Algorithm, value, data string) bool {
	return slices.ContainsFunc(l.candidates(data), func(o object) bool {
		for _, t := range []checksum.Type{checksum.Composite, checksum.FullObject} {
			sum := sumOf(o, a, t)
			digest, _, _ := strings.Cut(sum, "-")
			if sum != "" && (value == sum || value == digest) {
				return true
			}
		}
		return false
	})
}

// applyTo makes a store tell the lies.
func (l *lies) applyTo(f *faulty) {
	change := func(info *storage.Info) {
		if l.etag != nil {
			info.ETag = l.etag(info.ETag)
		}
		if l.length != nil {
			info.Size = l.length(info.Size)
		}
		info.ETagNotDigest = info.ETagNotDigest || l.etagNotDigest
	}
	sums := func(right []storage.Checksum) []storage.Checksum {
		if l.sums != nil {
			return l.sums(right)
		}
		return right
	}
	f.info, f.sums = change, sums
	f.layout = func(right []int64) ([]int64, error) {
		if l.sizes != nil {
			return l.sizes(right), nil
		}
		return right, nil
	}
	f.stat = func(_ string, _ storage.StatOptions, info *storage.Info) error {
		change(info)
		info.Checksums = sums(info.Checksums)
		if info.Parts != nil && l.sizes != nil {
			info.Parts = l.sizes(info.Parts)
		}
		return nil
	}
	f.read = func(_ string, p []byte, off int64) error {
		copy(p, l.delivered[off:])
		return nil
	}
}

// fileStore is a store whose objects are files.
type fileStore struct{ storage.Store }

func (f fileStore) Caps() storage.Caps {
	return storage.Caps{Ordered: true, Files: true, DeleteBatch: 1}
}

// runBounded runs and checks that the run ends soon, in little memory, and with
// consistent counters.
func runBounded(t *testing.T, cfg *s3sync.Config) []s3sync.Event {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	allocated := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}}
	metrics.Read(allocated)
	before := allocated[0].Value.Uint64()
	var events []s3sync.Event
	cfg.OnEvent = func(ev s3sync.Event) { events = append(events, ev) }
	report, _ := s3sync.Sync(ctx, cfg)
	if ctx.Err() != nil {
		t.Fatal("it does not end")
	}
	metrics.Read(allocated)
	// An object with a reported size of 1 TiB has parts of 100 MiB.
	if n := allocated[0].Value.Uint64() - before; n > s3sync.GiB {
		t.Errorf("%d MiB were allocated for an object of some bytes", n/s3sync.MiB)
	}
	st := report.Stats
	if st.Transferred+st.Skipped+st.Failed+st.Warnings == 0 ||
		!cfg.DryRun && st.Transferred > st.ETagVerified+st.ChecksumVerified+st.Unverified {
		t.Errorf("something is not accounted for: %+v", st)
	}
	return events
}

// FuzzLyingStore: a transferred object counts as verified only if the digests that both
// stores report are those of the bytes that arrived, in some parts. A failed object
// never becomes a file.
func FuzzLyingStore(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &script{text}
		l := parseLies(s)
		source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
		l.Write(t, source.Store, "a")
		l.applyTo(source)
		cfg := config(source, target)
		local := s.choose(2) == 0
		if local {
			target.Store = fileStore{target.Store}
		} else {
			target.lieAbout(s)
			cfg.Transfer.AutoChunkSize = s.choose(2) == 0
			if all := checksum.Algorithms(); s.choose(2) == 0 {
				cfg.Verify.Algorithm = string(all[s.choose(len(all))])
			}
		}
		cfg.Verify.ReadChecksum, cfg.Verify.ETag = s.choose(2) == 0, s.choose(4) > 0
		cfg.Retry.ForceCount = s.choose(2)
		if s.choose(2) == 0 {
			cfg.Transfer.MaxMemory = 32 * s3sync.MiB
		}
		events := runBounded(t, cfg)

		target.written = nil
		arrived, exists := contents(t, target.Store)["a"]
		for _, ev := range events {
			switch ev.Type {
			case s3sync.EventVerified:
				if !l.matchesETag(ev.Source.ETag, arrived, object{Data: l.Data, Parts: l.Parts}) || !local && !l.matchesETag(ev.Target.ETag, arrived) {
					t.Errorf("ETags %q and %q prove nothing of %q: %+v", ev.Source.ETag, ev.Target.ETag, arrived, l)
				}
			case s3sync.EventChecksumVerified:
				l.wantChecksums(t, ev, arrived)
			case s3sync.EventTransferred:
				if !exists {
					t.Errorf("it is not there: %+v", l)
				}
			case s3sync.EventFailed:
				if local && exists {
					t.Errorf("%v, but the file is there: %+v", ev.Err, l)
				}
			}
		}
	})
}

func (l *lies) wantChecksums(t *testing.T, ev s3sync.Event, arrived string) {
	t.Helper()
	if ev.Checksums == nil {
		t.Errorf("no checksums prove anything of %q: %+v", arrived, l)
		return
	}
	sums := ev.Checksums
	source, algorithm := sums.Source, checksum.Algorithm(sums.Algorithm)
	if other, value, ok := strings.Cut(source, ":"); ok {
		source, algorithm = value, checksum.Algorithm(other)
	}
	if source != "" && !l.matchesChecksum(algorithm, source, arrived) || sums.Target != "" && !l.matchesChecksum(checksum.Algorithm(sums.Algorithm), sums.Target, arrived) ||
		source+sums.Target == "" {
		t.Errorf("%s checksums %q and %q prove nothing of %q: %+v", sums.Algorithm, sums.Source, sums.Target, arrived, l)
	}
}

// lieAbout makes the responses to writes wrong, or not.
func (f *faulty) lieAbout(s *script) {
	switch s.choose(8) {
	case 0:
		told := s.text()
		f.written = func(_ string, info *storage.Info) { info.ETag = told }
	case 1:
		digit := "0123456789abcdef"[s.choose(16)]
		f.written = func(_ string, info *storage.Info) { info.ETag = string(digit) + info.ETag[min(1, len(info.ETag)):] }
	case 2:
		at := s.choose(8)
		f.written = func(_ string, info *storage.Info) {
			for i := range info.Checksums {
				p, _ := base64.StdEncoding.DecodeString(info.Checksums[i].Value)
				if at < len(p) {
					p[at] ^= 1
				}
				info.Checksums[i].Value = base64.StdEncoding.EncodeToString(p)
			}
		}
	case 3:
		f.written = func(_ string, info *storage.Info) { info.Checksums, info.ETag = nil, "" }
	}
}

// TestToldSizes: an impossible size of an object fails only that object.
func TestToldSizes(t *testing.T) {
	for _, size := range []int64{-1, math.MinInt64, 11, 1 << 40, 1 << 46, 1 << 62, math.MaxInt64} {
		for name, store := range map[string]storage.Store{"bucket": mem.New(), "file": fileStore{mem.New()}} {
			for _, auto := range []bool{false, true} {
				t.Run(fmt.Sprint(size, "/", name, "/auto=", auto), func(t *testing.T) {
					source := &faulty{Store: mem.New()}
					putParts(t, source.Store, "a", 5, 5)
					source.info = func(info *storage.Info) { info.Size = size }
					cfg := config(source, store)
					cfg.Transfer.AutoChunkSize = auto && name == "bucket"
					events := runBounded(t, cfg)
					if i := slices.IndexFunc(events, func(ev s3sync.Event) bool { return ev.Type == s3sync.EventFailed }); i < 0 || len(contents(t, store)) > 0 {
						t.Errorf("%+v", events)
					}
				})
			}
		}
	}
}

// FuzzLyingCounterpart: a file is found equal to an object only if a reported digest of
// the object is that of the file's bytes, in some parts.
func FuzzLyingCounterpart(f *testing.F) {
	f.Fuzz(func(t *testing.T, text []byte) {
		s := &script{text}
		l := parseLies(s)
		file, counterpart := &faulty{Store: fileStore{mem.New()}}, &faulty{Store: mem.New()}
		l.Write(t, counterpart.Store, "a")
		object{Data: l.delivered}.Write(t, file.Store, "a")
		l.applyTo(counterpart)
		counterpart.read = nil
		cfg := config(file, counterpart)
		if s.choose(2) == 0 {
			cfg = config(counterpart, file)
		}
		cfg.DryRun = true
		switch all := checksum.Algorithms(); s.choose(3) {
		case 0:
			cfg.Check.Mode, cfg.Check.Algorithm = s3sync.CheckChecksum, string(all[s.choose(len(all))])
			if l.Algorithm != "" && s.choose(4) > 0 {
				cfg.Check.Mode, cfg.Check.Algorithm = s3sync.CheckChecksum, string(l.Algorithm)
			}
		case 1:
			cfg.Check.Mode, cfg.Check.HeadEachTarget = s3sync.CheckETag, true
		default:
			cfg.Check.Mode = s3sync.CheckETag
		}
		var told storage.Info
		for _, ev := range runBounded(t, cfg) {
			if ev.Type != s3sync.EventSkipped || ev.Reason == s3sync.ReasonEmpty && l.delivered == "" {
				continue
			}
			info, err := counterpart.Stat(t.Context(), "a", storage.StatOptions{Checksums: true})
			if err != nil {
				t.Fatal(err)
			}
			told = info
			listed := etagOf(l.object)
			verified := l.matchesETag(told.ETag, l.delivered) || l.matchesETag(listed, l.delivered) || slices.ContainsFunc(told.Checksums, func(c storage.Checksum) bool {
				return l.matchesChecksum(c.Algorithm, c.Value, l.delivered)
			})
			if !verified {
				t.Errorf("found equal (%s): %q is told as %+v, %+v", ev.Reason, l.delivered, told, l)
			}
		}
	})
}
