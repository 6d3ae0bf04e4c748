package engine

import (
	"context"
	"crypto/md5"
	"crypto/sha256"
	"errors"
	"fmt"
	"iter"
	"log/slog"
	"sync"
	"time"
	"unicode/utf8"

	"s3sync/internal/grace"
	"s3sync/internal/parallel"
	"s3sync/internal/plan"
	"s3sync/internal/resume"
	"s3sync/internal/setting"
	"s3sync/internal/transfer"
	"s3sync/internal/trash"
	"s3sync/internal/visible"
	"s3sync/storage"
)

// Trash says where a run puts what it replaces and deletes.
type Trash struct {
	Store storage.Store
	// Inside is the place of the trash in the target, which ends in a slash. It is empty if
	// the trash is elsewhere.
	Inside string
	Header trash.Header
	// URL is what the user calls the trash; empty if it has no such name.
	URL string
	// Journal, if set, is the objects in parts that are begun in the trash and not finished.
	Journal *resume.Journal
	// Keep is how long runs stay in the trash; 0 is forever.
	Keep time.Duration
}

// A trashError says that the old object could not be kept, so that nothing was done with it.
// Whatever its cause is, the object failed: see policy.outcomeOf.
type trashError struct{ err error }

func (e *trashError) Error() string {
	return fmt.Sprintf("its old object cannot be kept in the trash, so nothing is done with it: %v", e.err)
}

// Unwrap returns the cause.
func (e *trashError) Unwrap() error { return e.err }

// A trasher is a carrier that does nothing before the old object is in the trash, verified,
// and the journal tells of it.
type trasher struct {
	carrier

	e       *Engine
	journal *trash.Journal
	keep    keeper
	// saved has what was kept for the files that are being written: their old ones are kept
	// right before they are published. By their keys, of *trash.Line.
	saved sync.Map

	mu sync.Mutex
	// pending are the objects in the trash whose deletion failed in a way that it may be
	// tried again, by their keys. So a second attempt puts nothing in their place.
	pending map[string]trash.Line
}

// newTrasher returns the carrier d with a trash. The target decides how objects are kept.
func (e *Engine) newTrasher(ctx context.Context, d carrier) (*trasher, error) {
	opts := e.opts.Trash
	t := &trasher{carrier: d, e: e, pending: map[string]trash.Line{}}
	var err error
	if t.keep, err = e.keeper(ctx); err != nil {
		return nil, err
	}
	header := opts.Header
	_, header.Versions = t.keep.(*versionKeeper)
	t.journal = trash.New(header, trash.NewSink(opts.Store, header.ID, e.putInTrash))
	e.record.Log(slog.LevelDebug, "trash.", slog.String("run", header.ID))
	return t, nil
}

// putInTrash writes an object of the journal, unless there is one. Where the server does not
// know that condition, it writes it.
func (e *Engine) putInTrash(ctx context.Context, key string, data []byte) error {
	b := storage.Block{Data: data, Size: int64(len(data))}
	if e.trash.Caps.WantMD5 {
		sum := md5.Sum(data)
		b.MD5 = sum[:]
	}
	if e.trash.Caps.WantSHA256 {
		sum := sha256.Sum256(data)
		b.SHA256 = sum[:]
	}
	return e.trash.Retry(ctx, key, func(ctx context.Context) error {
		opts := storage.WriteOptions{
			Size: b.Size, Attributes: storage.Attributes{ContentType: "application/jsonl"},
			IfAbsent: true, Inherited: storage.Inherited{Conditions: true},
		}
		info, err := e.trash.Store.Put(ctx, key, b, opts)
		if errors.Is(err, errors.ErrUnsupported) {
			opts.IfAbsent = false
			info, err = e.trash.Store.Put(ctx, key, b, opts)
		}
		if err == nil && info.Size != b.Size {
			err = &storage.Error{Op: "put", Key: key, Err: storage.ErrMismatch}
		}
		return err
	})
}

