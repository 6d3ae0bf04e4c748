package compare

import (
	"testing"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/storage/storagetest"
)

// Two objects, neither of which is read.
func TestCompareBuckets(t *testing.T) {
	one, other := storagetest.Object{Data: storagetest.Text('a', kib10)}, storagetest.Object{Data: storagetest.Text('b', kib10)}
	etag := Options{Mode: ETag}
	sum := func(a checksum.Algorithm) Options { return Options{Mode: Checksum, Algorithm: a} }
	const (
		sameETag, otherETag = plan.ReasonSameETag, plan.ReasonETag
		sameSum, otherSum   = plan.ReasonSameChecksum, plan.ReasonChecksum
	)
	for name, tt := range map[string]struct {
		opts           Options
		source, target storagetest.Object
		tells, tells2  change
		want           answer
		stats, stats2  int // of source and target
	}{
		"etag/whole, same":              {etag, one, one, nil, nil, equals(sameETag), 0, 0},
		"etag/whole, other":             {etag, one, other, nil, nil, differs(otherETag), 1, 1},
		"etag/parts, same":              {etag, one.In(6000, 4000), one.In(6000, 4000), nil, nil, equals(sameETag), 0, 0},
		"etag/equal parts, other":       {etag, one.In(6000, 4000), other.In(6000, 4000), nil, nil, differs(otherETag), 1, 1},
		"etag/parts not known":          {etag, one.In(6000, 4000), other.In(6000, 4000), noParts, noParts, isUndecided(otherETag), 1, 1},
		"etag/sizes":                    {etag, one, storagetest.Object{Data: one.Data[1:]}, nil, nil, differs(plan.ReasonSize), 0, 0},
		"etag/empty":                    {etag, storagetest.Object{}, storagetest.Object{}.In(0), encrypted, encryptedAgain, equals(plan.ReasonEmpty), 0, 0},
		"etag/one part, same":           {etag, one.In(kib10), one, nil, nil, equals(sameETag), 0, 0},
		"etag/none, one, same":          {etag, one, one.In(kib10), nil, nil, equals(sameETag), 0, 0},
		"etag/one part, other":          {etag, one.In(kib10), other, nil, nil, differs(otherETag), 1, 1},
		"etag/other parts":              {etag, one.In(6000, 4000), one.In(5000, 5000), nil, nil, isUndecided(otherETag), 1, 1},
		"etag/other number of parts":    {etag, one.In(6000, 4000), one.In(4000, 4000, 2000), nil, nil, isUndecided(otherETag), 1, 1},
		"etag/parts and whole":          {etag, one.In(6000, 4000), one, nil, nil, isUndecided(otherETag), 1, 1},
		"etag/other parts, sums":        {etag, one.In(6000, 4000).With("CRC64NVME", true), one.In(5000, 5000).With("CRC64NVME", true), nil, nil, equals(sameSum), 1, 1},
		"etag/parts, whole, sums":       {etag, one.In(6000, 4000).With("CRC32", true), one.With("CRC32", true), nil, nil, equals(sameSum), 1, 1},
		"etag/other, sums":              {etag, one.In(6000, 4000).With("CRC32", true), other.With("CRC32", true), nil, nil, differs(otherSum), 1, 1},
		"etag/other algorithms":         {etag, one.In(6000, 4000).With("CRC32", true), one.With("CRC32C", true), nil, nil, isUndecided(otherETag), 1, 1},
		"etag/composites":               {etag, one.In(6000, 4000).With("SHA256", false), one.In(5000, 5000).With("SHA256", false), nil, nil, isUndecided(otherETag), 1, 1},
		"etag/encrypted target":         {etag, one, other, nil, encrypted, isIncomparable(), 0, 1},
		"etag/encrypted source":         {etag, one, other, encrypted, nil, isIncomparable(), 1, 1},
		"etag/encrypted, sums, same":    {etag, one.In(6000, 4000).With("CRC32", true), one.With("CRC32", true), nil, encrypted, equals(sameSum), 1, 1},
		"etag/encrypted, sums, other":   {etag, one.With("SHA256", false), other.With("SHA256", false), encrypted, encryptedAgain, differs(otherSum), 1, 1},
		"etag/encrypted, one sum":       {etag, one, other.With("SHA256", false), encrypted, encryptedAgain, isIncomparable(), 1, 1},
		"etag/encrypted, algorithms":    {etag, one.With("CRC32", true), other.With("SHA256", false), encrypted, encryptedAgain, isIncomparable(), 1, 1},
		"etag/encrypted, other parts":   {etag, one.In(6000, 4000).With("SHA256", false), one.In(5000, 5000).With("SHA256", false), encrypted, nil, isIncomparable(), 1, 1},
		"etag/encrypted, composites":    {etag, one.In(6000, 4000).With("SHA256", false), one.In(6000, 4000).With("SHA256", false), encrypted, nil, equals(sameSum), 1, 1},
		"sum/missing at target":         {sum("SHA256"), one.With("SHA256", false), one, nil, nil, isIncomparable(), 0, 1},
		"sum/missing at source":         {sum("SHA256"), one, one.With("SHA256", false), nil, nil, isIncomparable(), 1, 1},
		"sum/same":                      {sum("SHA256"), one.With("SHA256", false), one.With("SHA256", false), encrypted, nil, equals(sameSum), 1, 1},
		"sum/other":                     {sum("SHA256"), one.With("SHA256", false), other.With("SHA256", false), nil, nil, differs(otherSum), 1, 1},
		"sum/sizes":                     {sum("SHA256"), one, storagetest.Object{Data: one.Data[1:]}, nil, nil, differs(plan.ReasonSize), 0, 0},
		"sum/empty":                     {sum("SHA256"), storagetest.Object{}, storagetest.Object{}, nil, nil, equals(plan.ReasonEmpty), 0, 0},
		"sum/composites, same":          {sum("SHA256"), one.In(6000, 4000).With("SHA256", false), one.In(6000, 4000).With("SHA256", false), nil, nil, equals(sameSum), 1, 1},
		"sum/composites, other":         {sum("SHA256"), one.In(6000, 4000).With("SHA256", false), other.In(6000, 4000).With("SHA256", false), nil, nil, differs(otherSum), 1, 1},
		"sum/encrypted, other":          {sum("SHA256"), one.In(6000, 4000).With("SHA256", false), other.In(6000, 4000).With("SHA256", false), encrypted, encryptedAgain, differs(otherSum), 1, 1},
		"sum/composites of other parts": {sum("SHA256"), one.In(6000, 4000).With("SHA256", false), one.In(5000, 5000).With("SHA256", false), nil, nil, isUndecided(otherSum), 1, 1},
		"sum/one part":                  {sum("SHA256"), one.In(kib10).With("SHA256", false), one.With("SHA256", false), encrypted, encryptedAgain, equals(sameSum), 1, 1},
		"sum/one part, other":           {sum("CRC32"), one.In(kib10).With("CRC32", false), other.With("CRC32", true), encrypted, encryptedAgain, differs(otherSum), 1, 1},
		"sum/types, same ETags":         {sum("CRC32"), one.In(6000, 4000).With("CRC32", false), one.In(6000, 4000).With("CRC32", true), nil, nil, equals(sameETag), 1, 1},
		"sum/types, other ETags":        {sum("CRC32"), one.In(6000, 4000).With("CRC32", false), one.In(5000, 5000).With("CRC32", true), nil, nil, isUndecided(otherSum), 1, 1},
		"sum/types, encrypted":          {sum("CRC32"), one.In(6000, 4000).With("CRC32", false), one.In(6000, 4000).With("CRC32", true), encrypted, nil, isUndecided(otherSum), 1, 1},
		"sum/full, other parts":         {sum("CRC64NVME"), one.In(6000, 4000).With("CRC64NVME", true), one.With("CRC64NVME", true), nil, nil, equals(sameSum), 1, 1},
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
	one, other := storagetest.Object{Data: "data"}, storagetest.Object{Data: "atad"}
	const crc, crc2 = "rfPzYw==", "xx9wUQ=="
	crcOnly := Options{Mode: Checksum, Algorithm: checksum.CRC32}
	for name, tt := range map[string]struct {
		opts           Options
		source, target storagetest.Object
		want           plan.Digests
	}{
		"ETags":                 {Options{Mode: ETag}, one, other, plan.Digests{}},
		"checksums":             {crcOnly, one.With("CRC32", true), other.With("CRC32", true), plan.Digests{Algorithm: "CRC32", Source: crc, Target: crc2}},
		"checksums for ETags":   {Options{Mode: ETag}, one.In(2, 2).With("CRC32", true), one.With("CRC32", true), plan.Digests{Algorithm: "CRC32", Source: crc, Target: crc}},
		"ETags for checksums":   {crcOnly, one.In(2, 2).With("CRC32", true), one.In(2, 2).With("CRC32", false), plan.Digests{}},
		"undecided":             {crcOnly, one.In(2, 2).With("CRC32", true), one.In(1, 3).With("CRC32", false), plan.Digests{Algorithm: "CRC32", Source: crc, Target: "rwY07g==-2"}},
		"missing at the source": {crcOnly, one, one.With("CRC32", true), plan.Digests{Algorithm: "CRC32", Target: crc}},
		"missing at the target": {crcOnly, one.With("CRC32", true), one, plan.Digests{Algorithm: "CRC32"}},
	} {
		t.Run(name, func(t *testing.T) {
			if d := decide(t, tt.opts, bucket(t, tt.source, nil), bucket(t, tt.target, nil)); d.Digests != tt.want {
				t.Errorf("got %+v, want %+v", d.Digests, tt.want)
			}
		})
	}
}
