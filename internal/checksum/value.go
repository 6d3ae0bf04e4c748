package checksum

import (
	"encoding/base64"
	"slices"
	"strconv"
)

// ParseValue reports whether value has the form of a checksum of an object: base64 of
// a digest of alg, and "-N" if it is the composite of N parts. parts is 0 if "-N" is
// missing. A value of any other form says nothing about the content.
func ParseValue(alg Algorithm, value string) (parts int, ok bool) {
	r := row(alg)
	if r == nil {
		return 0, false
	}
	var digest [maxSize + 2]byte // DecodedLen counts the padding, too
	n := base64.StdEncoding.EncodedLen(r.size)
	if len(value) < n {
		return 0, false
	}
	// Decode skips line breaks, but then digits are missing.
	if got, err := base64.StdEncoding.Strict().Decode(digest[:], []byte(value[:n])); err != nil || got != r.size {
		return 0, false
	}
	if parts, ok = parseParts(value[n:]); parts > 0 && !r.composite {
		return 0, false
	}
	return parts, ok
}

// parseParts reads the number of parts behind a digest. It returns 0 if there is none.
func parseParts(suffix string) (parts int, ok bool) {
	if suffix == "" {
		return 0, true
	}
	if len(suffix) < 2 || suffix[0] != '-' || suffix[1] < '1' || suffix[1] > '9' {
		return 0, false
	}
	n, err := strconv.ParseUint(suffix[1:], 10, 31)
	if err != nil || n > MaxParts {
		return 0, false
	}
	return int(n), true
}

// A Form is a way to compute a checksum: the arguments of [NewSum] besides the
// algorithm.
type Form struct {
	Layout Layout
	Type   Type
}

// Forms returns the ways in which value, a checksum of an object, can have been
// computed. It returns none if value is no checksum of that algorithm or contradicts t
// or layouts. t is the type that the server reported, empty if it did not. layouts are
// the possible layouts of the object: one if its parts are known, several if they are
// guessed. The FullObject checksum does not depend on parts, so that [Whole] is enough
// for it.
//
// Values have the form that servers send:
//   - A composite without its number of parts is possible unless t rules it out:
//     GetObjectAttributes omits the number.
//   - The composite of one part is the digest of a digest. If a layout has one
//     part, value and t decide whether the object was written whole.
func Forms(a Algorithm, value string, t Type, layouts ...Layout) (forms []Form) {
	parts, ok := ParseValue(a, value)
	if !ok {
		return nil
	}
	add := func(l Layout, of Type) {
		same := func(f Form) bool { return f.Type == of && f.Layout.Equal(l) }
		if (t == "" || t == of) && !slices.ContainsFunc(forms, same) {
			forms = append(forms, Form{l, of})
		}
	}
	for _, l := range layouts {
		n := l.Len()
		if parts == 0 && (n == 1 || Allows(a, FullObject)) {
			add(Whole(l.total), FullObject)
		}
		if n == 1 && (parts == 1 || t == Composite) {
			l = Uniform(l.total, l.total)
		}
		if l.multipart && (parts == 0 || parts == n) && Allows(a, Composite) {
			add(l, Composite)
		}
	}
	return forms
}

// A Computed is a digest of the bytes of an object, with how it was computed.
type Computed struct {
	// Algorithm is empty for an ETag, which has no Type.
	Algorithm Algorithm
	Form
	Value string
}
