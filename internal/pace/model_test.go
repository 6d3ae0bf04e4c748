package pace

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// A server is a model of an S3 server and the way to it, in the time of a synctest
// bubble. Requests are served in the order of their arrival by a fixed number of lanes.
type server struct {
	Latency    time.Duration // of a request that nothing else delays, without its bytes
	Jitter     float64       // share of Latency that is exponentially distributed
	Rate       float64       // requests/s that all lanes together serve; 0 is no ceiling
	Lanes      int           // 0 is 1
	Bandwidth  float64       // bytes/s of all connections; 0 is no ceiling
	Connection float64       // bytes/s of one connection; 0 is no ceiling
	Crowd      int           // in flight from which on each request costs more; 0 is never
	SlowDown   float64       // units/s above which the server refuses; 0 is never
	Burst      float64       // units that SlowDown lets pass at once
	Most       int           // requests in flight above which the server refuses; 0 is never
	RetryAfter time.Duration // that a refusal asks for
	Slow       float64       // share of requests that take SlowTime longer
	SlowTime   time.Duration
	Down       bool      // every request times out after a second
	Until      time.Time // nothing ends before
}

// A load is what the clients of a run ask for.
type load struct {
	Sizes    []int64       // of the objects in bytes, all equally likely
	Units    int           // what the server counts of a request; 0 is 1
	Clients  int           // 0 is 512
	Duration time.Duration // 0 is that of length
	Changes  []change      // in the order of their times
}

type change struct {
	At time.Duration
	To func(*server)
}

// An answer is how one request ended, and an entrance is what is tested: it lets a
// client begin a request, and is told how the request ended.
type answer struct {
	kind       Kind
	bytes      int64
	retryAfter time.Duration
	firstByte  time.Duration
}

type entrance func(context.Context) (done func(answer), err error)

// counts are what happened in each tenth of a second.
type counts struct {
	served, refused, failed, bytes []int
	inFlight                       []int // the most
}

const tick = 100 * time.Millisecond

// between sums up what happened from one time to another.
func between(ticks []int, from, to time.Duration) (sum int) {
	for _, n := range ticks[from/tick : min(to/tick, time.Duration(len(ticks)))] {
		sum += n
	}
	return sum
}

// most is the greatest number from one time to another.
func most(ticks []int, from, to time.Duration) int { return slices.Max(ticks[from/tick : to/tick]) }

// middle is the median of some ticks.
func middle(ticks []int, from, to time.Duration) int {
	sorted := slices.Sorted(slices.Values(ticks[from/tick : to/tick]))
	return sorted[len(sorted)/2]
}

// perSecond is the rate of served requests from one time to another.
func (c *counts) perSecond(from, to time.Duration) float64 {
	return float64(between(c.served, from, to)) / (to - from).Seconds()
}

func (c *counts) bytesPerSecond(from, to time.Duration) float64 {
	return float64(between(c.bytes, from, to)) / (to - from).Seconds()
}

// refusedShare is the share of refused requests from one time to another.
func (c *counts) refusedShare(from, to time.Duration) float64 {
	refused, served := between(c.refused, from, to), between(c.served, from, to)
	return float64(refused) / float64(max(1, refused+served))
}

// A network is a server at work.
type network struct {
	mu       sync.Mutex
	server   server
	began    time.Time
	lanes    []time.Time // when each is free
	pipe     time.Time   // when Bandwidth is free
	tokens   float64     // of SlowDown
	filled   time.Time
	inFlight int
	counts   counts
}

// length is how long a run takes if nothing else is said. A shorter run is the harder
// one for averages, because the search is a larger part of it.
func length() time.Duration {
	if testing.Short() {
		return 30 * time.Second
	}
	return time.Minute
}

// short reports whether the short run leaves out the combination of number i of one list
// and number j of another. It takes a third of them: every row and every column of the table.
func short(i, j int) bool { return testing.Short() && (i+j)%3 != 0 }

