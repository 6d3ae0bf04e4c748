package compare

import (
	"strings"
	"testing"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/storage"
	"s3sync/storage/storagetest"
)

// A file beside an object, in both directions.
func TestCompareFile(t *testing.T) {
	one, other := storagetest.Object{Data: storagetest.Text('a', kib10)}, storagetest.Object{Data: storagetest.Text('b', kib10)}
	big := storagetest.Object{Data: storagetest.Text('a', 9*mib)}
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
		counterpart  storagetest.Object
		tells        change
		older        bool // the source
		want         answer
		stats, reads int // of the counterpart and the file
	}{
		"etag/whole, same":                    {etag, one.Data, one, nil, false, equals(sameETag), 0, 1},
		"etag/whole, other":                   {etag, one.Data, other, nil, false, differs(otherETag), 1, 1},
		"etag/older":                          {etag, one.Data, other, nil, true, differs(otherETag), 1, 1},
		"etag/sizes":                          {etag, one.Data[1:], one, nil, false, differs(plan.ReasonSize), 0, 0},
		"etag/empty":                          {etag, "", storagetest.Object{}, nil, false, equals(plan.ReasonEmpty), 0, 0},
		"etag/empty, encrypted":               {etag, "", storagetest.Object{}, encrypted, false, equals(plan.ReasonEmpty), 0, 0},
		"etag/one part, same":                 {etag, one.Data, one.In(kib10), nil, false, equals(sameETag), 0, 1},
		"etag/one part, other":                {etag, one.Data, other.In(kib10), nil, false, differs(otherETag), 1, 1},
		"etag/parts, same":                    {etag, one.Data, one.In(6000, 4000), nil, false, equals(sameETag), 1, 1},
		"etag/parts, other":                   {etag, one.Data, other.In(6000, 4000), nil, false, differs(otherETag), 2, 1},
		"etag/odd parts, same":                {etag, one.Data, one.In(4000, 1000, 5000), nil, false, equals(sameETag), 1, 1},
		"etag/odd parts, other":               {etag, one.Data, other.In(4000, 1000, 5000), nil, false, differs(otherETag), 1, 1},
		"etag/odd parts inferred, same":       {etag, one.Data, one.In(4000, 3000, 3000), inferred(4000, 4000, 2000), false, equals(sameETag), 2, 2},
		"etag/odd parts inferred, other":      {etag, one.Data, other.In(4000, 3000, 3000), inferred(4000, 4000, 2000), false, differs(otherETag), 2, 2},
		"etag/odd parts inferred, with CRC":   {etag, one.Data, one.In(4000, 3000, 3000).With("CRC64NVME", true), inferred(4000, 4000, 2000), false, equals(sameSum), 1, 1},
		"etag/parts, other, with CRC":         {etag, one.Data, other.In(6000, 4000).With("CRC64NVME", true), nil, false, differs(otherSum), 1, 1},
		"etag/unknown parts, common":          {etag, big.Data, big.In(5*mib, 4*mib), noParts, false, equals(sameETag), 1, 1},
		"etag/unknown parts, configured":      {etag, big.Data, big.In(8*mib, mib), noParts, false, equals(sameETag), 1, 1},
		"etag/unknown parts, odd":             {etag, big.Data, big.In(6*mib+1, 3*mib-1), noParts, false, isUndecided(otherETag), 1, 1},
		"etag/unknown parts, with CRC":        {etag, big.Data, big.In(6*mib+1, 3*mib-1).With("CRC32", true), noParts, false, equals(sameSum), 1, 1},
		"etag/unknown parts, with composite":  {etag, big.Data, big.In(6*mib+1, 3*mib-1).With("SHA256", false), noParts, false, isUndecided(otherETag), 1, 1},
		"etag/encrypted":                      {etag, one.Data, one, encrypted, false, isIncomparable(), 1, 1},
		"etag/encrypted, with sum, same":      {etag, one.Data, one.With("CRC32C", true), encrypted, false, equals(sameSum), 1, 2},
		"etag/encrypted, with sum, other":     {etag, one.Data, other.With("SHA1", false), encrypted, false, differs(otherSum), 1, 2},
		"etag/encrypted parts":                {etag, one.Data, one.In(6000, 4000), encrypted, false, isIncomparable(), 1, 0},
		"etag/encrypted parts, same":          {etag, one.Data, one.In(6000, 4000).With("SHA256", false), encrypted, false, equals(sameSum), 1, 1},
		"etag/encrypted parts, other":         {etag, one.Data, other.In(6000, 4000).With("SHA256", false), encrypted, false, differs(otherETag), 2, 1},
		"etag/encrypted parts, odd":           {etag, one.Data, one.In(4000, 3000, 3000).With("CRC32", false), all(encrypted, inferred(4000, 4000, 2000)), false, equals(sameSum), 2, 2},
		"etag/encrypted parts, full, other":   {etag, one.Data, other.In(6000, 4000).With("CRC32", true), encrypted, false, differs(otherSum), 1, 1},
		"etag/encrypted parts, unknown":       {etag, one.Data, one.In(4000, 5000, 500, 500).With("SHA256", false), all(encrypted, noParts), false, isUndecided(otherETag), 1, 1},
		"etag/encrypted parts, no guess":      {etag, one.Data[:3], storagetest.Object{Data: one.Data[:3]}.In(1, 0, 1, 1).With("SHA256", false), all(encrypted, noParts), false, isIncomparable(), 1, 0},
		"etag/no ETag":                        {etag, one.Data, one, noETag, false, isIncomparable(), 1, 0},
		"etag/no ETag, with sum, same":        {etag, one.Data, one.With("SHA256", false), noETag, false, equals(sameSum), 1, 1},
		"etag/no ETag, with sum, other":       {etag, one.Data, other.With("SHA256", false), noETag, false, differs(otherSum), 1, 1},
		"newer and etag/older":                {newerAndETag, one.Data, other, nil, true, equals(plan.ReasonSame), 0, 0},
		"newer and etag/newer, same":          {newerAndETag, one.Data, one, nil, false, equals(sameETag), 0, 1},
		"newer and etag/newer, other":         {newerAndETag, one.Data, other, nil, false, differs(otherETag), 1, 1},
		"sum/missing":                         {sum("SHA256"), one.Data, one, nil, false, isIncomparable(), 1, 0},
		"sum/another":                         {sum("SHA256"), one.Data, one.With("CRC32", true), nil, false, isIncomparable(), 1, 0},
		"sum/whole, same":                     {sum("SHA256"), one.Data, one.With("SHA256", false), nil, false, equals(sameSum), 1, 1},
		"sum/whole, other":                    {sum("SHA256"), one.Data, other.With("SHA256", false), nil, false, differs(otherSum), 1, 1},
		"sum/sizes":                           {sum("SHA256"), one.Data[1:], one, nil, false, differs(plan.ReasonSize), 0, 0},
		"sum/empty":                           {sum("SHA256"), "", storagetest.Object{}, nil, false, equals(plan.ReasonEmpty), 0, 0},
		"sum/encrypted":                       {sum("SHA256"), one.Data, one.With("SHA256", false), encrypted, false, equals(sameSum), 1, 1},
		"sum/no ETag":                         {sum("SHA256"), one.Data, one.With("SHA256", false), noETag, false, equals(sameSum), 1, 1},
		"sum/one part":                        {sum("SHA256"), one.Data, one.In(kib10).With("SHA256", false), nil, false, equals(sameSum), 1, 1},
		"sum/composite, same":                 {sum("SHA256"), one.Data, one.In(6000, 4000).With("SHA256", false), nil, false, equals(sameSum), 1, 1},
		"sum/composite, other":                {sum("SHA256"), one.Data, other.In(6000, 4000).With("SHA256", false), nil, false, differs(otherSum), 2, 1},
		"sum/composite, odd":                  {sum("SHA1"), one.Data, one.In(4000, 3000, 3000).With("SHA1", false), inferred(4000, 4000, 2000), false, equals(sameSum), 2, 2},
		"sum/composite CRC":                   {sum("CRC32"), one.Data, one.In(6000, 4000).With("CRC32", false), nil, false, equals(sameSum), 2, 1},
		"sum/composite, unknown parts":        {sum("CRC32"), big.Data, big.In(5*mib, 4*mib).With("CRC32", false), noParts, false, equals(sameSum), 2, 1},
		"sum/composite, unknown parts, other": {sum("CRC32"), big.Data, big.In(6*mib+1, 3*mib-1).With("CRC32", false), noParts, false, isUndecided(otherSum), 2, 1},
		"sum/full, same":                      {sum("CRC32C"), one.Data, one.In(6000, 4000).With("CRC32C", true), nil, false, equals(sameSum), 1, 1},
		"sum/full, other":                     {sum("CRC32C"), one.Data, other.In(6000, 4000).With("CRC32C", true), nil, false, differs(otherSum), 1, 1},
		"sum/full, unknown parts":             {sum("CRC64NVME"), one.Data, one.In(6000, 4000).With("CRC64NVME", true), noParts, false, equals(sameSum), 1, 1},
		"sum/no checksum at all":              {sum("CRC32"), one.Data, one.With("CRC32", true), garbage, false, isUndecided(otherSum), 1, 0},
		"newer and sum/older":                 {newerAndCRC, one.Data, other, nil, true, equals(plan.ReasonSame), 0, 0},
		"newer and sum/newer":                 {newerAndCRC, one.Data, one.With("CRC32", true), nil, false, equals(sameSum), 1, 1},
		"newer and sum/missing":               {newerAndCRC, one.Data, one, nil, false, isIncomparable(), 1, 0},
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
	data := storagetest.Object{Data: "data"}
	crcOnly := Options{Mode: Checksum, Algorithm: checksum.CRC32}
	for name, tt := range map[string]struct {
		opts        Options
		counterpart storagetest.Object
		tells       change
		// The digests of the file, and of the counterpart.
		fileETag, file, told string
		algorithm            string
	}{
		"ETag":                 {Options{Mode: ETag}, data, nil, etag, none, none, none},
		"ETag of parts":        {Options{Mode: ETag}, data.In(2, 2), nil, "8ec393b3fa2f7028d513e7382fcd8cc5-2", none, none, none},
		"other ETag":           {Options{Mode: ETag}, storagetest.Object{Data: "atad"}, nil, etag, none, none, none},
		"checksum":             {crcOnly, data.With("CRC32", true), nil, none, crc, crc, "CRC32"},
		"other checksum":       {crcOnly, storagetest.Object{Data: "atad"}.With("CRC32", true), nil, none, crc, "xx9wUQ==", "CRC32"},
		"encrypted":            {Options{Mode: ETag}, data.With("CRC32", true), encrypted, etag, crc, crc, "CRC32"},
		"encrypted, no sum":    {Options{Mode: ETag}, data, encrypted, etag, none, none, none},
		"missing":              {Options{Mode: Checksum, Algorithm: checksum.SHA1}, data.With("CRC32", true), nil, none, none, none, "SHA1"},
		"what the store tells": {crcOnly, data.In(2, 2).With("CRC32", false), noNumber, none, "ElJBcA==", "ElJBcA==", "CRC32"},
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
