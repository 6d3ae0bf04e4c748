package verify_test

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/checksum"
	"s3sync/internal/verify"
	"s3sync/storage"
	"s3sync/storage/mem"
)

func wrongETag(i *storage.Info) {
	i.ETag = strings.Repeat("0", 32) + strings.TrimLeft(i.ETag, "0123456789abcdef")
}

func wrongSum(i *storage.Info) { i.Checksums[0].Value = "AAAAAAAAAAA=" }

// TestVerification: what verifies an object, and what is said where nothing does.
func TestVerification(t *testing.T) {
	with := func(change func(*verify.Options)) verify.Options {
		opts := everything
		change(&opts)
		return opts
	}
	read := with(func(o *verify.Options) { o.ReadChecksum = true })
	crc := with(func(o *verify.Options) { o.Algorithm = "CRC64NVME" })
	sha := with(func(o *verify.Options) { o.Algorithm = "SHA256" })
	for name, tt := range map[string]struct {
		opts           verify.Options
		source, target *store
		has            checksum.Algorithm // the checksum of the source
		from, to       []int              // parts

		etag, sum, lacks bool
		why              string
		mismatch         string
	}{
		"whole":                   {opts: everything, etag: true},
		"parts":                   {opts: everything, from: []int{3, 3, 4}, to: []int{3, 3, 4}, etag: true},
		"other parts":             {opts: everything, from: []int{3, 3, 4}, to: []int{5, 5}, etag: true},
		"unequal parts":           {opts: everything, from: []int{1, 8, 1}, to: []int{5, 5}, etag: true},
		"one part":                {opts: everything, from: []int{10}, etag: true},
		"parts, whole":            {opts: everything, from: []int{5, 5}, etag: true},
		"from files":              {opts: everything, source: newFiles(), to: []int{5, 5}, etag: true},
		"to files":                {opts: everything, target: newFiles(), from: []int{5, 5}, to: []int{4, 4, 2}, etag: true},
		"both files":              {opts: everything, source: newFiles(), target: newFiles(), etag: true},
		"wrong source":            {opts: everything, source: &store{told: wrongETag}, mismatch: "the source's ETag is 000"},
		"wrong target":            {opts: everything, target: &store{told: wrongETag}, mismatch: "the target's ETag is 000"},
		"wrong, but off":          {source: &store{told: wrongETag}, target: &store{told: wrongETag}, why: "verification is off"},
		"parts off":               {opts: verify.Options{ETag: true}, from: []int{5, 5}, why: "written in parts is off"},
		"parts of the target off": {opts: verify.Options{ETag: true}, to: []int{5, 5}, why: "written in parts is off"},
		"no ETag":                 {opts: everything, source: &store{told: func(i *storage.Info) { i.ETag = "" }}, why: "gives no ETag"},
		"no digest":               {opts: everything, target: &store{told: func(i *storage.Info) { i.ETag = "x" }}, why: "no ETag that is a digest"},
		"encrypted":               {opts: everything, target: &store{told: func(i *storage.Info) { i.ETagNotDigest = true }}, why: "see Verify.Algorithm and Verify.ReadChecksum"},
		"own ETag of parts": {
			opts: everything, target: &store{told: func(i *storage.Info) { i.ETag = strings.Repeat("0", 32) }}, to: []int{5, 5},
			why: "an ETag of its own kind, which tells nothing of the parts",
		},

		"unknown parts, guessed": {opts: everything, source: &store{layout: func([]int64) ([]int64, error) { return nil, nil }}, from: []int{5, 5}, etag: true},
		"unknown parts":          {opts: everything, source: &store{layout: func([]int64) ([]int64, error) { return nil, nil }}, from: []int{1, 8, 1}, why: "the sizes of its parts are not known"},
		"unknown one part, wrong": {
			opts: everything, source: &store{told: wrongETag, layout: func([]int64) ([]int64, error) { return nil, nil }}, from: []int{10},
			why: "the sizes of its parts are not known",
		},
		"wrong parts": {
			opts: everything, source: &store{layout: func([]int64) ([]int64, error) { return []int64{2, 8}, nil }}, from: []int{5, 5},
			mismatch: "the source's ETag is",
		},
		"parts of another size": {
			opts: everything, source: &store{layout: func([]int64) ([]int64, error) { return []int64{2, 9}, nil }}, from: []int{5, 5}, etag: true,
		},

		"checksum":                    {opts: crc, etag: true, sum: true},
		"checksum of parts":           {opts: sha, to: []int{3, 3, 4}, etag: true, sum: true},
		"wrong checksum":              {opts: crc, target: &store{told: wrongSum}, mismatch: "the target's CRC64NVME checksum is AAAAAAAAAAA="},
		"checksum not answered":       {opts: crc, target: &store{told: func(i *storage.Info) { i.Checksums = nil }}, etag: true},
		"checksum not wanted":         {opts: verify.Options{ETag: true, Algorithm: "CRC64NVME"}, target: &store{told: wrongSum}, etag: true},
		"read checksum":               {opts: read, has: "SHA256", from: []int{3, 7}, to: []int{5, 5}, etag: true, sum: true},
		"read checksum, both":         {opts: with(func(o *verify.Options) { o.ReadChecksum, o.Algorithm = true, "CRC32" }), has: "SHA1", etag: true, sum: true},
		"read checksum, none":         {opts: read, etag: true, lacks: true},
		"read checksum of files":      {opts: read, source: newFiles(), etag: true},
		"read checksum, parts off":    {opts: verify.Options{ETag: true, ReadChecksum: true}, has: "SHA256", from: []int{5, 5}, why: "written in parts is off"},
		"read checksum, wrong":        {opts: read, has: "CRC32", source: &store{sums: lie("AAAAAA==")}, mismatch: "the source's CRC32 checksum is AAAAAA=="},
		"read checksum, nonsense":     {opts: read, has: "CRC32", source: &store{sums: lie("?")}, etag: true},
		"encrypted, read checksum":    {opts: read, has: "CRC32", source: &store{told: func(i *storage.Info) { i.ETagNotDigest = true }}, sum: true},
		"checksum of source alone":    {opts: read, has: "CRC32", target: &store{told: func(i *storage.Info) { i.ETagNotDigest = true }}, sum: true, why: "no digest of its content"},
		"express, up":                 {opts: everything, target: newExpress(), sum: true},
		"express, down":               {opts: everything, source: newExpress(), has: "CRC64NVME", sum: true},
		"express, both":               {opts: everything, source: newExpress(), target: newExpress(), has: "CRC64NVME", sum: true},
		"express, other checksum":     {opts: with(func(o *verify.Options) { o.Algorithm = "CRC32" }), source: newExpress(), target: newExpress(), has: "SHA256", sum: true},
		"express, source without":     {opts: everything, source: newExpress(), target: newExpress(), why: "no digest of its content"},
		"express, off, up":            {opts: with(func(o *verify.Options) { o.NoExpressChecksum = true }), target: newExpress(), why: "directory bucket"},
		"express, off, down":          {opts: with(func(o *verify.Options) { o.NoExpressChecksum = true }), source: newExpress(), has: "CRC64NVME", why: "directory bucket"},
		"express, off, but asked for": {opts: with(func(o *verify.Options) { o.NoExpressChecksum, o.ReadChecksum = true, true }), source: newExpress(), has: "CRC64NVME", sum: true},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := cmpOr(tt.source), cmpOr(tt.target)
			source.fill(t, tt.has, tt.from...)
			got, err := pass(t, tt.opts, source, target, tt.to...)
			if tt.mismatch != "" {
				m, ok := errors.AsType[*verify.MismatchError](err)
				if !ok || !errors.Is(err, storage.ErrMismatch) || !strings.Contains(err.Error(), tt.mismatch) ||
					(m.Algorithm == "") != strings.Contains(tt.mismatch, "ETag") {
					t.Errorf("%v, want %q", err, tt.mismatch)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if got.ETag != tt.etag || got.Checksum != tt.sum || got.SourceLacksChecksum != tt.lacks {
				t.Errorf("%+v", got)
			}
			if (got.Why == nil) != (tt.why == "") || got.Why != nil && !strings.Contains(got.Why.Error(), tt.why) {
				t.Errorf("why: %v, want %q", got.Why, tt.why)
			}
		})
	}
}

