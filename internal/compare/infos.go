package compare

import (
	"cmp"
	"fmt"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// readBoth is the setting that helps where digests do not decide.
const readBoth = setting.Name("Check.ReadBoth")

// compareInfos compares what two stores reported: additional checksums of an
// algorithm, or ETags if that is empty. If these were made in different ways, it uses
// all other digests.
func compareInfos(a checksum.Algorithm, source, target *storage.Info) result {
	switch {
	case source.Size != target.Size:
		return different(plan.ReasonSize)
	case source.Size == 0:
		return equal(plan.ReasonEmpty)
	}
	if err := cmp.Or(missingDigest("target", target, a), missingDigest("source", source, a)); err != nil {
		return result{err: err, Match: toldChecksums(a, source, target)}
	}
	etags := matchInfoETags(source, target)
	if a == "" {
		return byETag(etags, source, target)
	}
	asked := checksum.MatchChecksums(a, source, target)
	switch {
	case asked.Verdict != checksum.Unknown:
		return byChecksum(asked)
	case etags == checksum.Equal:
		return equal(plan.ReasonSameETag)
	}
	other := checksum.MatchAnyChecksum(source, target)
	switch {
	case other.Verdict == checksum.Equal:
		return byChecksum(other)
	case etags == checksum.Different, other.Verdict == checksum.Different:
		asked.Verdict = checksum.Different
		return byChecksum(asked)
	}
	return undecided(a, asked)
}

// matchInfoETags compares the ETags of two objects, if both are digests.
func matchInfoETags(source, target *storage.Info) checksum.Verdict {
	if !checksum.HasDigest(source) || !checksum.HasDigest(target) {
		return checksum.Unknown
	}
	verdict := checksum.MatchETags(source.ETag, target.ETag)
	if verdict == checksum.Unknown && checksum.SameParts(source, target) {
		return checksum.Different
	}
	return verdict
}

// byETag returns the result for objects whose ETags were compared. If the ETags do not
// decide, it uses additional checksums.
func byETag(etags checksum.Verdict, source, target *storage.Info) result {
	if etags != checksum.Unknown {
		return result{Match: checksum.Match{Verdict: etags}, reason: digestReason("", etags)}
	}
	if m := checksum.MatchAnyChecksum(source, target); m.Verdict != checksum.Unknown {
		return byChecksum(m)
	}
	if !checksum.HasDigest(source) || !checksum.HasDigest(target) {
		return result{err: setting.Errorf("%w: not both ETags are digests of the contents, as with KMS or a customer key, "+
			"and the additional checksums are not of the same kind; %s compares the bytes", ErrIncomparable, readBoth)}
	}
	return undecided("", checksum.Match{})
}

func byChecksum(m checksum.Match) result {
	return result{Match: m, reason: digestReason(m.Algorithm, m.Verdict)}
}

// digestReason returns the reason of a verdict by additional checksums of an
// algorithm, or by ETags if that is empty.
func digestReason(a checksum.Algorithm, v checksum.Verdict) plan.Reason {
	switch {
	case a == "" && v == checksum.Equal:
		return plan.ReasonSameETag
	case a == "":
		return plan.ReasonETag
	case v == checksum.Equal:
		return plan.ReasonSameChecksum
	}
	return plan.ReasonChecksum
}

// undecided returns the result for digests that differ, although the contents may be
// the same. a is empty for ETags; m holds what was compared.
func undecided(a checksum.Algorithm, m checksum.Match) result {
	what := "ETags"
	if a != "" {
		what = "checksums"
	}
	m.Verdict = checksum.Unknown
	return result{Match: m, reason: digestReason(a, checksum.Unknown), err: setting.Errorf(
		"%w: the %s were made of other parts, or of parts that are not known, "+
			"and no checksum of all bytes is on both sides; %s compares the bytes", ErrUndecided, what, readBoth)}
}

// missingDigest returns why nothing can be compared with the object of a side, or nil.
func missingDigest(side string, info *storage.Info, a checksum.Algorithm) error {
	switch {
	case a != "":
		if _, ok := info.Checksum(a); !ok {
			return fmt.Errorf("%w: the %s has no %s checksum", ErrIncomparable, side, a)
		}
	case !checksum.HasDigest(info) && len(info.Checksums) == 0:
		return setting.Errorf("%w: the %s's ETag is no digest of its content, as with KMS or a customer key, "+
			"and it has no additional checksum; %s compares the bytes", ErrIncomparable, side, readBoth)
	}
	return nil
}

// toldChecksums returns the checksums of an algorithm that the stores reported.
func toldChecksums(a checksum.Algorithm, source, target *storage.Info) checksum.Match {
	value := func(info *storage.Info) string {
		if info == nil {
			return ""
		}
		sum, _ := info.Checksum(a)
		return sum.Value
	}
	return checksum.Match{Algorithm: a, Source: value(source), Target: value(target)}
}
