package compare

import (
	"errors"
	"io/fs"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/storage"
	"s3sync/storage/storagetest"
)

// The bytes of both sides tell what digests do not. They are read only then.
func TestReadBoth(t *testing.T) {
	one, other := storagetest.Object{Data: storagetest.Text('a', kib10)}, storagetest.Object{Data: storagetest.Text('b', kib10)}
	etag, sha := Options{Mode: ETag}, Options{Mode: Checksum, Algorithm: checksum.SHA256}
	same, differ := equals(plan.ReasonSameContent), differs(plan.ReasonContent)
	for name, tt := range map[string]struct {
		opts           Options
		source, target storagetest.Object
		tells, tells2  change
		want, read     answer // without and with ReadBoth
	}{
		"whole and parts":             {etag, one, one.In(6000, 4000), nil, nil, isUndecided(plan.ReasonETag), same},
		"whole and parts, other":      {etag, one, other.In(6000, 4000), nil, nil, isUndecided(plan.ReasonETag), differ},
		"other parts":                 {etag, one.In(6000, 4000), one.In(5000, 5000), nil, nil, isUndecided(plan.ReasonETag), same},
		"parts that nobody knows":     {etag, one.In(6000, 4000), other.In(6000, 4000), noParts, noParts, isUndecided(plan.ReasonETag), differ},
		"encrypted":                   {etag, one, one.In(6000, 4000), encrypted, encryptedAgain, isIncomparable(), same},
		"encrypted, other":            {etag, one, other, encrypted, encryptedAgain, isIncomparable(), differ},
		"checksums of other parts":    {sha, one.In(6000, 4000).With("SHA256", false), one.In(5000, 5000).With("SHA256", false), nil, nil, isUndecided(plan.ReasonChecksum), same},
		"no checksum":                 {sha, one, one, nil, nil, isIncomparable(), same},
		"no checksum, other contents": {sha, one, other, nil, nil, isIncomparable(), differ},
		"known by digests":            {etag, one, other, nil, nil, differs(plan.ReasonETag), differs(plan.ReasonETag)},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := bucket(t, tt.source, tt.tells), bucket(t, tt.target, tt.tells2)
			d := decide(t, tt.opts, source, target)
			tt.want.check(t, &d)
			if source.opens+target.opens > 0 {
				t.Error("the objects were read")
			}
			tt.opts.ReadBoth = true
			d = decide(t, tt.opts, source, target)
			tt.read.check(t, &d)
			if read := tt.read != tt.want; (source.opens == 1) != read || (target.opens == 1) != read {
				t.Errorf("the source was opened %d times, the target %d times", source.opens, target.opens)
			}
		})
	}
}

// Why nothing is known is said in one sentence.
func TestReasonsOfUnknown(t *testing.T) {
	one := storagetest.Object{Data: storagetest.Text('a', kib10)}
	etag, sha := Options{Mode: ETag}, Options{Mode: Checksum, Algorithm: checksum.SHA256}
	for name, tt := range map[string]struct {
		opts           Options
		source, target storagetest.Object
		tells, tells2  change
		want           string
	}{
		"no checksum at target": {sha, one, one, nil, nil, "cannot be compared: the target has no SHA256 checksum"},
		"no checksum at source": {sha, one, one.With("SHA256", false), nil, nil, "cannot be compared: the source has no SHA256 checksum"},
		"encrypted target": {
			etag, one, one, nil, encrypted,
			"cannot be compared: the target's ETag is no digest of its content, as with KMS or a customer key, and it has no additional checksum; Check.ReadBoth compares the bytes",
		},
		"encrypted source": {
			etag, one, one, encrypted, nil,
			"cannot be compared: the source's ETag is no digest of its content, as with KMS or a customer key, and it has no additional checksum; Check.ReadBoth compares the bytes",
		},
		"other checksums": {
			etag, one.With("SHA1", false), one.With("SHA256", false), encrypted, nil,
			"cannot be compared: not both ETags are digests of the contents, as with KMS or a customer key, and the additional checksums are not of the same kind; Check.ReadBoth compares the bytes",
		},
		"ETags of other parts": {
			etag, one, one.In(6000, 4000), nil, nil,
			"cannot be told to be the same or not: the ETags were made of other parts, or of parts that are not known, and no checksum of all bytes is on both sides; Check.ReadBoth compares the bytes",
		},
		"checksums of other parts": {
			sha, one.With("SHA256", false), one.In(6000, 4000).With("SHA256", false), nil, nil,
			"cannot be told to be the same or not: the checksums were made of other parts, or of parts that are not known, and no checksum of all bytes is on both sides; Check.ReadBoth compares the bytes",
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := decide(t, tt.opts, bucket(t, tt.source, tt.tells), bucket(t, tt.target, tt.tells2))
			if d.Err == nil || d.Err.Error() != tt.want {
				t.Errorf("got  %v\nwant %s", d.Err, tt.want)
			}
			named, ok := errors.AsType[interface {
				error
				Settings() []string
			}](d.Err)
			if ok != strings.Contains(tt.want, "Check.ReadBoth") || ok && !slices.Equal(named.Settings(), []string{"Check.ReadBoth"}) {
				t.Errorf("settings in %v", d.Err)
			}
		})
	}
}