func cmpOr(s *store) *store {
	if s == nil {
		return newStore()
	}
	if s.Store == nil {
		s.Store = mem.New()
	}
	return s
}

func lie(value string) func([]storage.Checksum) ([]storage.Checksum, error) {
	return func(sums []storage.Checksum) ([]storage.Checksum, error) {
		sums = slices.Clone(sums)
		sums[0].Value = value
		return sums, nil
	}
}

// TestReasonsAreTold: the reasons that a log tells apart are recognized.
func TestReasonsAreTold(t *testing.T) {
	unknown := &store{Store: mem.New(), layout: func([]int64) ([]int64, error) { return nil, nil }}
	for want, tt := range map[error]struct {
		opts verify.Options
		from *store
	}{
		verify.ErrOff: {verify.Options{}, newStore()}, verify.ErrMultipartOff: {verify.Options{ETag: true}, newStore()},
		verify.ErrUnknownLayout: {everything, unknown},
	} {
		tt.from.fill(t, "", 1, 8, 1)
		if got, err := pass(t, tt.opts, tt.from, newStore(), 5, 5); err != nil || !errors.Is(got.Why, want) {
			t.Errorf("%v, %v, want %v", err, got.Why, want)
		}
	}
}

// TestDigestsAreTold: a side that keeps no digests has those that were computed.
func TestDigestsAreTold(t *testing.T) {
	const whole = "781e5e245d69b566979b86e28d23f2c7"
	for name, tt := range map[string]struct {
		source, target *store
		opts           verify.Options
		has            checksum.Algorithm
		want           string // algorithm, source and target; ETags of source and target
	}{
		"between buckets":  {want: " / " + whole + " " + whole},
		"from files":       {source: newFiles(), opts: verify.Options{Algorithm: "CRC64NVME"}, want: "CRC64NVME Ffmx7kz9nB0= Ffmx7kz9nB0= / " + whole + " " + whole},
		"to files":         {target: newFiles(), opts: verify.Options{ReadChecksum: true}, has: "CRC64NVME", want: "CRC64NVME Ffmx7kz9nB0= Ffmx7kz9nB0= / " + whole + " " + whole},
		"other algorithms": {opts: verify.Options{ReadChecksum: true, Algorithm: "CRC64NVME"}, has: "CRC32", want: "CRC64NVME CRC32:poTHxg== Ffmx7kz9nB0= / " + whole + " " + whole},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := cmpOr(tt.source), cmpOr(tt.target)
			source.fill(t, tt.has)
			tt.opts.ETag, tt.opts.Checksum = true, true
			got, err := pass(t, tt.opts, source, target)
			if err != nil {
				t.Fatal(err)
			}
			d := got.Digests
			text := fmt.Sprintf("%s / %s %s", strings.TrimRight(fmt.Sprintf("%s %s %s", d.Algorithm, d.Source, d.Target), " "), d.SourceETag, d.TargetETag)
			if diff := cmp.Diff(tt.want, text); diff != "" {
				t.Errorf("digests (-want +got):\n%s", diff)
			}
		})
	}
}

