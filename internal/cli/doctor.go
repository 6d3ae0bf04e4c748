package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"

	"s3sync/internal/cli/options"
	"s3sync/internal/doctor"
	"s3sync/internal/setting"
	"s3sync/internal/visible"
)

// doctor examines what the options need, and reports it row by row.
func (c *command) doctor(ctx context.Context, _ []string) int {
	for _, text := range c.line.Notes {
		c.say("note: " + text)
	}
	if c.line.Own.Policy {
		return c.policy()
	}
	if own := &c.line.Own; own.Leftovers != "" {
		if own.AbortOlderThan > 0 && !own.Yes && (own.JSON || !c.asks()) {
			return c.refuse(errors.New("--abort-older-than asks on a terminal, and there is none to ask on: add --yes"))
		}
		ctx, stop := c.interruptible(ctx)
		code, err := c.leftovers(ctx)
		if sig := stop(); sig != nil {
			return options.ExitOfSignal(sig)
		}
		if err != nil {
			return c.fail(err)
		}
		return code
	}
	table := c.newTable()
	o := doctor.Options{
		Probe:      c.line.Own.ProbeWrites,
		HowToProbe: "--probe-writes writes below one new name, and removes that again",
		Warn:       func(t setting.Text) { c.warn(c.spelled(t)) },
	}
	if !c.line.Own.JSON {
		o.Report = table.row
	}
	ctx, stop := c.interruptible(ctx)
	checks, err := doctor.Run(ctx, c.cfg(), o)
	if sig := stop(); sig != nil {
		return options.ExitOfSignal(sig)
	}
	if err != nil {
		return c.fail(err)
	}
	if c.line.Own.JSON {
		err = c.printChecks(checks)
	} else {
		table.end(checks)
		err = table.err
	}
	if err != nil && !readerGone(err) {
		return c.fail(fmt.Errorf("standard output: %w", err))
	}
	switch doctor.Worst(checks) {
	case doctor.Failure:
		return options.ExitError
	case doctor.Warning:
		return options.ExitWarning
	case doctor.OK, doctor.NotChecked:
	}
	return options.ExitDone
}

// policy prints the policy that the options need.
func (c *command) policy() int {
	policies, err := doctor.PoliciesOf(c.cfg())
	if err != nil {
		return c.fail(err)
	}
	text, err := json.MarshalIndent(policies.Document(), "", "  ")
	if err != nil {
		return c.fail(err)
	}
	return c.print(string(text) + "\n")
}

// spelled returns a text with options in place of settings.
func (c *command) spelled(t setting.Text) string {
	return visible.Line(setting.Spell(t.String(), t.Settings(), c.line.Spell))
}

// A checkRecord is a check in JSON.
type checkRecord struct {
	Side       string         `json:"side"`
	Name       string         `json:"name"`
	Verdict    doctor.Verdict `json:"verdict"`
	Found      string         `json:"found"`
	Hint       string         `json:"hint,omitempty"`
	Permission string         `json:"permission,omitempty"`
}

// printChecks prints one JSON object.
func (c *command) printChecks(checks []doctor.Check) error {
	records := make([]checkRecord, len(checks))
	for i, k := range checks {
		records[i] = checkRecord{k.Side, k.Name, k.Verdict, c.spelled(k.Found), c.spelled(k.Hint), k.Permission}
	}
	text, err := json.Marshal(struct {
		Verdict doctor.Verdict `json:"verdict"`
		Checks  []checkRecord  `json:"checks"`
	}{doctor.Worst(checks), records})
	if err != nil {
		return err
	}
	_, err = io.WriteString(c.p.Stdout, string(text)+"\n")
	return err
}
