package engine

import (
	"errors"
	"io/fs"

	"s3sync/internal/attributes"
	"s3sync/internal/compare"
	"s3sync/internal/history"
	"s3sync/internal/plan"
	"s3sync/internal/setting"
	"s3sync/internal/side"
	"s3sync/storage"
)

// An outcome is what a failure means for its object and for the run.
type outcome struct {
	kind outcomeKind
	// reason is the reason of a skipped object.
	reason plan.Reason
	// err is the error that the user sees.
	err error
	// unsafe: the target may lack an object of the source, so that nothing may be
	// deleted.
	unsafe bool
	// ends: the failure ends the run, whatever FailFast says.
	ends bool
}

type outcomeKind int

const (
	outcomeSkipped   outcomeKind = iota + 1 // as the user wanted
	outcomeCancelled                        // by the preprocess callback
	outcomeWarning                          // skipped, and the user should know
	outcomeFailed
)

// A policy is the settings that decide about failures.
type policy struct {
	// sourceFiles: the source is a directory, whose files may change while they are
	// read.
	sourceFiles bool
	// ignoreArchived skips archived objects without a warning.
	ignoreArchived bool
	// warnAsError turns warnings into failures, except for objects that cannot be
	// compared.
	warnAsError bool
}

// outcomeOf decides what the failure of an object means. No other code decides that.
// err is not nil, and is not the interruption of the run.
func (p policy) outcomeOf(err error) outcome {
	switch {
	case isOf[*trashError](err): // nothing was done, so the object failed
	case errors.Is(err, storage.ErrUnusable): // whatever else it is: no other object fares better
	case errors.Is(err, compare.ErrIncomparable):
		return outcome{kind: outcomeWarning, err: err}
	case errors.Is(err, attributes.ErrSkip):
		return outcome{kind: outcomeCancelled, reason: plan.ReasonPreprocess}
	case errors.Is(err, storage.ErrArchived) && p.ignoreArchived:
		return outcome{kind: outcomeSkipped, reason: plan.ReasonArchived}
	case errors.Is(err, storage.ErrArchived):
		return p.warning(setting.Errorf("%w; it must be restored first (%s leaves such objects out silently)",
			err, setting.Name("IgnoreArchived")), false)
	case errors.Is(err, plan.ErrChanged):
		return p.warning(err, true)
	case errors.Is(err, side.ErrGone), errors.Is(err, history.ErrOutOfOrder), errors.Is(err, storage.ErrUnstorable):
		return p.warning(err, false)
	case errors.Is(err, fs.ErrPermission), errors.Is(err, storage.ErrPrecondition),
		errors.Is(err, storage.ErrChanged) && p.sourceFiles:
		return p.warning(err, true)
	}
	o := outcome{kind: outcomeFailed, err: err, unsafe: true, ends: errors.Is(err, storage.ErrUnusable)}
	if callback, ok := errors.AsType[*attributes.CallbackError](err); ok {
		o.err, o.ends = callback.Err, true
	}
	return o
}

// isOf reports whether an error of a type is in the chain of err.
func isOf[T error](err error) bool {
	_, ok := errors.AsType[T](err)
	return ok
}

// warning returns the outcome of an object that is skipped but should not be.
func (p policy) warning(err error, unsafe bool) outcome {
	if p.warnAsError {
		return outcome{kind: outcomeFailed, err: err, unsafe: true, ends: errors.Is(err, storage.ErrUnusable)}
	}
	return outcome{kind: outcomeWarning, err: err, unsafe: unsafe}
}
