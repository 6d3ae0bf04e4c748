package checksum

import (
	"crypto/md5"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"s3sync/storage"
)

// A Verdict says whether two objects hold the same bytes.
type Verdict int

const (
	// Unknown: the known facts do not decide it.
	Unknown Verdict = iota
	// Equal: the bytes are the same.
	Equal
	// Different: the bytes are not the same.
	Different
)

// String returns the verdict as one word.
func (v Verdict) String() string {
	switch v {
	case Unknown:
		return "unknown"
	case Equal:
		return "equal"
	case Different:
		return "different"
	}
	return fmt.Sprintf("Verdict(%d)", int(v))
}

func verdict(equal bool) Verdict {
	if equal {
		return Equal
	}
	return Different
}

// HasDigest reports whether the ETag of an object is a digest of its bytes.
func HasDigest(info *storage.Info) bool {
	_, ok := ParseETag(info.ETag)
	return ok && !info.ETagNotDigest
}

// MatchETags compares two ETags that are digests. If they differ and an object has
// several parts, the verdict is Unknown, because the parts may be of other sizes.
func MatchETags(a, b string) Verdict {
	m, ok := ParseETag(a)
	n, ok2 := ParseETag(b)
	switch {
	case !ok || !ok2:
		return Unknown
	case strings.EqualFold(a, b):
		return Equal
	case m == 0 && n == 1:
		return verdict(strings.EqualFold(onePartETag(a), b))
	case m == 1 && n == 0:
		return verdict(strings.EqualFold(a, onePartETag(b)))
	case m <= 1 && n <= 1:
		return Different
	}
	return Unknown
}

// onePartETag returns the ETag that an object would have in one part, from the ETag of
// the object written whole.
func onePartETag(whole string) string {
	digest, err := hex.DecodeString(whole)
	if err != nil {
		return ""
	}
	sum := md5.Sum(digest)
	return hex.EncodeToString(sum[:]) + "-1"
}

// A Match is the result of comparing the checksums of two objects in one algorithm.
// Source and Target are their values, empty if they have none.
type Match struct {
	Verdict        Verdict
	Algorithm      Algorithm
	Source, Target string
}

// MatchChecksums compares the checksums of one algorithm, if both sides have it.
func MatchChecksums(a Algorithm, source, target *storage.Info) Match {
	x, ok := source.Checksum(a)
	y, ok2 := target.Checksum(a)
	if !ok || !ok2 {
		return Match{}
	}
	m := Match{Algorithm: a, Source: x.Value, Target: y.Value}
	f, ok := formOf(source, x)
	g, ok2 := formOf(target, y)
	if !ok || !ok2 {
		return m
	}
	m.Verdict = matchForms(a, f, g)
	if m.Verdict == Unknown && f.parts > 1 && f.parts == g.parts && f.known && g.known && SameParts(source, target) {
		m.Verdict = Different
	}
	return m
}

// SameParts reports whether two objects are known to be in the same parts.
func SameParts(source, target *storage.Info) bool {
	return len(source.Parts) > 1 && slices.Equal(source.Parts, target.Parts)
}

// MatchAnyChecksum compares the checksums of all algorithms. One that differs
// outweighs the equal ones.
func MatchAnyChecksum(source, target *storage.Info) Match {
	var found Match
	for _, sum := range source.Checksums {
		m := MatchChecksums(sum.Algorithm, source, target)
		if m.Verdict == Different {
			return m
		}
		if found.Verdict == Unknown {
			found = m
		}
	}
	return found
}

// PartsOf returns the number of parts that a checksum of an object depends on. It
// returns 0 for the checksum of all bytes.
func PartsOf(info *storage.Info, sum storage.Checksum) int {
	f, _ := formOf(info, sum)
	if f.known {
		return f.parts
	}
	parts, _ := ParseETag(info.ETag)
	return max(parts, f.parts)
}

// InParts reports whether a checksum of an object itself says that it was made of the
// checksums of parts.
func InParts(info *storage.Info, sum storage.Checksum) bool {
	f, _ := formOf(info, sum)
	return f.parts > 0
}

// A toldForm is a checksum that a store reported, and how it was made.
type toldForm struct {
	value string
	parts int // 0 for the checksum of all bytes
	known bool
}

// formOf returns how a checksum of an object was made. It returns false for a value
// that is no checksum.
func formOf(info *storage.Info, sum storage.Checksum) (f toldForm, ok bool) {
	parts, ok := ParseValue(sum.Algorithm, sum.Value)
	f = toldForm{value: sum.Value, parts: parts}
	inParts, _ := ParseETag(info.ETag)
	switch t := sum.Type; {
	case parts > 0:
		f.known = t != FullObject
	case t == Composite:
		if inParts > 0 { // some responses omit the number
			f = toldForm{fmt.Sprint(sum.Value, "-", inParts), inParts, true}
		}
	default:
		f.known = t == FullObject || inParts == 0 || !Allows(sum.Algorithm, Composite)
	}
	return f, ok
}

// matchForms compares two checksums of one algorithm. For composites that differ the
// verdict is Unknown, because the parts may be of other sizes.
func matchForms(a Algorithm, x, y toldForm) Verdict {
	switch {
	case x.value == y.value && (x.parts == y.parts || !x.known || !y.known):
		return Equal
	case !x.known || !y.known:
		return Unknown
	case x.parts == 0 && y.parts == 1:
		return verdict(onePartSum(a, x.value) == y.value)
	case x.parts == 1 && y.parts == 0:
		return verdict(onePartSum(a, y.value) == x.value)
	case x.parts <= 1 && y.parts <= 1:
		return Different
	}
	return Unknown
}

// onePartSum returns the checksum that an object would have in one part, from the
// checksum of the object written whole.
func onePartSum(a Algorithm, whole string) string {
	digest, err := base64.StdEncoding.DecodeString(whole)
	if err != nil {
		return ""
	}
	return base64.StdEncoding.EncodeToString(Digest(a, digest)) + "-1"
}

// maxGuesses bounds the layouts that are tried if a server does not report that of an
// object, because each costs a hash of all its bytes.
const maxGuesses = 3

// Layouts returns the layouts that an object of size bytes and so many parts can have.
// 0 parts is an object written whole. sizes are the sizes of its parts if the store
// reported them. guessed reports that the layouts are only likely; the first one is
// then the likeliest, and chunk is the first part size that is tried. Layouts returns
// none if nothing can be guessed.
func Layouts(size int64, parts int, sizes []int64, chunk int64) (layouts []Layout, guessed bool) {
	switch {
	case parts == 0:
		return []Layout{Whole(size)}, false
	case parts == 1:
		return []Layout{Uniform(size, size)}, false
	case len(sizes) == parts:
		layout, err := Parts(sizes)
		if err == nil && layout.Total() == size {
			return []Layout{layout}, false
		}
	}
	for _, part := range GuessLayouts(size, parts, chunk) {
		layouts = append(layouts, Uniform(size, part))
	}
	return layouts[:min(len(layouts), maxGuesses)], true
}
