package truth

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"s3sync"
	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

// A Checkpoint says what a lease did until then. A later attempt of the same lease takes
// over its units.
type Checkpoint struct {
	Version    int       `json:"version"`
	Job        string    `json:"job"`
	Epoch      int       `json:"epoch"`
	Spec       string    `json:"spec"` // SHA-256
	Phase      job.Phase `json:"phase"`
	Range      int       `json:"range"`
	Generation int       `json:"generation"`
	Attempt    int       `json:"attempt"`
	N          int       `json:"n"` // counts the checkpoints of an attempt, from 1
	Worker     string    `json:"worker"`
	Time       time.Time `json:"time"`
	// Keys are those of the lease. They begin where the lease before it ended.
	Keys job.Keys `json:"keys"`
	// Previous is the checkpoint of the accepted lease before.
	Previous job.Ref `json:"previous,omitzero"`
	// Units tile the keys from Keys.From to Cursor in PhaseCopy.
	Units  []Unit  `json:"units,omitempty"`
	Cursor job.Key `json:"cursor,omitempty"`
	Done   bool    `json:"done"`
	// Counters are those of the lease.
	Counters job.Counters `json:"counters"`
	// Notes are warnings about the whole run. Several leases may have the same.
	Notes []string `json:"notes,omitempty"`
	// Passed is how many target-only objects a lease of PhaseDelete is done with.
	Passed int64 `json:"passed,omitempty"`
	// Evidence says what was done in the other phases.
	Evidence []job.Ref `json:"evidence,omitempty"`
	// Failures are the keys that failed in this phase. In PhaseSweep they replace those of
	// the leases before.
	Failures []job.Ref `json:"failures,omitempty"`
	// Change is what a sweep changed of the results of the copies.
	Change *Change `json:"change,omitempty"`
}

// A Unit is a part of a lease that ended with a checkpoint.
type Unit struct {
	Keys   job.Keys            `json:"keys"`
	Result *s3sync.RangeResult `json:"result"` // without keys
	// Protected are those of the result.
	Protected  []job.Key `json:"protected,omitempty"`
	Evidence   []job.Ref `json:"evidence,omitempty"`
	Candidates []job.Ref `json:"candidates,omitempty"`
	Failures   []job.Ref `json:"failures,omitempty"`
	// Big is the size in bytes of those of Failures that were begun for several workers.
	Big int64 `json:"big,omitempty"`
}

// A Change is a difference of results.
type Change struct {
	Found int64 `json:"found"`
	Held  int64 `json:"held"`
	Added int64 `json:"added"`
	// Unsafe: a key that failed before was skipped with a warning now.
	Unsafe bool `json:"unsafe,omitempty"`
}

// UnitOf returns the Unit of a result.
func UnitOf(r *s3sync.RangeResult) Unit {
	written := *r
	written.Range, written.Protected, written.Failures = storage.Range{}, nil, nil
	u := Unit{Keys: job.KeysOf(r.Range), Result: &written}
	for _, key := range r.Protected {
		u.Protected = append(u.Protected, job.Key(key))
	}
	return u
}

// RangeResult returns the result of the unit, without its target-only objects.
func (u *Unit) RangeResult() *s3sync.RangeResult {
	r := *u.Result
	r.Range = u.Keys.Range()
	for _, key := range u.Protected {
		r.Protected = append(r.Protected, string(key))
	}
	return &r
}

// A lease is a lease of an attempt, in keys.
type lease struct{ epoch, rangeID, generation int }

func leaseDir(epoch int) string { return fmt.Sprintf("e%06d/ckpt/", epoch) }

func (l lease) dir() string { return fmt.Sprintf("%s%06d/", leaseDir(l.epoch), l.rangeID) }

func (l lease) prefix() string { return fmt.Sprintf("%s%06d.", l.dir(), l.generation) }

// PutCheckpoint writes a checkpoint.
func (s *Store) PutCheckpoint(ctx context.Context, c *Checkpoint) (job.Ref, error) {
	l := lease{c.Epoch, c.Range, c.Generation}
	return s.PutJSON(ctx, fmt.Sprintf("%s%06d-%06d", l.prefix(), c.Attempt, c.N), c)
}

// Checkpoint reads a checkpoint, and checks that it is whole.
func (s *Store) Checkpoint(ctx context.Context, ref job.Ref) (*Checkpoint, error) {
	c := new(Checkpoint)
	if err := s.GetJSON(ctx, ref, c); err != nil {
		return nil, err
	}
	if why := c.fault(s.job); why != "" {
		return nil, fmt.Errorf("state store: %w: %q %s", ErrDamaged, ref.Key, why)
	}
	return c, nil
}

