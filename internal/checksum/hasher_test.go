package checksum

import (
	"bytes"
	"crypto/md5"
	"crypto/sha256"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// hashers returns a Hasher for each multi of this processor, and one that has the
// standard library only. They digest blocks of at least small bytes together.
func hashers(small int) map[string]*Hasher {
	all := map[string]*Hasher{"standard library": {small: small}}
	for _, m := range multiMD5s() {
		all[fmt.Sprintf("%d streams", m.streams)] = &Hasher{md5: m, small: small}
		for _, n := range multiSHA256s() {
			for _, n.least = range []int{1, 3} {
				all[fmt.Sprintf("%d streams, SHA-256 from %d on", m.streams, n.least)] = &Hasher{md5: m, sha256: n, small: small}
			}
		}
	}
	return all
}

// digests fails the test unless the digests of p are those of the standard library.
func digests(t *testing.T, h *Hasher, p []byte, both bool) {
	t.Helper()
	got, want := h.MD5, md5.Sum(p)
	if both {
		got = func(p []byte) [md5.Size]byte {
			sum, long := h.Both(p)
			if want := sha256.Sum256(p); long != want {
				t.Errorf("%d bytes: got SHA-256 %x, want %x", len(p), long, want)
			}
			return sum
		}
	}
	if got := got(p); got != want {
		t.Errorf("%d bytes: got MD5 %x, want %x", len(p), got, want)
	}
}

// checkDigests digests all blocks at the same time, the first ones with MD5 only.
func checkDigests(t *testing.T, h *Hasher, blocks ...[]byte) {
	t.Helper()
	var callers sync.WaitGroup
	for i, p := range blocks {
		callers.Go(func() { digests(t, h, p, i > len(blocks)/4) })
	}
	callers.Wait()
	if len(h.batches) != 0 {
		t.Errorf("%d batches did not end", len(h.batches))
	}
}

func TestHasher(t *testing.T) {
	r := rand.NewChaCha8([32]byte{1})
	var blocks [][]byte
	for _, size := range []int{0, 1, 55, 56, 63, 64, 65, 1000, stepBytes, smallBlock - 1, smallBlock, 5*smallBlock + 3} {
		for range 20 {
			p := make([]byte, size)
			_, _ = r.Read(p)
			blocks = append(blocks, p)
		}
	}
	for name, h := range hashers(0) {
		t.Run(name, func(t *testing.T) { checkDigests(t, h, blocks...) })
	}
	t.Run("product", func(t *testing.T) { checkDigests(t, NewHasher(), blocks...) })
}

// What does not digest as the standard library does is not used.
func TestMultiWorks(t *testing.T) {
	for _, m := range append(multiMD5s(), multiSHA256s()...) {
		if !m.works() {
			t.Errorf("%d streams do not work", m.streams)
		}
		for stream := range m.streams {
			wrong := m
			wrong.advance = func(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32) {
				m.advance(state, at, blocks, k)
				state[len(m.initial)-1][stream] ^= 1
			}
			if wrong.works() {
				t.Errorf("%d streams work although stream %d is wrong", m.streams, stream)
			}
		}
		idle := m
		idle.advance = func(*vectorState, *[maxStreams]*byte, int, *[64]uint32) {}
		if idle.works() {
			t.Error("what does nothing works")
		}
		other := m
		other.initial = append([]uint32{1}, m.initial[1:]...)
		if other.works() {
			t.Error("another initial state works")
		}
	}
}

// If the processor is faster with one stream, no number of streams pays.
func TestMeasure(t *testing.T) {
	for _, m := range multiSHA256s() {
		advance := m.advance
		for times, want := range map[int]bool{1: true, 100: false} {
			m.advance = func(state *vectorState, at *[maxStreams]*byte, blocks int, k *[64]uint32) {
				for range times {
					advance(state, at, blocks, k)
				}
			}
			m.measure()
			if pays := m.least <= m.streams; m.least < 2 || !want && pays {
				t.Errorf("%d times the work: it pays from %d streams on", times, m.least)
			}
		}
	}
}

// FuzzHasher digests blocks of random sizes, several at once, with all that this
// processor can execute.
func FuzzHasher(f *testing.F) {
	f.Add(uint64(1), []byte{0}, byte(1))
	f.Add(uint64(2), []byte{255, 254, 253, 1, 2, 3}, byte(2))
	f.Add(uint64(3), []byte("one of them is longer than the others, and there are more than streams\xff"), byte(40))
	f.Fuzz(func(t *testing.T, seed uint64, sizes []byte, callers byte) {
		r := rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)})
		blocks := make([][]byte, min(len(sizes), 200))
		for i := range blocks {
			size := int(sizes[i]) * int(sizes[i]) / 2 // a step is about half of the largest
			blocks[i] = make([]byte, size)
			_, _ = r.Read(blocks[i])
		}
		atOnce := int(callers)%40 + 1
		for _, h := range hashers(0) {
			var group sync.WaitGroup
			for c := range atOnce {
				group.Go(func() {
					for i := c; i < len(blocks); i += atOnce {
						digests(t, h, blocks[i], i%5 > 0)
					}
				})
			}
			group.Wait()
		}
	})
}

