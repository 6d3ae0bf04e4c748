package checksum

import (
	"crypto/md5"
	"encoding"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"slices"
)

// maxStreams is the largest number of streams of any multiMD5.
const maxStreams = 16

// A multiMD5 advances the MD5 of several streams in step. They cost about as much
// together as one stream costs crypto/md5, because the steps of MD5 wait for each other
// and leave most of the processor idle. The zero multiMD5 can do nothing.
type multiMD5 struct {
	// streams is how many there are. All pointers below that index must be valid.
	streams int
	advance func(state *md5State, at *[maxStreams]*byte, blocks int, k *[64]uint32)
}

// works reports whether the digests of m are those of crypto/md5, on this processor and
// with this version of Go. A processor that claims more than it can, or another
// serialized form than that of serialMD5, costs speed and nothing else.
func (m multiMD5) works() bool {
	hash, ok := md5.New().(serializableHash)
	if !ok {
		return false
	}
	state, err := hash.AppendBinary(nil)
	if err != nil || len(state) != md5StateBytes || hash.UnmarshalBinary(state) != nil {
		return false
	}
	const size = 3*md5.BlockSize + 5
	var data [maxStreams * size]byte
	for i := range data {
		data[i] = byte(i * i >> 3) //nolint:gosec // any bytes
	}
	h := newHasher(m, 0)
	var blocks []*block
	var b *batch
	for i := range m.streams {
		var own *block
		own, b, _ = h.join(data[i*size:][:size])
		blocks = append(blocks, own)
	}
	h.lead(b, blocks[0]) // all of them end in the same step
	return !slices.ContainsFunc(blocks, func(b *block) bool { return !b.over || b.sum != md5.Sum(b.data) })
}

// An md5State has the words A, B, C and D of RFC 1321 as rows, and a column for each
// stream.
type md5State [4][maxStreams]uint32

// reset sets stream i to its initial state.
// https://www.rfc-editor.org/rfc/rfc1321#section-3.3
func (s *md5State) reset(i int) {
	s[0][i], s[1][i], s[2][i], s[3][i] = 0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476
}

// md5Constants are the constants of the 64 steps.
// https://www.rfc-editor.org/rfc/rfc1321#section-3.4
func md5Constants() (k [64]uint32) {
	for i := range k {
		k[i] = uint32(math.Abs(math.Sin(float64(i+1))) * (1 << 32))
	}
	return k
}

// A serialMD5 continues single streams with crypto/md5, by the serialized form of its
// state: a magic number, the four words, the bytes of an incomplete block, and the
// number of bytes, all in big-endian order. Go keeps that form stable, because programs
// store such states: TestGoldenMarshal of crypto/md5 fixes its bytes.
type serialMD5 struct {
	hash   serializableHash
	state  []byte // serialized
	digest [md5.Size]byte
}

type serializableHash interface {
	hash.Hash
	encoding.BinaryAppender
	encoding.BinaryUnmarshaler
}

const (
	md5Words      = len("md5\x01") // the offset of the words
	md5StateBytes = md5Words + md5.Size + md5.BlockSize + 8
)

func newSerialMD5() *serialMD5 {
	m := &serialMD5{}
	m.hash, _ = md5.New().(serializableHash) // as New promises
	m.save()
	return m
}

// advance adds p, whole blocks, to stream i, of which done bytes were digested.
func (m *serialMD5) advance(s *md5State, i, done int, p []byte) {
	m.load(s, i, done)
	_, _ = m.hash.Write(p) // never fails, see hash.Hash
	m.save()
	for row := range s {
		s[row][i] = binary.BigEndian.Uint32(m.state[md5Words+4*row:])
	}
}

// sum returns the digest of stream i, of which done bytes were digested, with tail as
// its last bytes.
func (m *serialMD5) sum(s *md5State, i, done int, tail []byte) [md5.Size]byte {
	m.load(s, i, done)
	_, _ = m.hash.Write(tail) // never fails, see hash.Hash
	m.hash.Sum(m.digest[:0])
	return m.digest
}

// load sets the hash to stream i after done bytes, which are whole blocks.
func (m *serialMD5) load(s *md5State, i, done int) {
	for row := range s {
		binary.BigEndian.PutUint32(m.state[md5Words+4*row:], s[row][i])
	}
	binary.BigEndian.PutUint64(m.state[md5StateBytes-8:], uint64(done)) //nolint:gosec // not negative
	mustSerialize(m.hash.UnmarshalBinary(m.state))
}

// save serializes the state of the hash.
func (m *serialMD5) save() {
	var err error
	m.state, err = m.hash.AppendBinary(m.state[:0])
	if len(m.state) != md5StateBytes {
		err = fmt.Errorf("%d bytes, want %d", len(m.state), md5StateBytes)
	}
	mustSerialize(err)
}

func mustSerialize(err error) {
	if err != nil {
		panic(fmt.Sprintf("serialized state of crypto/md5: %v", err)) //nolint:forbidigo // Go keeps the form stable
	}
}
