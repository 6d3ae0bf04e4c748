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
)

// An object is an object in a bucket: data in parts of the given sizes, or whole if
// there are none, with a checksum.
type object struct {
	data      string
	parts     []int
	algorithm string
	full      bool // FULL_OBJECT
}

func (o object) in(parts ...int) object { o.parts = parts; return o }

func (o object) with(algorithm string, full bool) object {
	o.algorithm, o.full = algorithm, full
	return o
}

func (o object) write(t *testing.T, s storage.Store, key string) {
	t.Helper()
	opts := storage.WriteOptions{Size: int64(len(o.data)), Checksum: storage.Checksum{Algorithm: storage.ChecksumAlgorithm(o.algorithm), Type: "COMPOSITE"}}
	if o.full {
		opts.Checksum.Type = "FULL_OBJECT"
	}
	if o.parts == nil {
		if _, err := s.Put(t.Context(), key, storage.Block{Data: []byte(o.data)}, opts); err != nil {
			t.Fatal(err)
		}
		return
	}
	w, err := s.Create(t.Context(), key, opts)
	if err != nil {
		t.Fatal(err)
	}
	off := 0
	for i, n := range o.parts {
		if err := w.WritePart(t.Context(), i+1, int64(off), storage.Block{Data: []byte(o.data[off : off+n])}); err != nil {
			t.Fatal(err)
		}
		off += n
	}
	if _, err := w.Commit(t.Context()); err != nil {
		t.Fatal(err)
	}
}

// text returns n bytes. Texts with different letters differ.
func text(letter byte, n int) string {
	p := make([]byte, n)
	for i := range p {
		p[i] = letter ^ byte(i*i>>3)
	}
	return string(p)
}

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