// transfer keeps the old object, if there is one, and writes the new one in its place. The
// write has the condition that the object in its place is the one that was kept, or none if
// there was none. Files have no such conditions, so that an old one is kept right before the
// new one takes its place: see keepBeforePublish.
func (t *trasher) transfer(ctx context.Context, a *plan.Action) (transfer.Result, error) {
	if t.e.target.Maps() && plan.IsDirectory(a.TargetKey) {
		return t.carrier.transfer(ctx, a) // a directory holds nothing
	}
	if trash.Within(a.TargetKey, t.e.trashInside()) {
		return transfer.Result{}, &storage.Error{Op: "put", Key: a.Key(), Err: fmt.Errorf("%w: the trash is there", storage.ErrUnstorable)}
	}
	guarded, line := *a, new(trash.Line)
	if t.e.target.Caps.Files {
		t.saved.Store(a.TargetKey, line)
		defer t.saved.Delete(a.TargetKey)
	} else {
		if err := t.save(ctx, line, a.TargetKey, a.Target, a.Exists); err != nil {
			return transfer.Result{}, t.failure(ctx, err)
		}
		etag := ""
		if line.Old != nil {
			etag = line.Old.ETag
		}
		guardTarget(&guarded.Guard, line.Do == trash.Create, etag)
	}
	result, err := t.carrier.transfer(ctx, &guarded)
	switch {
	case line.N == 0: // nothing was begun
	case err != nil:
		t.journal.Result(ctx, line.N, trash.Result{Failed: true})
	default:
		t.journal.Result(ctx, line.N, trash.Result{Did: t.describe(result.Target)})
	}
	return result, err
}

// keepBeforePublish keeps the file that is about to be replaced. If an earlier attempt did so,
// it must still be the same.
func (e *Engine) keepBeforePublish(ctx context.Context, a *plan.Action) error {
	var at any
	t, ok := e.carry.(*trasher)
	if ok {
		at, ok = t.saved.Load(a.TargetKey)
	}
	line, found := at.(*trash.Line)
	if !ok || !found {
		return errors.New("nobody keeps what is about to be replaced")
	}
	var err error
	if line.N == 0 {
		err = t.save(ctx, line, a.TargetKey, storage.Object{Key: a.TargetKey}, true)
	} else {
		err = t.stillOld(ctx, line)
	}
	if err != nil {
		return t.failure(ctx, err)
	}
	return nil
}

// stillOld fails if the target has another object than the one that a line tells of.
func (t *trasher) stillOld(ctx context.Context, line *trash.Line) error {
	info, err := t.e.target.Stat(ctx, line.Key, line.Key, storage.StatOptions{})
	if storage.Gone(err) || err == nil && line.Old.Is(info.Object) {
		return nil
	}
	if err != nil {
		return t.e.target.Wrap(err)
	}
	return errChangedMeanwhile
}

var errChangedMeanwhile = errors.New("it changed after it was kept")

// describe returns what the journal says of an object of the target.
func (t *trasher) describe(o storage.Object) *trash.Object {
	if t.e.target.Caps.Files {
		o.ETag = "" // it was computed, and no file has it
	}
	return trash.ObjectOf(o)
}

// failure returns the error of an object that cannot be kept.
func (t *trasher) failure(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return context.Cause(ctx)
	}
	return &trashError{err}
}

// save keeps the object that the target has under a key, and notes in the journal what is to
// be done. line becomes the line about it. listed is what the listing of the target told of
// the object, if there is one.
func (t *trasher) save(ctx context.Context, line *trash.Line, key string, listed storage.Object, exists bool) error {
	if !exists && !t.e.opts.ListTarget {
		info, err := t.e.target.Stat(ctx, key, key, storage.StatOptions{})
		if err != nil && !storage.Gone(err) {
			return t.e.target.Wrap(err)
		}
		listed, exists = info.Object, err == nil
	}
	l := []trash.Line{{Do: trash.Create, Key: key}} // its write fails if there is one by now
	if exists {
		listed.Key = key
		kept, err := t.keepOld(ctx, listed)
		switch {
		case err == nil:
			l[0].Do, l[0].Old, l[0].Trash = trash.Overwrite, t.describe(kept.old), kept.trash
		case !errors.Is(err, errNothingToKeep):
			return err
		}
	}
	if err := t.journal.Intend(ctx, l); err != nil {
		return err
	}
	*line = l[0]
	return nil
}

