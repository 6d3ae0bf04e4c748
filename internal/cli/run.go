package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/storage"
)

// sync runs the library and reports what it did.
func (c *command) sync(ctx context.Context) {
	kept, err := c.records(ctx)
	if err != nil {
		c.say(err.Error())
		c.code = options.ExitUsage
		return
	}
	c.cfg().Logger = c.logger()
	for _, text := range c.line.Notes {
		c.cfg().Logger.LogAttrs(ctx, levelNote, text)
	}
	c.logSettings()
	p := c.progress()
	c.cfg().OnProgress = kept.also(p.callback())
	ctx, stop := c.interruptible(ctx)
	report, err := c.p.Sync(kept.observe(ctx), c.cfg())
	sig := stop()
	c.code = exitCode(report, err, sig)
	o := outcome{code: c.code}
	if c.code != options.ExitUsage && !c.didNothing(report, err) {
		o.report = report
	}
	p.end(o)
	if o.report != nil && !c.line.Log.JSON && !c.line.Log.NoProgress && !c.cfg().Report.Status {
		_, _ = io.WriteString(c.stdout, summaryLine(report.Stats, c.cfg().DryRun)+"\n") // a logStream keeps its failure
	}
	c.complain(report, err)
	if c.logIncomplete() {
		c.code = withoutLog(c.code)
	}
	if err := kept.end(ctx, c.pageEnd(report, err, sig)); err != nil {
		c.say(err.Error())
		c.code = withoutLog(c.code)
	}
}

// didNothing reports whether a run failed before anything was known of any object, because
// a side cannot be reached or used. Its counters would say nothing, and the error says why.
func (c *command) didNothing(report *s3sync.Report, err error) bool {
	if c.code != options.ExitError || report == nil || !errors.Is(err, storage.ErrUnusable) {
		return false
	}
	st := &report.Stats
	return st.Transferred+st.Skipped+st.Deleted+st.TransferredBytes == 0 && st.Warnings <= st.Retries && len(report.Failures) == 0
}

// complain prints to standard error why a run failed or is not complete.
func (c *command) complain(report *s3sync.Report, err error) {
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
			c.cfg().Logger.Error("sync failed.", slog.String("error", why))
		}
		c.say("sync failed: " + why)
	}
}

// logIncomplete reports whether lines could not be written.
func (c *command) logIncomplete() bool {
	return c.stdout.failure() != nil || c.stderr.failure() != nil
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
