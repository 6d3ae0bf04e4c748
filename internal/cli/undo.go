package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"s3sync"
	"s3sync/internal/cli/human"
	"s3sync/internal/cli/logformat"
	"s3sync/internal/cli/options"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/retry"
	"s3sync/internal/trash"
	"s3sync/internal/undo"
	"s3sync/internal/visible"
	"s3sync/storage"
)

// undo lists the runs in a trash, or undoes one.
func (c *command) undo(ctx context.Context, args []string) int {
	id := ""
	if len(args) > 0 {
		id = args[0]
	}
	u := &undoing{c, &c.line.Own, c.cfg()}
	if usage := u.usage(id); usage != "" {
		c.say(usage)
		return options.ExitUsage
	}
	ctx, stop := c.interruptible(ctx)
	code, err := u.undoOrList(ctx, id)
	if sig := stop(); sig != nil {
		return options.ExitOfSignal(sig)
	}
	if err != nil {
		return c.fail(err)
	}
	return code
}

// An undoing is one call of undo.
type undoing struct {
	c   *command
	own *table.Own
	cfg *s3sync.Config
}

// usage returns what is wrong with the arguments of an undo.
func (u *undoing) usage(id string) string {
	_, valid := trash.IDTime(id)
	switch {
	case u.cfg.Trash.URL == "":
		return "--trash is missing: it names the trash that the run used"
	case u.own.List && (id != "" || u.cfg.DryRun || u.own.Force):
		return "--list goes with --trash and the options of the target alone"
	case !u.own.List && id == "":
		return "RUN is missing: s3sync undo --list --trash " + u.cfg.Trash.URL + " shows the runs"
	case !u.own.List && u.own.JSON:
		return "--json needs --list"
	case id != "" && !valid:
		return fmt.Sprintf("%q is not the id of a run, such as 20260131T120000Z-abc234; s3sync undo --list shows the runs", id)
	}
	return ""
}

