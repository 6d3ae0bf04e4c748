package checksum

import (
	"bytes"
	"encoding/base64"
	"math"
	"math/bits"
	"math/rand/v2"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

// bitwise is the definition of a CRC with the register as a polynomial whose
// highest power is the highest bit, and poly as it is published.
func bitwise(width int, poly uint64, p []byte) []byte {
	top := uint64(1) << (width - 1)
	mask := top | (top - 1)
	reg := mask
	for _, b := range p {
		reg ^= uint64(bits.Reverse8(b)) << (width - 8)
		for range 8 {
			carry := reg & top
			reg = reg << 1 & mask
			if carry != 0 {
				reg ^= poly
			}
		}
	}
	v := bits.Reverse64(reg^mask) >> (64 - width)
	var digest []byte
	for shift := width - 8; shift >= 0; shift -= 8 {
		digest = append(digest, byte(v>>shift))
	}
	return digest
}

// crcs are the CRCs of S3 with their published polynomials.
var crcs = map[Algorithm]struct {
	width int
	poly  uint64
}{
	CRC32:     {32, 0x04C11DB7},
	CRC32C:    {32, 0x1EDC6F41},
	CRC64NVME: {64, 0xAD93D23594C93659},
}

// FuzzCombine: the CRC of a whole follows from those of two pieces, and a piece
// followed by zeros, of which there may be very many, from the piece alone.
func FuzzCombine(f *testing.F) {
	f.Add([]byte("123456789"), uint16(4), int64(0), int64(0))
	f.Add([]byte(""), uint16(0), int64(1), int64(math.MaxInt64-1))
	f.Add([]byte("x"), uint16(0), int64(5<<40), int64(17_179_870))
	f.Add(bytes.Repeat([]byte{0xFF}, 300), uint16(299), int64(1<<62), int64(1<<62-1))
	f.Fuzz(func(t *testing.T, data []byte, cut uint16, m, n int64) {
		for alg, def := range crcs {
			c := row(alg).crc
			a, b := data[:int(cut)%(len(data)+1)], data[int(cut)%(len(data)+1):]
			got := c.appendTo(nil, c.shift(c.of(a), int64(len(b)))^c.of(b))
			want := bitwise(def.width, def.poly, data)
			if !bytes.Equal(got, want) || !bytes.Equal(Digest(alg, data), want) {
				t.Errorf("%s of %q and %q is %x, of all %x, want %x", alg, a, b, got, Digest(alg, data), want)
			}
			if c.value(got) != c.of(data) {
				t.Errorf("%s: %x is read as %x", alg, got, c.value(got))
			}
			// A shift by m+n bytes is one by m and another by n.
			m, n := m&math.MaxInt64, n&math.MaxInt64
			if m > math.MaxInt64-n {
				continue
			}
			v := c.of(data)
			if got, want := c.shift(c.shift(v, m), n), c.shift(v, m+n); got != want {
				t.Errorf("%s: %x shifted by %d and %d is %x, by both %x", alg, v, m, n, got, want)
			}
		}
	})
}

// The digests of two parts and of the object that Amazon S3 made of them. Only
// the last part's size matters.
func TestCombineAsS3(t *testing.T) {
	value := func(s string) []byte {
		digest, err := base64.StdEncoding.DecodeString(s)
		if err != nil {
			t.Fatal(err)
		}
		return digest
	}
	c := row(CRC32).crc
	whole := c.shift(c.value(value("W0QpDQ==")), 1<<20) ^ c.value(value("anCi7Q=="))
	if got := c.appendTo(nil, whole); !bytes.Equal(got, value("+SDIDA==")) {
		t.Errorf("got %x", got)
	}
}

// spans hold the same numbers as a plain set does.
func TestSpans(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var got spans
		set := make(map[int64]bool)
		for range rapid.IntRange(1, 20).Draw(t, "adds") {
			from := rapid.Int64Range(0, 20).Draw(t, "from")
			to := from + rapid.Int64Range(1, 5).Draw(t, "length")
			free := true
			for n := from; n < to; n++ {
				free = free && !set[n]
			}
			if got.add(from, to) != free {
				t.Fatalf("[%d,%d): want %v", from, to, free)
			}
			for n := from; free && n < to; n++ {
				set[n] = true
			}
			var want spans
			for n := range int64(30) {
				if last := len(want) - 1; set[n] && last >= 0 && want[last].to == n {
					want[last].to++
				} else if set[n] {
					want = append(want, span{n, n + 1})
				}
			}
			if diff := cmp.Diff(want, got, cmp.AllowUnexported(span{})); diff != "" {
				t.Fatal(diff)
			}
		}
	})
}

func BenchmarkCombine(b *testing.B) {
	for name, n := range map[string]int64{"8 MiB": 8 << 20, "17179870 B": 17_179_870, "5 TiB less one": 5<<40 - 1} {
		for alg := range crcs {
			b.Run(string(alg)+"/"+name, func(b *testing.B) {
				c := row(alg).crc
				v := rand.Uint64() >> (64 - c.bits)
				for b.Loop() {
					v = c.shift(v, n) ^ 1
				}
			})
		}
	}
	b.Run("tables", func(b *testing.B) {
		for b.Loop() {
			newCRC(64, uint64(0x9a6c9329ac4bc9b5), row(CRC64NVME).crc.of)
		}
	})
}