// TestSourceAsksForParts: exactly where no attempt follows, once, and not at all
// for an object written whole.
func TestSourceAsksForParts(t *testing.T) {
	for _, tt := range []struct {
		attempts, attempt int
		parts             []int
		want              []storage.PartsQuery
	}{
		{attempts: 3, attempt: 0, parts: []int{5, 5}, want: []storage.PartsQuery{storage.InferParts}},
		{attempts: 3, attempt: 1, parts: []int{5, 5}, want: []storage.PartsQuery{storage.ExactParts}},
		{attempts: 1, attempt: 0, parts: []int{5, 5}, want: []storage.PartsQuery{storage.ExactParts}},
		{attempts: 1, attempt: 0},
	} {
		source := newStore()
		source.fill(t, "", tt.parts...)
		v := newVerifier(t, everything, source, newStore(), tt.attempts)
		r, err := source.Open(t.Context(), key, storage.OpenOptions{})
		if err != nil {
			t.Fatal(err)
		}
		info := r.Info()
		from := v.Source(r, &info, tt.attempt)
		for range 2 {
			layouts, guessed, err := from.Layouts(t.Context(), len(tt.parts))
			if err != nil || guessed || len(layouts) != 1 || !layouts[0].Equal(layoutOf(t, tt.parts)) {
				t.Errorf("%v, %t, %v", layouts, guessed, err)
			}
		}
		if !slices.Equal(source.queries, tt.want) {
			t.Errorf("asked %v, want %v", source.queries, tt.want)
		}
	}
}

