package listing

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"

	"s3sync/internal/join"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/request"
)

// drawKeys draws keys of one of the kinds that buckets have.
func drawKeys(t *rapid.T) (keys []string) {
	part := rapid.OneOf(
		rapid.StringMatching(`[0-9]{1,6}`), rapid.StringMatching(`[0-9a-f]{6}`), rapid.StringMatching(`[ab/]{1,12}`),
		rapid.StringN(1, 6, 24), rapid.SampledFrom([]string{"\x01", "\U0010FFFF", "//", "é", "\uFFFD", "dir/", "x"}),
	)
	shared := rapid.SampledFrom([]string{"", "p/", strings.Repeat("long/", 195)}).Draw(t, "shared")
	for range rapid.IntRange(0, 400).Draw(t, "n") {
		keys = append(keys, shared+strings.Join(rapid.SliceOfN(part, 1, 3).Draw(t, "key"), rapid.SampledFrom([]string{"", "/"}).Draw(t, "sep")))
	}
	slices.Sort(keys)
	return slices.Compact(keys)
}

// TestOrdered: the segments of a listing tile its range. Whatever the keys, the sizes of
// pages and the answers that come late, each key comes once and in order.
func TestOrdered(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		m := &model{keys: drawKeys(rt), delay: 50 * time.Millisecond}
		m.ignoresAfter = rapid.IntRange(0, 9).Draw(rt, "ignores") == 0
		m.skips = rapid.SampledFrom([]int{0, 0, 0, 1, 7}).Draw(rt, "skips")
		prefix := rapid.SampledFrom([]string{"", "", "p/", "a"}).Draw(rt, "prefix")
		b := m.bucket(prefix, rapid.IntRange(0, 16).Draw(rt, "listers"))
		b.PageSize = rapid.IntRange(1, 20).Draw(rt, "page")
		r := storage.Range{}
		if len(m.keys) > 0 && rapid.Bool().Draw(rt, "range") {
			r.From, r.To = rapid.SampledFrom(m.keys).Draw(rt, "from"), rapid.SampledFrom(m.keys).Draw(rt, "to")
			m.skips = 0 // not even the first page would be right
		}
		list := b.Objects
		versions := m.skips == 0 && rapid.Bool().Draw(rt, "versions")
		if versions {
			list = b.Versions
		}
		var want []string
		for _, key := range m.keys {
			if rest, ok := strings.CutPrefix(key, prefix); ok && r.Contains(rest) {
				want = append(want, rest)
				for range len(key) % 3 {
					if versions {
						want = append(want, rest)
					}
				}
			}
		}
		var got []string
		var err error
		synctest.Test(t, func(t *testing.T) { got, err = collect(list(t.Context(), r)) })
		if err != nil || !slices.Equal(got, want) {
			rt.Fatalf("%v\n got %q\nwant %q", err, got, want)
		}
	})
}

// flat returns n keys without a slash.
func flat(n int, key func(i int, hash string) string) []string {
	keys := make([]string, n)
	for i := range keys {
		sum := sha256.Sum256(fmt.Append(nil, i))
		keys[i] = key(i, hex.EncodeToString(sum[:]))
	}
	slices.Sort(keys)
	return keys
}

// hashes returns n keys that are hashes. They must not be changed.
func hashes(n int) []string {
	known, _ := hashed.LoadOrStore(n, sync.OnceValue(func() []string {
		return flat(n, func(_ int, hash string) string { return hash })
	}))
	return known.(func() []string)() //nolint:errcheck // it holds nothing else
}

// hashed are the keys that were made, by their number.
var hashed sync.Map

