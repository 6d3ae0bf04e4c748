package metrics

import (
	"strings"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
)

// states tells what is so at the moment of a scrape.
type states struct{ run *Run }

// Describe describes nothing, so the registry takes whatever Collect tells.
func (s *states) Describe(chan<- *prometheus.Desc) {}

func (s *states) Collect(ch chan<- prometheus.Metric) {
	r := s.run
	tell := func(name string, kind prometheus.ValueType, value float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(prometheus.NewDesc(name, helpOf(name), nil, labelsOf(labels)), kind, value)
	}
	gauge := func(name string, value float64, labels ...string) {
		tell(name, prometheus.GaugeValue, value, labels...)
	}

	gauge(nameInfo, 1, "version", r.opts.Version, "source", r.opts.Source, "target", r.opts.Target)
	gauge(nameStart, float64(r.opts.Start.UnixMilli())/1000)
	if e := r.end.Load(); e != nil {
		gauge(nameEnd, float64(e.at.UnixMilli())/1000)
		gauge(nameExit, float64(e.code))
	}
	p := r.progress.Load()
	if p == nil {
		p = new(Progress)
	}
	tell(nameObjects, prometheus.CounterValue, float64(p.Skipped), "outcome", skippedOutcome)
	tell(nameRead, prometheus.CounterValue, float64(p.Read))
	gauge(nameFound, float64(p.Found))
	gauge(nameFoundBytes, float64(p.FoundBytes))
	gauge(nameDoneBytes, float64(p.DoneBytes))
	gauge(nameInFlight, float64(p.Active))
	gauge(nameListed, map[bool]float64{true: 1}[p.Listed])
	r.listings.Range(func(side, at any) bool {
		lag := 0.0
		if !p.Listed && r.end.Load() == nil {
			lag = float64(r.opts.Now().UnixNano()-at.(*atomic.Int64).Load()) / 1e9 //nolint:forcetypeassert,errcheck // as in Request
		}
		gauge(nameListingLag, lag, "side", side.(string)) //nolint:forcetypeassert,errcheck // as above
		return true
	})
	if reports := r.limits.Load(); reports != nil {
		for _, l := range (*reports)() {
			kind := l.Name
			if strings.Contains(kind, "delete") {
				kind = "deletions"
			}
			gauge(nameLimit, float64(l.Limit), "of", kind)
			gauge(nameLimitInFlight, float64(l.InFlight), "of", kind)
		}
	}
}