// TestSourceFails: that the store could tell and does not is the failure of the
// object, and not a reason for leaving out a verification.
func TestSourceFails(t *testing.T) {
	for name, source := range map[string]*store{
		"layout":    {layout: func([]int64) ([]int64, error) { return nil, errInjected }},
		"checksums": {sums: func([]storage.Checksum) ([]storage.Checksum, error) { return nil, errInjected }},
	} {
		source = cmpOr(source)
		source.fill(t, "", 5, 5)
		opts := everything
		opts.ReadChecksum = true
		_, err := pass(t, opts, source, newStore(), 5, 5)
		if !errors.Is(err, errInjected) || !strings.HasPrefix(err.Error(), "source: ") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// TestFeed: bytes that come in pieces that are no parts give the same digests.
func TestFeed(t *testing.T) {
	source, target := newStore(), newStore()
	source.fill(t, "SHA256", 3, 7)
	opts := everything
	opts.ReadChecksum, opts.Algorithm = true, "CRC32C"
	v := newVerifier(t, opts, source, target, 1)
	r, err := source.Open(t.Context(), key, storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	info := r.Info()
	from := v.Source(r, &info, 0)
	var p verify.Verification
	if err := v.Begin(t.Context(), &p, layoutOf(t, []int{6, 4}), &from); err != nil {
		t.Fatal(err)
	}
	const data = "0123456789"
	for off := 0; off < len(data); off += 4 {
		if err := p.Feed(t.Context(), []byte(data[off:min(off+4, len(data))]), int64(off)); err != nil {
			t.Fatal(err)
		}
	}
	written := write(t, target, data, []int{6, 4}, storage.WriteOptions{Size: 10, Checksum: v.WrittenChecksum()}, nil)
	if err := errors.Join(p.CheckSource(&info), p.CheckTarget(&written)); err != nil {
		t.Fatal(err)
	}
	if got := p.Result(&info, &written); !got.ETag || !got.Checksum || got.Why != nil {
		t.Errorf("%+v", got)
	}
}

// TestBlock: each part is digested once, and carries what the target wants.
func TestBlock(t *testing.T) {
	data := []byte("0123456789")
	sum256, sum5 := sha256.Sum256(data), md5.Sum(data)
	for a, want := range map[checksum.Algorithm][]byte{
		"": nil, "SHA256": sum256[:], "MD5": sum5[:], "CRC32": checksum.Digest("CRC32", data),
	} {
		for _, wants := range []bool{false, true} {
			target := &store{Store: mem.New(), caps: func(c *storage.Caps) { c.WantSHA256, c.WantMD5 = wants, wants }}
			source := newFiles()
			source.fill(t, "")
			opts := everything
			opts.Algorithm = a
			v := newVerifier(t, opts, source, target, 1)
			var p verify.Verification
			if err := v.Begin(t.Context(), &p, checksum.Whole(10), nil); err != nil {
				t.Fatal(err)
			}
			b, err := p.Block(t.Context(), data, 0, 0)
			if err != nil || !bytes.Equal(b.Checksum, want) || (b.SHA256 != nil) != wants || (b.MD5 != nil) != wants {
				t.Errorf("%s: %v, %+v", a, err, b)
			}
			if wants && (!bytes.Equal(b.SHA256, sum256[:]) || !bytes.Equal(b.MD5, sum5[:])) {
				t.Errorf("%s: %+v", a, b)
			}
		}
	}
}

// TestManyParts: the digests of many parts at once are the same.
func TestManyParts(t *testing.T) {
	source, target := newStore(), newStore()
	source.fill(t, "", 1, 1, 1, 1, 1, 1, 1, 1, 1, 1)
	if got, err := pass(t, everything, source, target, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1); err != nil || !got.ETag {
		t.Errorf("%v, %+v", err, got)
	}
}

// TestReadsChecksums: where they are asked for, or where nothing else verifies.
func TestReadsChecksums(t *testing.T) {
	for name, tt := range map[string]struct {
		opts   verify.Options
		source *store
		want   bool
	}{
		"not asked for":                {verify.Options{}, newStore(), false},
		"asked for":                    {verify.Options{ReadChecksum: true}, newStore(), true},
		"of a directory bucket":        {verify.Options{}, newExpress(), true},
		"not of a directory bucket":    {verify.Options{NoExpressChecksum: true}, newExpress(), false},
		"of a directory bucket, asked": {verify.Options{NoExpressChecksum: true, ReadChecksum: true}, newExpress(), true},
	} {
		if got := newVerifier(t, tt.opts, tt.source, newStore(), 1).ReadsChecksums(); got != tt.want {
			t.Errorf("%s: %t", name, got)
		}
	}
}

// TestAbort: who waits for bytes that will not come is woken.
func TestAbort(t *testing.T) {
	source, target := newStore(), newStore()
	source.fill(t, "", 10)
	v := newVerifier(t, everything, source, target, 1)
	r, err := source.Open(t.Context(), key, storage.OpenOptions{})
	if err != nil {
		t.Fatal(err)
	}
	info := r.Info()
	from := v.Source(r, &info, 0)
	var p verify.Verification
	if err := v.Begin(t.Context(), &p, layoutOf(t, []int{5, 5}), &from); err != nil {
		t.Fatal(err)
	}
	done := make(chan error)
	go func() {
		_, err := p.Block(t.Context(), []byte("56789"), 1, 5)
		done <- err
	}()
	p.Abort(errInjected)
	if err := <-done; !errors.Is(err, errInjected) {
		t.Error(err)
	}
}

// TestWrittenChecksum: the algorithm and type that objects are written with.
func TestWrittenChecksum(t *testing.T) {
	for _, tt := range []struct {
		opts   verify.Options
		target *store
		want   storage.Checksum
	}{
		{verify.Options{}, newStore(), storage.Checksum{}},
		{verify.Options{Algorithm: "SHA256"}, newStore(), storage.Checksum{Algorithm: "SHA256", Type: "COMPOSITE"}},
		{verify.Options{Algorithm: "CRC32"}, newStore(), storage.Checksum{Algorithm: "CRC32", Type: "COMPOSITE"}},
		{verify.Options{Algorithm: "CRC32", FullObject: true}, newStore(), storage.Checksum{Algorithm: "CRC32", Type: "FULL_OBJECT"}},
		{verify.Options{Algorithm: "CRC64NVME"}, newStore(), storage.Checksum{Algorithm: "CRC64NVME", Type: "FULL_OBJECT"}},
		{verify.Options{Algorithm: "CRC32"}, newFiles(), storage.Checksum{}},
		{verify.Options{}, newExpress(), storage.Checksum{Algorithm: "CRC64NVME", Type: "FULL_OBJECT"}},
		{verify.Options{NoExpressChecksum: true}, newExpress(), storage.Checksum{}},
	} {
		if got := newVerifier(t, tt.opts, newStore(), tt.target, 1).WrittenChecksum(); got != tt.want {
			t.Errorf("%+v: %+v, want %+v", tt.opts, got, tt.want)
		}
	}
}
