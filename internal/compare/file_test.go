package compare

import (
	"strings"
	"testing"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/storage"
)

// A file beside an object, in both directions.
func TestCompareFile(t *testing.T) {
	one, other := testObject{data: text('a', kib10)}, testObject{data: text('b', kib10)}
	big := testObject{data: text('a', 9*mib)}
	etag, newerAndETag := Options{Mode: ETag}, Options{Mode: NewerAndETag}
	sum := func(a checksum.Algorithm) Options { return Options{Mode: Checksum, Algorithm: a} }
	newerAndCRC := Options{Mode: NewerAndChecksum, Algorithm: checksum.CRC32}
	const (
		sameETag, otherETag = plan.ReasonSameETag, plan.ReasonETag
		sameSum, otherSum   = plan.ReasonSameChecksum, plan.ReasonChecksum
	)
	for name, tt := range map[string]struct {
		opts         Options
		file         string
		counterpart  testObject
		tells        change
		older        bool // the source
		want         answer
		stats, reads int // of the counterpart and the file
	}{
		"etag/whole, same":                    {etag, one.data, one, nil, false, equals(sameETag), 0, 1},
		"etag/whole, other":                   {etag, one.data, other, nil, false, differs(otherETag), 1, 1},
		"etag/older":                          {etag, one.data, other, nil, true, differs(otherETag), 1, 1},
		"etag/sizes":                          {etag, one.data[1:], one, nil, false, differs(plan.ReasonSize), 0, 0},
		"etag/empty":                          {etag, "", testObject{}, nil, false, equals(plan.ReasonEmpty), 0, 0},
		"etag/empty, encrypted":               {etag, "", testObject{}, encrypted, false, equals(plan.ReasonEmpty), 0, 0},
		"etag/one part, same":                 {etag, one.data, one.in(kib10), nil, false, equals(sameETag), 0, 1},
		"etag/one part, other":                {etag, one.data, other.in(kib10), nil, false, differs(otherETag), 1, 1},
		"etag/parts, same":                    {etag, one.data, one.in(6000, 4000), nil, false, equals(sameETag), 1, 1},
		"etag/parts, other":                   {etag, one.data, other.in(6000, 4000), nil, false, differs(otherETag), 2, 1},
		"etag/odd parts, same":                {etag, one.data, one.in(4000, 1000, 5000), nil, false, equals(sameETag), 1, 1},
		"etag/odd parts, other":               {etag, one.data, other.in(4000, 1000, 5000), nil, false, differs(otherETag), 1, 1},
		"etag/odd parts inferred, same":       {etag, one.data, one.in(4000, 3000, 3000), inferred(4000, 4000, 2000), false, equals(sameETag), 2, 2},
		"etag/odd parts inferred, other":      {etag, one.data, other.in(4000, 3000, 3000), inferred(4000, 4000, 2000), false, differs(otherETag), 2, 2},
		"etag/odd parts inferred, with CRC":   {etag, one.data, one.in(4000, 3000, 3000).with("CRC64NVME", true), inferred(4000, 4000, 2000), false, equals(sameSum), 1, 1},
		"etag/parts, other, with CRC":         {etag, one.data, other.in(6000, 4000).with("CRC64NVME", true), nil, false, differs(otherSum), 1, 1},
		"etag/unknown parts, common":          {etag, big.data, big.in(5*mib, 4*mib), noParts, false, equals(sameETag), 1, 1},
		"etag/unknown parts, configured":      {etag, big.data, big.in(8*mib, mib), noParts, false, equals(sameETag), 1, 1},
		"etag/unknown parts, odd":             {etag, big.data, big.in(6*mib+1, 3*mib-1), noParts, false, isUndecided(otherETag), 1, 1},
		"etag/unknown parts, with CRC":        {etag, big.data, big.in(6*mib+1, 3*mib-1).with("CRC32", true), noParts, false, equals(sameSum), 1, 1},
		"etag/unknown parts, with composite":  {etag, big.data, big.in(6*mib+1, 3*mib-1).with("SHA256", false), noParts, false, isUndecided(otherETag), 1, 1},
		"etag/encrypted":                      {etag, one.data, one, encrypted, false, isIncomparable(), 1, 1},
		"etag/encrypted, with sum, same":      {etag, one.data, one.with("CRC32C", true), encrypted, false, equals(sameSum), 1, 2},
		"etag/encrypted, with sum, other":     {etag, one.data, other.with("SHA1", false), encrypted, false, differs(otherSum), 1, 2},
		"etag/encrypted parts":                {etag, one.data, one.in(6000, 4000), encrypted, false, isIncomparable(), 1, 0},
		"etag/encrypted parts, same":          {etag, one.data, one.in(6000, 4000).with("SHA256", false), encrypted, false, equals(sameSum), 1, 1},
		"etag/encrypted parts, other":         {etag, one.data, other.in(6000, 4000).with("SHA256", false), encrypted, false, differs(otherETag), 2, 1},
		"etag/encrypted parts, odd":           {etag, one.data, one.in(4000, 3000, 3000).with("CRC32", false), all(encrypted, inferred(4000, 4000, 2000)), false, equals(sameSum), 2, 2},
		"etag/encrypted parts, full, other":   {etag, one.data, other.in(6000, 4000).with("CRC32", true), encrypted, false, differs(otherSum), 1, 1},
		"etag/encrypted parts, unknown":       {etag, one.data, one.in(4000, 5000, 500, 500).with("SHA256", false), all(encrypted, noParts), false, isUndecided(otherETag), 1, 1},
		"etag/encrypted parts, no guess":      {etag, one.data[:3], testObject{data: one.data[:3]}.in(1, 0, 1, 1).with("SHA256", false), all(encrypted, noParts), false, isIncomparable(), 1, 0},
		"etag/no ETag":                        {etag, one.data, one, noETag, false, isIncomparable(), 1, 0},
		"etag/no ETag, with sum, same":        {etag, one.data, one.with("SHA256", false), noETag, false, equals(sameSum), 1, 1},
		"etag/no ETag, with sum, other":       {etag, one.data, other.with("SHA256", false), noETag, false, differs(otherSum), 1, 1},
		"newer and etag/older":                {newerAndETag, one.data, other, nil, true, equals(plan.ReasonSame), 0, 0},
		"newer and etag/newer, same":          {newerAndETag, one.data, one, nil, false, equals(sameETag), 0, 1},
		"newer and etag/newer, other":         {newerAndETag, one.data, other, nil, false, differs(otherETag), 1, 1},
		"sum/missing":                         {sum("SHA256"), one.data, one, nil, false, isIncomparable(), 1, 0},
		"sum/another":                         {sum("SHA256"), one.data, one.with("CRC32", true), nil, false, isIncomparable(), 1, 0},
		"sum/whole, same":                     {sum("SHA256"), one.data, one.with("SHA256", false), nil, false, equals(sameSum), 1, 1},
		"sum/whole, other":                    {sum("SHA256"), one.data, other.with("SHA256", false), nil, false, differs(otherSum), 1, 1},
		"sum/sizes":                           {sum("SHA256"), one.data[1:], one, nil, false, differs(plan.ReasonSize), 0, 0},
		"sum/empty":                           {sum("SHA256"), "", testObject{}, nil, false, equals(plan.ReasonEmpty), 0, 0},
		"sum/encrypted":                       {sum("SHA256"), one.data, one.with("SHA256", false), encrypted, false, equals(sameSum), 1, 1},
		"sum/no ETag":                         {sum("SHA256"), one.data, one.with("SHA256", false), noETag, false, equals(sameSum), 1, 1},
		"sum/one part":                        {sum("SHA256"), one.data, one.in(kib10).with("SHA256", false), nil, false, equals(sameSum), 1, 1},
		"sum/composite, same":                 {sum("SHA256"), one.data, one.in(6000, 4000).with("SHA256", false), nil, false, equals(sameSum), 1, 1},
		"sum/composite, other":                {sum("SHA256"), one.data, other.in(6000, 4000).with("SHA256", false), nil, false, differs(otherSum), 2, 1},
		"sum/composite, odd":                  {sum("SHA1"), one.data, one.in(4000, 3000, 3000).with("SHA1", false), inferred(4000, 4000, 2000), false, equals(sameSum), 2, 2},
		"sum/composite CRC":                   {sum("CRC32"), one.data, one.in(6000, 4000).with("CRC32", false), nil, false, equals(sameSum), 2, 1},
		"sum/composite, unknown parts":        {sum("CRC32"), big.data, big.in(5*mib, 4*mib).with("CRC32", false), noParts, false, equals(sameSum), 2, 1},
		"sum/composite, unknown parts, other": {sum("CRC32"), big.data, big.in(6*mib+1, 3*mib-1).with("CRC32", false), noParts, false, isUndecided(otherSum), 2, 1},
		"sum/full, same":                      {sum("CRC32C"), one.data, one.in(6000, 4000).with("CRC32C", true), nil, false, equals(sameSum), 1, 1},
		"sum/full, other":                     {sum("CRC32C"), one.data, other.in(6000, 4000).with("CRC32C", true), nil, false, differs(otherSum), 1, 1},
		"sum/full, unknown parts":             {sum("CRC64NVME"), one.data, one.in(6000, 4000).with("CRC64NVME", true), noParts, false, equals(sameSum), 1, 1},
		"sum/no checksum at all":              {sum("CRC32"), one.data, one.with("CRC32", true), garbage, false, isUndecided(otherSum), 1, 0},
		"newer and sum/older":                 {newerAndCRC, one.data, other, nil, true, equals(plan.ReasonSame), 0, 0},
		"newer and sum/newer":                 {newerAndCRC, one.data, one.with("CRC32", true), nil, false, equals(sameSum), 1, 1},
		"newer and sum/missing":               {newerAndCRC, one.data, one, nil, false, isIncomparable(), 1, 0},
	} {
		for direction, up := range map[string]bool{"up": true, "down": false} {
			t.Run(name+"/"+direction, func(t *testing.T) {
				file, counterpart := &fake{Store: directory(t, tt.file, tt.older == up)}, bucket(t, tt.counterpart, tt.tells)
				source, target := file, counterpart
				if !up {
					source, target = counterpart, file
				}
				d := decide(t, tt.opts, source, target)
				tt.want.check(t, &d)
				calls(t, "counterpart", counterpart, tt.stats, 0)
				calls(t, "file", file, 0, tt.reads)
			})
		}
	}
}

