// Package server is the S3 server of benchmarks, a process of its own. It makes up what it
// sends and discards what it gets, so it costs a fraction of any client.
package server

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/signal"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"s3sync/internal/bench/internal/madeup"
)

// An operation is a kind of request.
type operation int

const (
	unknown operation = iota
	putObject
	getObject
	headObject
	deleteObject
	deleteObjects
	listObjects
	listVersions
	createUpload
	uploadPart
	completeUpload
	abortUpload
	ofBucket
	operations // their number
)

func (o operation) String() string {
	return [operations]string{
		"other", "PutObject", "GetObject", "HeadObject", "DeleteObject", "DeleteObjects", "ListObjectsV2", "ListObjectVersions",
		"CreateMultipartUpload", "UploadPart", "CompleteMultipartUpload", "AbortMultipartUpload", "bucket",
	}[o]
}

func (o operation) listing() bool { return o == listObjects || o == listVersions }

// A Traffic is what the server does besides answering.
type Traffic struct {
	Delay, PageDelay, Jitter time.Duration
	Slow                     bool // every hundredth read takes slowRead
	Throttle                 int  // requests per second
}

// slowRead is how long a slow read takes.
const slowRead = 10 * time.Second

// Flags are the command line flags of the server that stand for it.
func (t Traffic) Flags() []string {
	return []string{
		"-delay", t.Delay.String(), "-page-delay", t.PageDelay.String(), "-jitter", t.Jitter.String(),
		fmt.Sprintf("-slow-one-percent=%t", t.Slow), fmt.Sprintf("-throttle=%d", t.Throttle),
	}
}

// A server answers requests about made-up buckets. It keeps little or nothing of what
// is written.
type server struct {
	traffic Traffic
	keep    bool
	buckets map[string]*bucket
	etags   madeup.ETags

	counts   [operations]atomic.Int64
	refused  atomic.Int64
	received atomic.Int64 // bytes of bodies
	sent     atomic.Int64 // bytes of bodies
	reads    atomic.Int64 // for traffic.Slow
	throttle throttle
	uploads  uploads
	clock    clock
	prepared time.Duration // CPU time before the first request
	serial   atomic.Int64  // IDs of requests and of uploads
}

// A Report is what the server tells at its end.
type Report struct {
	URL      string           `json:"url,omitempty"`
	Requests map[string]int64 `json:"requests,omitempty"`
	Refused  int64            `json:"refused,omitempty"`
	Received int64            `json:"received,omitempty"`
	Sent     int64            `json:"sent,omitempty"`
	// Accepted and Rejected are the requests of each second, with -throttle.
	Accepted []int64 `json:"accepted,omitempty"`
	Rejected []int64 `json:"rejected,omitempty"`
	// CPU is the CPU time of the server before it obeyed an order, or until its end.
	CPU time.Duration `json:"cpu,omitempty"`
	// Error is the difference that a verification found.
	Error string `json:"error,omitempty"`
}

func (s *server) report() Report {
	r := Report{CPU: ownCPU() - s.prepared, Requests: make(map[string]int64), Refused: s.refused.Load(), Received: s.received.Load(), Sent: s.sent.Load()}
	for o := range operations {
		if n := s.counts[o].Load(); n > 0 {
			r.Requests[o.String()] = n
		}
	}
	s.throttle.mu.Lock()
	defer s.throttle.mu.Unlock()
	r.Accepted, r.Rejected = s.throttle.accepted, s.throttle.rejected
	return r
}

