// Package flow runs a job on Temporal: the workflows that decide who does which keys next,
// the activities that carry a lease out on a worker, and how a program submits a job, asks
// for its status, and steers it.
//
// Workflows only hand out and count. What a lease does is in package lease, and the truth is
// in the state store: whoever loses the engine's database loses no object and no proof.
//
// A workflow or an activity whose commands change gets a new name (SyncRunV2), and the old
// one stays until no job of it runs. The replay tests say when that is.
package flow

import (
	"time"

	"s3sync/cluster/internal/job"
)

// Queue is the task queue of all workers, unless another one is asked for.
const Queue = "s3sync"

// Names in the engine. They outlive versions of the program, so they never change.
const (
	WorkflowRun   = "SyncRunV1"
	WorkflowShard = "ShardV1"

	ActivityPreflight = "PreflightV1"
	ActivitySplit     = "SplitV1"
	ActivityCopy      = "CopyV1"
	ActivityParts     = "PartsV1"
	ActivitySweep     = "SweepV1"
	ActivityDelete    = "DeleteV1"
	ActivityReduce    = "ReduceV1"
	ActivityReport    = "ReportV1"

	QueryStatus = "status"

	SignalDecide = "decide" // a Decision
	SignalPause  = "pause"
	SignalResume = "resume"
	SignalLimits = "limits" // job.Limits
	signalTune   = "tune"   // tuning: of a run, to its shards
)

// WorkflowID returns the id of the workflow of a job. There is one for each job, so that
// whoever submits a job again finds it.
func WorkflowID(name string) string { return "s3sync/" + name }

// A Phase is what a job is doing.
type Phase string

// Phases in their order. Deciding may come between any two of them.
const (
	PhasePreflight Phase = "preflight"
	PhaseSplit     Phase = "split"
	PhaseCopy      Phase = "copy"
	PhaseReduce    Phase = "reduce"
	PhaseParts     Phase = "parts" // of big objects
	PhaseSweep     Phase = "sweep"
	PhaseDeciding  Phase = "deciding" // waits for a Decision
	PhaseDelete    Phase = "delete"
	PhaseReport    Phase = "report"
	PhaseDone      Phase = "done"
)

// A Choice is what somebody decides about a job that waits.
type Choice string

// Choices. A job that waits says which of them it accepts.
const (
	Approve Choice = "approve" // go on, and delete what the verdict says
	Retry   Choice = "retry"   // what failed is tried again, and judged again
	Abort   Choice = "abort"   // end without deleting
)

// A Decision answers a job that waits. One that does not fit what the job waits for is
// ignored, so that it cannot take effect later.
type Decision struct {
	Choice Choice `json:"choice"`
	// Verdict is Waiting.Verdict of the status that was decided upon. Approve must name it.
	Verdict string `json:"verdict,omitempty"`
}

// Waiting says what a job waits for.
type Waiting struct {
	Reasons []string `json:"reasons"`
	Choices []Choice `json:"choices"`
	// Verdict is the digest of the totals that an approval is about.
	Verdict string `json:"verdict,omitempty"`
}

// An Outcome is how a job ended.
type Outcome struct {
	Version  int          `json:"version"`
	Report   job.Ref      `json:"report"`
	Counters job.Counters `json:"counters"`
	// Aborted: somebody decided so, and nothing was deleted.
	Aborted bool `json:"aborted,omitempty"`
}

// A Status is what is known of a job now.
type Status struct {
	Version int       `json:"version"`
	Job     string    `json:"job"`
	Epoch   int       `json:"epoch"`
	Started time.Time `json:"started"`
	// State is that of the engine: running, completed, failed, canceled, terminated.
	State   string     `json:"state"`
	Phase   Phase      `json:"phase"`
	Round   int        `json:"round,omitempty"` // of PhaseSweep, from 1
	Paused  bool       `json:"paused,omitempty"`
	Waiting *Waiting   `json:"waiting,omitempty"`
	Limits  job.Limits `json:"limits"`
	// Counters are those of all leases that ended.
	Counters job.Counters `json:"counters"`
	Work     Work         `json:"work"`
	Workers  []Worker     `json:"workers,omitempty"`
	Report   *job.Ref     `json:"report,omitempty"`
}

// Work counts the ranges of a phase, and the leases that they took.
type Work struct {
	Ranges   int `json:"ranges"` // of the phase, with those that a split added
	Done     int `json:"done"`
	InFlight int `json:"in_flight"`
	Window   int `json:"window"` // leases that may be in flight: less than allowed while servers throttle
	// Leases counts those that ended, in all phases, and Splits the ranges that were cut in two.
	Leases int64 `json:"leases"`
	Splits int64 `json:"splits,omitempty"`
	// Stopped are reasons why ranges are not tried again by themselves.
	Stopped []string `json:"stopped,omitempty"`
}

func (w *Work) add(other Work) {
	w.Ranges += other.Ranges
	w.Done += other.Done
	w.InFlight += other.InFlight
	w.Window += other.Window
	w.Leases += other.Leases
	w.Splits += other.Splits
	w.Stopped = append(w.Stopped, other.Stopped...)
}

// A Worker is who carries out leases, as its last results and heartbeats tell.
type Worker struct {
	Name          string  `json:"name"`
	Leases        int     `json:"leases"` // that it has now
	KeysPerSecond float64 `json:"keys_per_second"`
	Throttled     float64 `json:"throttled,omitempty"`
	// Retried are leases of it that failed before. Failure is the reason of the last one.
	Retried int    `json:"retried,omitempty"`
	Failure string `json:"failure,omitempty"`
}