// keepOld keeps an object of the target in the folder of the run, whose journal has begun.
func (t *trasher) keepOld(ctx context.Context, o storage.Object) (keptOld, error) {
	if !utf8.ValidString(o.Key) {
		return keptOld{}, errors.New("the journal cannot hold its key, which is not valid UTF-8")
	}
	if err := t.journal.Begin(ctx); err != nil {
		return keptOld{}, err
	}
	return t.keep.keep(ctx, o)
}

// setTags notes the old tags, and replaces them.
func (t *trasher) setTags(ctx context.Context, a *plan.Action, tags map[string]string) error {
	tagger, err := t.e.target.Tagger()
	if err != nil {
		return err
	}
	line := []trash.Line{{Do: trash.Tag, Key: a.TargetKey, Old: t.describe(a.Target), NewTags: tags}}
	err = t.e.target.Retry(ctx, a.TargetKey, func(ctx context.Context) (err error) {
		line[0].Tags, err = tagger.Tags(ctx, a.TargetKey, "")
		return t.e.target.Wrap(err)
	})
	if err == nil {
		err = t.journal.Intend(ctx, line)
	}
	if err != nil {
		return t.failure(ctx, err)
	}
	if err := t.carrier.setTags(ctx, a, tags); err != nil {
		t.journal.Result(ctx, line[0].N, trash.Result{Failed: true})
		return err
	}
	t.journal.Result(ctx, line[0].N, trash.Result{Did: line[0].Old})
	return nil
}

// keptAtOnce is how many objects of a batch are kept at once before it is deleted.
const keptAtOnce = 16

// remove keeps the objects, and deletes those that were kept.
func (t *trasher) remove(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	errs, lines := make([]error, len(objects)), make([]trash.Line, len(objects))
	err := parallel.ForEach(ctx, keptAtOnce, indexes(len(objects)), func(ctx context.Context, i int) error {
		switch {
		case opts.Stopped():
			errs[i] = storage.ErrNotBegun
		default:
			lines[i], errs[i] = t.saveDeletion(ctx, objects[i])
		}
		return nil
	})
	var fresh []trash.Line
	var at []int
	for i := range objects {
		if err != nil && lines[i].Do == "" { // ctx ended: what was not kept is not deleted
			errs[i] = storage.ErrNotBegun
		}
		if errs[i] == nil && lines[i].N == 0 && lines[i].Old != nil {
			fresh, at = append(fresh, lines[i]), append(at, i)
		}
	}
	if err := t.journal.Intend(ctx, fresh); err != nil {
		for _, i := range at {
			errs[i] = t.failure(ctx, err)
		}
	}
	for j, i := range at {
		lines[i].N = fresh[j].N
	}
	t.removeKept(ctx, objects, lines, errs, opts)
	return errs
}

// removeKept deletes the objects that were kept. One that was not there is not deleted, because
// another one may be there by now. A file must still be the one that was kept, so each is
// looked at right before.
func (t *trasher) removeKept(ctx context.Context, objects []storage.Object, lines []trash.Line, errs []error, opts storage.DeleteOptions) {
	var going []int
	for i, o := range objects {
		switch {
		case errs[i] != nil || lines[i].Old == nil:
		case !t.e.target.Caps.Files:
			going = append(going, i)
		default:
			if err := t.stillOld(ctx, &lines[i]); err != nil {
				errs[i] = &storage.Error{Op: "delete", Key: o.Key, Err: fmt.Errorf("%w: %w", storage.ErrPrecondition, err)}
				t.notDeleted(ctx, &lines[i])
				continue
			}
			t.removeAt(ctx, []int{i}, objects, lines, errs, opts)
		}
	}
	if len(going) > 0 {
		t.removeAt(ctx, going, objects, lines, errs, opts)
	}
}

