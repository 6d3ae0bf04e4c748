package compare

import (
	"s3sync/internal/checksum"
	"s3sync/storage"
)

// An expectedDigest is a digest that a server reported for an object, with one form in
// which it can have been made.
type expectedDigest struct {
	form

	value string
	// certain: if the digest does not match, the bytes differ. Otherwise the digest
	// may have been made in another form.
	certain bool
}

// match compares a digest that was computed from a file.
func (e *expectedDigest) match(computed string) checksum.Verdict {
	matches := checksum.ValueMatches(computed, e.value)
	if e.algorithm == "" {
		matches = checksum.MatchETags(computed, e.value) == checksum.Equal
	}
	switch {
	case matches:
		return checksum.Equal
	case e.certain:
		return checksum.Different
	}
	return checksum.Unknown
}

// expectedDigests returns the digests that can be computed from a file to compare it
// with an object: additional checksums of an algorithm, or the ETag if that is empty.
// The first one is of the requested kind. exact says that info.Parts are not inferred
// from the first part. chunk is the first part size that is tried if a server does not
// report it.
func expectedDigests(a checksum.Algorithm, info *storage.Info, chunk int64, exact bool) []expectedDigest {
	if a != "" {
		sum, ok := info.Checksum(a)
		if !ok {
			return nil
		}
		return expectedSums(info, sum, chunk, exact)
	}
	var expected []expectedDigest
	if checksum.HasDigest(info) {
		expected = expectedETags(info, chunk, exact)
		if len(expected) == 1 && expected[0].certain {
			return expected
		}
	}
	sum, ok := choose("", info)
	if ok && (!checksum.HasDigest(info) || checksum.PartsOf(info, sum) == 0) {
		expected = append(expected, expectedSums(info, sum, chunk, exact)...)
	}
	return expected
}

func expectedETags(info *storage.Info, chunk int64, exact bool) []expectedDigest {
	parts, _ := checksum.ParseETag(info.ETag)
	layouts, certain := layoutsOf(info, parts, chunk, exact)
	var expected []expectedDigest
	for _, layout := range layouts {
		expected = append(expected, expectedDigest{form{Form: checksum.Form{Layout: layout}}, info.ETag, certain})
	}
	return expected
}

func expectedSums(info *storage.Info, sum storage.Checksum, chunk int64, exact bool) []expectedDigest {
	layouts, certain := layoutsOf(info, checksum.PartsOf(info, sum), chunk, exact)
	forms := checksum.Forms(sum.Algorithm, sum.Value, sum.Type, layouts...)
	var expected []expectedDigest
	for _, f := range forms {
		expected = append(expected, expectedDigest{form{sum.Algorithm, f}, sum.Value, certain && len(forms) == 1})
	}
	return expected
}

// layoutsOf returns the layouts in which an object can have been written, and whether
// that is certain. 0 parts is an object written whole.
func layoutsOf(info *storage.Info, parts int, chunk int64, exact bool) (layouts []checksum.Layout, certain bool) {
	layouts, guessed := checksum.Layouts(info.Size, parts, info.Parts, chunk)
	if guessed || exact || parts <= 1 {
		return layouts, !guessed
	}
	// Only parts of one size can have been inferred from the first one.
	return layouts, !layouts[0].Equal(checksum.Uniform(info.Size, info.Parts[0]))
}

// choose returns the checksum of an algorithm. Without an algorithm it returns the one
// that is best to compute: preferably of all bytes, and cheap.
func choose(a checksum.Algorithm, info *storage.Info) (storage.Checksum, bool) {
	if a != "" {
		return info.Checksum(a)
	}
	var chosen storage.Checksum
	for _, a := range checksum.Algorithms() {
		sum, ok := info.Checksum(a)
		if !ok {
			continue
		}
		if checksum.PartsOf(info, sum) == 0 {
			return sum, true
		}
		if chosen.Value == "" {
			chosen = sum
		}
	}
	return chosen, chosen.Value != ""
}
