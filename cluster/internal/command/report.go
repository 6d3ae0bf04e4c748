package command

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"unicode/utf8"

	"github.com/dustin/go-humanize"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/lease"
	"s3sync/internal/cli/display"
	"s3sync/internal/cli/human"
	"s3sync/internal/cli/options"
	"s3sync/internal/cli/records"
	"s3sync/internal/htmlreport"
	"s3sync/internal/visible"
)

// shownFailures are printed; the state store has all of them.
const shownFailures = 20

// report shows what became of a job.
func (c *command) report(ctx context.Context, args []string) int {
	err := checkJob("JOB", args[0])
	if err == nil {
		err = checkState(c.own.state)
	}
	if err == nil {
		err = c.line.Records.Distinct()
		if err != nil {
			err = options.Misuse("%v", err)
		}
	}
	if err != nil {
		return c.fail(err)
	}
	known, err := c.connections()
	if err == nil {
		if _, err = known.Endpoint(c.own.state.Connection); err != nil {
			err = asMisuse(err)
		}
	}
	if err != nil {
		return c.fail(err)
	}
	ctx, stop := c.interruptible(ctx)
	code, err := c.showReport(ctx, c.env(known, nil), args[0])
	if sig := stop(); sig != nil {
		return options.ExitOfSignal(sig)
	}
	if err != nil {
		return c.fail(err)
	}
	return code
}

// showReport prints the report of a job, and returns the exit code of its run.
func (c *command) showReport(ctx context.Context, env lease.Env, name string) (int, error) {
	run, spec, err := lease.Find(ctx, env, c.own.state, name)
	if err != nil {
		return 0, fmt.Errorf("job %q in %q: %w", name, c.own.state.URL, err)
	}
	r, err := lease.ReadReport(ctx, env, run)
	if errors.Is(err, fs.ErrNotExist) {
		return 0, fmt.Errorf("job %q has no report yet: it is written when the job ends; %s status %s shows how far it is", name, program, name)
	}
	if err != nil {
		return 0, fmt.Errorf("job %q in %q: %w", name, c.own.state.URL, err)
	}
	if err := c.writeRecords(ctx, env, run, spec, r); err != nil {
		return 0, err
	}
	if c.line.Own.JSON {
		c.printJSON(r)
	} else {
		c.print(strings.Join(reportLines(r), "\n") + "\n")
	}
	return options.ExitOf(r.Report), nil
}

// reportLines are the summary of a sync, the shape of the job, and the keys that failed.
func reportLines(r *job.Report) []string {
	lines := []string{
		display.Summary(r.Report.Stats, false),
		fmt.Sprintf("job %s: %s to %s, %s %s, %s %s", r.Job, r.Began.UTC().Format("2006-01-02 15:04:05"), r.Ended.UTC().Format("2006-01-02 15:04:05 MST"),
			humanize.Comma(int64(r.Ranges)), human.Noun(int64(r.Ranges), "range"), humanize.Comma(r.Leases), human.Noun(r.Leases, "lease")),
	}
	for i, f := range r.Report.Failures {
		if i == shownFailures {
			break
		}
		lines = append(lines, "failed: "+visible.Line(f.Key)+": "+visible.Line(f.Err.Error()))
	}
	if more := r.Report.Failed - min(int64(len(r.Report.Failures)), shownFailures); more > 0 {
		lines = append(lines, fmt.Sprintf("failed: %s more; --failed-keys writes them to a file", humanize.Comma(more)))
	}
	for _, why := range r.Warnings {
		lines = append(lines, "warning: "+visible.Line(why))
	}
	if r.Report.Incomplete {
		lines = append(lines, "not everything was looked at")
	}
	return lines
}

// writeRecords writes what the user wants besides the lines.
func (c *command) writeRecords(ctx context.Context, env lease.Env, run job.Run, spec *job.Spec, r *job.Report) error {
	want := &c.line.Records
	if want.FailedKeys != "" {
		if err := records.Replace(want.FailedKeys, func(w io.Writer) error {
			return lease.Failures(ctx, env, run, r, func(key job.Key, why string) error { return writeFailed(w, string(key), why) })
		}); err != nil {
			return records.Named("--failed-keys", err)
		}
	}
	if want.HTMLReport == "" {
		return nil
	}
	return records.Named("--html-report", records.Replace(want.HTMLReport, func(w io.Writer) error {
		return page(spec, r).Write(w, pageEnd(r))
	}))
}

// writeFailed writes the line of an object. JSON holds only text, so a key that is none is
// also given as base64.
func writeFailed(w io.Writer, key, why string) error {
	line := struct {
		Key     string `json:"key"`
		Base64  []byte `json:"key_base64,omitempty"`
		Message string `json:"message"`
	}{Key: key, Message: why}
	if !utf8.ValidString(key) {
		line.Base64 = []byte(key)
	}
	lines := json.NewEncoder(w)
	lines.SetEscapeHTML(false)
	return lines.Encode(line)
}

// page is the page about a job. It has what the report has: curves and slowest objects are
// known to a run on one machine only.
func page(spec *job.Spec, r *job.Report) *htmlreport.Page {
	p := htmlreport.New(htmlreport.Options{
		Source: spec.Source.URL, Target: spec.Target.URL, Version: options.ThisBuild().Line(program), Start: r.Began, Delete: spec.Settings.Delete.Enable,
	})
	for _, f := range r.Report.Failures {
		p.Event(&s3sync.Event{Type: s3sync.EventFailed, Key: f.Key, Err: f.Err})
	}
	return p
}

func pageEnd(r *job.Report) htmlreport.End {
	code := options.ExitOf(r.Report)
	end := htmlreport.End{Code: code, Meaning: options.ExitMeaning(code), Report: *r.Report}
	if code == options.ExitError {
		end.Failure = human.Objects(r.Report.Failed) + " failed"
	}
	return end
}