// Both sides are read in pieces; what goes away or fails meanwhile is told as
// elsewhere.
func TestReadBothFails(t *testing.T) {
	big := storagetest.Object{Data: storagetest.Text('a', 2*kib10)}
	for name, tt := range map[string]struct {
		change  func(source, target *fake)
		want    answer
		wantErr error
		side    string // that the error names
	}{
		"nothing":     {func(_, _ *fake) {}, equals(plan.ReasonSameContent), nil, ""},
		"source gone": {func(source, _ *fake) { source.open = gone }, answer{}, side.ErrGone, "gone"},
		"target gone": {func(_, target *fake) { target.open = gone }, differs(plan.ReasonNew), nil, ""},
		"source":      {func(source, _ *fake) { source.open = func() error { return errInjected } }, answer{}, errInjected, "source"},
		"target":      {func(_, target *fake) { target.open = func() error { return errInjected } }, answer{}, errInjected, "target"},
		"changed":     {func(_, target *fake) { target.check = func() error { return fs.ErrPermission } }, answer{}, fs.ErrPermission, "target"},
		"read once": {func(_, target *fake) {
			n := 0
			target.open = func() error {
				if n++; n == 1 {
					return &storage.Error{Op: "open", Key: "a", Err: storage.ErrTransient}
				}
				return nil
			}
		}, equals(plan.ReasonSameContent), nil, ""},
		"other bytes": {func(_, target *fake) {
			target.read = func(p []byte, off int64) error {
				if off > 0 {
					p[0] ^= 1
				}
				return nil
			}
		}, differs(plan.ReasonContent), nil, ""},
		"other size": {func(_, target *fake) {
			target.open = func() error {
				target.Store = bucket(t, storagetest.Object{Data: "x"}, nil).Store
				return nil
			}
		}, differs(plan.ReasonSize), nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := bucket(t, big, nil), bucket(t, big.In(12_000, 8_000), nil)
			p := pairOf(t, source, target)
			tt.change(source, target)
			d, err := comparer(t, Options{Mode: ETag, ReadBoth: true, ChunkSize: 8_000}, source, target).Compare(t.Context(), p)
			if !errors.Is(err, tt.wantErr) || err != nil && !strings.HasPrefix(err.Error(), tt.side) {
				t.Fatal(err)
			}
			tt.want.check(t, &d)
		})
	}
}

// randomObject is data in random parts, with a random checksum or none.
func randomObject(r *rand.Rand, data string) storagetest.Object {
	o := storagetest.Object{Data: data}
	if r.IntN(3) > 0 {
		for left := len(data); left > 0; {
			n := 1 + r.IntN(min(left, 1+len(data)/2))
			if r.IntN(2) == 0 && len(o.Parts) > 0 {
				n = min(left, o.Parts[0])
			}
			o.Parts, left = append(o.Parts, n), left-n
		}
	}
	if all := checksum.Algorithms(); r.IntN(3) > 0 {
		a := all[r.IntN(len(all))]
		o = o.With(a, checksum.Allows(a, checksum.FullObject) && (r.IntN(2) == 0 || !checksum.Allows(a, checksum.Composite)))
	}
	return o
}

// However two objects were written, and whatever the stores tell of them: different
// contents are never found equal, and equal contents are never found different.
// Where the parts are known and nothing is encrypted a file is always found equal to
// its copy. A comparison that reads both sides is always right.
func TestComparisonIsRight(t *testing.T) {
	for seed := range uint64(600) {
		r := rand.New(rand.NewPCG(seed, 1))
		data := storagetest.Text('a', r.IntN(60))
		other, same := data, r.IntN(2) == 0 || data == ""
		if !same {
			p := []byte(data)
			p[r.IntN(len(p))] ^= 1 << r.IntN(8)
			other = string(p)
		}
		tells := func(encryption change) change { return []change{nil, nil, encryption, noParts}[r.IntN(4)] }
		one, two := randomObject(r, data), randomObject(r, other)
		source, target := bucket(t, one, tells(encrypted)), bucket(t, two, tells(encryptedAgain))
		beside := r.IntN(3)
		switch beside {
		case 0:
			source = &fake{Store: directory(t, data, false)}
		case 1:
			target = &fake{Store: directory(t, other, true)}
		}
		opts := Options{Mode: ETag}
		if algorithm := []storagetest.Object{one, two}[r.IntN(2)].Algorithm; algorithm != "" && r.IntN(2) == 0 {
			opts = Options{Mode: Checksum, Algorithm: algorithm}
		}
		for _, opts.ReadBoth = range []bool{false, true} {
			d := decide(t, opts, source, target)
			known := opts.ReadBoth
			if beside != 2 && same && source.tells == nil && target.tells == nil {
				known = known || opts.Mode == ETag
			}
			switch {
			case same && d.Verdict == checksum.Different, !same && d.Verdict == checksum.Equal, known && d.Verdict == checksum.Unknown:
				t.Errorf("seed %d, %s: %+v and %+v, equal %t: %s, %q, %v", seed, opts.Mode, one, two, same, d.Verdict, d.Reason, d.Err)
			}
		}
	}
}
