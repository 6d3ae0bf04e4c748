package s3sync

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"s3sync/internal/pattern"
	"s3sync/internal/setting"
	"s3sync/internal/spool"
	"s3sync/storage"
)

// What may be deleted, and why not, is decided here and nowhere else: first of
// each object that only the target has (kept), then of all of them together
// (deleteForbidden, refusal). Only what passes both is deleted: see remove.go.

// ErrDeleteRefused is the kind of error of a run that would have deleted more
// than its user can have meant. The error tells what would have gone and which
// setting permits it. Nothing was deleted; what was transferred before counts.
var ErrDeleteRefused = errors.New("nothing is deleted")

// manyDeletions is how many objects Delete may take whatever part of the target
// they are.
const manyDeletions = 100

// Names of what keeps an object that only the target has. They are the names
// in the log, beside those of the filters.
const (
	keptPrefix   = "key equals the prefix"
	keptFolder   = "folder marker"
	keptUnlisted = "source cannot be listed"
	keptExcluded = "exclude-regex"
)

// deleteExtraneous deletes what only the target has, if that is permitted.
func (s *syncer) deleteExtraneous(ctx context.Context) error {
	if why := s.deleteForbidden(); why != "" {
		if s.doomed.Len() > 0 {
			s.log.write(slog.LevelWarn, "nothing is deleted: "+why)
		}
		return nil
	}
	going, sum, err := s.extraneous(ctx)
	if err == nil {
		err = s.checkOneBucket(ctx, going.All())
	}
	if err == nil {
		err = refusal(&s.cfg.Delete, sum)
	}
	if err == nil {
		err = s.remove(ctx, going)
	}
	return errors.Join(err, going.Close())
}

// deleteForbidden is why nothing may be deleted, or empty: nobody knows then
// what only the target has.
func (s *syncer) deleteForbidden() string {
	switch {
	case s.report.incomplete.Load():
		return "a listing was not complete"
	case s.unsafe.Load():
		return "not every transfer succeeded"
	}
	return ""
}

// extraneous sorts out of what only the target has what is to be deleted, and
// adds up what the refusal goes by. The caller closes the spool, also after an
// error, which ends the run.
func (s *syncer) extraneous(ctx context.Context) (*spool.Spool, tally, error) {
	going := spool.New(0)
	sum := tally{found: s.found, held: s.held + s.added.Load()}
	for o, err := range s.doomed.All() {
		if err == nil && ctx.Err() != nil {
			err = context.Cause(ctx)
		}
		if err != nil {
			return going, sum, err
		}
		why, err := s.kept(o)
		switch {
		case err != nil:
			s.report.emit(Event{Type: EventFailed, Key: o.Key, Target: o, Err: err})
			err = s.fatal(ctx, err)
		case why != "":
			s.log.write(slog.LevelDebug, "object of the target kept.", slog.String("name", why),
				slog.String("key", o.Key), slog.String("target_key", s.log.target.path(o.Key)))
		default:
			if err = s.allowSibling(o.Key); err == nil {
				err = going.Append(o)
			}
			sum.add(o.Key)
		}
		if err != nil {
			return going, sum, err
		}
	}
	return going, sum, nil
}

// kept names why an object that only the target has is not deleted, or nothing. An
// entry of the source that could not be listed protects its key and what is below.
// Filter.Exclude protects what it matches, and what it cannot be matched with.
func (s *syncer) kept(o storage.Object) (why string, err error) {
	if why := untouchable(o); why != "" {
		return why, nil
	}
	if s.protected.covers(o.Key) {
		return keptUnlisted, nil
	}
	if s.cfg.Delete.Excluded || s.cfg.Filter.Exclude == nil {
		return "", nil
	}
	excluded, err := pattern.Of(s.cfg.Filter.Exclude).Match(o.Key)
	if excluded {
		why = keptExcluded
	}
	return why, err
}

// untouchable names why an object is never deleted, or nothing. What has the key
// of the prefix itself is no part of a sync, so that it would never come back.
// A folder marker, which consoles make, stands for a directory, and directories
// are not removed either.
func untouchable(o storage.Object) string {
	switch {
	case o.Key == "":
		return keptPrefix
	case strings.HasSuffix(o.Key, "/") && o.Size == 0:
		return keptFolder
	}
	return ""
}

// A tally is what is known of a run when everything was listed and transferred.
type tally struct {
	// found is how many keys the source has, before filters.
	found int64
	// held is how many keys the target has: those that it listed, and new ones.
	held int64
	// going is how many of them are to be deleted, Delete.Max left aside: what is
	// deleted bit by bit is gone as well.
	going int64
	// first are the first of those.
	first []string
}

func (t *tally) add(key string) {
	t.going++
	if len(t.first) < 3 {
		t.first = append(t.first, key)
	}
}

// loss says what would go.
func (t *tally) loss() setting.Text {
	if t.going == 0 {
		return setting.Textf("the target has nothing to delete either")
	}
	first := make([]string, len(t.first))
	for i, key := range t.first {
		first[i] = fmt.Sprintf("%q", key)
	}
	return setting.Textf("%s would take %d of the %d objects of the target (%.1f %%), first %s",
		setting.Name("Delete.Enable"), t.going, t.held, 100*float64(t.going)/float64(t.held), strings.Join(first, ", "))
}

// refusal is why nothing may be deleted although everything went well, or nil. It
// is an ErrDeleteRefused.
func refusal(d *Delete, t tally) error {
	switch {
	case t.found == 0 && !d.AllowEmptySource:
		return setting.Errorf("%w: no object was found in the source, and %v. %s permits that", ErrDeleteRefused, t.loss(), setting.Name("Delete.AllowEmptySource"))
	case t.going > manyDeletions && 100*t.going > int64(d.MaxPercent)*t.held && d.MaxPercent < 100:
		return setting.Errorf("%w: %v, which is more than %d %%. %s permits that", ErrDeleteRefused, t.loss(), d.MaxPercent, setting.Name("Delete.MaxPercent=100"))
	}
	return nil
}
