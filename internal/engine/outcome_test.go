package engine

import (
	"errors"
	"fmt"
	"io/fs"
	"testing"

	"s3sync/internal/attributes"
	"s3sync/internal/compare"
	"s3sync/internal/history"
	"s3sync/internal/side"
	"s3sync/storage"
)

func TestOutcomeOf(t *testing.T) {
	var (
		plain   policy
		strict  = policy{warnAsError: true}
		files   = policy{sourceFiles: true}
		skipped = policy{ignoreArchived: true}
		broken  = errors.New("broken")
	)
	type want struct {
		kind         outcomeKind
		unsafe, ends bool
	}
	for name, tt := range map[string]struct {
		policy policy
		err    error
		want   want
	}{
		"any failure":                {plain, broken, want{outcomeFailed, true, false}},
		"store unusable":             {plain, storage.ErrUnusable, want{outcomeFailed, true, true}},
		"nothing can be written":     {plain, fmt.Errorf("%w: %w", storage.ErrUnusable, fs.ErrPermission), want{outcomeFailed, true, true}},
		"damaged":                    {plain, storage.ErrMismatch, want{outcomeFailed, true, false}},
		"changed in a bucket":        {plain, storage.ErrChanged, want{outcomeFailed, true, false}},
		"changed file":               {files, storage.ErrChanged, want{outcomeWarning, true, false}},
		"changed file, strict":       {policy{sourceFiles: true, warnAsError: true}, storage.ErrChanged, want{outcomeFailed, true, false}},
		"permission":                 {plain, fs.ErrPermission, want{outcomeWarning, true, false}},
		"condition":                  {plain, storage.ErrPrecondition, want{outcomeWarning, true, false}},
		"gone":                       {plain, side.ErrGone, want{outcomeWarning, false, false}},
		"gone, strict":               {strict, side.ErrGone, want{outcomeFailed, true, false}},
		"too late":                   {plain, history.ErrOutOfOrder, want{outcomeWarning, false, false}},
		"no place":                   {plain, storage.ErrUnstorable, want{outcomeWarning, false, false}},
		"archived":                   {plain, storage.ErrArchived, want{outcomeWarning, false, false}},
		"archived, strict":           {strict, storage.ErrArchived, want{outcomeFailed, true, false}},
		"archived, ignored":          {skipped, storage.ErrArchived, want{outcomeSkipped, false, false}},
		"cannot be compared":         {plain, compare.ErrIncomparable, want{outcomeWarning, false, false}},
		"cannot be compared, strict": {strict, compare.ErrIncomparable, want{outcomeWarning, false, false}},
		"skipped by the callback":    {plain, attributes.ErrSkip, want{outcomeCancelled, false, false}},
		"failed in the callback":     {plain, &attributes.CallbackError{Err: broken}, want{outcomeFailed, true, true}},
		"refused by the callback":    {plain, &attributes.CallbackError{Err: fs.ErrPermission}, want{outcomeFailed, true, true}},
	} {
		t.Run(name, func(t *testing.T) {
			o := tt.policy.outcomeOf(fmt.Errorf("of an object: %w", tt.err))
			if got := (want{o.kind, o.unsafe, o.ends}); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
			if (o.err == nil) != (o.kind == outcomeSkipped || o.kind == outcomeCancelled) {
				t.Errorf("error %v", o.err)
			}
		})
	}
}
