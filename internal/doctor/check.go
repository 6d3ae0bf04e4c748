// Package doctor examines what a run needs before it begins: whether both sides answer,
// what their servers can do, and what the credentials may do. It also derives the IAM
// policy that a Config needs.
//
// It stands between the command and the library: a check knows the Config, because only
// what that Config needs is a failure. It asks stores by their capabilities, and buckets
// by a bucket.Examiner. Nothing is written unless Options.Probe says so.
package doctor

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"s3sync/internal/setting"
	"s3sync/storage"
)

// A Verdict says what a check found.
type Verdict int

// Verdicts. A lack of what the run does not need is NotChecked.
const (
	OK         Verdict = iota
	Warning            // the run may do something that its user does not expect
	Failure            // the run needs it, and it is missing
	NotChecked         // nothing is known, or the run does not need it
)

// String returns the name of the verdict.
func (v Verdict) String() string {
	switch v {
	case OK:
		return "ok"
	case Warning:
		return "warning"
	case Failure:
		return "failure"
	case NotChecked:
	}
	return "not checked"
}

// MarshalText returns String.
func (v Verdict) MarshalText() ([]byte, error) { return []byte(v.String()), nil }

// The sides of checks.
const (
	Source  = "source"
	Target  = "target"
	Machine = "machine"
)

// A Check is the result of one look. Found and Hint are one line each.
type Check struct {
	Name    string // in a few words, at most 18 characters
	Side    string
	Verdict Verdict
	Found   setting.Text
	// Hint says what to do; it may be empty.
	Hint setting.Text
	// Permission is the S3 action that is missing; empty if there is none.
	Permission string
}

// Worst returns the verdict of all checks together: Failure, Warning or OK.
func Worst(checks []Check) Verdict {
	worst := OK
	for _, c := range checks {
		if c.Verdict == Failure || c.Verdict == Warning && worst == OK {
			worst = c.Verdict
		}
	}
	return worst
}

// A finding is a Check on its way. Nothing more is asked of a side that is lost.
type finding struct {
	Check

	lost bool
}

func found(v Verdict, format string, args ...any) finding {
	return finding{Check: Check{Verdict: v, Found: setting.Textf(format, args...)}}
}

// hint adds what to do.
func (f finding) hint(format string, args ...any) finding {
	f.Hint = setting.Textf(format, args...)
	return f
}

// limit is how long a check may take.
const limit = 5 * time.Second

// reason returns an error in a few words, without the name of the operation.
func reason(err error) setting.Text {
	if errors.Is(err, context.DeadlineExceeded) {
		return setting.Textf("no answer in time")
	}
	if e, ok := errors.AsType[*storage.Error](err); ok {
		err = e.Err
	}
	return setting.Named(err.Error(), setting.Of(err))
}

// unless returns the finding of something that did not work: a failure if it is needed.
func unless(needed bool, err error) finding {
	if !needed {
		return found(NotChecked, "%v; this run does not need it", reason(err))
	}
	return found(Failure, "%v", reason(err))
}

// refusal is unless for a request that takes a permission.
func (n needs) refusal(action string, err error) finding {
	f := unless(n.has(action), err)
	if errors.Is(err, fs.ErrPermission) {
		if f.Permission = action; f.Verdict == Failure {
			f = f.hint("allow %s", action)
		}
	}
	return f
}

// isLost reports whether a side can answer nothing any more after err.
func isLost(err error) bool {
	return errors.Is(err, storage.ErrUnusable) || errors.Is(err, context.DeadlineExceeded) || errors.Is(err, storage.ErrTransient)
}

// ago returns a duration for people, by the two digits that matter.
func ago(d time.Duration) string {
	switch {
	case d < 10*time.Millisecond:
		return d.Round(100 * time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < 2*time.Hour:
		return fmt.Sprintf("%d min", int(d.Round(time.Minute).Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d hours", int(d.Round(time.Hour).Hours()))
	}
	return fmt.Sprintf("%d days", int(d.Round(24*time.Hour).Hours()/24))
}
