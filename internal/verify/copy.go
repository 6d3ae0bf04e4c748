package verify

import (
	"errors"
	"fmt"
	"slices"

	"s3sync/internal/checksum"
	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// In a server-side copy no bytes pass through this program, so it cannot compute
// digests. The copy is verified if both servers report the same digests for their
// objects.

var errCopyNotDigest = errors.New("its ETag is no digest of its content (encryption with KMS or a customer key, a directory bucket, " +
	"or a server with ETags of its own kind), and source and target have no additional checksum in common")

// CheckCopy compares the reported digests of the source and of its copy. A digest that
// differs outweighs all others. kept means that the copy has the parts of the source,
// so that the ETags are equal if they are digests. The error is a *storage.Error around
// a *MismatchError.
func (v *Verifier) CheckCopy(source, target *storage.Info, kept bool) (Result, error) {
	etags, why := v.compareETags(source, target, kept)
	if etags == checksum.Different {
		return Result{}, copyMismatch("", source.Key, "ETag", source.ETag, target.ETag)
	}
	var sums checksum.Match
	if v.opts.Checksum {
		sums = checksum.MatchAnyChecksum(v.comparable(source), target)
	}
	if sums.Verdict == checksum.Different {
		return Result{}, copyMismatch(sums.Algorithm, source.Key, string(sums.Algorithm)+" checksum", sums.Source, sums.Target)
	}
	r := Result{
		ETag: etags == checksum.Equal, Checksum: sums.Verdict == checksum.Equal,
		SourceLacksChecksum: v.opts.ReadChecksum && len(source.Checksums) == 0,
		Digests:             copiedDigests(source, target, sums.Algorithm),
	}
	if !r.ETag && !r.Checksum {
		r.Why = advise(why, source)
	}
	return r, nil
}

func copyMismatch(a checksum.Algorithm, key, what, source, target string) error {
	return &storage.Error{Op: "verify", Key: key, Err: &MismatchError{a, fmt.Sprintf(
		"%v: the source's %s is %s, that of the copy is %s", storage.ErrMismatch, what, source, target)}}
}

// compareETags also returns why ETags cannot be compared if the verdict is unknown.
func (v *Verifier) compareETags(source, target *storage.Info, kept bool) (checksum.Verdict, error) {
	parts, ok := checksum.ParseETag(source.ETag)
	targetParts, ok2 := checksum.ParseETag(target.ETag)
	switch {
	case !v.opts.ETag:
		return checksum.Unknown, ErrOff
	case parts > 0 && !v.opts.Multipart:
		return checksum.Unknown, ErrMultipartOff
	case source.ETag == "" || target.ETag == "":
		return checksum.Unknown, errNoETag
	case source.ETagNotDigest || target.ETagNotDigest:
		return checksum.Unknown, errCopyNotDigest
	case !ok || !ok2:
		return checksum.Unknown, errOtherETag
	}
	verdict := checksum.MatchETags(source.ETag, target.ETag)
	switch {
	case verdict != checksum.Unknown:
		return verdict, nil
	case kept && parts > 0 && targetParts == 0:
		return checksum.Unknown, errOwnETag
	case kept:
		return checksum.Different, nil
	case parts > 0:
		return checksum.Unknown, ErrUnknownLayout
	}
	return checksum.Unknown, ErrOtherParts
}

// comparable returns the source with the checksums to compare.
func (v *Verifier) comparable(source *storage.Info) *storage.Info {
	if v.opts.Multipart {
		return source
	}
	only := *source
	only.Checksums = slices.DeleteFunc(slices.Clone(source.Checksums), func(c storage.Checksum) bool {
		return checksum.InParts(source, c)
	})
	return &only
}

// copiedDigests returns the ETags of both sides, and their checksums in the compared
// algorithm, or else in the first algorithm of the source.
func copiedDigests(source, target *storage.Info, compared checksum.Algorithm) plan.Digests {
	if compared == "" && len(source.Checksums) > 0 {
		compared = source.Checksums[0].Algorithm
	}
	ofSource, _ := source.Checksum(compared)
	ofTarget, _ := target.Checksum(compared)
	return plan.Digests{
		Algorithm: string(compared), Source: ofSource.Value, Target: ofTarget.Value,
		SourceETag: source.ETag, TargetETag: target.ETag,
	}
}

// advise adds a remedy to the reason why a copy is not verified.
func advise(why error, source *storage.Info) error {
	switch {
	case errors.Is(why, ErrOff), errors.Is(why, ErrMultipartOff):
		return why
	case len(source.Checksums) > 0:
		return setting.Errorf("%w: %s would let the target keep what the source has", why,
			setting.Name("Verify.Algorithm="+string(source.Checksums[0].Algorithm)))
	}
	return setting.Errorf("%w: without %s the bytes would be digested on their way", why, setting.Name("ServerSideCopy"))
}