// removeAt deletes the objects of the given indexes, and notes what became of them.
func (t *trasher) removeAt(ctx context.Context, at []int, objects []storage.Object, lines []trash.Line, errs []error, opts storage.DeleteOptions) {
	going := make([]storage.Object, len(at))
	for j, i := range at {
		going[j] = objects[i]
	}
	removed := t.carrier.remove(ctx, going, opts)
	for j, i := range at {
		errs[i] = removed[j]
		switch deleteResultOf(errs[i]) {
		case deleteDone:
			t.forget(lines[i].Key)
			t.journal.Result(ctx, lines[i].N, trash.Result{Gone: true})
		case deleteUnanswered, deleteNotDone:
			t.mu.Lock()
			t.pending[lines[i].Key] = lines[i]
			t.mu.Unlock()
		case deleteRefused, deleteFailed:
			t.notDeleted(ctx, &lines[i])
		}
	}
}

func (t *trasher) notDeleted(ctx context.Context, line *trash.Line) {
	t.forget(line.Key)
	t.journal.Result(ctx, line.N, trash.Result{Failed: true})
}

func (t *trasher) forget(key string) {
	t.mu.Lock()
	defer t.mu.Unlock()
	delete(t.pending, key)
}

// saveDeletion keeps an object that is to be deleted, unless an earlier attempt has. The
// object must be the same as then.
func (t *trasher) saveDeletion(ctx context.Context, o storage.Object) (trash.Line, error) {
	t.mu.Lock()
	line, again := t.pending[o.Key]
	t.mu.Unlock()
	if again {
		if err := t.stillOld(ctx, &line); err != nil {
			return trash.Line{}, t.failure(ctx, err)
		}
		return line, nil
	}
	kept, err := t.keepOld(ctx, o)
	switch {
	case errors.Is(err, errNothingToKeep):
		return trash.Line{Do: trash.Delete, Key: o.Key}, nil
	case err != nil:
		return trash.Line{}, t.failure(ctx, err)
	}
	return trash.Line{Do: trash.Delete, Key: o.Key, Old: t.describe(kept.old), Trash: kept.trash}, nil
}

func indexes(n int) func(context.Context) iter.Seq2[int, error] {
	return func(context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range n {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
}

// undoes tells how a run that did something is taken back.
func (t *Trash) undoes(did trash.Counts) setting.Text {
	what := "the trash knows what the run did"
	if n := did.Overwritten + did.Deleted; n == 1 {
		what = "the old object is kept"
	} else if n > 1 {
		what = fmt.Sprintf("%d old objects are kept", n)
	}
	if t.URL == "" {
		return setting.Textf("%s; the trash has the run as %s", what, t.Header.ID)
	}
	return setting.Textf("%s; to take the run back: s3sync undo %s %s %s", what, t.Header.ID, setting.Name("Trash.URL"), visible.Append(nil, t.URL))
}

// EndTrash ends the journal of a run that ended with err, and removes runs from the trash
// that are too old. It does nothing in a dry run, and without a trash.
func (e *Engine) EndTrash(ctx context.Context, err error) {
	t, ok := e.carry.(*trasher)
	if !ok {
		return
	}
	failed := err != nil || e.record.Failed()
	closing, done := grace.Cleanup(ctx)
	defer done()
	if err := t.journal.Close(closing, failed); err != nil {
		e.warnOfRun(fmt.Errorf("%w; the run can be undone, except for what it did last", err))
	}
	if did := t.journal.Counts(); did != (trash.Counts{}) {
		e.record.Note(e.opts.Trash.undoes(did))
	}
	keep := e.opts.Trash.Keep
	if failed || keep == 0 || ctx.Err() != nil {
		return
	}
	n, err := trash.Expire(ctx, e.trash.Store, trash.Expiry{Now: e.opts.Trash.Header.Began, Keep: keep, Own: t.journal.ID()})
	if n > 0 {
		e.record.Note(setting.Textf("%d runs are removed from the trash, as %s says", n, setting.Name("Trash.Keep")))
	}
	if err != nil && ctx.Err() == nil {
		e.warnOfRun(err)
	}
}