func allChanges(each ...statChange) statChange {
	return func(opts storage.StatOptions, info *storage.Info) {
		for _, f := range each {
			f(opts, info)
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
	one := object{data: text('a', kib10)}
	other := object{data: text('b', kib10)}
	big := object{data: text('a', 9*mib)}
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
		"etag/whole, same":                        {etag, one.data, one, nil, false, unchanged(s3sync.ReasonSameETag), 0, 1},
		"etag/whole, other":                       {etag, one.data, other, nil, false, transferred(s3sync.ReasonETag), 1, 1},
		"etag/older":                              {etag, one.data, other, nil, true, transferred(s3sync.ReasonETag), 1, 1},
		"etag/sizes":                              {etag, one.data[1:], one, nil, false, transferred(s3sync.ReasonSize), 0, 0},
		"etag/empty":                              {etag, "", object{}, nil, false, unchanged(s3sync.ReasonEmpty), 0, 0},
		"etag/empty, no digest":                   {etag, "", object{}, etagNotDigest, false, unchanged(s3sync.ReasonEmpty), 0, 0},
		"etag/one part, same":                     {etag, one.data, one.in(kib10), nil, false, unchanged(s3sync.ReasonSameETag), 0, 1},
		"etag/one part, other":                    {etag, one.data, other.in(kib10), nil, false, transferred(s3sync.ReasonETag), 1, 1},
		"etag/parts, same":                        {etag, one.data, one.in(6000, 4000), nil, false, unchanged(s3sync.ReasonSameETag), 1, 1},
		"etag/parts, other":                       {etag, one.data, other.in(6000, 4000), nil, false, transferred(s3sync.ReasonETag), 2, 1},
		"etag/odd parts, same":                    {etag, one.data, one.in(4000, 1000, 5000), nil, false, unchanged(s3sync.ReasonSameETag), 1, 1},
		"etag/odd parts, other":                   {etag, one.data, other.in(4000, 1000, 5000), nil, false, transferred(s3sync.ReasonETag), 1, 1},
		"etag/odd parts inferred, same":           {etag, one.data, one.in(4000, 3000, 3000), inferredParts(4000, 4000, 2000), false, unchanged(s3sync.ReasonSameETag), 2, 2},
		"etag/odd parts inferred, other":          {etag, one.data, other.in(4000, 3000, 3000), inferredParts(4000, 4000, 2000), false, transferred(s3sync.ReasonETag), 2, 2},
		"etag/odd parts inferred, with CRC":       {etag, one.data, one.in(4000, 3000, 3000).with("CRC64NVME", true), inferredParts(4000, 4000, 2000), false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"etag/parts, other, with CRC":             {etag, one.data, other.in(6000, 4000).with("CRC64NVME", true), nil, false, transferred(s3sync.ReasonChecksum), 1, 1},
		"etag/unknown parts, common":              {etag, big.data, big.in(5*mib, 4*mib), withoutParts, false, unchanged(s3sync.ReasonSameETag), 1, 1},
		"etag/unknown parts, configured":          {etag, big.data, big.in(8*mib, mib), withoutParts, false, unchanged(s3sync.ReasonSameETag), 1, 1},
		"etag/unknown parts, odd":                 {etag, big.data, big.in(6*mib+1, 3*mib-1), withoutParts, false, transferred(s3sync.ReasonETag), 1, 1},
		"etag/unknown parts, with CRC":            {etag, big.data, big.in(6*mib+1, 3*mib-1).with("CRC32", true), withoutParts, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"etag/unknown parts, with composite":      {etag, big.data, big.in(6*mib+1, 3*mib-1).with("SHA256", false), withoutParts, false, transferred(s3sync.ReasonETag), 1, 1},
		"etag/no digest":                          {etag, one.data, one, etagNotDigest, false, warned(), 1, 1},
		"etag/no digest, with sum, same":          {etag, one.data, one.with("CRC32C", true), etagNotDigest, false, unchanged(s3sync.ReasonSameChecksum), 1, 2},
		"etag/no digest, with sum, other":         {etag, one.data, other.with("SHA1", false), etagNotDigest, false, transferred(s3sync.ReasonChecksum), 1, 2},
		"etag/no digest, parts":                   {etag, one.data, one.in(6000, 4000), etagNotDigest, false, warned(), 1, 0},
		"etag/no digest, parts, composite, same":  {etag, one.data, one.in(6000, 4000).with("SHA256", false), etagNotDigest, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"etag/no digest, parts, composite, other": {etag, one.data, other.in(6000, 4000).with("SHA256", false), etagNotDigest, false, transferred(s3sync.ReasonETag), 2, 1},
		"etag/no digest, parts, composite, odd":   {etag, one.data, one.in(4000, 3000, 3000).with("CRC32", false), allChanges(etagNotDigest, inferredParts(4000, 4000, 2000)), false, unchanged(s3sync.ReasonSameChecksum), 2, 2},
		"etag/no digest, parts, full, other":      {etag, one.data, other.in(6000, 4000).with("CRC32", true), etagNotDigest, false, transferred(s3sync.ReasonChecksum), 1, 1},
		"etag/no digest, parts, unknown":          {etag, one.data, one.in(4000, 5000, 500, 500).with("SHA256", false), allChanges(etagNotDigest, withoutParts), false, transferred(s3sync.ReasonETag), 1, 1},
		"mtime and etag/older":                    {mtimeETag, one.data, other, nil, true, unchanged(s3sync.ReasonSame), 0, 0},
		"mtime and etag/newer, same":              {mtimeETag, one.data, one, nil, false, unchanged(s3sync.ReasonSameETag), 0, 1},
		"mtime and etag/newer, other":             {mtimeETag, one.data, other, nil, false, transferred(s3sync.ReasonETag), 1, 1},
		"sum/missing":                             {sum("SHA256"), one.data, one, nil, false, warned(), 1, 0},
		"sum/another":                             {sum("SHA256"), one.data, one.with("CRC32", true), nil, false, warned(), 1, 0},
		"sum/whole, same":                         {sum("SHA256"), one.data, one.with("SHA256", false), nil, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/whole, other":                        {sum("SHA256"), one.data, other.with("SHA256", false), nil, false, transferred(s3sync.ReasonChecksum), 1, 1},
		"sum/sizes":                               {sum("SHA256"), one.data[1:], one, nil, false, transferred(s3sync.ReasonSize), 0, 0},
		"sum/empty":                               {sum("SHA256"), "", object{}, nil, false, unchanged(s3sync.ReasonEmpty), 0, 0},
		"sum/encrypted":                           {sum("SHA256"), one.data, one.with("SHA256", false), etagNotDigest, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/one part":                            {sum("SHA256"), one.data, one.in(kib10).with("SHA256", false), nil, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/composite, same":                     {sum("SHA256"), one.data, one.in(6000, 4000).with("SHA256", false), nil, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/composite, other":                    {sum("SHA256"), one.data, other.in(6000, 4000).with("SHA256", false), nil, false, transferred(s3sync.ReasonChecksum), 2, 1},
		"sum/composite, odd":                      {sum("SHA1"), one.data, one.in(4000, 3000, 3000).with("SHA1", false), inferredParts(4000, 4000, 2000), false, unchanged(s3sync.ReasonSameChecksum), 2, 2},
		"sum/composite CRC":                       {sum("CRC32"), one.data, one.in(6000, 4000).with("CRC32", false), nil, false, unchanged(s3sync.ReasonSameChecksum), 2, 1},
		"sum/composite, unknown parts":            {sum("CRC32"), big.data, big.in(5*mib, 4*mib).with("CRC32", false), withoutParts, false, unchanged(s3sync.ReasonSameChecksum), 2, 1},
		"sum/full, same":                          {sum("CRC32C"), one.data, one.in(6000, 4000).with("CRC32C", true), nil, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/full, other":                         {sum("CRC32C"), one.data, other.in(6000, 4000).with("CRC32C", true), nil, false, transferred(s3sync.ReasonChecksum), 1, 1},
		"sum/full, unknown parts":                 {sum("CRC64NVME"), one.data, one.in(6000, 4000).with("CRC64NVME", true), withoutParts, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/no checksum at all":                  {sum("CRC32"), one.data, one.with("CRC32", true), wrongChecksums, false, transferred(s3sync.ReasonChecksum), 1, 0},
		"mtime and sum/older":                     {s3sync.Check{Mode: s3sync.CheckMtimeAndChecksum, Algorithm: "CRC32"}, one.data, other, nil, true, unchanged(s3sync.ReasonSame), 0, 0},
		"mtime and sum/newer":                     {s3sync.Check{Mode: s3sync.CheckMtimeAndChecksum, Algorithm: "CRC32"}, one.data, one.with("CRC32", true), nil, false, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"mtime and sum/missing":                   {s3sync.Check{Mode: s3sync.CheckMtimeAndChecksum, Algorithm: "CRC32"}, one.data, one, nil, false, warned(), 1, 0},
	} {
		for direction, up := range map[string]bool{"up": true, "down": false} {
			t.Run(name+"/"+direction, func(t *testing.T) {
				file, counterpart := &faulty{Store: directory(t, tt.file, tt.older == up)}, &faulty{Store: mem.New()}
				tt.counterpart.write(t, counterpart.Store, "a")
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

func wrongChecksums(_ storage.StatOptions, info *storage.Info) {
	for i := range info.Checksums {
		info.Checksums[i].Value = "nonsense"
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
	one, other := object{data: text('a', kib10)}, object{data: text('b', kib10)}
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
		"etag/whole, other":       {etag, one, other, nil, nil, transferred(s3sync.ReasonETag), 1, 1},
		"etag/parts, same":        {etag, one.in(6000, 4000), one.in(6000, 4000), nil, nil, unchanged(s3sync.ReasonSameETag), 0, 0},
		"etag/sizes":              {etag, one, object{data: one.data[1:]}, nil, nil, transferred(s3sync.ReasonSize), 0, 0},
		"etag/empty":              {etag, object{}, object{}.in(0), etagNotDigest, otherETagNotDigest, unchanged(s3sync.ReasonEmpty), 0, 0},
		"etag/one part, same":     {etag, one.in(kib10), one, nil, nil, unchanged(s3sync.ReasonSameETag), 0, 0},
		"etag/none, one, same":    {etag, one, one.in(kib10), nil, nil, unchanged(s3sync.ReasonSameETag), 0, 0},
		"etag/one part, other":    {etag, one.in(kib10), other, nil, nil, transferred(s3sync.ReasonETag), 1, 1},
		"etag/other parts":        {etag, one.in(6000, 4000), one.in(5000, 5000), nil, nil, transferred(s3sync.ReasonETag), 1, 1},
		"etag/parts and whole":    {etag, one.in(6000, 4000), one, nil, nil, transferred(s3sync.ReasonETag), 1, 1},
		"etag/other parts, sums":  {etag, one.in(6000, 4000).with("CRC64NVME", true), one.in(5000, 5000).with("CRC64NVME", true), nil, nil, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"etag/parts, whole, sums": {etag, one.in(6000, 4000).with("CRC32", true), one.with("CRC32", true), nil, nil, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"etag/other, sums":        {etag, one.in(6000, 4000).with("CRC32", true), other.with("CRC32", true), nil, nil, transferred(s3sync.ReasonChecksum), 1, 1},
		"etag/other algorithms":   {etag, one.in(6000, 4000).with("CRC32", true), one.with("CRC32C", true), nil, nil, transferred(s3sync.ReasonETag), 1, 1},
		"etag/composites":         {etag, one.in(6000, 4000).with("SHA256", false), one.in(5000, 5000).with("SHA256", false), nil, nil, transferred(s3sync.ReasonETag), 1, 1},

		"etag/no digest target":            {etag, one, other, nil, etagNotDigest, warned(), 0, 1},
		"etag/no digest source":            {etag, one, other, etagNotDigest, nil, warned(), 1, 1},
		"etag/no digest, sums, same":       {etag, one.in(6000, 4000).with("CRC32", true), one.with("CRC32", true), nil, etagNotDigest, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"etag/no digest, sums, other":      {etag, one.with("SHA256", false), other.with("SHA256", false), etagNotDigest, otherETagNotDigest, transferred(s3sync.ReasonChecksum), 1, 1},
		"etag/no digest, one sum":          {etag, one, other.with("SHA256", false), etagNotDigest, otherETagNotDigest, warned(), 1, 1},
		"etag/no digest, other algorithms": {etag, one.with("CRC32", true), other.with("SHA256", false), etagNotDigest, otherETagNotDigest, warned(), 1, 1},
		"etag/no digest, other parts":      {etag, one.in(6000, 4000).with("SHA256", false), one.in(5000, 5000).with("SHA256", false), etagNotDigest, nil, warned(), 1, 1},
		"etag/no digest, composites":       {etag, one.in(6000, 4000).with("SHA256", false), one.in(6000, 4000).with("SHA256", false), etagNotDigest, nil, unchanged(s3sync.ReasonSameChecksum), 1, 1},

		"sum/missing at target":  {sum("SHA256"), one.with("SHA256", false), one, nil, nil, warned(), 0, 1},
		"sum/missing at source":  {sum("SHA256"), one, one.with("SHA256", false), nil, nil, warned(), 1, 1},
		"sum/same":               {sum("SHA256"), one.with("SHA256", false), one.with("SHA256", false), etagNotDigest, nil, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/other":              {sum("SHA256"), one.with("SHA256", false), other.with("SHA256", false), nil, nil, transferred(s3sync.ReasonChecksum), 1, 1},
		"sum/sizes":              {sum("SHA256"), one, object{data: one.data[1:]}, nil, nil, transferred(s3sync.ReasonSize), 0, 0},
		"sum/empty":              {sum("SHA256"), object{}, object{}, nil, nil, unchanged(s3sync.ReasonEmpty), 0, 0},
		"sum/composites, same":   {sum("SHA256"), one.in(6000, 4000).with("SHA256", false), one.in(6000, 4000).with("SHA256", false), nil, nil, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/composites, other":  {sum("SHA256"), one.in(6000, 4000).with("SHA256", false), other.in(6000, 4000).with("SHA256", false), nil, nil, transferred(s3sync.ReasonChecksum), 1, 1},
		"sum/one part":           {sum("SHA256"), one.in(kib10).with("SHA256", false), one.with("SHA256", false), etagNotDigest, otherETagNotDigest, unchanged(s3sync.ReasonSameChecksum), 1, 1},
		"sum/one part, other":    {sum("CRC32"), one.in(kib10).with("CRC32", false), other.with("CRC32", true), etagNotDigest, otherETagNotDigest, transferred(s3sync.ReasonChecksum), 1, 1},
		"sum/types, same ETags":  {sum("CRC32"), one.in(6000, 4000).with("CRC32", false), one.in(6000, 4000).with("CRC32", true), nil, nil, unchanged(s3sync.ReasonSameETag), 1, 1},
		"sum/types, other ETags": {sum("CRC32"), one.in(6000, 4000).with("CRC32", false), one.in(5000, 5000).with("CRC32", true), nil, nil, transferred(s3sync.ReasonChecksum), 1, 1},
		"sum/types, no digests":  {sum("CRC32"), one.in(6000, 4000).with("CRC32", false), one.in(6000, 4000).with("CRC32", true), etagNotDigest, nil, transferred(s3sync.ReasonChecksum), 1, 1},
		"sum/full, other parts":  {sum("CRC64NVME"), one.in(6000, 4000).with("CRC64NVME", true), one.with("CRC64NVME", true), nil, nil, unchanged(s3sync.ReasonSameChecksum), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
			tt.source.write(t, source.Store, "a")
			tt.target.write(t, target.Store, "a")
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
