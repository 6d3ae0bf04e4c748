package s3sync_test

import (
	"iter"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/dir"
	"s3sync/storage/mem"
	"s3sync/storage/storagetest"
)

// An object is an object in a bucket.
type object = storagetest.Object

// A statChange changes what a store reports about an object.
type statChange func(opts storage.StatOptions, info *storage.Info)

// etagNotDigest makes an object look as if it were encrypted with KMS: its ETag only
// looks like a digest.
func etagNotDigest(_ storage.StatOptions, info *storage.Info) { setEncryptedETag(info, "0") }

// otherETagNotDigest does the same with another ETag.
func otherETagNotDigest(_ storage.StatOptions, info *storage.Info) { setEncryptedETag(info, "1") }

func setEncryptedETag(info *storage.Info, digit string) {
	_, parts, found := strings.Cut(info.ETag, "-")
	info.ETagNotDigest, info.ETag = true, strings.Repeat(digit, 32)
	if found {
		info.ETag += "-" + parts
	}
}

func withoutParts(_ storage.StatOptions, info *storage.Info) { info.Parts = nil }

// inferredParts are parts that were wrongly inferred from the first one.
func inferredParts(parts ...int64) statChange {
	return func(opts storage.StatOptions, info *storage.Info) {
		if opts.Parts == storage.InferParts {
			info.Parts = parts
		}
	}
}

func (f *faulty) withStatChange(change statChange) *faulty {
	if change != nil {
		f.stat = func(_ string, opts storage.StatOptions, info *storage.Info) error {
			change(opts, info)
			return nil
		}
		f.list = func(seq iter.Seq2[storage.Object, error]) iter.Seq2[storage.Object, error] {
			return func(yield func(storage.Object, error) bool) {
				for o, err := range seq {
					info := storage.Info{Object: o}
					change(storage.StatOptions{}, &info)
					if !yield(info.Object, err) {
						return
					}
				}
			}
		}
	}
	return f
}

// A wantedDecision is the expected decision of an update check.
type wantedDecision struct {
	outcome s3sync.EventType
	reason  s3sync.Reason
}

func unchanged(why s3sync.Reason) wantedDecision { return wantedDecision{s3sync.EventSkipped, why} }

func transferred(why s3sync.Reason) wantedDecision {
	return wantedDecision{s3sync.EventTransferred, why}
}

func warned() wantedDecision { return wantedDecision{outcome: s3sync.EventWarning} }

// decision makes a dry run over one object and returns the event of its outcome.
func decision(t *testing.T, cfg *s3sync.Config) s3sync.Event {
	t.Helper()
	var events []s3sync.Event
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Key != "" && ev.Type != s3sync.EventRetry {
			events = append(events, ev)
		}
	}
	cfg.DryRun = true
	run(t, cfg)
	if len(events) != 1 {
		t.Fatalf("%d events of one object: %+v", len(events), events)
	}
	return events[0]
}

func wantDecision(t *testing.T, ev s3sync.Event, want wantedDecision) {
	t.Helper()
	if ev.Type != want.outcome || ev.Reason != want.reason {
		t.Errorf("event %d, reason %q, error %v; want %d, %q", ev.Type, ev.Reason, ev.Err, want.outcome, want.reason)
	}
}

// wantCalls compares how often an operation of a store was called.
func wantCalls(t *testing.T, name string, f *faulty, op string, want int) {
	t.Helper()
	if got := f.called(op); got != want {
		t.Errorf("%s: %d calls of %s, want %d", name, got, op, want)
	}
}

const kib10 = 10_000