// fault says what cannot be in a checkpoint, or nothing.
func (c *Checkpoint) fault(name string) string {
	switch {
	case c.Version != job.Version:
		return fmt.Sprintf("has version %d, and this program knows %d", c.Version, job.Version)
	case c.Job != name:
		return "is of another job"
	case !slices.Contains([]job.Phase{job.PhaseCopy, job.PhaseSweep, job.PhaseDelete}, c.Phase):
		return "has no phase"
	}
	if c.Phase != job.PhaseCopy {
		return ""
	}
	at := c.Keys.From
	for i := range c.Units {
		u := &c.Units[i]
		if u.Result == nil || u.Keys.From != at || at == "" && i > 0 {
			return "has units that do not tile its keys"
		}
		at = u.Keys.To
	}
	end := c.Cursor
	if c.Done {
		end = c.Keys.To
	}
	if len(c.Units) > 0 && at != end || len(c.Units) == 0 && c.Done {
		return "has units that do not tile its keys"
	}
	return ""
}

// Latest returns the newest checkpoint of a lease that an attempt may go on from: its own, or
// one of an earlier attempt. ref is zero if there is none.
func (s *Store) Latest(ctx context.Context, l *job.Lease, attempt int) (c *Checkpoint, ref job.Ref, err error) {
	prefix := lease{l.Run.Epoch, l.Range, l.Generation}.prefix()
	upTo := s.key(fmt.Sprintf("%s%06d.", prefix, attempt)) // "." is above "-"
	for r, err := range s.refs(ctx, prefix) {
		if err != nil {
			return nil, job.Ref{}, err
		}
		if r.Key < upTo {
			ref = r
		}
	}
	if ref.Key == "" {
		return nil, ref, nil
	}
	c, err = s.Checkpoint(ctx, ref)
	return c, ref, err
}

// LastOfRanges returns the newest checkpoint of each lease of the last generation of each
// range of an epoch.
func (s *Store) LastOfRanges(ctx context.Context, epoch int) (last []job.Ref, err error) {
	dir := ""
	for r, err := range s.refs(ctx, leaseDir(epoch)) {
		if err != nil {
			return nil, err
		}
		if d := r.Key[:strings.LastIndexByte(r.Key, '/')]; d == dir {
			last[len(last)-1] = r
		} else {
			last, dir = append(last, r), d
		}
	}
	return last, nil
}

// shardName is the name of a shard of an attempt.
func shardName(kind string, c *Checkpoint, n int) string {
	return fmt.Sprintf("e%06d/%s/%06d/%06d.%06d-%06d.%04d", c.Epoch, kind, c.Range, c.Generation, c.Attempt, c.N+1, n)
}

// Suspect says that an attempt tries one key, which may end the worker. Clear says that it
// did not.
func (s *Store) Suspect(ctx context.Context, l *job.Lease, attempt int, cursor job.Key) (clear func(context.Context) error, err error) {
	ref, err := s.PutJSON(ctx, fmt.Sprintf("%s%06d", suspects(l), attempt), suspect{cursor})
	return func(ctx context.Context) error {
		return errors.Join(s.store.Delete(ctx, []storage.Object{{Key: ref.Key}}, storage.DeleteOptions{})...)
	}, err
}

// Leave says that an attempt ended with an error, and not with its worker. Left counts these.
func (s *Store) Leave(ctx context.Context, l *job.Lease, attempt int) error {
	_, err := s.PutJSON(ctx, fmt.Sprintf("%s%06d", left(l), attempt), attempt)
	return err
}

// Left counts the attempts of a lease that ended with an error.
func (s *Store) Left(ctx context.Context, l *job.Lease) (n int, err error) {
	for _, err := range s.refs(ctx, left(l)) {
		if err != nil {
			return n, err
		}
		n++
	}
	return n, nil
}

func left(l *job.Lease) string {
	return fmt.Sprintf("e%06d/left/%06d/%06d.", l.Run.Epoch, l.Range, l.Generation)
}

type suspect struct {
	Cursor job.Key `json:"cursor"`
}

func suspects(l *job.Lease) string {
	return fmt.Sprintf("e%06d/suspect/%06d/%06d.", l.Run.Epoch, l.Range, l.Generation)
}

// Suspected counts the attempts that tried one key from cursor, and were never heard of again.
func (s *Store) Suspected(ctx context.Context, l *job.Lease, cursor job.Key) (n int, err error) {
	for ref, err := range s.refs(ctx, suspects(l)) {
		var found suspect
		if err == nil {
			err = s.GetJSON(ctx, ref, &found)
		}
		if err != nil {
			return n, err
		}
		if found.Cursor == cursor {
			n++
		}
	}
	return n, nil
}
