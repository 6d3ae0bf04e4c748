// Package metrics counts what a run does, for Prometheus. Names and labels are in the table
// of docs/metrics.md. No label holds a key, so their number is bounded.
package metrics

import (
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"s3sync/internal/pace"
	"s3sync/internal/report"
	"s3sync/storage"
)

// Options are what is known before the run.
type Options struct {
	Version, Source, Target string
	Start                   time.Time
	// Now returns the time; nil is time.Now.
	Now func() time.Time
}

// A Run has the metrics of one run. Its methods may be called concurrently. An object costs
// well below a microsecond.
type Run struct {
	opts     Options
	registry *prometheus.Registry

	objectSeconds, objectBytes prometheus.Histogram
	transferredBytes, retries  prometheus.Counter
	outcomes                   map[string]prometheus.Counter
	verified                   map[string]prometheus.Counter
	warnings                   prometheus.Counter
	requests                   *requests

	limits   atomic.Pointer[func() []pace.Report]
	progress atomic.Pointer[Progress]
	end      atomic.Pointer[end]
	listings sync.Map // side → *atomic.Int64, the time of its last page in ns
}

// Progress is how far the run is.
type Progress struct {
	// Found are objects that were, are or will be transferred, as far as the listings are
	// known.
	Found, FoundBytes int64
	// DoneBytes are the bytes of these that passed the network.
	DoneBytes int64
	// Active are the objects that are worked on.
	Active int
	// Listed: the listings have ended.
	Listed bool
	// Read are the bytes that were read from the source, and Skipped all objects that were
	// left as they were.
	Read, Skipped int64
}

type end struct {
	code int
	at   time.Time
}

// Outcomes of objects.
const (
	transferred    = "transferred"
	tagged         = "tagged"
	deleted        = "deleted"
	perhapsDeleted = "perhaps_deleted"
	failed         = "failed"
	skippedOutcome = "skipped"
)

// New returns the metrics of a run that did nothing yet.
func New(opts Options) *Run {
	if opts.Now == nil {
		opts.Now = time.Now
	}
	r := &Run{opts: opts, registry: prometheus.NewRegistry(), requests: newRequests()}
	counter := func(name string, labels ...string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Name: name, Help: helpOf(name), ConstLabels: labelsOf(labels)})
	}
	r.outcomes, r.verified = make(map[string]prometheus.Counter), make(map[string]prometheus.Counter)
	for _, outcome := range []string{transferred, tagged, deleted, perhapsDeleted, failed} {
		r.outcomes[outcome] = counter(nameObjects, "outcome", outcome)
		r.registry.MustRegister(r.outcomes[outcome])
	}
	for _, by := range []string{"etag", "checksum", "nothing"} {
		r.verified[by] = counter(nameVerified, "by", by)
		r.registry.MustRegister(r.verified[by])
	}
	r.warnings, r.retries, r.transferredBytes = counter(nameWarnings), counter(nameRetries), counter(nameTransferred)
	r.objectSeconds = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: nameObjectSeconds, Help: helpOf(nameObjectSeconds), Buckets: prometheus.ExponentialBuckets(0.001, 4, 12), // to 70 minutes
	})
	r.objectBytes = prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: nameObjectBytes, Help: helpOf(nameObjectBytes), Buckets: prometheus.ExponentialBuckets(1<<10, 8, 12), // to 8 TiB
	})
	r.registry.MustRegister(r.warnings, r.retries, r.transferredBytes, r.objectSeconds, r.objectBytes, r.requests, &states{run: r})
	return r
}

// Registry has all metrics.
func (r *Run) Registry() prometheus.Gatherer { return r.registry }

// Event counts what happened to an object. Objects that are skipped are counted by Progress.
func (r *Run) Event(ev *report.Event) {
	switch ev.Type {
	case report.EventTransferred:
		r.outcomes[transferred].Inc()
		r.transferredBytes.Add(float64(ev.Source.Size))
		r.objectBytes.Observe(float64(ev.Source.Size))
		r.objectSeconds.Observe(ev.Took.Seconds())
	case report.EventTagged:
		r.outcomes[tagged].Inc()
	case report.EventDeleted:
		r.outcomes[deleted].Inc()
	case report.EventPerhapsDeleted:
		r.outcomes[perhapsDeleted].Inc()
		r.warnings.Inc()
	case report.EventVerified:
		r.verified["etag"].Inc()
	case report.EventChecksumVerified:
		r.verified["checksum"].Inc()
	case report.EventUnverified:
		r.verified["nothing"].Inc()
		if ev.Cause == report.CauseUnknownParts {
			r.warnings.Inc()
		}
	case report.EventWarning, report.EventNoChecksum:
		r.warnings.Inc()
	case report.EventRetry:
		r.retries.Inc()
	case report.EventFailed:
		if ev.Key != "" {
			r.outcomes[failed].Inc()
		}
	default: // counts nothing
	}
}

// Request counts a request to a server.
func (r *Run) Request(side string, q storage.Request) {
	r.requests.add(side, &q)
	if q.Kind != storage.ListRequest {
		return
	}
	at, ok := r.listings.Load(side)
	if !ok {
		at, _ = r.listings.LoadOrStore(side, new(atomic.Int64))
	}
	at.(*atomic.Int64).Store(r.opts.Now().UnixNano()) //nolint:forcetypeassert,errcheck // nothing else is stored
}

// Progress takes how far the run is.
func (r *Run) Progress(p Progress) { r.progress.Store(&p) }

// Limits takes how the limits of concurrency can be asked for.
func (r *Run) Limits(reports func() []pace.Report) { r.limits.Store(&reports) }

// End takes that the run has ended.
func (r *Run) End(code int) { r.end.Store(&end{code, r.opts.Now()}) }

// labelsOf returns labels of names and values.
func labelsOf(pairs []string) prometheus.Labels {
	labels := make(prometheus.Labels)
	for i := 0; i < len(pairs); i += 2 {
		labels[pairs[i]] = strings.ToValidUTF8(pairs[i+1], "�")
	}
	return labels
}