// TestOrderedIsFast: with 50 ms a page, listings are much faster than page by page.
func TestOrderedIsFast(t *testing.T) {
	// Small pages are as many.
	n, pageSize := 1_000_000, limit
	if testing.Short() {
		n, pageSize = 20_000, limit/10
	}
	const few = 200 // pages
	prefixes := flat(few*pageSize, func(i int, _ string) string {
		return fmt.Sprintf("dir%03d/obj%06d", i/(2*pageSize), i%(2*pageSize))
	})
	for name, tt := range map[string]struct {
		keys    []string
		listers int
		times   float64 // faster than page by page
	}{
		// Where the parts of a bucket differ, it depends on which answers come first.
		"hashes":   {hashes(n), 16, 10},
		"counters": {flat(n, func(i int, _ string) string { return fmt.Sprintf("IMG_%08d.jpg", i) }), 16, 10},
		"UUIDs": {flat(n, func(_ int, h string) string {
			return h[:8] + "-" + h[8:12] + "-4" + h[12:15] + "-" + h[15:19] + "-" + h[19:31]
		}), 16, 10},
		"prefixes":             {prefixes, 16, 8},
		"prefixes, 32 listers": {prefixes, 32, 10},
		"one large among small": {flat(few*pageSize, func(i int, _ string) string {
			return fmt.Sprintf("a%04d/x%d", min(i/5, few*pageSize/100), i)
		}), 16, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &model{keys: tt.keys, delay: 50 * time.Millisecond}
				b := m.bucket("", tt.listers)
				b.PageSize = pageSize
				start := time.Now()
				got, err := collect(b.Objects(t.Context(), storage.Range{}))
				if err != nil {
					t.Fatal(err)
				}
				same(t, got, tt.keys)
				pages := (len(tt.keys) + pageSize - 1) / pageSize
				serial := time.Duration(pages) * m.delay
				times := float64(serial) / float64(time.Since(start))
				t.Logf("%d pages, %d requests, %v: %.1f times as fast as page by page", pages, m.requests, time.Since(start), times)
				if times < tt.times || m.requests > pages*2 {
					t.Errorf("%.1f times as fast, want %.1f; %d requests for %d pages", times, tt.times, m.requests, pages)
				}
			})
		})
	}
}

// TestOrderedRequests: a small bucket, and a slow consumer, cost not one request more.
func TestOrderedRequests(t *testing.T) {
	for name, tt := range map[string]struct {
		keys  int
		slow  time.Duration // the consumer, for each key
		pages int
	}{
		"nothing":       {0, 0, 1},
		"one page":      {1000, 0, 1},
		"two pages":     {2000, 0, 2},
		"slow consumer": {50_000, 100 * time.Microsecond, 50},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &model{keys: hashes(tt.keys), delay: 50 * time.Millisecond}
				for _, err := range m.bucket("", 16).Objects(t.Context(), storage.Range{}) {
					if err != nil {
						t.Fatal(err)
					}
					time.Sleep(tt.slow)
				}
				if m.requests != tt.pages {
					t.Errorf("%d requests, want %d", m.requests, tt.pages)
				}
			})
		})
	}
}

// TestThrottledListing: a server that bears few requests at once gets fewer of them, and
// nothing fails.
func TestThrottledListing(t *testing.T) {
	for name, tries := range map[string]int{"made again": 100, "given up": 1} {
		for _, versions := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, versions %t", name, versions), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					const bears = 3
					m := &model{keys: hashes(20_000), delay: 50 * time.Millisecond, bears: bears, tries: tries}
					b := m.bucket("", 32)
					b.PageSize = 50
					list, want := b.Objects, m.keys
					if versions {
						list, want = b.Versions, nil
						for _, key := range m.keys[:5000] {
							want = append(want, key, key)
						}
						m.keys = m.keys[:5000]
					}
					var got []string
					for o, err := range list(t.Context(), storage.Range{}) {
						if err != nil {
							t.Fatal(err)
						}
						if got = append(got, o.Key); len(got) == len(want)/2 {
							m.mu.Lock()
							m.most = 0
							m.mu.Unlock()
						}
					}
					same(t, got, want)
					if most := bears + 1; m.most > most || int(m.throttled) > m.requests/4 {
						t.Errorf("%d of %d requests were refused; %d were made at once in the second half, want %d", m.throttled, m.requests, m.most, most)
					}
				})
			})
		}
	}
}

// TestAlwaysThrottled: a listing ends if the server carries out no request at all.
func TestAlwaysThrottled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{keys: hashes(20_000), delay: 50 * time.Millisecond}
		m.fail = func(n int, _ request.ListRequest) error {
			if n > 200 {
				return storage.ErrThrottled
			}
			return nil
		}
		b := m.bucket("", 32)
		b.PageSize = 50
		got, err := collect(b.Objects(t.Context(), storage.Range{}))
		if !errors.Is(err, storage.ErrThrottled) || m.requests > 300 {
			t.Errorf("%v after %d requests", err, m.requests)
		}
		same(t, got, m.keys[:len(got)])
	})
}

