package compare

import (
	"testing"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
)

// Two objects, neither of which is read.
func TestCompareBuckets(t *testing.T) {
	one, other := testObject{data: text('a', kib10)}, testObject{data: text('b', kib10)}
	etag := Options{Mode: ETag}
	sum := func(a checksum.Algorithm) Options { return Options{Mode: Checksum, Algorithm: a} }
	const (
		sameETag, otherETag = plan.ReasonSameETag, plan.ReasonETag
		sameSum, otherSum   = plan.ReasonSameChecksum, plan.ReasonChecksum
	)
	for name, tt := range map[string]struct {
		opts           Options
		source, target testObject
		tells, tells2  change
		want           answer
		stats, stats2  int // of source and target
	}{
		"etag/whole, same":              {etag, one, one, nil, nil, equals(sameETag), 0, 0},
		"etag/whole, other":             {etag, one, other, nil, nil, differs(otherETag), 1, 1},
		"etag/parts, same":              {etag, one.in(6000, 4000), one.in(6000, 4000), nil, nil, equals(sameETag), 0, 0},
		"etag/equal parts, other":       {etag, one.in(6000, 4000), other.in(6000, 4000), nil, nil, differs(otherETag), 1, 1},
		"etag/parts not known":          {etag, one.in(6000, 4000), other.in(6000, 4000), noParts, noParts, isUndecided(otherETag), 1, 1},
		"etag/sizes":                    {etag, one, testObject{data: one.data[1:]}, nil, nil, differs(plan.ReasonSize), 0, 0},
		"etag/empty":                    {etag, testObject{}, testObject{}.in(0), encrypted, encryptedAgain, equals(plan.ReasonEmpty), 0, 0},
		"etag/one part, same":           {etag, one.in(kib10), one, nil, nil, equals(sameETag), 0, 0},
		"etag/none, one, same":          {etag, one, one.in(kib10), nil, nil, equals(sameETag), 0, 0},
		"etag/one part, other":          {etag, one.in(kib10), other, nil, nil, differs(otherETag), 1, 1},
		"etag/other parts":              {etag, one.in(6000, 4000), one.in(5000, 5000), nil, nil, isUndecided(otherETag), 1, 1},
		"etag/other number of parts":    {etag, one.in(6000, 4000), one.in(4000, 4000, 2000), nil, nil, isUndecided(otherETag), 1, 1},
		"etag/parts and whole":          {etag, one.in(6000, 4000), one, nil, nil, isUndecided(otherETag), 1, 1},
		"etag/other parts, sums":        {etag, one.in(6000, 4000).with("CRC64NVME", true), one.in(5000, 5000).with("CRC64NVME", true), nil, nil, equals(sameSum), 1, 1},
		"etag/parts, whole, sums":       {etag, one.in(6000, 4000).with("CRC32", true), one.with("CRC32", true), nil, nil, equals(sameSum), 1, 1},
		"etag/other, sums":              {etag, one.in(6000, 4000).with("CRC32", true), other.with("CRC32", true), nil, nil, differs(otherSum), 1, 1},
		"etag/other algorithms":         {etag, one.in(6000, 4000).with("CRC32", true), one.with("CRC32C", true), nil, nil, isUndecided(otherETag), 1, 1},
		"etag/composites":               {etag, one.in(6000, 4000).with("SHA256", false), one.in(5000, 5000).with("SHA256", false), nil, nil, isUndecided(otherETag), 1, 1},
		"etag/encrypted target":         {etag, one, other, nil, encrypted, isIncomparable(), 0, 1},
		"etag/encrypted source":         {etag, one, other, encrypted, nil, isIncomparable(), 1, 1},
		"etag/encrypted, sums, same":    {etag, one.in(6000, 4000).with("CRC32", true), one.with("CRC32", true), nil, encrypted, equals(sameSum), 1, 1},
		"etag/encrypted, sums, other":   {etag, one.with("SHA256", false), other.with("SHA256", false), encrypted, encryptedAgain, differs(otherSum), 1, 1},
		"etag/encrypted, one sum":       {etag, one, other.with("SHA256", false), encrypted, encryptedAgain, isIncomparable(), 1, 1},
		"etag/encrypted, algorithms":    {etag, one.with("CRC32", true), other.with("SHA256", false), encrypted, encryptedAgain, isIncomparable(), 1, 1},
		"etag/encrypted, other parts":   {etag, one.in(6000, 4000).with("SHA256", false), one.in(5000, 5000).with("SHA256", false), encrypted, nil, isIncomparable(), 1, 1},
		"etag/encrypted, composites":    {etag, one.in(6000, 4000).with("SHA256", false), one.in(6000, 4000).with("SHA256", false), encrypted, nil, equals(sameSum), 1, 1},
		"sum/missing at target":         {sum("SHA256"), one.with("SHA256", false), one, nil, nil, isIncomparable(), 0, 1},
		"sum/missing at source":         {sum("SHA256"), one, one.with("SHA256", false), nil, nil, isIncomparable(), 1, 1},
		"sum/same":                      {sum("SHA256"), one.with("SHA256", false), one.with("SHA256", false), encrypted, nil, equals(sameSum), 1, 1},
		"sum/other":                     {sum("SHA256"), one.with("SHA256", false), other.with("SHA256", false), nil, nil, differs(otherSum), 1, 1},
		"sum/sizes":                     {sum("SHA256"), one, testObject{data: one.data[1:]}, nil, nil, differs(plan.ReasonSize), 0, 0},
		"sum/empty":                     {sum("SHA256"), testObject{}, testObject{}, nil, nil, equals(plan.ReasonEmpty), 0, 0},
		"sum/composites, same":          {sum("SHA256"), one.in(6000, 4000).with("SHA256", false), one.in(6000, 4000).with("SHA256", false), nil, nil, equals(sameSum), 1, 1},
		"sum/composites, other":         {sum("SHA256"), one.in(6000, 4000).with("SHA256", false), other.in(6000, 4000).with("SHA256", false), nil, nil, differs(otherSum), 1, 1},
		"sum/encrypted, other":          {sum("SHA256"), one.in(6000, 4000).with("SHA256", false), other.in(6000, 4000).with("SHA256", false), encrypted, encryptedAgain, differs(otherSum), 1, 1},
		"sum/composites of other parts": {sum("SHA256"), one.in(6000, 4000).with("SHA256", false), one.in(5000, 5000).with("SHA256", false), nil, nil, isUndecided(otherSum), 1, 1},
		"sum/one part":                  {sum("SHA256"), one.in(kib10).with("SHA256", false), one.with("SHA256", false), encrypted, encryptedAgain, equals(sameSum), 1, 1},
		"sum/one part, other":           {sum("CRC32"), one.in(kib10).with("CRC32", false), other.with("CRC32", true), encrypted, encryptedAgain, differs(otherSum), 1, 1},
		"sum/types, same ETags":         {sum("CRC32"), one.in(6000, 4000).with("CRC32", false), one.in(6000, 4000).with("CRC32", true), nil, nil, equals(sameETag), 1, 1},
		"sum/types, other ETags":        {sum("CRC32"), one.in(6000, 4000).with("CRC32", false), one.in(5000, 5000).with("CRC32", true), nil, nil, isUndecided(otherSum), 1, 1},
		"sum/types, encrypted":          {sum("CRC32"), one.in(6000, 4000).with("CRC32", false), one.in(6000, 4000).with("CRC32", true), encrypted, nil, isUndecided(otherSum), 1, 1},
		"sum/full, other parts":         {sum("CRC64NVME"), one.in(6000, 4000).with("CRC64NVME", true), one.with("CRC64NVME", true), nil, nil, equals(sameSum), 1, 1},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := bucket(t, tt.source, tt.tells), bucket(t, tt.target, tt.tells2)
			d := decide(t, tt.opts, source, target)
			tt.want.check(t, &d)
			calls(t, "source", source, tt.stats, 0)
			calls(t, "target", target, tt.stats2, 0)
			if (d.SourceInfo != nil) != (tt.stats > 0) || (d.TargetInfo != nil) != (tt.stats2 > 0) {
				t.Errorf("told of the source %v, of the target %v", d.SourceInfo, d.TargetInfo)
			}
		})
	}
}

