package s3sync

import (
	"context"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

// A claim is what a server says of an object's bytes, in one way to check it.
type claim struct {
	algorithm checksum.Algorithm // empty for the ETag
	value     string
	layout    checksum.Layout
	typ       checksum.Type
	// certain: if the claim does not hold the bytes differ. Otherwise the sizes
	// of the parts may be others.
	certain bool
}

// reason says what it means that the claim holds or not.
func (c claim) reason(holds bool) Reason {
	switch {
	case c.algorithm == "" && holds:
		return ReasonSameETag
	case c.algorithm == "":
		return ReasonETag
	case holds:
		return ReasonSameChecksum
	}
	return ReasonChecksum
}

// A digest is computed to check a claim.
type digest interface {
	WriteAt(ctx context.Context, p []byte, off int64) error
	Matches(value string) (bool, error)
	Value() (string, error)
}

func (c claim) begin() (digest, error) {
	if c.algorithm == "" {
		return etagDigest{checksum.NewETag(c.layout)}, nil
	}
	return checksum.NewSum(c.algorithm, c.layout, c.typ)
}

type etagDigest struct{ *checksum.ETag }

func (e etagDigest) Value() (string, error) { return e.Sum() }

func (e etagDigest) Matches(value string) (bool, error) {
	sum, err := e.Sum()
	return matchETags(sum, value) == same, err
}

// claimsOf returns what can be checked of a file to compare it with an object:
// by additional checksums of an algorithm, or by ETag if that is empty. The
// first claim is what was asked for. exact: info.Parts are not concluded from
// the first part. chunk is the size of parts that is tried first where a server
// does not tell.
func claimsOf(a checksum.Algorithm, info *storage.Info, chunk int64, exact bool) []claim {
	if a != "" {
		sum, ok := info.Checksum(a)
		if !ok {
			return nil
		}
		return sumClaims(info, sum, chunk, exact)
	}
	var claims []claim
	if hasDigest(info) {
		claims = etagClaims(info, chunk, exact)
		if len(claims) == 1 && claims[0].certain {
			return claims
		}
	}
	sum, ok := choose("", info)
	if ok && (!hasDigest(info) || partsOf(info, sum) == 0) {
		claims = append(claims, sumClaims(info, sum, chunk, exact)...)
	}
	return claims
}

func etagClaims(info *storage.Info, chunk int64, exact bool) []claim {
	parts, _ := checksum.ParseETag(info.ETag)
	layouts, certain := layoutsOf(info, parts, chunk, exact)
	var claims []claim
	for _, layout := range layouts {
		claims = append(claims, claim{value: info.ETag, layout: layout, certain: certain})
	}
	return claims
}

func sumClaims(info *storage.Info, sum storage.Checksum, chunk int64, exact bool) []claim {
	a := sum.Algorithm
	layouts, certain := layoutsOf(info, partsOf(info, sum), chunk, exact)
	forms := checksum.Forms(a, sum.Value, sum.Type, layouts...)
	var claims []claim
	for _, f := range forms {
		claims = append(claims, claim{a, sum.Value, f.Layout, f.Type, certain && len(forms) == 1})
	}
	return claims
}

// partsOf is the number of parts that a checksum depends on, 0 if it is that of
// all bytes.
func partsOf(info *storage.Info, sum storage.Checksum) int {
	k, _ := kindOf(sum.Algorithm, info, sum)
	if k.known {
		return k.parts
	}
	parts, _ := checksum.ParseETag(info.ETag)
	return max(parts, k.parts)
}

// layoutsOf returns in which parts an object can have been written, 0 being the
// whole in one piece, and whether that is certain.
func layoutsOf(info *storage.Info, parts int, chunk int64, exact bool) (layouts []checksum.Layout, certain bool) {
	switch {
	case parts == 0:
		return []checksum.Layout{checksum.Whole(info.Size)}, true
	case parts == 1:
		return []checksum.Layout{checksum.Uniform(info.Size, info.Size)}, true
	case len(info.Parts) == parts:
		layout, err := checksum.Parts(info.Parts)
		if err == nil && layout.Total() == info.Size {
			// Parts of unequal sizes are not concluded from the first one.
			equal := layout.Equal(checksum.Uniform(info.Size, info.Parts[0]))
			return []checksum.Layout{layout}, exact || !equal
		}
	}
	for _, size := range checksum.GuessLayouts(info.Size, parts, chunk) {
		layouts = append(layouts, checksum.Uniform(info.Size, size))
	}
	return layouts[:min(len(layouts), maxGuesses)], false
}

// choose returns the checksum of an algorithm, or, without one, that which is
// best computed: of all bytes if there is one, and cheap.
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
		if partsOf(info, sum) == 0 {
			return sum, true
		}
		if chosen.Value == "" {
			chosen = sum
		}
	}
	return chosen, chosen.Value != ""
}