// TestOrderedIsBounded: however long the consumer waits, only so much is fetched ahead,
// and nothing goes on when it leaves.
func TestOrderedIsBounded(t *testing.T) {
	for name, keys := range map[string][]string{
		"short": hashes(100_000),
		"long":  flat(60_000, func(_ int, hash string) string { return hash + strings.Repeat("x", 900) }),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &model{keys: keys, delay: 50 * time.Millisecond}
				n := 0
				for _, err := range m.bucket("", 16).Objects(t.Context(), storage.Range{}) {
					if err != nil {
						t.Fatal(err)
					}
					if n++; n == 30_000 {
						time.Sleep(time.Hour)
						break
					}
				}
				pageBytes := limit * (len(keys[0]) + len(etag) + 88)
				// The consumer has read 30 pages. Segments end with a page of which a part is used.
				if most := 30 + maxBuffered/pageBytes + 16; m.requests > most {
					t.Errorf("%d requests, want at most %d", m.requests, most)
				}
				before := m.requests
				time.Sleep(time.Hour)
				if m.requests != before {
					t.Error("it goes on without a consumer")
				}
			})
		})
	}
}

// TestServersWithoutStartAfter: servers that do not know how to begin a listing at a key are
// listed page by page, from then on and the next time.
func TestServersWithoutStartAfter(t *testing.T) {
	for name, m := range map[string]*model{
		"ignored": {ignoresAfter: true},
		"refused": {fail: func(_ int, r request.ListRequest) error {
			if r.After != "" {
				return &failure.Error{Kind: errors.ErrUnsupported, Status: http.StatusNotImplemented, Text: "what?"}
			}
			return nil
		}},
		"wrong":         {skips: 1},
		"goes on wrong": {forgets: true},
		"refuses to go on": {fail: func(_ int, r request.ListRequest) error {
			if strings.HasPrefix(r.Token, inside) {
				return &failure.Error{Status: http.StatusBadRequest, Text: "what?"}
			}
			return nil
		}},
	} {
		for _, versions := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s, versions %t", name, versions), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					m := &model{ignoresAfter: m.ignoresAfter, forgets: m.forgets, fail: m.fail, skips: m.skips, keys: hashes(3000), delay: 50 * time.Millisecond}
					b := m.bucket("", 16)
					b.PageSize = 20
					list, want := b.Objects, m.keys
					if versions {
						list, want = b.Versions, nil
						for _, key := range m.keys { // a hash has two versions
							want = append(want, key, key)
						}
						if m.fail != nil || m.skips > 0 || m.forgets {
							t.Skip("the model refuses, or skips, in listings of objects only")
						}
					}
					for i := range 2 {
						m.requests = 0
						got, err := collect(list(t.Context(), storage.Range{}))
						if err != nil {
							t.Fatal(err)
						}
						same(t, got, want)
						if pages := len(want) / b.PageSize; i == 1 && m.requests != pages {
							t.Errorf("%d requests, want %d: it is known how the server is", m.requests, pages)
						}
					}
				})
			})
		}
	}
}

// TestAfterOrToken: a request that continues a listing does not say where it began. Some
// servers refuse that, and others begin again.
func TestAfterOrToken(t *testing.T) {
	for name, r := range map[string]storage.Range{"all": {}, "range": {From: "4"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &model{keys: hashes(30_000), delay: 50 * time.Millisecond}
				m.fail = func(_ int, r request.ListRequest) error {
					if r.After != "" && r.Token != "" {
						t.Errorf("start-after %q and a token", r.After)
					}
					return nil
				}
				got, err := collect(m.bucket("", 16).Objects(t.Context(), r))
				if err != nil {
					t.Fatal(err)
				}
				i, _ := slices.BinarySearch(m.keys, r.From)
				same(t, got, m.keys[i:])
			})
		})
	}
}

