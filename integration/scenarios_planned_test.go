package integration_test

import (
	"bytes"
	"testing"

	"s3sync"
)

// syncRun makes the run of a row as a sync.
func syncRun(t *testing.T, cfg *s3sync.Config) *outcome { return run(t, cfg) }

// plannable reports whether a row is to be the same as a plan that is applied.
func (row *scenario) plannable() bool {
	cfg := s3sync.DefaultConfig()
	with(row.options)(cfg)
	return !row.versions && row.meanwhile == nil && !cfg.DryRun && !cfg.Report.Status && row.fails == ""
}

// planRun makes the run of a row as a plan that is applied. What the plan left out counts,
// and what its application did.
func planRun(t *testing.T, cfg *s3sync.Config) *outcome {
	t.Helper()
	var file bytes.Buffer
	o := &outcome{}
	observe := cfg.OnEvent
	cfg.OnEvent = func(ev s3sync.Event) { o.events = append(o.events, ev) }
	defer func() { cfg.OnEvent = observe }()
	planned, err := s3sync.Plan(t.Context(), cfg, &file)
	if err != nil {
		t.Fatal(err)
	}
	applied, err := s3sync.Apply(t.Context(), cfg, bytes.NewReader(file.Bytes()))
	o.Report, o.err = applied, err
	o.Skipped += planned.Skipped
	o.Warnings += planned.Warnings
	o.Failed += planned.Failed
	return o
}
