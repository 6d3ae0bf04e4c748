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

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/cli/planview"
	"s3sync/internal/cli/records"
	"s3sync/internal/forecast"
	"s3sync/internal/plan"
	"s3sync/internal/planfile"
)

// plan writes down what a sync would do, and prints what that is.
func (c *command) plan(ctx context.Context, _ []string) int {
	own := &c.line.Own
	prices, err := c.prices()
	if err == nil {
		err = c.planIsOutside()
	}
	if err != nil {
		return c.refuse(err)
	}
	if own.JSON {
		c.line.Log.ToStderr = true
	}
	var sum *planview.Summary
	failed := records.Replace(own.Output, func(w io.Writer) error {
		file, ok := w.(*os.File)
		if !ok {
			return errors.ErrUnsupported
		}
		c.execute(ctx, "plan", func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
			return s3sync.Plan(planfile.WithProgram(ctx, options.ThisBuild().Line("s3sync")), cfg, file)
		}, false)
		if c.code != options.ExitDone && c.code != options.ExitWarning && c.code != options.ExitError {
			return errNoPlan
		}
		var err error
		if sum, err = c.summarize(file, prices); err != nil && c.code == options.ExitError {
			return errNoPlan // the reason is told
		}
		return errors.Join(err, file.Sync())
	})
	switch {
	case errors.Is(failed, errNoPlan):
		return c.code
	case failed != nil:
		return c.fail(records.Named("--output", failed))
	}
	if own.JSON {
		err = sum.PrintJSON(c.p.Stdout, own.Output)
	} else {
		err = sum.Print(c.p.Stdout, own.Output)
	}
	if err != nil {
		return c.fail(fmt.Errorf("standard output: %w", err))
	}
	return c.code
}

// errNoPlan says that there is no plan, for a reason that was told.
var errNoPlan = errors.New("there is no plan")

// refuse reports what is wrong with the arguments.
func (c *command) refuse(err error) int {
	c.say(err.Error())
	return options.ExitUsage
}

// prices returns the price list that the user wants.
func (c *command) prices() (forecast.Prices, error) {
	name := c.line.Own.Prices
	if name == "" {
		return forecast.ListPrices(), nil
	}
	f, err := os.Open(name)
	if err != nil {
		return forecast.Prices{}, records.Named("--prices", err)
	}
	defer f.Close() //nolint:errcheck // it was read
	p, err := forecast.ReadPrices(f)
	if err != nil {
		return p, fmt.Errorf("--prices %q: %w", name, err)
	}
	return p, nil
}

// planIsOutside fails if there is no name for the plan, or if it names a file in one of the
// directories that are compared: it would become part of what it describes.
func (c *command) planIsOutside() error {
	name := c.line.Own.Output
	if name == "" {
		return errors.New("--output is missing: it names the file of the plan, such as -o plan.jsonl.zst")
	}
	for _, side := range []string{c.cfg().Source.URL, c.cfg().Target.URL} {
		inside, err := lies(filepath.Dir(name), side)
		switch {
		case strings.HasPrefix(side, "s3://"):
		case errors.Is(err, fs.ErrNotExist):
		case err != nil:
			return records.Named("--output", err)
		case inside:
			return fmt.Errorf("--output %q lies in %q, which is compared: put the plan elsewhere", name, side)
		}
	}
	return records.Named("--output", records.Replace(name, nil))
}

// lies reports whether a directory is another one, or lies in it.
func lies(dir, in string) (bool, error) {
	outer, err := os.Stat(in)
	if err != nil {
		return false, err
	}
	real, err := filepath.Abs(dir)
	if err == nil {
		real, err = filepath.EvalSymlinks(real)
	}
	if err != nil {
		return false, err
	}
	for {
		if here, err := os.Stat(real); err == nil && os.SameFile(here, outer) {
			return true, nil
		}
		up := filepath.Dir(real)
		if up == real {
			return false, nil
		}
		real = up
	}
}

// summarize reads a plan as it was written, and sums it up.
func (c *command) summarize(file io.ReadSeeker, prices forecast.Prices) (*planview.Summary, error) {
	cfg := c.cfg()
	opts := forecast.Options{Copy: cfg.ServerSideCopy, Threshold: cfg.Transfer.Threshold, ChunkSize: cfg.Transfer.ChunkSize, Prices: prices}
	opts.SourceBucket, opts.TargetBucket = strings.HasPrefix(cfg.Source.URL, "s3://"), strings.HasPrefix(cfg.Target.URL, "s3://")
	s := &planview.Summary{Summary: forecast.New(opts), Prices: prices, Source: cfg.Source.URL, Target: cfg.Target.URL}
	p, err := planfile.Read(file, func(change plan.Change, a *plan.Action) { s.Add(change, a) })
	if err == nil {
		s.Found = p.End.Found
	}
	return s, err
}

// apply carries out a plan.
func (c *command) apply(ctx context.Context, args []string) int {
	file, err := os.Open(args[0])
	if err != nil {
		return c.refuse(records.Named("PLAN", err))
	}
	defer file.Close() //nolint:errcheck // it was read
	for i, url := range args[1:] {
		*[]*string{&c.cfg().Source.URL, &c.cfg().Target.URL}[i] = url
	}
	c.execute(ctx, "apply", func(ctx context.Context, cfg *s3sync.Config) (*s3sync.Report, error) {
		return s3sync.Apply(ctx, cfg, file)
	}, true)
	return c.code
}
