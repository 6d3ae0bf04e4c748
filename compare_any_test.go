package s3sync_test

import (
	"math/rand/v2"
	"testing"

	"s3sync"
	"s3sync/internal/checksum"
	"s3sync/storage/mem"
)

// anyObject is data in random parts, with a random checksum or none.
func anyObject(r *rand.Rand, data string) object {
	o := object{data: data}
	if r.IntN(3) > 0 {
		for left := len(data); left > 0; {
			n := 1 + r.IntN(min(left, 1+len(data)/2))
			if r.IntN(2) == 0 && len(o.parts) > 0 {
				n = min(left, o.parts[0])
			}
			o.parts, left = append(o.parts, n), left-n
		}
	}
	if all := checksum.Algorithms(); r.IntN(3) > 0 {
		a := all[r.IntN(len(all))]
		o = o.with(string(a), checksum.Allows(a, checksum.FullObject) && (r.IntN(2) == 0 || !checksum.Allows(a, checksum.Composite)))
	}
	return o
}

// However two objects were written, and whatever the stores report about them:
// different contents are never found equal. If the parts are known and nothing is
// encrypted, a file is never found to differ from its copy.
func TestComparisonIsRight(t *testing.T) {
	eachSeed(t, 500, func(t *testing.T, r *rand.Rand) {
		data := text('a', r.IntN(60))
		other, equal := data, r.IntN(2) == 0 || data == ""
		if !equal {
			p := []byte(data)
			p[r.IntN(len(p))] ^= 1 << r.IntN(8)
			other = string(p)
		}
		source, target := &faulty{Store: mem.New()}, &faulty{Store: mem.New()}
		one, two := anyObject(r, data), anyObject(r, other)
		direction := r.IntN(3)
		switch direction {
		case 0:
			source.Store = directory(t, data, false)
		case 1:
			target.Store = directory(t, other, true)
		}
		if direction != 0 {
			one.write(t, source.Store, "a")
		}
		if direction != 1 {
			two.write(t, target.Store, "a")
		}
		plain := true
		for _, side := range []*faulty{source, target} {
			change := []statChange{nil, nil, etagNotDigest, otherETagNotDigest, withoutParts}[r.IntN(5)]
			if side.Caps().Files {
				continue
			}
			plain = plain && change == nil
			side.withStatChange(change)
		}
		cfg := config(source, target)
		cfg.Check.Mode = s3sync.CheckETag
		if r.IntN(2) == 0 {
			cfg.Check = s3sync.Check{Mode: s3sync.CheckChecksum, Algorithm: one.algorithm}
			if direction == 0 {
				cfg.Check.Mode, cfg.Check.Algorithm = s3sync.CheckChecksum, two.algorithm
			}
			if cfg.Check.Algorithm == "" {
				cfg.Check.Mode = s3sync.CheckETag
			}
		}
		ev := decision(t, cfg)
		switch {
		case !equal && ev.Type == s3sync.EventSkipped:
			t.Errorf("%+v and %+v are taken for the same: %s", one, two, ev.Reason)
		case equal && plain && direction != 2 && ev.Type != s3sync.EventSkipped:
			t.Errorf("%+v and its copy %+v: event %d, %q, %v", one, two, ev.Type, ev.Reason, ev.Err)
		}
	})
}
