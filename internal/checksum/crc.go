package checksum

import "encoding/binary"

// A crc computes with cyclic redundancy checks whose register begins as all ones and
// is inverted at the end, in reflected bit order. They follow this rule:
//
//	crc(a ‖ b) = crc(a)·x^(8·len(b)) mod P  ⊕  crc(b)
//
// So the CRC of a whole is the exclusive or of the CRCs of its pieces in any order,
// each shifted by the number of bytes behind it.
//
// A value stands for a polynomial over GF(2) of a degree below bits: bit bits-1
// is the coefficient of x^0, bit 0 that of the highest power.
type crc struct {
	of   func(p []byte) uint64
	bits int
	poly uint64 // P without its highest power
	one  uint64 // x^0

	// powers[k] is x^(2^k) mod P: enough of them for 8·n with any int64 n.
	powers [63 + 3]uint64
}

func newCRC[V uint32 | uint64](bits int, poly V, of func(p []byte) V) *crc {
	c := &crc{
		of:   func(p []byte) uint64 { return uint64(of(p)) },
		bits: bits,
		poly: uint64(poly),
		one:  1 << (bits - 1),
	}
	c.powers[0] = c.one >> 1
	for k := 1; k < len(c.powers); k++ {
		c.powers[k] = c.multiply(c.powers[k-1], c.powers[k-1])
	}
	return c
}

// multiply returns a·b mod P.
func (c *crc) multiply(a, b uint64) (product uint64) {
	for m := c.one; a != 0; m >>= 1 {
		if a&m != 0 {
			product ^= b
			a ^= m
		}
		b = b>>1 ^ c.poly&-(b&1) // times x
	}
	return product
}

// shift returns v·x^(8n) mod P: what the value v of some bytes adds to the CRC
// of a whole in which n bytes follow them. It takes O(log n) steps.
func (c *crc) shift(v uint64, n int64) uint64 {
	for k := 3; n > 0 && v != 0; k, n = k+1, n>>1 {
		if n&1 != 0 {
			v = c.multiply(c.powers[k], v)
		}
	}
	return v
}

// appendTo appends the digest with the value v to b.
func (c *crc) appendTo(b []byte, v uint64) []byte {
	var digest [8]byte
	binary.BigEndian.PutUint64(digest[:], v<<(64-c.bits))
	return append(b, digest[:c.bits/8]...)
}

// value is the inverse of appendTo.
func (c *crc) value(digest []byte) (v uint64) {
	for _, b := range digest {
		v = v<<8 | uint64(b)
	}
	return v
}