func (u *undoing) undoOrList(ctx context.Context, id string) (code int, err error) {
	place, err := u.cfg.OpenTrash(ctx, u.c.notice)
	if err != nil {
		return options.ExitError, fmt.Errorf("--trash: %w", err)
	}
	defer func() { err = errors.Join(err, place.Close()) }()
	if u.own.List {
		return u.listRuns(ctx, place)
	}
	run, err := trash.Find(ctx, place, id)
	if err != nil {
		return options.ExitError, err
	}
	if run.Target == "" {
		return options.ExitError, fmt.Errorf("run %s: its journal names no target; a program must undo it", id)
	}
	u.cfg.Target.URL = run.Target
	target, err := u.cfg.OpenTarget(ctx, u.c.notice)
	if err != nil {
		return options.ExitError, fmt.Errorf("the target of the run: %w", err)
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	return u.undoRun(ctx, run, target, place)
}

// undoRun undoes a run.
func (u *undoing) undoRun(ctx context.Context, run *trash.Run, target, place storage.Store) (int, error) {
	dry := u.cfg.DryRun
	if run.State == trash.Undone && !u.own.Force {
		u.c.say("the run " + run.ID + " was undone already, so nothing is done; --force undoes it again")
		return options.ExitDone, nil
	}
	if run.State == trash.Interrupted {
		u.c.warn("the run " + run.ID + " did not come to its end. If it still runs, stop it first")
	}
	out := &logStream{w: u.c.p.Stdout, screen: u.c.screen, failed: func(error) {}}
	result, err := undo.Run(ctx, undo.Options{
		Target: target, Trash: place, ID: run.ID, DryRun: dry, Force: u.own.Force,
		Retry: retry.Policy{Count: u.cfg.Retry.ForceCount, Interval: u.cfg.Retry.ForceInterval},
		Report: func(ch undo.Change) {
			switch {
			case ch.Err != nil:
				u.c.say(fmt.Sprintf("%s %q: %v", ch.What, ch.Key, ch.Err))
			case dry && ch.What != undo.Same:
				line := logformat.AppendKey(fmt.Appendf(nil, "%-*s ", logformat.PreviewColumn, ch.What), ch.Key)
				_, _ = out.Write(append(append(line, "  "...), human.Size(ch.Size)+"\n"...)) // a logStream keeps its failure
			}
		},
	})
	for _, problem := range result.Damaged {
		u.c.warn(problem.Error())
	}
	_, _ = out.Write([]byte(undoSummary(run, result, dry) + "\n"))
	switch {
	case err != nil:
		return options.ExitError, err
	case out.failure() != nil:
		return options.ExitError, fmt.Errorf("standard output: %w", out.failure())
	case result.Objects[undo.Failed] > 0:
		return options.ExitError, fmt.Errorf("%d objects could not be undone; the same command tries them again", result.Objects[undo.Failed])
	case !result.Clean():
		return options.ExitWarning, nil
	}
	return options.ExitDone, nil
}

// undoSummary returns the line at the end of an undo.
func undoSummary(run *trash.Run, result *undo.Result, dry bool) string {
	var parts []string
	for _, w := range []struct {
		what       undo.What
		did, would string
	}{
		{undo.Restored, "restored", "restore"},
		{undo.Replaced, "put back", "put back"},
		{undo.Removed, "removed", "remove"},
		{undo.Retagged, "tags replaced", "replace tags"},
		{undo.Same, "as before already", "as before already"},
		{undo.Kept, "kept because they changed since", "keep because they changed since"},
		{undo.Failed, "failed", "fail"},
	} {
		if n := result.Objects[w.what]; n > 0 {
			text := w.did
			if dry {
				text = w.would
			}
			parts = append(parts, fmt.Sprintf("%s %d", text, n))
		}
	}
	if len(parts) == 0 {
		parts = []string{"nothing to do"}
	}
	begin := "undo of " + run.ID + " in "
	if dry {
		begin = "dry run, nothing was changed: undo of " + run.ID + " in "
	}
	return begin + string(visible.Append(nil, run.Target)) + ": " + strings.Join(parts, ", ")
}

// A runRecord is a run in JSON.
type runRecord struct {
	Run    string      `json:"run"`
	State  trash.State `json:"state"`
	Began  time.Time   `json:"began"`
	Target string      `json:"target"`
	trash.Counts
}

// listRuns prints the runs in a trash, the newest last.
func (u *undoing) listRuns(ctx context.Context, place storage.Store) (int, error) {
	code := options.ExitDone
	records := []runRecord{}
	for id, err := range trash.IDs(ctx, place) {
		if err != nil {
			return options.ExitError, err
		}
		run, err := trash.Find(ctx, place, id)
		switch {
		case ctx.Err() != nil:
			return options.ExitError, context.Cause(ctx)
		case err != nil:
			u.c.warn(fmt.Sprintf("run %s: %v", id, err))
			code = options.ExitWarning
		default:
			records = append(records, runRecord{run.ID, run.State, run.Began, run.Target, run.Counts})
		}
	}
	if !u.own.JSON {
		return code, u.printRuns(records)
	}
	text, err := json.Marshal(struct {
		Runs []runRecord `json:"runs"`
	}{records})
	if err != nil {
		return options.ExitError, err
	}
	c := u.c
	if printed := c.print(string(text) + "\n"); printed != options.ExitDone {
		return printed, nil
	}
	return code, nil
}

// printRuns prints a table.
func (u *undoing) printRuns(records []runRecord) error {
	if len(records) == 0 {
		_, err := fmt.Fprintln(u.c.p.Stdout, "no runs in this trash")
		return err
	}
	w := tabwriter.NewWriter(u.c.p.Stdout, 0, 0, 2, ' ', 0)
	columns := []string{"RUN", "STATE", "CREATED", "OVERWRITTEN", "DELETED", "TAGS", "KEPT BYTES", "TARGET"}
	lines := []string{strings.Join(columns, "\t")}
	for _, r := range records {
		lines = append(lines, fmt.Sprintf("%s\t%s\t%d\t%d\t%d\t%d\t%s\t%s", r.Run, r.State, r.Created, r.Overwritten, r.Deleted, r.Tagged,
			human.Size(r.Bytes), visible.Append(nil, r.Target)))
	}
	for _, line := range lines {
		if _, err := fmt.Fprintln(w, line); err != nil {
			return err
		}
	}
	return w.Flush()
}
