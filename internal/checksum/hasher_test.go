package checksum

import (
	"crypto/md5"
	"fmt"
	"math/rand/v2"
	"sync"
	"testing"
)

// hashers returns a Hasher for each multiMD5 of this processor, and one that has
// crypto/md5 only. They digest blocks of at least small bytes together.
func hashers(small int) map[string]*Hasher {
	all := map[string]*Hasher{"crypto/md5": newHasher(multiMD5{}, small)}
	for _, multi := range multiMD5s() {
		all[fmt.Sprintf("%d streams", multi.streams)] = newHasher(multi, small)
	}
	return all
}

// checkMD5 digests all blocks at the same time.
func checkMD5(t *testing.T, h *Hasher, blocks ...[]byte) {
	t.Helper()
	var callers sync.WaitGroup
	for _, p := range blocks {
		callers.Go(func() {
			if got, want := h.MD5(p), md5.Sum(p); got != want {
				t.Errorf("%d bytes: got %x, want %x", len(p), got, want)
			}
		})
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
		t.Run(name, func(t *testing.T) { checkMD5(t, h, blocks...) })
	}
	t.Run("product", func(t *testing.T) { checkMD5(t, NewHasher(), blocks...) })
}

// TestMultiMD5Works: what does not digest as crypto/md5 does is not used.
func TestMultiMD5Works(t *testing.T) {
	for _, multi := range multiMD5s() {
		if !multi.works() {
			t.Errorf("%d streams do not work", multi.streams)
		}
		for stream := range multi.streams {
			wrong := multi
			wrong.advance = func(state *md5State, at *[maxStreams]*byte, blocks int, k *[64]uint32) {
				multi.advance(state, at, blocks, k)
				state[3][stream] ^= 1
			}
			if wrong.works() {
				t.Errorf("%d streams work although stream %d is wrong", multi.streams, stream)
			}
		}
	}
	if (multiMD5{streams: 2, advance: func(*md5State, *[maxStreams]*byte, int, *[64]uint32) {}}).works() {
		t.Error("what does nothing works")
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
						if got, want := h.MD5(blocks[i]), md5.Sum(blocks[i]); got != want {
							t.Errorf("%d bytes: got %x, want %x", len(blocks[i]), got, want)
						}
					}
				})
			}
			group.Wait()
		}
	})
}

// Each multiMD5 changes the columns of its streams only, also if it continues a stream.
func TestMultiMD5(t *testing.T) {
	constants := md5Constants()
	for _, multi := range multiMD5s() {
		t.Run(fmt.Sprintf("%d streams", multi.streams), func(t *testing.T) {
			const first, second = 3 * md5.BlockSize, 2 * md5.BlockSize
			r := rand.NewChaCha8([32]byte{2})
			var data [maxStreams][first + second]byte
			var state md5State
			var at, later [maxStreams]*byte
			for i := range multi.streams {
				_, _ = r.Read(data[i][:])
				state.reset(i)
				at[i], later[i] = &data[i][0], &data[i][first]
			}
			multi.advance(&state, &at, first/md5.BlockSize, &constants)
			multi.advance(&state, &later, second/md5.BlockSize, &constants)
			serial := newSerialMD5()
			for i := range maxStreams {
				if i >= multi.streams {
					if state[0][i]|state[1][i]|state[2][i]|state[3][i] != 0 {
						t.Errorf("stream %d changed", i)
					}
					continue
				}
				if got, want := serial.sum(&state, i, first+second, nil), md5.Sum(data[i][:]); got != want {
					t.Errorf("stream %d: got %x, want %x", i, got, want)
				}
			}
		})
	}
}

// The leader of a batch goes as soon as its own block is over, and another caller
// leads. Whoever else is ready goes before that.
func TestLeader(t *testing.T) {
	for name, h := range hashers(0) {
		if h.multi.streams == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			data := make([]byte, 4*stepBytes)
			own, b, leads := h.join(data[:2*stepBytes])
			if !leads {
				t.Fatal("the first caller does not lead")
			}
			for h.next(b, own) && own.done == 0 { // nobody else came
				b.step(h)
			}
			short, _, shortLeads := h.join(data[:1])
			long, _, longLeads := h.join(data)
			if shortLeads || longLeads {
				t.Fatal("there are several leaders")
			}
			h.lead(b, own)
			if leads := <-short.wake; leads || short.sum != md5.Sum(data[:1]) {
				t.Errorf("short block: leads %v, %x", leads, short.sum)
			}
			if leads := <-long.wake; !leads || long.over {
				t.Errorf("long block: leads %v, over %v", leads, long.over)
			}
			h.lead(b, long)
			if own.sum != md5.Sum(data[:2*stepBytes]) || long.sum != md5.Sum(data) || len(h.batches) != 0 {
				t.Errorf("got %x, %x, and %d batches that did not end", own.sum, long.sum, len(h.batches))
			}
		})
	}
}

// A batch has no more blocks than streams. The next caller leads another one.
func TestFullBatch(t *testing.T) {
	for name, h := range hashers(0) {
		if h.multi.streams == 0 {
			continue
		}
		t.Run(name, func(t *testing.T) {
			for i := range 2*h.multi.streams + 1 {
				if _, _, leads := h.join([]byte("x")); leads != (i%h.multi.streams == 0) {
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
			if h.multi.streams > 0 {
				saves = steps * testing.AllocsPerRun(20, newSerialMD5().save)
			}
			if n := testing.AllocsPerRun(20, func() { h.MD5(p) }); n != saves {
				t.Errorf("%v allocations, want %v", n, saves)
			}
		})
	}
}

// BenchmarkHasher digests blocks of 8 MiB, as a transfer of one large object does.
func BenchmarkHasher(b *testing.B) {
	for name, h := range hashers(smallBlock) {
		for _, n := range []int{1, 2, 4, 8, 16} {
			b.Run(fmt.Sprintf("%s/%d blocks", name, n), func(b *testing.B) {
				p := make([]byte, 8<<20)
				b.SetBytes(int64(n) * int64(len(p)))
				for b.Loop() {
					var callers sync.WaitGroup
					for range n {
						callers.Go(func() { h.MD5(p) })
					}
					callers.Wait()
				}
			})
		}
	}
}