// TestOnePage: a server that ends a listing too early, because it began behind a key, loses
// no keys.
func TestOnePage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{keys: hashes(30_000), delay: 50 * time.Millisecond, onePage: true}
		got, err := collect(m.bucket("", 16).Objects(t.Context(), storage.Range{}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, m.keys)
		got, err = collect(m.bucket("", 16).Versions(t.Context(), storage.Range{}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, slices.Compact(got), m.keys)
		if len(got) != 2*len(m.keys) {
			t.Errorf("%d versions, want two of each of %d keys", len(got), len(m.keys))
		}
	})
}

// TestTwoListings: two listings that are read together both grow, although the consumer waits
// for one of them only, and begin at the same time.
func TestTwoListings(t *testing.T) {
	for name, key := range map[string]func(i int, hash string) string{
		"numbers begin anew": func(i int, _ string) string { return fmt.Sprintf("dir%03d/obj%06d", i/2000, i%2000) },
		"numbers go on":      func(i int, _ string) string { return fmt.Sprintf("%06d/%09d.bin", i/2000, i) },
		"hashes":             func(_ int, hash string) string { return hash },
	} {
		t.Run(name, func(t *testing.T) { twoListings(t, flat(200_000, key)) })
	}
}

func twoListings(t *testing.T, keys []string) {
	const times = 10.0 // faster than page by page
	took := func(listers int) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			list := func(asked func() bool) iter.Seq2[storage.Object, error] {
				m := &model{keys: keys, delay: 50 * time.Millisecond}
				b := m.bucket("", listers)
				b.Asked = asked
				return b.Objects(t.Context(), storage.Range{})
			}
			began, n := time.Now(), 0
			for p, err := range join.Sorted(list(nil), join.Asking(list)) {
				if err != nil || !p.InSource || !p.InTarget {
					t.Fatalf("%+v, %v", p, err)
				}
				if n++; n%1000 == 0 {
					time.Sleep(time.Millisecond) // so long it takes to compare a page
				}
			}
			if took = time.Since(began); n != len(keys) {
				t.Errorf("%d pairs", n)
			}
		})
		return took
	}
	serial, parallel := took(1), took(32)
	t.Logf("%v, and %v page by page", parallel, serial)
	if float64(serial) < times*float64(parallel) {
		t.Errorf("%.1f times as fast as page by page, want %.1f", float64(serial)/float64(parallel), times)
	}
}

// TestAsked: a listing says once that its first request is under way, before it waits for
// the answer, and ends if nobody wants it.
func TestAsked(t *testing.T) {
	for _, goOn := range []bool{true, false} {
		t.Run(fmt.Sprint("goes on: ", goOn), func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				m := &model{keys: hashes(3000), delay: 50 * time.Millisecond}
				b, began, asked := m.bucket("", 16), time.Now(), 0
				b.Asked = func() bool {
					asked++
					synctest.Wait()
					if m.requests != 1 || time.Since(began) != 0 {
						t.Errorf("%d requests after %v", m.requests, time.Since(began))
					}
					return goOn
				}
				got, err := collect(b.Objects(t.Context(), storage.Range{}))
				if err != nil || asked != 1 {
					t.Errorf("%v; it was said %d times", err, asked)
				}
				if goOn {
					same(t, got, m.keys)
				} else if len(got) > 0 || m.requests != 1 || time.Since(began) != 0 {
					t.Errorf("%d keys, %d requests, after %v", len(got), m.requests, time.Since(began))
				}
			})
		})
	}
}

// TestSmallPage: the same of a server whose pages are smaller than what is asked for.
func TestSmallPage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{keys: hashes(30_000), delay: 50 * time.Millisecond, onePage: true}
		b := m.bucket("", 16)
		b.PageSize = 2000 // the server answers with 1,000 at most
		got, err := collect(b.Objects(t.Context(), storage.Range{}))
		if err != nil {
			t.Fatal(err)
		}
		same(t, got, m.keys)
	})
}