// The checksums that were compared are in the decision, also if they tell nothing.
func TestDigestsOfBuckets(t *testing.T) {
	one, other := testObject{data: "data"}, testObject{data: "atad"}
	const crc, crc2 = "rfPzYw==", "xx9wUQ=="
	crcOnly := Options{Mode: Checksum, Algorithm: checksum.CRC32}
	for name, tt := range map[string]struct {
		opts           Options
		source, target testObject
		want           plan.Digests
	}{
		"ETags":                 {Options{Mode: ETag}, one, other, plan.Digests{}},
		"checksums":             {crcOnly, one.with("CRC32", true), other.with("CRC32", true), plan.Digests{Algorithm: "CRC32", Source: crc, Target: crc2}},
		"checksums for ETags":   {Options{Mode: ETag}, one.in(2, 2).with("CRC32", true), one.with("CRC32", true), plan.Digests{Algorithm: "CRC32", Source: crc, Target: crc}},
		"ETags for checksums":   {crcOnly, one.in(2, 2).with("CRC32", true), one.in(2, 2).with("CRC32", false), plan.Digests{}},
		"undecided":             {crcOnly, one.in(2, 2).with("CRC32", true), one.in(1, 3).with("CRC32", false), plan.Digests{Algorithm: "CRC32", Source: crc, Target: "rwY07g==-2"}},
		"missing at the source": {crcOnly, one, one.with("CRC32", true), plan.Digests{Algorithm: "CRC32", Target: crc}},
		"missing at the target": {crcOnly, one.with("CRC32", true), one, plan.Digests{Algorithm: "CRC32"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := decide(t, tt.opts, bucket(t, tt.source, nil), bucket(t, tt.target, nil)); d.Digests != tt.want {
				t.Errorf("got %+v, want %+v", d.Digests, tt.want)
			}
		})
	}
}
