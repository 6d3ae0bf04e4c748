package metrics

import (
	"strconv"
	"sync"

	"github.com/prometheus/client_golang/prometheus"

	"s3sync/storage"
)

// requests counts requests. What a kind of request counts in is looked up once, because
// looking it up in a vector costs more than counting.
type requests struct {
	all, again, throttled *prometheus.CounterVec
	seconds               *prometheus.HistogramVec
	known                 sync.Map // requestKind → *request
}

// A requestKind is what requests are counted by. Status is the first digit, or 0.
type requestKind struct {
	side, operation string
	status          int
}

// A request is what one kind counts in.
type request struct {
	all, again, throttled prometheus.Counter
	seconds               prometheus.Observer
}

func newRequests() *requests {
	counter := func(name string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Name: name, Help: helpOf(name)}, labels)
	}
	return &requests{
		all:       counter(nameRequests, "side", "operation", "status"),
		again:     counter(nameRequestRetries, "side", "operation"),
		throttled: counter(nameThrottled, "side", "operation"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: nameRequestSeconds, Help: helpOf(nameRequestSeconds), Buckets: prometheus.ExponentialBuckets(0.001, 2, 16), // to 33 s
		}, []string{"side", "operation"}),
	}
}

func (q *requests) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range []prometheus.Collector{q.all, q.again, q.throttled, q.seconds} {
		c.Describe(ch)
	}
}

func (q *requests) Collect(ch chan<- prometheus.Metric) {
	for _, c := range []prometheus.Collector{q.all, q.again, q.throttled, q.seconds} {
		c.Collect(ch)
	}
}

func (q *requests) add(side string, r *storage.Request) {
	kind := requestKind{side, r.Operation, r.Status / 100}
	known, ok := q.known.Load(kind)
	if !ok {
		known, _ = q.known.LoadOrStore(kind, q.newRequest(kind))
	}
	c := known.(*request) //nolint:forcetypeassert,errcheck // nothing else is stored
	c.all.Inc()
	c.seconds.Observe(r.FirstByte.Seconds())
	if r.Again {
		c.again.Inc()
	}
	if r.Throttled {
		c.throttled.Inc()
	}
}

func (q *requests) newRequest(kind requestKind) *request {
	status := "none"
	if kind.status > 0 {
		status = strconv.Itoa(kind.status) + "xx"
	}
	return &request{
		all:       q.all.WithLabelValues(kind.side, kind.operation, status),
		again:     q.again.WithLabelValues(kind.side, kind.operation),
		throttled: q.throttled.WithLabelValues(kind.side, kind.operation),
		seconds:   q.seconds.WithLabelValues(kind.side, kind.operation),
	}
}
