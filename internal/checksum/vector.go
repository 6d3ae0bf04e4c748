package checksum

import (
	"crypto/md5"
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"slices"
	"time"
)

const (
	// maxStreams is the largest number of streams of any multi.
	maxStreams = 16
	// maxWords is the largest number of words of the state of a function.
	maxWords = 8
	// blockBytes is the size of the blocks of all functions.
	blockBytes = 64
)

// A multi advances one hash function of several streams in step. The steps of such a
// function wait for each other and leave most of the processor idle, so all streams
// together cost less than one by one. The zero multi can do nothing.
type multi struct {
	function
	// streams is how many there are. All pointers below that index must be valid.
	streams int
	// least is from how many streams on they cost less together.
	least   int
	advance func(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32)
}

// A function is MD5 or SHA-256. Both have blocks of 64 bytes, 64 steps with a constant
// each, and words of 32 bits.
type function struct {
	newHash   func() hash.Hash
	initial   []uint32
	constants [64]uint32
}

// works reports whether the digests of m are those of the standard library, on this
// processor and with this version of Go. A processor that claims more than it can, or
// another serialized form than that of serial, costs speed and nothing else.
func (m *multi) works() bool {
	h, ok := m.newHash().(serializableHash)
	if !ok {
		return false
	}
	state, err := h.AppendBinary(nil)
	if err != nil || len(state) != wordsAt+h.Size()+blockBytes+8 || h.UnmarshalBinary(state) != nil {
		return false
	}
	for i, word := range m.initial {
		if binary.BigEndian.Uint32(state[wordsAt+4*i:]) != word {
			return false
		}
	}
	const blocks = 3
	var data [maxStreams * blocks * blockBytes]byte
	for i := range data {
		data[i] = byte(i * i >> 3) //nolint:gosec // any bytes
	}
	var blocksOf [maxStreams]*block
	for i := range m.streams {
		blocksOf[i] = &block{data: data[i*blocks*blockBytes:][:blocks*blockBytes]}
	}
	t := newTrack(m)
	for i := range m.streams {
		t.begin(i)
	}
	together := *m
	together.least = 0
	t.step(&together, &blocksOf, blocks*blockBytes)
	var sum [sha256.Size]byte
	for i := range m.streams {
		h.Reset()
		_, _ = h.Write(blocksOf[i].data) // never fails, see hash.Hash
		if !slices.Equal(t.sum(sum[:0], i, blocks*blockBytes, nil), h.Sum(nil)) {
			return false
		}
	}
	return true
}

// measure sets least: some processors have fast instructions for one stream, others have
// none. It takes a tenth of a millisecond.
func (m *multi) measure() {
	const blocks, rounds = 64, 5
	var data [blocks * blockBytes]byte
	var state vectorState
	var at [maxStreams]*byte
	for i := range at {
		at[i] = &data[0]
	}
	h := m.newHash()
	alone, together := time.Duration(math.MaxInt64), time.Duration(math.MaxInt64)
	for range rounds { // the least of them, because others use the processor, too
		start := time.Now()
		_, _ = h.Write(data[:]) // never fails, see hash.Hash
		between := time.Now()
		m.advance(&state, &at, blocks, &m.constants)
		alone, together = min(alone, between.Sub(start)), min(together, time.Since(between))
	}
	m.least = m.streams / 2 // if the clock does not tell
	if alone > 0 {
		m.least = max(2, int(together/alone)+1)
	}
}

// A vectorState has the words of a state as rows, and a column for each stream.
type vectorState [maxWords][maxStreams]uint32

// md5Function returns MD5.
// https://www.rfc-editor.org/rfc/rfc1321#section-3
func md5Function() function {
	f := function{newHash: md5.New, initial: []uint32{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476}}
	for i := range f.constants {
		f.constants[i] = uint32(math.Abs(math.Sin(float64(i+1))) * (1 << 32))
	}
	return f
}

