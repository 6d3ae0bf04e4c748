package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"time"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/htmlreport"
	"s3sync/internal/metrics"
	"s3sync/internal/pace"
	"s3sync/internal/report"
	"s3sync/storage"
)

// metricsEvery is the time between two writes of the file of metrics.
const metricsEvery = 15 * time.Second

// records are what a run leaves besides its log. What is not wanted is nil.
type records struct {
	want       options.Records
	metrics    *metrics.Run
	server     *metrics.Server
	page       *htmlreport.Page
	failedKeys *failedKeys
	// limits asks for the limits of concurrency; nil before the run knows them.
	limits atomic.Pointer[func() []pace.Report]
	next   time.Duration // of the run, when the metrics are written again
	// failed is told why the metrics could not be written during the run.
	failed func(error)
	broken bool
}

// records opens everything that the user wants, so that what cannot be written is found
// before the run begins.
func (c *command) records(ctx context.Context) (*records, error) {
	start := time.Now()
	r := &records{want: c.line.Records, next: metricsEvery, failed: func(err error) {
		c.warn("the metrics cannot be written: " + err.Error() + "; the run goes on")
	}}
	if r.want.MetricsListen != "" || r.want.MetricsFile != "" {
		r.metrics = metrics.New(metrics.Options{
			Version: thisBuild().Version, Source: c.cfg().Source.URL, Target: c.cfg().Target.URL, Start: start,
		})
	}
	if r.want.HTMLReport != "" {
		r.page = htmlreport.New(c.pageOptions(start))
	}
	if err := r.open(ctx); err != nil {
		return nil, errors.Join(err, r.close(ctx))
	}
	return r, nil
}

func (r *records) open(ctx context.Context) (err error) {
	w := &r.want
	if err := w.Distinct(); err != nil {
		return err
	}
	if w.MetricsListen != "" {
		if r.server, err = r.metrics.Listen(ctx, w.MetricsListen); err != nil {
			return named("--metrics-listen", err)
		}
	}
	if w.HTMLReport != "" {
		if err := replaceFile(w.HTMLReport, nil); err != nil {
			return named("--html-report", err)
		}
	}
	if w.MetricsFile != "" {
		if err := replaceFile(w.MetricsFile, nil); err != nil {
			return named("--metrics-file", err)
		}
	}
	// From here on nothing can be refused any more, so this empties no file in vain.
	if w.FailedKeys != "" {
		if r.failedKeys, err = openFailedKeys(w.FailedKeys); err != nil {
			return named("--failed-keys", err)
		}
	}
	if w.MetricsFile != "" {
		return named("--metrics-file", r.writeMetrics())
	}
	return nil
}

func (c *command) pageOptions(start time.Time) htmlreport.Options {
	cfg := c.cfg()
	opts := htmlreport.Options{
		Source: cfg.Source.URL, Target: cfg.Target.URL, Version: strings.TrimSpace(thisBuild().line()), Start: start,
		DryRun: cfg.DryRun, Status: cfg.Report.Status, Delete: cfg.Delete.Enable,
	}
	for _, g := range c.line.Given() {
		opts.Settings = append(opts.Settings, htmlreport.Setting{Name: g.Option, Value: g.Value, From: g.Variable})
	}
	return opts
}

// wanted reports whether there is any record.
func (r *records) wanted() bool { return r.metrics != nil || r.page != nil || r.failedKeys != nil }

// observe returns the context of a run that fills the records.
func (r *records) observe(ctx context.Context) context.Context {
	if !r.wanted() {
		return ctx
	}
	o := &report.Observer{Event: r.event, Skips: r.page != nil, Limits: func(reports func() []pace.Report) {
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

// also adds the records to what the run calls. f may be nil.
func (r *records) also(f func(s3sync.Progress)) func(s3sync.Progress) {
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

func (r *records) event(ev *report.Event) {
	if r.metrics != nil {
		r.metrics.Event(ev)
	}
	if r.page != nil {
		r.page.Event(ev)
	}
	if r.failedKeys != nil {
		r.failedKeys.event(ev)
	}
}

func (r *records) request(side string, q storage.Request) {
	if r.metrics != nil {
		r.metrics.Request(side, q)
	}
	if r.page != nil {
		r.page.Request(side, q)
	}
}

// progress takes how far the run is. It is called from one goroutine.
func (r *records) progress(p *s3sync.Progress) {
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

// end writes the records of a run that has ended.
func (r *records) end(ctx context.Context, o htmlreport.End) error {
	var all error
	if r.metrics != nil {
		r.metrics.End(o.Code)
	}
	if r.want.MetricsFile != "" {
		all = errors.Join(all, named("--metrics-file", r.writeMetrics()))
	}
	if r.page != nil {
		all = errors.Join(all, named("--html-report", replaceFile(r.want.HTMLReport, func(w io.Writer) error { return r.page.Write(w, o) })))
	}
	return errors.Join(all, r.close(ctx))
}

// close frees the address and the files.
func (r *records) close(ctx context.Context) error {
	var all error
	if r.server != nil {
		all = errors.Join(all, named("--metrics-listen", r.server.Close(ctx)))
	}
	if r.failedKeys != nil {
		all = errors.Join(all, named("--failed-keys", r.failedKeys.close()))
	}
	return all
}

func (r *records) writeMetrics() error {
	text, err := r.metrics.Text()
	if err != nil {
		return err
	}
	return replaceFile(r.want.MetricsFile, func(w io.Writer) error {
		_, err := w.Write(text)
		return err
	})
}

// named adds the name of an option to an error.
func named(option string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("%s: %w", option, err)
}

// replaceFile writes a file so that it is complete whenever somebody reads it: it appears
// by rename. Without a function it only tries whether that is possible.
func replaceFile(name string, write func(io.Writer) error) (err error) {
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

// pageEnd is how a run ended, for the page.
func (c *command) pageEnd(report *s3sync.Report, err error, sig os.Signal) htmlreport.End {
	end := htmlreport.End{
		Code: c.code, Meaning: options.ExitMeaning(c.code), Refused: errors.Is(err, s3sync.ErrDeleteRefused), Interrupted: sig != nil,
	}
	if report != nil {
		end.Report = *report
	}
	if c.code == options.ExitError && report != nil || c.code == options.ExitBug {
		end.Failure = c.failure(report, err)
	}
	return end
}
