package s3sync

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"s3sync/internal/engine"
	"s3sync/internal/plan"
	"s3sync/internal/planfile"
	"s3sync/internal/report"
	"s3sync/internal/selection"
	"s3sync/storage"
)

// ErrPlan is the kind of error of a plan that is not complete, was damaged, or was made by
// another version. Nothing was done.
var ErrPlan = planfile.ErrInvalid

// Plan finds out like a dry run what [Sync] would do, and writes that to w, so that [Apply]
// can do it later. It changes nothing, and always lists the target. A plan has the settings
// of cfg, but no secrets. If the error is not nil, or the Report has failures, the plan must
// not be used or lacks something. Versioning.Enable and Report cannot be planned.
func Plan(ctx context.Context, cfg *Config, w io.Writer) (*Report, error) {
	if err := cfg.Validate(); err != nil {
		return &Report{}, err
	}
	return planAt(ctx, cfg, w, report.PlaceOf(cfg.Target.Store, cfg.Target.URL))
}

// planAt is Plan for a valid Config and a given place of the target.
func planAt(ctx context.Context, cfg *Config, w io.Writer, target report.Place) (*Report, error) {
	decided := *cfg
	planfile.Decided(&decided)
	written, err := json.Marshal(decided)
	if err == nil {
		err = cfg.plannable()
	}
	if err != nil {
		return &Report{}, err
	}
	dry := *cfg
	dry.DryRun = true
	r := newRunner(ctx, &dry, target)
	r.record.KeepOrder()
	var file *planfile.Writer
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	r.adapt = func(opts *engine.Options, source, target storage.Store) (err error) {
		opts.ListTarget = true
		opts.Note = func(a *plan.Action) {
			if err := file.Action(a); err != nil {
				cancel(fmt.Errorf("the plan cannot be written: %w", err))
			}
		}
		file, err = planfile.NewWriter(w, planfile.Header{
			Program: planfile.ProgramOf(ctx), Created: time.Now().UTC(), Config: written, Unwritten: planfile.Unwritten(cfg),
			Source: planfile.PlaceOf(cfg.Source.URL, source), Target: planfile.PlaceOf(cfg.Target.URL, target),
		}, planfile.Writing(source, target))
		return err
	}
	result := &RangeResult{}
	if err = r.open(ctx); err == nil {
		result, err = r.Run(ctx, r.cfg.Range, nil)
	}
	if err == nil {
		err = r.Delete(ctx, result)
	}
	if err == nil {
		err = file.End(result.Facts())
	}
	return r.Finish(ctx, err)
}

// plannable fails if a plan cannot have these settings, whoever made it.
func (c *Config) plannable() error {
	switch {
	case c.Versioning.Enable:
		return &ConfigError{Field: "Versioning.Enable", Reason: "cannot be planned"}
	case c.Report.Status:
		return &ConfigError{Field: "Report.Status", Reason: "cannot be planned: it changes nothing"}
	}
	return nil
}

// Apply carries out a plan: the actions that it has, and nothing else. The settings are
// those of the plan. Only how the sides are reached, limits, retries, time-outs, DryRun and
// the callbacks are those of cfg, and so are secrets; what else cfg has must not contradict
// the plan. So cfg may be [DefaultConfig]. If cfg has URLs, they must be those of the plan.
//
// An action is skipped with a warning if one of its sides is not as it was when the plan was
// made, and then nothing is deleted. An action that is done already is skipped. The errors
// are those of [Sync], or [ErrPlan].
func Apply(ctx context.Context, cfg *Config, file io.ReadSeeker) (*Report, error) {
	return applyAt(ctx, cfg, file, (*Config).Validate, func(c *Config) report.Place { return report.PlaceOf(c.Target.Store, c.Target.URL) })
}

func applyAt(ctx context.Context, own *Config, from io.ReadSeeker, validate func(*Config) error, target func(*Config) report.Place) (*Report, error) {
	p, err := planfile.Read(from, nil)
	if err != nil {
		return &Report{}, err
	}
	cfg := &Config{}
	if err := json.Unmarshal(p.Header.Config, cfg); err != nil {
		return &Report{}, fmt.Errorf("%w: %w", ErrPlan, err)
	}
	if path, why := planfile.Merge(cfg, own, DefaultConfig(), p.Header.Unwritten); path != "" {
		return &Report{}, &ConfigError{Field: path, Reason: why}
	}
	if err := errors.Join(validate(cfg), cfg.plannable()); err != nil {
		return &Report{}, err
	}
	// The plan has the actions that its lists led to.
	cfg.Filter.FilesFrom, cfg.Filter.FilesFrom0, cfg.Source.Inventory, cfg.Target.Inventory = "", "", "", ""
	r := newRunner(ctx, cfg, target(cfg))
	r.adapt = func(opts *engine.Options, source, target storage.Store) error {
		opts.Applies, opts.Contents = true, selection.ContentOptions{} // the plan was made with them
		if why := p.Header.Source.Other(source); why != "" {
			return &ConfigError{Field: "Source.URL", Reason: why}
		}
		if why := p.Header.Target.Other(target); why != "" {
			return &ConfigError{Field: "Target.URL", Reason: why}
		}
		return nil
	}
	result := &RangeResult{}
	if err = r.open(ctx); err == nil {
		result, err = r.engine.Apply(ctx, p.End.Found, p.Actions())
	}
	if err == nil {
		err = r.Delete(ctx, result)
	}
	return r.Finish(ctx, err)
}