// Serve is the command `bench serve`. It serves until it is interrupted, or, with
// -orders, until its standard input ends. It then prints what it has counted.
func Serve(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("serve", flag.ExitOnError)
	s := &server{buckets: make(map[string]*bucket)}
	flags.DurationVar(&s.traffic.Delay, "delay", 0, "time before each answer")
	flags.DurationVar(&s.traffic.PageDelay, "page-delay", 0, "time before each page of a listing, instead of -delay")
	flags.DurationVar(&s.traffic.Jitter, "jitter", 0, "random time before each answer, at most this, besides the others")
	flags.BoolVar(&s.traffic.Slow, "slow-one-percent", false, "every hundredth read takes 10 s")
	flags.IntVar(&s.traffic.Throttle, "throttle", 0, "requests per second; SlowDown above it (0: no limit)")
	flags.BoolVar(&s.keep, "keep", false, "keep what is written, in memory, so that it can be read again")
	flags.Func("bucket", "NAME=OBJECTS,FOLDER,SIZE: made-up objects of SIZE bytes, FOLDER in each folder (0: no folders); repeatable", func(v string) error {
		name, rest, _ := strings.Cut(v, "=")
		l, err := madeup.ParseLayout(rest)
		s.buckets[name] = newBucket(l)
		return err
	})
	flags.Func("only", "NAME=EVERY: the bucket has only every so manieth of its objects; after its -bucket", func(v string) error {
		name, rest, _ := strings.Cut(v, "=")
		every, err := strconv.Atoi(rest)
		if b := s.buckets[name]; err != nil || every < 1 || b == nil {
			return fmt.Errorf("%q is not the name of a bucket and a positive number", v)
		}
		s.buckets[name].only(every)
		return nil
	})
	address := flags.String("addr", "127.0.0.1:0", "address to listen at")
	cert := flags.String("cert", "", "file of the TLS certificate and its key: made if it does not exist; no TLS without it")
	orders := flags.Bool("orders", false, "take orders from standard input and end with it")
	_ = flags.Parse(args) // exits
	debug.SetGCPercent(400)

	listener, err := net.Listen("tcp", *address)
	if err != nil {
		return err
	}
	scheme := "http"
	if *cert != "" {
		scheme = "https"
		pair, err := certificate(*cert)
		if err != nil {
			return err
		}
		listener = tls.NewListener(listener, &tls.Config{Certificates: []tls.Certificate{pair}, NextProtos: []string{"http/1.1"}})
	}
	for _, b := range s.buckets {
		s.etags.Prepare(b.Layout)
	}
	s.prepared = ownCPU()
	out := json.NewEncoder(os.Stdout)
	if err := out.Encode(Report{URL: scheme + "://" + listener.Addr().String()}); err != nil {
		return err
	}
	go s.accept(listener) // until the process ends
	if *orders {
		err = s.obey(os.Stdin, out)
	} else {
		ctx, stop := signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
		defer stop()
		<-ctx.Done()
	}
	return errors.Join(err, out.Encode(s.report()))
}

func (s *server) accept(listener net.Listener) {
	for {
		c, err := listener.Accept()
		if err != nil {
			return
		}
		go s.talk(c)
	}
}

// obey answers orders, one a line: "verify BUCKET DIRECTORY" or "verify BUCKET s3://BUCKET".
func (s *server) obey(in io.Reader, out *json.Encoder) error {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		answer := Report{CPU: ownCPU() - s.prepared}
		order := strings.SplitN(lines.Text(), " ", 3)
		if len(order) != 3 || order[0] != "verify" {
			answer.Error = fmt.Sprintf("unknown order %q", lines.Text())
		} else if err := s.verify(order[1], order[2]); err != nil {
			answer.Error = err.Error()
		}
		if err := out.Encode(answer); err != nil {
			return err
		}
	}
	return lines.Err()
}

// wait lets the time pass that an answer takes.
func (s *server) wait(o operation) {
	d := s.traffic.Delay
	if o.listing() && s.traffic.PageDelay > 0 {
		d = s.traffic.PageDelay
	}
	if s.traffic.Jitter > 0 {
		d += rand.N(s.traffic.Jitter)
	}
	if s.traffic.Slow && o == getObject && s.reads.Add(1)%100 == 0 {
		d += slowRead
	}
	if d > 0 {
		time.Sleep(d)
	}
}

// A throttle accepts so many requests per second, and a tenth of them at once.
type throttle struct {
	mu                 sync.Mutex
	start, last        time.Time
	tokens             float64
	accepted, rejected []int64 // by second
}

// accepts decides on a request that comes now.
func (t *throttle) accepts(rate int, now time.Time) bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	burst := max(1, float64(rate)/10)
	if t.start.IsZero() {
		t.start, t.last, t.tokens = now, now, burst
	}
	t.tokens = min(burst, t.tokens+now.Sub(t.last).Seconds()*float64(rate))
	t.last = now
	second := int(now.Sub(t.start) / time.Second)
	for len(t.accepted) <= second {
		t.accepted, t.rejected = append(t.accepted, 0), append(t.rejected, 0)
	}
	if t.tokens < 1 {
		t.rejected[second]++
		return false
	}
	t.tokens--
	t.accepted[second]++
	return true
}