// sha256Function returns SHA-256. Its words are the first 32 bits of the fractional
// parts of roots of primes.
// https://csrc.nist.gov/pubs/fips/180-4/upd1/final (4.2.2, 5.3.3)
func sha256Function() function {
	f := function{newHash: sha256.New}
	fraction := func(x float64) uint32 { return uint32((x - math.Floor(x)) * (1 << 32)) }
	for i, p := 0, 2; i < len(f.constants); p++ {
		if !isPrime(p) {
			continue
		}
		if len(f.initial) < maxWords {
			f.initial = append(f.initial, fraction(math.Sqrt(float64(p))))
		}
		f.constants[i] = fraction(math.Cbrt(float64(p)))
		i++
	}
	return f
}

func isPrime(p int) bool {
	for q := 2; q*q <= p; q++ {
		if p%q == 0 {
			return false
		}
	}
	return true
}

// A track is one hash function of the streams of a batch.
type track struct {
	initial []uint32
	state   vectorState
	at      [maxStreams]*byte

	// A serial continues single streams with the standard library, by the serialized form
	// of its state: a magic number, the words, the bytes of an incomplete block, and the
	// number of bytes, all in big-endian order. Go keeps that form stable, because programs
	// store such states: TestGoldenMarshal of crypto/md5 and crypto/sha256 fixes its bytes.
	hash   serializableHash
	serial []byte
}

type serializableHash interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

// wordsAt is the offset of the words in the serialized form.
const wordsAt = len("md5\x01")

// newTrack returns a track of the function of m.
func newTrack(m *multi) *track {
	t := &track{initial: m.initial}
	t.hash, _ = m.newHash().(serializableHash) // works made sure
	t.save()
	return t
}

// begin sets stream i to its initial state.
func (t *track) begin(i int) {
	for row, word := range t.initial {
		t.state[row][i] = word
	}
}

// step digests the next n bytes of those blocks that are not nil. n is a multiple of
// blockBytes.
func (t *track) step(m *multi, blocks *[maxStreams]*block, n int) {
	count := 0
	var other *block
	for _, b := range blocks {
		if b != nil {
			count, other = count+1, b
		}
	}
	switch {
	case n == 0 || count == 0:
	case count < m.least:
		for i, b := range blocks {
			if b != nil {
				t.continueWith(i, b.done, b.data[b.done:][:n])
			}
		}
	default:
		for i, b := range blocks {
			if b == nil {
				b = other // a free stream digests anything
			}
			t.at[i] = &b.data[b.done]
		}
		m.advance(&t.state, &t.at, n/blockBytes, &m.constants)
		clear(t.at[:]) // nothing is kept
	}
}

// continueWith adds p, whole blocks, to stream i, of which done bytes were digested.
func (t *track) continueWith(i, done int, p []byte) {
	t.load(i, done)
	_, _ = t.hash.Write(p) // never fails, see hash.Hash
	t.save()
	for row := range t.initial {
		t.state[row][i] = binary.BigEndian.Uint32(t.serial[wordsAt+4*row:])
	}
}

// sum appends the digest of stream i, of which done bytes were digested, with tail as
// its last bytes.
func (t *track) sum(dst []byte, i, done int, tail []byte) []byte {
	t.load(i, done)
	_, _ = t.hash.Write(tail) // never fails, see hash.Hash
	return t.hash.Sum(dst)
}

// load sets the hash to stream i after done bytes, which are whole blocks.
func (t *track) load(i, done int) {
	for row := range t.initial {
		binary.BigEndian.PutUint32(t.serial[wordsAt+4*row:], t.state[row][i])
	}
	binary.BigEndian.PutUint64(t.serial[len(t.serial)-8:], uint64(done)) //nolint:gosec // not negative
	mustSerialize(t.hash.UnmarshalBinary(t.serial))
}

// save serializes the state of the hash.
func (t *track) save() {
	var err error
	t.serial, err = t.hash.AppendBinary(t.serial[:0])
	mustSerialize(err)
}

func mustSerialize(err error) {
	if err != nil {
		panic(fmt.Sprintf("serialized state of a hash: %v", err)) //nolint:forbidigo // Go keeps the form stable
	}
}
