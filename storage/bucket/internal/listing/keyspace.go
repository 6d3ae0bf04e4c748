package listing

import (
	"math/bits"
	"slices"
	"strings"
	"unicode/utf8"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// A keySpace knows of which bytes keys consist, as far as they were seen. It measures how
// far keys are from each other, and finds texts between them.
//
// A key is a number: each byte is a digit, and the bytes that keys have at that position
// are the digits there are. So "0999" is close to "1000", and between "9f" and "a0" is
// nothing. All of it is guessed from few keys, and may be wrong.
type keySpace struct {
	seen   []symbols // by position
	ends   []bool    // likewise: a key ends there
	closed []symbols // likewise, with what probably occurs, too; nil if it must be made anew
	shared string    // all keys begin with it
	any    bool
}

// symbols is a set of bytes.
type symbols [4]uint64

func (s *symbols) add(c byte) { s[c>>6] |= 1 << (c & 63) }

func (s *symbols) has(c byte) bool { return s[c>>6]&(1<<(c&63)) != 0 }

func (s *symbols) addRange(from, to byte) {
	for c := int(from); c <= int(to); c++ {
		s.add(byte(c)) //nolint:gosec // a byte
	}
}

func (s *symbols) size() int {
	return bits.OnesCount64(s[0]) + bits.OnesCount64(s[1]) + bits.OnesCount64(s[2]) + bits.OnesCount64(s[3])
}

// rank returns how many bytes of the set are smaller than c.
func (s *symbols) rank(c byte) int {
	n := bits.OnesCount64(s[c>>6] & (1<<(c&63) - 1))
	for i := range c >> 6 {
		n += bits.OnesCount64(s[i])
	}
	return n
}

// at returns the byte of a rank.
func (s *symbols) at(rank int) byte {
	for c := range 256 {
		if s.has(byte(c)) {
			if rank--; rank < 0 {
				return byte(c)
			}
		}
	}
	return 0
}

func (s *symbols) within(other *symbols) bool {
	for i := range s {
		if s[i]&^other[i] != 0 {
			return false
		}
	}
	return true
}

func (s *symbols) meets(other *symbols) bool {
	for i := range s {
		if s[i]&other[i] != 0 {
			return true
		}
	}
	return false
}

// Classes of bytes: whoever uses one of them probably uses all.
var (
	digits, hexDigits, hexCapitals, lower, capitals = func() (d, h, hc, l, c symbols) { //nolint:gochecknoglobals // tables, never written to
		for _, set := range []*symbols{&d, &h, &hc} {
			set.addRange('0', '9')
		}
		h.addRange('a', 'f')
		hc.addRange('A', 'F')
		l.addRange('a', 'z')
		c.addRange('A', 'Z')
		return d, h, hc, l, c
	}()
)

// learnEvery is the distance of the keys of a page that are looked at.
const learnEvery = 8

// learn looks at the keys of a page. A server may list keys that are longer than S3 allows.
// Splits are not that long, so the rest of such keys does not matter.
func (k *keySpace) learn(page []storage.Object) {
	before := ""
	for i := range page {
		if i%learnEvery != 0 && i != len(page)-1 {
			continue
		}
		key := page[i].Key[:min(len(page[i].Key), request.MaxKey)]
		if !k.any {
			k.any, k.shared = true, strings.Clone(key)
		}
		k.shared = k.shared[:common(k.shared, key)]
		for len(k.seen) <= len(key) {
			k.seen, k.ends = append(k.seen, symbols{}), append(k.ends, false)
			k.closed = nil
		}
		k.ends[len(key)] = true
		for i := common(before, key); i < len(key); i++ {
			if !k.seen[i].has(key[i]) {
				k.seen[i].add(key[i])
				k.closed = nil
			}
		}
		before = key
	}
}

// close guesses which bytes occur at each position. It is made anew when more was seen.
func (k *keySpace) close() {
	if k.closed != nil {
		return
	}
	k.closed = make([]symbols, len(k.seen))
	// What occurs to the right of a position is likely to occur there, too, up to a sign
	// such as a slash: the first digits of hashes in order are zeros.
	var right symbols
	for i, seen := range slices.Backward(k.seen) {
		closed, known := seen.class()
		switch inside := seen.within(&right); {
		case !known:
			right = symbols{}
		case inside:
			closed = right
		case seen.size() > 1:
			right = closed
		default:
			right = symbols{}
		}
		k.closed[i] = closed
	}
}

// class returns a set with all of each class of which it has a byte. known: there is one.
func (s *symbols) class() (closed symbols, known bool) {
	closed = *s
	for _, class := range []*symbols{&digits, &lower, &capitals} {
		switch {
		case !s.meets(class):
			continue
		case class == &lower && s.meets(&digits) && s.within(&hexDigits):
			class = &hexDigits
		case class == &capitals && s.meets(&digits) && s.within(&hexCapitals):
			class = &hexCapitals
		}
		known = true
		for i := range closed {
			closed[i] |= class[i]
		}
	}
	return closed, known
}

// base is where measuring begins. A few bytes that all keys share are included, because
// keys that were not seen yet may differ there.
func (k *keySpace) base() int { return max(0, len(k.shared)-8) }

// smallest is the smallest distance that is one.
const smallest = 1e-280

// endOfAll is behind all keys.
const endOfAll = ""

// distance returns how far b is behind a, whose first bytes up to base are the same. The
// distance from the first to the last possible key is 1.
func (k *keySpace) distance(a, b string, base int) float64 {
	k.close()
	sum, scale := 0.0, 1.0
	for i := base; i < len(k.closed) && scale > smallest && (i < len(a) || i < len(b) || b == endOfAll); i++ {
		radix := k.radix(i)
		scale /= float64(radix)
		digit := float64(radix - 1)
		if b != endOfAll {
			digit = k.digit(b, i)
		}
		sum += (digit - k.digit(a, i)) * scale
	}
	return max(sum, 0)
}

// radix returns how many digits there are at a position. Where keys end, the first one is
// the end.
func (k *keySpace) radix(i int) int {
	n := k.closed[i].size()
	if k.ends[i] {
		n++
	}
	return max(n, 1)
}

func (k *keySpace) digit(key string, i int) float64 {
	if i >= len(key) {
		return 0
	}
	digit := float64(k.closed[i].rank(key[i]))
	if k.ends[i] {
		digit++
	}
	if !k.closed[i].has(key[i]) {
		digit -= 0.5 // between others
	}
	return max(digit, 0)
}

// precision is how many digits of a distance count.
const precision = 4

// behind returns a text that is about so far behind a key. It is empty if there is none
// with the same bytes up to base. It may be the key itself, or before it: the caller must
// look.
func (k *keySpace) behind(key string, distance float64, base int) string {
	k.close()
	var sum []int // digits of the distance, then of the text
	for i, found := base, 0; i < len(k.closed) && found < precision; i++ {
		distance *= float64(k.radix(i))
		digit := int(min(distance, 256))
		distance -= float64(digit)
		sum = append(sum, digit)
		if found > 0 || digit > 0 {
			found++
		}
	}
	carry := 0
	for i, digit := range slices.Backward(sum) {
		radix := k.radix(base + i)
		digit += int(k.digit(key, base+i)) + carry
		sum[i], carry = digit%radix, digit/radix
	}
	if carry > 0 || base > len(key) {
		return ""
	}
	text := []byte(key[:base])
	for i, digit := range sum {
		if k.ends[base+i] {
			digit--
		}
		if digit < 0 || k.closed[base+i] == (symbols{}) {
			break
		}
		text = append(text, k.closed[base+i].at(digit))
	}
	return validText(text)
}

// validText makes a text valid that may be cut off within a character, or have one that
// is none. What is behind that is left out.
func validText(text []byte) string {
	for i := 0; i < len(text); {
		char, size := utf8.DecodeRune(text[i:])
		if char != utf8.RuneError || size > 1 {
			i += size
			continue
		}
		// The first character that begins with that byte, if one does.
		for _, rest := range []string{"\x80", "\xa0\x80", "\x80\x80", "\x90\x80\x80", "\x80\x80\x80"} {
			if whole := string(text[:i+1]) + rest; utf8.ValidString(whole) {
				return whole
			}
		}
		return string(text[:i])
	}
	return string(text)
}
