package job

import (
	"fmt"
	"time"

	"s3sync"
)

// A Preflight is what the look of one worker at both sides found. All workers of an epoch
// must find the same: see Differs.
type Preflight struct {
	Version int    `json:"version"`
	Worker  string `json:"worker"`
	// What the engine must know of the Spec. Delete: the job deletes what only the target has.
	Limits  Limits `json:"limits"`
	Leases  Leases `json:"leases"`
	Approve bool   `json:"approve,omitempty"`
	Delete  bool   `json:"delete,omitempty"`

	Program string `json:"program"` // version of the program
	Spec    string `json:"spec"`    // SHA-256 of the Spec
	Source  Side   `json:"source"`
	Target  Side   `json:"target"`
	Store   Side   `json:"store"`
	// Clock is the time of the worker. Skew is how far it is ahead of the state store, if
	// that is a bucket.
	Clock time.Time     `json:"clock"`
	Skew  time.Duration `json:"skew"`
}

// A Side is what a worker found of a store.
type Side struct {
	// Connection is a digest of the URL, and of endpoint, region and style of the connection.
	Connection string `json:"connection"`
	// Ordered: it lists in the order of the keys.
	Ordered bool `json:"ordered"`
}

// A Verdict is what follows from the results of all ranges together.
type Verdict struct {
	Version int `json:"version"`
	// Totals is the object of the state store that the verdict is about. An approval names
	// its digest, so that it cannot be meant for another verdict.
	Totals   Ref      `json:"totals"`
	Counters Counters `json:"counters"`
	// Wait says why the job waits for a decision: one reason a line, fit to be shown. If it
	// is empty, the job goes on.
	Wait []string `json:"wait,omitempty"`
	// Refused: nothing may be deleted, whoever approves. The decision is between another
	// try and the end. Otherwise an approval lets the job go on to Deletes.
	Refused bool `json:"refused,omitempty"`
	// Deletes are the leases of PhaseDelete, in order of the keys, of ranges where something
	// is deleted. They are set also if the job waits, unless it is Refused. Their Approved is
	// for the engine to set.
	Deletes []Lease `json:"deletes,omitempty"`
	// Failed are the ranges with failed objects, as leases that would try them again.
	Failed []Lease `json:"failed,omitempty"`
	// Parts are leases of PhaseParts, to be done before Failed: parts of big objects, which are
	// among those that failed. They have neither keys nor a Run.
	Parts []Lease `json:"parts,omitempty"`
}

// A Report is the result of a job. Its counters are those of a sync on one machine.
type Report struct {
	Version int       `json:"version"`
	Job     string    `json:"job"`
	Epoch   int       `json:"epoch"`
	Began   time.Time `json:"began"`
	Ended   time.Time `json:"ended"`
	// Report has the same form as that of a sync.
	Report   *s3sync.Report `json:"report"`
	Counters Counters       `json:"counters"`
	Ranges   int            `json:"ranges"`
	Leases   int64          `json:"leases"`
	// Warnings are those about the whole run, which are among the counters.
	Warnings []string `json:"warnings,omitempty"`
	// Failures are shards of the failed keys. Evidence has references to the shards of what
	// was done.
	Failures []Ref `json:"failures,omitempty"`
	Evidence Ref   `json:"evidence,omitzero"`
}

// A Progress is what a lease tells while it runs. What it tells is in a checkpoint already.
type Progress struct {
	Checkpoint Ref      `json:"checkpoint"`
	Cursor     Key      `json:"cursor,omitempty"`
	Counters   Counters `json:"counters"`
}

// Differs returns in which respect two workers found something different, or nil. The
// job can then not go on, because its ranges would have different sides.
func (p *Preflight) Differs(other *Preflight) error {
	for _, c := range []struct{ what, mine, its string }{
		{"spec", p.Spec, other.Spec},
		{"connection to the source", p.Source.Connection, other.Source.Connection},
		{"connection to the target", p.Target.Connection, other.Target.Connection},
		{"connection to the state store", p.Store.Connection, other.Store.Connection},
	} {
		if c.mine != c.its {
			return fmt.Errorf("the workers %s and %s do not have the same %s; let all workers have the same settings", p.Worker, other.Worker, c.what)
		}
	}
	return nil
}
