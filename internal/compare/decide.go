package compare

import (
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
)

// decide applies the mode to what is known of both sides without a request. The
// verdict Unknown means that the contents have to be compared.
func (m Mode) decide(p *plan.Pair) result {
	switch {
	case m == Always:
		return different(plan.ReasonOverwrite)
	case !p.Exists:
		return different(plan.ReasonNew)
	}
	isNewer, otherSize := newer(p.Source.ModTime, p.Target.ModTime), p.Source.Size != p.Target.Size
	switch {
	case otherSize && (m == Size || m == NewerOrSize):
		return different(plan.ReasonSize)
	case m == ETag, m == NewerAndETag && isNewer:
		return compareListedETags(p)
	case m == Checksum, m == NewerAndChecksum && isNewer:
		return compareListedSizes(p)
	case isNewer && (m == Newer || m == NewerOrSize):
		return different(plan.ReasonNewer)
	}
	return equal(plan.ReasonSame)
}

// compareListedETags compares the ETags and sizes in the listings. ETags that differ
// decide nothing, because a listing does not say whether encryption made them.
func compareListedETags(p *plan.Pair) result {
	if p.Source.Size == p.Target.Size && checksum.MatchETags(p.Source.ETag, p.Target.ETag) == checksum.Equal {
		return equal(plan.ReasonSameETag)
	}
	return compareListedSizes(p)
}

func compareListedSizes(p *plan.Pair) result {
	switch {
	case p.Source.Size != p.Target.Size:
		return different(plan.ReasonSize)
	case p.Source.Size == 0:
		return equal(plan.ReasonEmpty)
	}
	return result{}
}

// newer compares whole seconds, because some stores keep no more.
func newer(source, target time.Time) bool { return source.Unix() > target.Unix() }