// run lets clients work through in on a model for a while, each as fast as it can.
func run(t *testing.T, s server, l load, in entrance) *counts {
	t.Helper()
	if l.Clients == 0 {
		l.Clients = 512
	}
	if l.Duration == 0 {
		l.Duration = length()
	}
	ticks := int(l.Duration/tick) + 1 // the last one for what happens at the end
	n := &network{
		server: s, began: time.Now(), lanes: make([]time.Time, max(1, s.Lanes)), filled: time.Now(), tokens: s.Burst,
		counts: counts{make([]int, ticks), make([]int, ticks), make([]int, ticks), make([]int, ticks), make([]int, ticks)},
	}
	for _, c := range l.Changes {
		time.AfterFunc(c.At, func() {
			n.mu.Lock()
			defer n.mu.Unlock()
			c.To(&n.server)
		})
	}
	ctx, cancel := context.WithTimeout(t.Context(), l.Duration)
	defer cancel()
	var clients sync.WaitGroup
	for id := range l.Clients {
		clients.Go(func() {
			random := rand.New(rand.NewPCG(uint64(id), 1))
			for ctx.Err() == nil {
				done, err := in(ctx)
				if err != nil {
					return
				}
				done(n.serve(random, l.Sizes[random.IntN(len(l.Sizes))], float64(max(1, l.Units))))
			}
		})
	}
	clients.Wait()
	return &n.counts
}

// serve is one request.
func (n *network) serve(random *rand.Rand, bytes int64, units float64) answer {
	began := time.Now()
	n.mu.Lock()
	n.inFlight++
	a, firstByte, end := n.plan(random, began, bytes, units)
	at := n.tick()
	n.counts.inFlight[at] = max(n.counts.inFlight[at], n.inFlight)
	n.mu.Unlock()
	time.Sleep(end.Sub(began))
	a.firstByte = firstByte.Sub(began)
	n.mu.Lock()
	defer n.mu.Unlock()
	n.inFlight--
	at = n.tick()
	switch a.kind {
	case OK:
		n.counts.served[at]++
		n.counts.bytes[at] += int(a.bytes)
	case Throttled:
		n.counts.refused[at]++
	default:
		n.counts.failed[at]++
	}
	return a
}

// tick is the tenth of a second that it is now.
func (n *network) tick() int {
	return min(int(time.Since(n.began)/tick), len(n.counts.served)-1)
}

