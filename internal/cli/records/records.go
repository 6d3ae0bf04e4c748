// Package records keeps what a run leaves besides its log: metrics, a page, and a list of
// the objects that failed.
package records

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/htmlreport"
	"s3sync/internal/metrics"
	"s3sync/internal/pace"
	"s3sync/internal/report"
	"s3sync/storage"
)

// metricsEvery is the time between two writes of the file of metrics.
const metricsEvery = 15 * time.Second

// Records are what a run leaves besides its log. What is not wanted is nil.
type Records struct {
	want       table.Records
	metrics    *metrics.Run
	server     *metrics.Server
	page       *htmlreport.Page
	failedKeys *failedKeys
	proof      Proof
	// limits asks for the limits of concurrency; nil before the run knows them.
	limits atomic.Pointer[func() []pace.Report]
	next   time.Duration // of the run, when the metrics are written again
	// failed is told why the metrics could not be written during the run.
	failed func(error)
	broken bool
}

// A Proof is the record that proves a run. Its methods are called from one goroutine at a
// time.
type Proof interface {
	Event(ev *report.Event)
	// End writes the proof of a run that was not refused.
	End(ctx context.Context, o *htmlreport.End) error
	Close() error
}

// Options are what records need to know of a run besides what the run tells.
type Options struct {
	Want table.Records
	// Metrics and Page are used if the user wants them.
	Metrics metrics.Options
	Page    htmlreport.Options
	// Proof is nil if it is not wanted. Open closes it if it fails.
	Proof Proof
	// Failed is told why the metrics could not be written during the run.
	Failed func(error)
}

// Open opens everything that the user wants, so that what cannot be written is found
// before the run begins.
func Open(ctx context.Context, o Options) (*Records, error) {
	r := &Records{want: o.Want, next: metricsEvery, failed: o.Failed, proof: o.Proof}
	if r.want.MetricsListen != "" || r.want.MetricsFile != "" {
		r.metrics = metrics.New(o.Metrics)
	}
	if r.want.HTMLReport != "" {
		r.page = htmlreport.New(o.Page)
	}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	return r, nil
}

func (r *Records) open(ctx context.Context) (err error) {
	w := &r.want
	if err := w.Distinct(); err != nil {
		return err
	}
	if w.MetricsListen != "" {
		if r.server, err = r.metrics.Listen(ctx, w.MetricsListen); err != nil {
			return Named("--metrics-listen", err)
		}
	}
	if w.HTMLReport != "" {
		if err := Replace(w.HTMLReport, nil); err != nil {
			return Named("--html-report", err)
		}
	}
	if w.MetricsFile != "" {
		if err := Replace(w.MetricsFile, nil); err != nil {
			return Named("--metrics-file", err)
		}
	}
	// From here on nothing can be refused any more, so this empties no file in vain.
	if w.FailedKeys != "" {
		if r.failedKeys, err = openFailedKeys(w.FailedKeys); err != nil {
			return Named("--failed-keys", err)
		}
	}
	if w.MetricsFile != "" {
		return Named("--metrics-file", r.writeMetrics())
	}
	return nil
}

// wanted reports whether there is any record.
func (r *Records) wanted() bool {
	return r.metrics != nil || r.page != nil || r.failedKeys != nil || r.proof != nil
}

// Observe returns the context of a run that fills the records.
func (r *Records) Observe(ctx context.Context) context.Context {
	if !r.wanted() {
		return ctx
	}
	o := &report.Observer{Event: r.event, Skips: r.page != nil || r.proof != nil, Written: r.proof != nil, Limits: func(reports func() []pace.Report) {
		r.limits.Store(&reports)
		if r.metrics != nil {
			r.metrics.Limits(reports)
		}
	}}
	if r.metrics != nil || r.page != nil {
		o.Request = r.request
	}
	return report.WithObserver(ctx, o)
}

// Also adds the records to what the run calls. f may be nil.
func (r *Records) Also(f func(s3sync.Progress)) func(s3sync.Progress) {
	if r.metrics == nil && r.page == nil {
		return f
	}
	return func(p s3sync.Progress) {
		if f != nil {
			f(p)
		}
		r.progress(&p)
	}
}