// The digests of a file are in the decision, and not in what the stores told.
func TestDigestsOfFile(t *testing.T) {
	const (
		etag = "8d777f385d3dfec8815d20f7496026dc" // of "data"
		crc  = "rfPzYw=="
		none = ""
	)
	data := testObject{data: "data"}
	crcOnly := Options{Mode: Checksum, Algorithm: checksum.CRC32}
	for name, tt := range map[string]struct {
		opts        Options
		counterpart testObject
		tells       change
		// The digests of the file, and of the counterpart.
		fileETag, file, told string
		algorithm            string
	}{
		"ETag":                 {Options{Mode: ETag}, data, nil, etag, none, none, none},
		"ETag of parts":        {Options{Mode: ETag}, data.in(2, 2), nil, "8ec393b3fa2f7028d513e7382fcd8cc5-2", none, none, none},
		"other ETag":           {Options{Mode: ETag}, testObject{data: "atad"}, nil, etag, none, none, none},
		"checksum":             {crcOnly, data.with("CRC32", true), nil, none, crc, crc, "CRC32"},
		"other checksum":       {crcOnly, testObject{data: "atad"}.with("CRC32", true), nil, none, crc, "xx9wUQ==", "CRC32"},
		"encrypted":            {Options{Mode: ETag}, data.with("CRC32", true), encrypted, etag, crc, crc, "CRC32"},
		"encrypted, no sum":    {Options{Mode: ETag}, data, encrypted, etag, none, none, none},
		"missing":              {Options{Mode: Checksum, Algorithm: checksum.SHA1}, data.with("CRC32", true), nil, none, none, none, "SHA1"},
		"what the store tells": {crcOnly, data.in(2, 2).with("CRC32", false), noNumber, none, "ElJBcA==", "ElJBcA==", "CRC32"},
	} {
		for direction, up := range map[string]bool{"up": true, "down": false} {
			t.Run(name+"/"+direction, func(t *testing.T) {
				file, counterpart := &fake{Store: directory(t, "data", false)}, bucket(t, tt.counterpart, tt.tells)
				source, target := file, counterpart
				want := plan.Digests{Algorithm: tt.algorithm, Source: tt.file, Target: tt.told, SourceETag: tt.fileETag}
				if !up {
					source, target = counterpart, file
					want = plan.Digests{Algorithm: tt.algorithm, Source: tt.told, Target: tt.file, TargetETag: tt.fileETag}
				}
				d := decide(t, tt.opts, source, target)
				if d.Digests != want {
					t.Errorf("got %+v, want %+v", d.Digests, want)
				}
				known := d.Pair.Source
				if !up {
					known = d.Pair.Target
				}
				if known.ETag != "" {
					t.Errorf("the file has the ETag %q", known.ETag)
				}
			})
		}
	}
}

// noNumber leaves out the number of parts of composites.
func noNumber(_ storage.StatOptions, info *storage.Info) {
	for i := range info.Checksums {
		sum := &info.Checksums[i]
		sum.Value = strings.TrimSuffix(sum.Value, "-2")
	}
}
