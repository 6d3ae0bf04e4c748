package cli

import (
	"context"
	"errors"
	"os"
	"time"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/cli/records"
	"s3sync/internal/htmlreport"
	"s3sync/internal/metrics"
)

// records opens what the user wants besides the log.
func (c *command) records(ctx context.Context) (*records.Records, error) {
	start := time.Now()
	cfg, build := c.cfg(), options.ThisBuild()
	o := records.Options{
		Want:    c.line.Records,
		Metrics: metrics.Options{Version: build.Version, Source: cfg.Source.URL, Target: cfg.Target.URL, Start: start},
		Page: htmlreport.Options{
			Source: cfg.Source.URL, Target: cfg.Target.URL, Version: build.Line("s3sync"), Start: start,
			DryRun: cfg.DryRun, Status: cfg.Report.Status, Delete: cfg.Delete.Enable,
		},
		Failed: func(err error) { c.warn("the metrics cannot be written: " + err.Error() + "; the run goes on") },
	}
	for _, g := range c.line.Given() {
		o.Page.Settings = append(o.Page.Settings, htmlreport.Setting{Name: g.Option, Value: g.Value, From: g.Variable})
	}
	if o.Want.Manifest != "" {
		p, err := c.openProof(ctx, start)
		if err != nil {
			return nil, err
		}
		o.Proof = p
	}
	return records.Open(ctx, o)
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
