package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"slices"
	"strings"

	"s3sync"
	"s3sync/internal/cli/display"
	"s3sync/internal/cli/options"
	"s3sync/storage"
)

// A job is what a run does in place of a sync.
type job func(context.Context, *s3sync.Config) (*s3sync.Report, error)

// sync runs the library and reports what it did.
func (c *command) sync(ctx context.Context) {
	name := "sync"
	if c.cfg().DryRun {
		name = "dry run"
	}
	c.execute(ctx, name, c.p.Sync, true)
}

// execute does a job as a sync is done, and reports what it did. sums says whether the last
// line has the counters.
func (c *command) execute(ctx context.Context, name string, do job, sums bool) {
	kept, err := c.records(ctx)
	if err != nil {
		c.say(err.Error())
		c.code = options.ExitUsage
		return
	}
	c.cfg().Logger, c.cfg().Stdin = c.logger(), c.p.Stdin
	for _, text := range c.line.Notes {
		c.cfg().Logger.LogAttrs(ctx, levelNote, text)
	}
	c.logSettings()
	p := c.progress()
	c.cfg().OnProgress = kept.Also(p.Callback())
	ctx, stop := c.interruptible(ctx)
	report, err := do(kept.Observe(ctx), c.cfg())
	sig := stop()
	c.code = exitCode(report, err, sig)
	o := display.Outcome{Code: c.code}
	if c.code != options.ExitUsage && !c.didNothing(report, err) {
		o.Report = report
	}
	p.End(o)
	if sums && o.Report != nil && !c.line.Log.JSON && !c.line.Log.NoProgress && !c.cfg().Report.Status {
		_, _ = io.WriteString(c.stdout, display.Summary(report.Stats, c.cfg().DryRun)+"\n") // a logStream keeps its failure
	}
	c.complain(name, report, err)
	if c.logIncomplete() {
		c.code = withoutLog(c.code)
	}
	if err := kept.End(ctx, c.pageEnd(report, err, sig)); err != nil {
		c.say(err.Error())
		c.code = withoutLog(c.code)
	}
}

// progress makes the display of the run.
func (c *command) progress() *display.Progress {
	log := &c.line.Log
	o := display.Options{
		Live: !log.NoProgress && !log.JSON && c.draws(c.p.Stderr), Log: c.cfg().Logger, Stats: log.Stats, JSON: log.JSON,
		DryRun: c.cfg().DryRun, Report: c.cfg().Report.Status, Colours: c.colours(c.p.Stderr), ASCII: !c.utf8(),
	}
	if log.NoProgress {
		o.Stats = 0
	}
	if o.Live {
		c.screen.Open(display.Terminal(c.p.Stderr), c.p.Stderr, c.p.Stdout)
	}
	return display.New(c.screen, o)
}

// didNothing reports whether a run did nothing because a side cannot be reached, used,
// listed or written. Its counters would say nothing, and the error says why. A disk that
// became full is another matter.
func (c *command) didNothing(report *s3sync.Report, err error) bool {
	if c.code != options.ExitError || report == nil || errors.Is(err, storage.ErrFull) {
		return false
	}
	refused := errors.Is(err, s3sync.ErrDeleteRefused) // both sides were listed, and what was counted is news
	if unlisted := report.Incomplete && err != nil && !refused && len(report.Failures) == 0; !unlisted && !errors.Is(err, storage.ErrUnusable) {
		return false
	}
	another := func(f s3sync.Failure) bool { return !errors.Is(f.Err, storage.ErrUnusable) }
	st := &report.Stats
	return st.Transferred+st.Skipped+st.Deleted == 0 && st.Warnings <= st.Retries && !slices.ContainsFunc(report.Failures, another)
}

// complain prints to standard error why a run failed or is not complete.
func (c *command) complain(name string, report *s3sync.Report, err error) {
	switch c.code {
	case options.ExitBug:
		if bug, ok := errors.AsType[stacker](err); ok {
			c.reportBug(bug.Error(), bug.Stack())
		}
	case options.ExitUsage:
		c.say(c.line.Refusal(err).Error())
	case options.ExitError:
		why := c.failure(report, err)
		if c.line.Log.JSON && c.cfg().Logger != nil {
			c.cfg().Logger.Error(name+" failed.", slog.String("error", why))
		}
		c.say(name + " failed: " + why)
	}
}

// logSettings logs every option that was given and its origin, at trace level.
func (c *command) logSettings() {
	for _, g := range c.line.Given() {
		attrs := []slog.Attr{slog.String("option", g.Option), slog.String("value", g.Value)}
		if g.Variable != "" {
			attrs = append(attrs, slog.String("variable", g.Variable))
		}
		c.cfg().Logger.LogAttrs(context.Background(), levelTrace, "setting", attrs...) //nolint:forbidigo // slog wants one
	}
}

// failure returns in a few words why a run failed.
func (c *command) failure(report *s3sync.Report, err error) string {
	if err != nil {
		first, _, _ := strings.Cut(c.line.ErrorText(err), "\n") // joined errors are on separate lines
		return first
	}
	text := fmt.Sprintf("%d objects failed", report.Failed)
	if report.Failed == 1 {
		text = "1 object failed"
	}
	if len(report.Failures) > 0 {
		text += fmt.Sprintf(", the first of them %q", report.Failures[0].Key)
	}
	return text
}