func (r *Records) event(ev *report.Event) {
	if r.metrics != nil {
		r.metrics.Event(ev)
	}
	if r.page != nil {
		r.page.Event(ev)
	}
	if r.failedKeys != nil {
		r.failedKeys.event(ev)
	}
	if r.proof != nil {
		r.proof.Event(ev)
	}
}

func (r *Records) request(side string, q storage.Request) {
	if r.metrics != nil {
		r.metrics.Request(side, q)
	}
	if r.page != nil {
		r.page.Request(side, q)
	}
}

// progress takes how far the run is. It is called from one goroutine.
func (r *Records) progress(p *s3sync.Progress) {
	st := &p.Stats
	var objects, parts pace.Report
	if reports := r.limits.Load(); reports != nil {
		all := (*reports)()
		objects, parts = all[0], all[1]
	}
	if r.page != nil {
		r.page.Moment(htmlreport.Moment{
			Elapsed: st.Elapsed, Bytes: p.DoneBytes, Objects: st.Transferred + st.Deleted + p.Status.Objects,
			InFlight: p.Active, Limit: objects.Limit, Parts: parts.InFlight, PartLimit: parts.Limit,
		})
	}
	if r.metrics == nil {
		return
	}
	r.metrics.Progress(metrics.Progress{
		Found: p.Found, FoundBytes: p.FoundBytes, DoneBytes: p.DoneBytes, Active: p.Active, Listed: p.Listed,
		Read: st.TransferredBytes, Skipped: st.Skipped,
	})
	if r.want.MetricsFile == "" || st.Elapsed < r.next {
		return
	}
	r.next = st.Elapsed + metricsEvery
	if err := r.writeMetrics(); err != nil && !r.broken {
		r.broken = true
		r.failed(err)
	}
}

// End writes the records of a run that has ended.
func (r *Records) End(ctx context.Context, o htmlreport.End) error {
	var all error
	if r.proof != nil && o.Code != options.ExitUsage {
		all = Named("--manifest", r.proof.End(ctx, &o))
	}
	if r.metrics != nil {
		r.metrics.End(o.Code)
	}
	if r.want.MetricsFile != "" {
		all = errors.Join(all, Named("--metrics-file", r.writeMetrics()))
	}
	if r.page != nil {
		all = errors.Join(all, Named("--html-report", Replace(r.want.HTMLReport, func(w io.Writer) error { return r.page.Write(w, o) })))
	}
	return errors.Join(all, r.close(ctx))
}

// close frees the address and the files.
func (r *Records) close(ctx context.Context) error {
	var all error
	if r.proof != nil {
		all = Named("--manifest", r.proof.Close())
	}
	if r.server != nil {
		all = errors.Join(all, Named("--metrics-listen", r.server.Close(ctx)))
	}
	if r.failedKeys != nil {
		all = errors.Join(all, Named("--failed-keys", r.failedKeys.close()))
	}
	return all
}

func (r *Records) writeMetrics() error {
	text, err := r.metrics.Text()
	if err != nil {
		return err
	}
	return Replace(r.want.MetricsFile, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// Named adds the name of an option to an error.
func Named(option string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", option, err)
}

// Replace writes a file so that it is complete whenever somebody reads it: it appears
// by rename. Without a function it only tries whether that is possible.
func Replace(name string, write func(io.Writer) error) (err error) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return fmt.Errorf("%q is not a regular file", name)
	}
	f, err := os.CreateTemp(filepath.Dir(name), ".s3sync-*.tmp")
	if failed, ok := errors.AsType[*fs.PathError](err); ok {
		return &fs.PathError{Op: "write", Path: name, Err: failed.Err} // nobody knows the other name
	}
	if err != nil {
		return err
	}
	defer func() {
		if err != nil || write == nil {
			_ = os.Remove(f.Name()) // the first error matters more
		}
	}()
	if write != nil {
		err = write(f)
	}
	if err == nil {
		err = f.Chmod(0o644) // others may read it, such as the node exporter
	}
	if err = errors.Join(err, f.Close()); err != nil || write == nil {
		return err
	}
	return os.Rename(f.Name(), name)
}