// TestNoGapBeforeError: a server leaves out keys where a listing begins behind a key, and
// fails later. What is yielded before the error has no gap, or a listing that goes on behind
// it would never find the keys.
func TestNoGapBeforeError(t *testing.T) {
	for skips := range 3 {
		for failAt := 3; failAt < 40; failAt += 3 {
			synctest.Test(t, func(t *testing.T) {
				m := &model{keys: hashes(5000), delay: 50 * time.Millisecond, skips: skips}
				m.fail = func(n int, r request.ListRequest) error {
					if n >= failAt && strings.HasPrefix(r.Token, inside) {
						return errBroken
					}
					return nil
				}
				b := m.bucket("", 32)
				b.PageSize = 50
				got, err := collect(b.Objects(t.Context(), storage.Range{}))
				if err != nil && !errors.Is(err, errBroken) || err == nil && len(got) != len(m.keys) {
					t.Errorf("skips %d, fails at %d: %d keys, then %v", skips, failAt, len(got), err)
				}
				same(t, got, m.keys[:len(got)])
			})
		}
	}
}

// errBroken is an error of a test server.
var errBroken = errors.New("broken")

// TestKeysChangeMeanwhile: keys that are there all the time are listed once, whatever
// happens to others.
func TestKeysChangeMeanwhile(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(rt, "seed"), 0))
		stay, calm := hashes(2000), 1     // keys change with each so many requests
		if rapid.Bool().Draw(rt, "few") { // and more of them at the beginning
			stay = flat(20+random.IntN(600), func(int, string) string {
				x := random.Float64()
				return fmt.Sprintf("%06d", int(999_999*x*x))
			})
			stay, calm = slices.Compact(stay), 5
		}
		m := &model{keys: slices.Clone(stay), delay: 50 * time.Millisecond, promises: rapid.Bool().Draw(rt, "promises")}
		m.late = func(r request.ListRequest) time.Duration {
			late := time.Duration(random.IntN(100)) * time.Millisecond
			if r.Token != "" {
				late *= 10
			}
			return late
		}
		m.change = func(n int, keys []string) []string {
			if n%calm != 0 {
				return keys
			}
			i := random.IntN(len(keys))
			if strings.Contains(keys[i], "-") {
				return slices.Delete(keys, i, i+1)
			}
			key := fmt.Sprintf("%s-%06d", keys[i], n)
			i, _ = slices.BinarySearch(keys, key)
			return slices.Insert(keys, i, key)
		}
		b := m.bucket("", 16)
		b.PageSize = 10
		var got []string
		var err error
		r := storage.Range{}
		if rapid.Bool().Draw(rt, "range") {
			r.To = rapid.SampledFrom(stay).Draw(rt, "to")
			i, _ := slices.BinarySearch(stay, r.To)
			stay = stay[:i]
		}
		synctest.Test(t, func(t *testing.T) { got, err = collect(b.Objects(t.Context(), r)) })
		if err != nil || !slices.IsSorted(got) || len(slices.Compact(slices.Clone(got))) != len(got) {
			rt.Fatalf("%v, or not in order, or twice", err)
		}
		got = slices.DeleteFunc(got, func(key string) bool { return strings.Contains(key, "-") })
		if !slices.Equal(got, stay) {
			rt.Fatalf("%d keys that stay were listed, want %d", len(got), len(stay))
		}
	})
}

// TestOrderedFails: an error comes behind the keys before it, and no key behind it.
func TestOrderedFails(t *testing.T) {
	broken := errors.New("broken")
	for at := 0; at < 60; at += 3 {
		synctest.Test(t, func(t *testing.T) {
			m := &model{keys: hashes(3000), delay: 50 * time.Millisecond}
			m.fail = func(n int, _ request.ListRequest) error {
				if n == at {
					return broken
				}
				return nil
			}
			b := m.bucket("", 16)
			b.PageSize = 50
			got, err := collect(b.Objects(t.Context(), storage.Range{}))
			if !errors.Is(err, broken) && !slices.Equal(got, m.keys) {
				t.Errorf("request %d: %d keys, %v", at, len(got), err)
			}
			same(t, got, m.keys[:len(got)])
		})
	}
}

// TestOrderedIsCancelled: the error of the context ends a listing at once.
func TestOrderedIsCancelled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m := &model{keys: hashes(100_000), delay: 50 * time.Millisecond}
		ctx, cancel := context.WithTimeout(t.Context(), 275*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := collect(m.bucket("", 16).Objects(ctx, storage.Range{}))
		if !errors.Is(err, context.DeadlineExceeded) || time.Since(start) != 275*time.Millisecond {
			t.Errorf("%v after %v", err, time.Since(start))
		}
	})
}