// plan decides how a request will end, and when.
func (n *network) plan(random *rand.Rand, now time.Time, bytes int64, units float64) (a answer, firstByte, end time.Time) {
	s := &n.server
	if s.Down {
		return answer{kind: Unanswered}, now, now.Add(time.Second)
	}
	latency := time.Duration(float64(s.Latency) * (1 - s.Jitter + s.Jitter*random.ExpFloat64()))
	there := time.Duration(float64(s.Latency) * (1 - s.Jitter) / 2) // the way of requests, which arrive in order
	refused := s.Most > 0 && n.inFlight > s.Most
	if s.SlowDown > 0 {
		n.tokens = min(s.Burst, n.tokens+now.Sub(n.filled).Seconds()*s.SlowDown)
		n.filled = now
		if n.tokens < units {
			refused = true
		} else {
			n.tokens -= units
		}
	}
	if refused {
		end = now.Add(latency + time.Millisecond)
		return answer{kind: Throttled, retryAfter: s.RetryAfter}, end, end
	}
	end = now.Add(latency)
	if s.Rate > 0 {
		lane := 0
		for i := range n.lanes {
			if n.lanes[i].Before(n.lanes[lane]) {
				lane = i
			}
		}
		service := float64(len(n.lanes)) / s.Rate
		if s.Crowd > 0 {
			service *= 1 + max(0, float64(n.inFlight-s.Crowd)/float64(4*s.Crowd))
		}
		n.lanes[lane] = later(n.lanes[lane], now.Add(there)).Add(seconds(service))
		end = n.lanes[lane].Add(latency - there)
	}
	if random.Float64() < s.Slow {
		end = end.Add(s.SlowTime)
	}
	end = later(end, s.Until)
	firstByte = end
	if s.Bandwidth > 0 {
		n.pipe = later(n.pipe, now).Add(seconds(float64(bytes) / s.Bandwidth))
		end = later(end, n.pipe)
	}
	if s.Connection > 0 {
		end = later(end, firstByte.Add(seconds(float64(bytes)/s.Connection)))
	}
	return answer{kind: OK, bytes: bytes}, firstByte, end
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// fixed lets in a fixed number at a time.
func fixed(n int) entrance {
	slots := make(chan struct{}, n)
	return func(ctx context.Context) (func(answer), error) {
		select {
		case slots <- struct{}{}:
			return func(answer) { <-slots }, nil
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

var (
	small = load{Sizes: []int64{10 << 10}}
	large = load{Sizes: []int64{4 << 20}}
	mixed = load{Sizes: []int64{1, 100, 1 << 10, 5 << 10, 10 << 10, 10 << 10, 50 << 10, 100 << 10, 300 << 10, 8 << 20}}
)

// The servers of the table: a client with two cores that serve 1,500 small objects a
// second, 400 MiB/s on the way, 80 MiB/s in one connection, and a round trip.
func office(latency time.Duration) server {
	return server{
		Latency: latency, Jitter: 0.3, Rate: 1500, Lanes: 2, Bandwidth: 400 << 20, Connection: 80 << 20,
	}
}

var latencies = []time.Duration{0, 5 * time.Millisecond, 20 * time.Millisecond, 100 * time.Millisecond}

// best is the greatest rate at which a server can serve a load, in requests/s, if at most
// most are in flight: no fixed number can do better.
func best(s server, l load, most int) float64 {
	size := l.meanSize()
	best := math.Inf(1)
	if s.Rate > 0 {
		best = min(best, s.Rate)
	}
	if s.Bandwidth > 0 {
		best = min(best, s.Bandwidth/size)
	}
	alone := s.Latency.Seconds() + s.Slow*s.SlowTime.Seconds()
	if s.Connection > 0 {
		alone += size / s.Connection
	}
	return min(best, float64(most)/alone)
}

func (l load) meanSize() (mean float64) {
	for _, n := range l.Sizes {
		mean += float64(n) / float64(len(l.Sizes))
	}
	return mean
}

// ours lets in what a Limiter lets in.
func ours(l *Limiter) entrance {
	return func(ctx context.Context) (func(answer), error) {
		p, err := l.Acquire(ctx, 1)
		if err != nil {
			return nil, err
		}
		return func(a answer) {
			p.Done(Outcome{Kind: a.kind, RetryAfter: a.retryAfter, Bytes: a.bytes, FirstByte: a.firstByte})
		}, nil
	}
}

// Some fixed number is as good as the bound that the other tests hold the Limiter
// against. So that bound is a fair one.
func TestBestIsReached(t *testing.T) {
	if testing.Short() {
		t.Skip("tests the model, not the code")
	}
	for _, latency := range latencies {
		for name, l := range map[string]load{"small": small, "large": large} {
			t.Run(fmt.Sprint(name, " ", latency), func(t *testing.T) {
				t.Parallel()
				l.Duration = 3 * time.Second
				most := 0.0
				for n := 2; n <= 512; n *= 2 {
					synctest.Test(t, func(t *testing.T) {
						most = max(most, run(t, office(latency), l, fixed(n)).perSecond(time.Second, l.Duration))
					})
				}
				if want := best(office(latency), l, 512); most < 0.97*want || most > 1.03*want {
					t.Errorf("the best fixed number serves %.0f/s, want %.0f", most, want)
				}
			})
		}
	}
}
