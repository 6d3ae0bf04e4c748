package truth

import (
	"context"
	"errors"
	"fmt"
	"io/fs"

	"s3sync/cluster/internal/job"
)

// Totals are what a verdict is about. Leases of PhaseDelete need it.
type Totals struct {
	Version int     `json:"version"`
	Run     job.Run `json:"run"`
	// Results are the last checkpoints of the ranges, in order of the keys.
	Results  []job.Ref    `json:"results"`
	Counters job.Counters `json:"counters"`
	Wait     []string     `json:"wait,omitempty"`
	Refused  bool         `json:"refused,omitempty"`
	// Permit is that of a Runner, without its keys. It is nil if nothing is to be deleted.
	Permit    *Permit   `json:"permit,omitempty"`
	Protected []job.Key `json:"protected,omitempty"`
	// Stopped is a warning: more would be deleted, if a setting did not bound it.
	Stopped string `json:"stopped,omitempty"`
}

// A Permit is a s3sync.DeletePermit.
type Permit struct {
	Settings string  `json:"settings"`
	DryRun   bool    `json:"dry_run,omitempty"`
	Objects  []int64 `json:"objects"` // of each of Results
}

// PutSpec writes a spec.
func (s *Store) PutSpec(ctx context.Context, spec *job.Spec) (job.Ref, error) {
	return s.PutJSON(ctx, "spec", spec)
}

// Spec reads the spec of a run, and checks it.
func (s *Store) Spec(ctx context.Context, run *job.Run) (*job.Spec, error) {
	spec := new(job.Spec)
	if err := s.GetJSON(ctx, run.Spec, spec); err != nil {
		return nil, err
	}
	if spec.Job != s.job {
		return nil, fmt.Errorf("state store: %w: %q is the spec of another job", ErrDamaged, run.Spec.Key)
	}
	return spec, spec.Check()
}

// PutRun writes the run of an epoch.
func (s *Store) PutRun(ctx context.Context, run *job.Run) error {
	_, err := s.PutJSON(ctx, fmt.Sprintf("epoch/%06d", run.Epoch), run)
	return err
}

// Runs returns the runs of all epochs, in order. It fails with fs.ErrNotExist if the job was
// never submitted, and if two runs have the same epoch.
func (s *Store) Runs(ctx context.Context) (runs []job.Run, err error) {
	for ref, err := range s.refs(ctx, "epoch/") {
		var run job.Run
		if err == nil {
			err = s.GetJSON(ctx, ref, &run)
		}
		if err != nil {
			return nil, err
		}
		if run.Version != job.Version || run.Job != s.job || run.Epoch != len(runs)+1 {
			return nil, fmt.Errorf("state store: %w: %q is not the run of epoch %d; was the job submitted twice at once?", ErrDamaged, ref.Key, len(runs)+1)
		}
		runs = append(runs, run)
	}
	if len(runs) == 0 {
		return nil, fmt.Errorf("the state store has no job %q: %w", s.job, fs.ErrNotExist)
	}
	return runs, nil
}

// PutReport writes the report of an epoch.
func (s *Store) PutReport(ctx context.Context, r *job.Report) (job.Ref, error) {
	return s.PutJSON(ctx, fmt.Sprintf("reports/%06d", r.Epoch), r)
}

// Report returns the last report, or fs.ErrNotExist.
func (s *Store) Report(ctx context.Context) (*job.Report, error) {
	var all []*job.Report
	for ref, err := range s.refs(ctx, "reports/") {
		r := new(job.Report)
		if err == nil {
			err = s.GetJSON(ctx, ref, r)
		}
		if err != nil {
			return nil, err
		}
		all = append(all, r)
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("the state store has no report of the job %q: %w", s.job, fs.ErrNotExist)
	}
	last := all[0]
	for _, r := range all[1:] {
		if r.Epoch > last.Epoch || r.Epoch == last.Epoch && r.Ended.After(last.Ended) {
			last = r
		}
	}
	return last, nil
}

// PutTotals writes totals.
func (s *Store) PutTotals(ctx context.Context, t *Totals) (job.Ref, error) {
	return s.PutJSON(ctx, fmt.Sprintf("e%06d/totals", t.Run.Epoch), t)
}

// Totals reads totals.
func (s *Store) Totals(ctx context.Context, ref job.Ref) (*Totals, error) {
	t := new(Totals)
	err := s.GetJSON(ctx, ref, t)
	if err == nil && t.Permit != nil && len(t.Permit.Objects) != len(t.Results) {
		err = errors.New("state store: the totals have not as many numbers as results")
	}
	return t, err
}

// PutPreflight keeps what a worker found before the leases of an epoch began.
func (s *Store) PutPreflight(ctx context.Context, run *job.Run, p *job.Preflight) error {
	_, err := s.PutJSON(ctx, preflightName(run), p)
	return err
}

// Preflight returns what a worker found before the leases of an epoch began. ok is false if
// none did so yet.
func (s *Store) Preflight(ctx context.Context, run *job.Run) (p job.Preflight, ok bool, err error) {
	for ref, err := range s.refs(ctx, preflightName(run)+"-") {
		if err == nil {
			err = s.GetJSON(ctx, ref, &p)
		}
		return p, err == nil, err
	}
	return job.Preflight{}, false, nil
}

func preflightName(run *job.Run) string { return fmt.Sprintf("preflight/%06d", run.Epoch) }