// A file and an object, in both directions.
func TestCompareFile(t *testing.T) {
	const mib = s3sync.MiB
	one := object{Data: storagetest.Text('a', kib10)}
	other := object{Data: storagetest.Text('b', kib10)}
	big := object{Data: storagetest.Text('a', 9*mib)}
	etag, mtimeETag := s3sync.Check{Mode: s3sync.CheckETag}, s3sync.Check{Mode: s3sync.CheckMtimeAndETag}
	sum := func(a string) s3sync.Check { return s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: a} }
	for name, tt := range map[string]struct {
		check        s3sync.Check
		file         string
		counterpart  object
		told         statChange
		older        bool // the source
		want         wantedDecision
		heads, reads int
	}{
		"etag/whole, same":               {etag, one.Data, one, nil, false, unchanged(s3sync.ReasonSameETag), 0, 1},
		"etag/empty":                     {etag, "", object{}, nil, false, unchanged(s3sync.ReasonEmpty), 0, 0},
		"etag/parts, other":              {etag, one.Data, other.In(6000, 4000), nil, false, transferred(s3sync.ReasonETag), 2, 1},
		"etag/odd parts inferred, other": {etag, one.Data, other.In(4000, 3000, 3000), inferredParts(4000, 4000, 2000), false, transferred(s3sync.ReasonETag), 2, 2},
		"etag/unknown parts, odd":        {etag, big.Data, big.In(6*mib+1, 3*mib-1), withoutParts, false, transferred(s3sync.ReasonETag), 1, 1},
		"etag/no digest, with sum, same": {etag, one.Data, one.With("CRC32C", true), etagNotDigest, false, unchanged(s3sync.ReasonSameChecksum), 1, 2},
		"etag/no digest, parts":          {etag, one.Data, one.In(6000, 4000), etagNotDigest, false, warned(), 1, 0},
		"mtime and etag/older":           {mtimeETag, one.Data, other, nil, true, unchanged(s3sync.ReasonSame), 0, 0},
		"mtime and etag/newer, other":    {mtimeETag, one.Data, other, nil, false, transferred(s3sync.ReasonETag), 1, 1},
		"sum/another":                    {sum("SHA256"), one.Data, one.With("CRC32", true), nil, false, warned(), 1, 0},
		"sum/whole, same":                {sum("SHA256"), one.Data, one.With("SHA256", false), nil, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/composite, other":           {sum("SHA256"), one.Data, other.In(6000, 4000).With("SHA256", false), nil, false, transferred(s3sync.ReasonChecksum), 2, 1},
		"mtime and sum/newer":            {s3sync.Check{Mode: s3sync.CheckMtimeAndChecksum, Algorithm: "CRC32"}, one.Data, one.With("CRC32", true), nil, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"mtime and sum/missing":          {s3sync.Check{Mode: s3sync.CheckMtimeAndChecksum, Algorithm: "CRC32"}, one.Data, one, nil, false, warned(), 1, 0},
	} {
		for direction, up := range map[string]bool{"up": true, "down": false} {
			t.Run(name+"/"+direction, func(t *testing.T) {
				file, counterpart := &faulty{Store: directory(t, tt.file, tt.older == up)}, &faulty{Store: mem.New()}
				tt.counterpart.Write(t, counterpart.Store, "a")
				counterpart.withStatChange(tt.told)
				cfg := config(counterpart, file)
				if up {
					cfg = config(file, counterpart)
				}
				cfg.Check = tt.check
				wantDecision(t, decision(t, cfg), tt.want)
				wantCalls(t, "counterpart", counterpart, "stat", tt.heads)
				wantCalls(t, "counterpart", counterpart, "open", 0)
				wantCalls(t, "file", file, "open", tt.reads)
			})
		}
	}
}

// directory returns a store with a file "a", which is an hour older than objects in
// memory, or newer.
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

// Two objects, of which neither is read.
func TestCompareObjects(t *testing.T) {
	one, other := object{Data: storagetest.Text('a', kib10)}, object{Data: storagetest.Text('b', kib10)}
	etag := s3sync.Check{Mode: s3sync.CheckETag}
	sum := func(a string) s3sync.Check { return s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: a} }
	for name, tt := range map[string]struct {
		check          s3sync.Check
		source, target object
		told, told2    statChange
		want           wantedDecision
		heads, heads2  int // of source and target
	}{
		"etag/whole, same":        {etag, one, one, nil, nil, unchanged(s3sync.ReasonSameETag), 0, 0},
		"etag/sizes":              {etag, one, object{Data: one.Data[1:]}, nil, nil, transferred(s3sync.ReasonSize), 0, 0},
		"etag/other parts":        {etag, one.In(6000, 4000), one.In(5000, 5000), nil, nil, transferred(s3sync.ReasonETag), 1, 1},
		"etag/other parts, sums":  {etag, one.In(6000, 4000).With("CRC64NVME", true), one.In(5000, 5000).With("CRC64NVME", true), nil, nil, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"etag/no digest, one sum": {etag, one, other.With("SHA256", false), etagNotDigest, otherETagNotDigest, warned(), 1, 1},
		"sum/missing at source":   {sum("SHA256"), one, one.With("SHA256", false), nil, nil, warned(), 1, 1},
		"sum/same":                {sum("SHA256"), one.With("SHA256", false), one.With("SHA256", false), etagNotDigest, nil, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/types, other ETags":  {sum("CRC32"), one.In(6000, 4000).With("CRC32", false), one.In(5000, 5000).With("CRC32", true), nil, nil, transferred(s3sync.ReasonChecksum), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			tt.source.Write(t, source.Store, "a")
			tt.target.Write(t, target.Store, "a")
			cfg := config(source.withStatChange(tt.told), target.withStatChange(tt.told2))
			cfg.Check = tt.check
			wantDecision(t, decision(t, cfg), tt.want)
			wantCalls(t, "source", source, "stat", tt.heads)
			wantCalls(t, "target", target, "stat", tt.heads2)
			for name, f := range map[string]*faulty{"source": source, "target": target} {
				wantCalls(t, name, f, "open", 0)
			}
		})
	}
}