// Each multi changes the columns of its streams only, also if it continues a stream.
func TestMulti(t *testing.T) {
	for _, m := range append(multiMD5s(), multiSHA256s()...) {
		t.Run(fmt.Sprintf("%d streams of %d words", m.streams, len(m.initial)), func(t *testing.T) {
			const first, second = 3 * blockBytes, 2 * blockBytes
			r := rand.NewChaCha8([32]byte{2})
			var data [maxStreams][first + second]byte
			track := newTrack(&m)
			var at, later [maxStreams]*byte
			for i := range m.streams {
				_, _ = r.Read(data[i][:])
				track.begin(i)
				at[i], later[i] = &data[i][0], &data[i][first]
			}
			m.advance(&track.state, &at, first/blockBytes, &m.constants)
			m.advance(&track.state, &later, second/blockBytes, &m.constants)
			for i := range maxStreams {
				if i >= m.streams {
					for row := range track.state {
						if track.state[row][i] != 0 {
							t.Errorf("stream %d changed", i)
						}
					}
					continue
				}
				want := m.newHash()
				_, _ = want.Write(data[i][:])
				if got, want := track.sum(nil, i, first+second, nil), want.Sum(nil); !bytes.Equal(got, want) {
					t.Errorf("stream %d: got %x, want %x", i, got, want)
				}
			}
		})
	}
}

// A block whose SHA-256 is digested alone is not held up by those of others. Enough of
// them are digested together, also if they are not the first ones of their batch.
func TestRiders(t *testing.T) {
	for _, m := range multiSHA256s() {
		m.least = 3
		h := &Hasher{md5: multiMD5s()[0], sha256: m}
		data := make([]byte, 2*stepBytes)
		var blocks []*block
		join := func(both bool) {
			own, _, _ := h.join(data, both)
			blocks = append(blocks, own)
		}
		join(true)
		join(true)
		join(false)
		b := h.batches[0]
		h.next(b, blocks[0])
		b.step(h)
		join(true)
		join(false)
		h.next(b, blocks[0])
		h.lead(b, blocks[0])
		if <-blocks[1].wake || <-blocks[2].wake || !<-blocks[3].wake {
			t.Fatal("blocks did not end in their order")
		}
		h.lead(b, blocks[3])
		for i, want := range []bool{false, false, false, true, false} {
			if blocks[i].rode != want {
				t.Errorf("block %d: rode %v, want %v", i, blocks[i].rode, want)
			}
		}
		if blocks[3].sha256 != sha256.Sum256(data) {
			t.Errorf("got %x", blocks[3].sha256)
		}
	}
}

// The leader of a batch goes as soon as its own block is over, and another caller
// leads. Whoever else is ready goes before that.
func TestLeader(t *testing.T) {
	for name, h := range hashers(0) {
		if h.md5.streams == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			data := make([]byte, 4*stepBytes)
			own, b, leads := h.join(data[:2*stepBytes], true)
			if !leads {
				t.Fatal("the first caller does not lead")
			}
			for h.next(b, own) && own.done == 0 { // nobody else came
				b.step(h)
			}
			short, _, shortLeads := h.join(data[:1], true)
			long, _, longLeads := h.join(data, false)
			if shortLeads || longLeads {
				t.Fatal("there are several leaders")
			}
			h.lead(b, own)
			if leads := <-short.wake; leads || short.md5 != md5.Sum(data[:1]) {
				t.Errorf("short block: leads %v, %x", leads, short.md5)
			}
			if leads := <-long.wake; !leads || long.over {
				t.Errorf("long block: leads %v, over %v", leads, long.over)
			}
			h.lead(b, long)
			if own.md5 != md5.Sum(data[:2*stepBytes]) || long.md5 != md5.Sum(data) || len(h.batches) != 0 {
				t.Errorf("got %x, %x, and %d batches that did not end", own.md5, long.md5, len(h.batches))
			}
		})
	}
}

// A batch has no more blocks than streams. The next caller leads another one.
func TestFullBatch(t *testing.T) {
	for name, h := range hashers(0) {
		if h.md5.streams == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for i := range 2*h.md5.streams + 1 {
				if _, _, leads := h.join([]byte("x"), false); leads != (i%h.md5.streams == 0) {
					t.Errorf("caller %d: leads %v", i, leads)
				}
			}
		})
	}
}

// Who has a small block does not wait for those who have large ones.
func TestSmallAndLargeApart(t *testing.T) {
	for name, h := range hashers(0) {
		if h.md5.streams == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			h.large = 4
			for i, tt := range []struct {
				data  string
				leads bool
			}{{"large", true}, {"s", true}, {"larger", false}, {"t", false}} {
				if _, _, leads := h.join([]byte(tt.data), false); leads != tt.leads {
					t.Errorf("caller %d: leads %v", i, leads)
				}
			}
		})
	}
}

// A block costs no allocation. With the race detector, saving a state costs one.
func TestHasherAllocates(t *testing.T) {
	for name, h := range hashers(0) {
		t.Run(name, func(t *testing.T) {
			const steps = 3
			p := make([]byte, steps*stepBytes+1)
			saves := 0.0
			if h.md5.streams > 0 {
				saves = steps * testing.AllocsPerRun(20, newTrack(&h.md5).save)
			}
			if n := testing.AllocsPerRun(20, func() { h.MD5(p) }); n != saves {
				t.Errorf("%v allocations, want %v", n, saves)
			}
			if n := testing.AllocsPerRun(20, func() { h.Both(p) }); n > 2*saves {
				t.Errorf("%v allocations with SHA-256, want at most %v", n, 2*saves)
			}
		})
	}
}

// BenchmarkHasher digests blocks of 8 MiB, as an upload of one large object does.
func BenchmarkHasher(b *testing.B) {
	for name, h := range hashers(smallBlock) {
		for _, n := range []int{1, 2, 4, 8, 16} {
			b.Run(fmt.Sprintf("%s/%d blocks", name, n), func(b *testing.B) {
				p := make([]byte, 8<<20)
				b.SetBytes(int64(n) * int64(len(p)))
				for b.Loop() {
					var callers sync.WaitGroup
					for range n {
						callers.Go(func() { h.Both(p) })
					}
					callers.Wait()
				}
			})
		}
	}
}
