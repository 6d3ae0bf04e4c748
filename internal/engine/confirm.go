package engine

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"strings"
	"sync"

	"s3sync/internal/parallel"
	"s3sync/internal/report"
	"s3sync/internal/setting"
	"s3sync/storage"
)

// Where time passed since the sides were listed, an object that is to be deleted is looked at
// once more: a list in the place of the source's listing may lack what the source has, and
// after a plan, or where another Runner listed, both sides may have changed. This finds
// nothing to delete; it only keeps.

// checksAtOnce is how many objects are looked at at the same time.
const checksAtOnce = 32

// due returns the objects of a batch that are still to be deleted, and reports the others.
// An error ends the run.
func (d *deletion) due(ctx context.Context, batch []storage.Object) (_ []storage.Object, err error) {
	if d.e.opts.Delete.AskSource {
		batch, err = d.without(ctx, batch, d.unlistedInSource)
	}
	if err == nil && d.look {
		batch, err = d.without(ctx, batch, d.notAsPlanned)
	}
	return batch, err
}

// without asks about all objects of a batch at once. It emits the answers in the order of the
// batch, and returns the objects about which there is none. An error ends the run.
func (d *deletion) without(
	ctx context.Context, batch []storage.Object, ask func(context.Context, storage.Object) *report.Event,
) ([]storage.Object, error) {
	answers := make([]*report.Event, len(batch))
	indexes := func(context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range batch {
				if !yield(i, nil) {
					return
				}
			}
		}
	}
	err := parallel.ForEach(ctx, checksAtOnce, indexes, func(ctx context.Context, i int) error {
		answers[i] = ask(ctx, batch[i])
		if answers[i] != nil && ctx.Err() != nil {
			return context.Cause(ctx)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	var left []storage.Object
	for i, ev := range answers {
		if ev == nil {
			left = append(left, batch[i])
			continue
		}
		ev.Key, ev.Target = batch[i].Key, batch[i]
		d.e.record.Emit(*ev)
		if ev.Type != report.EventFailed {
			continue
		}
		if err := d.e.fatal(ctx, ev.Err); err != nil {
			return nil, err
		}
	}
	return left, nil
}

// unlistedInSource tells of an object that the source has although its list does not name it.
func (d *deletion) unlistedInSource(ctx context.Context, o storage.Object) *report.Event {
	switch why, err := d.e.held(ctx, o.Key); {
	case err != nil:
		return &report.Event{Type: report.EventFailed, Err: err}
	case why != "":
		return &report.Event{Type: report.EventWarning, Err: setting.Errorf(
			"the source has it, although its list does not (%s says so): %s; it is not deleted", setting.Name("Delete.ListIsComplete"), why)}
	}
	return nil
}

// held returns how the source holds what the target has under a key, or nothing. An error
// means that nobody knows. It asks the source itself, whatever stands for its listing.
func (e *Engine) held(ctx context.Context, key string) (why string, err error) {
	if mapped, err := e.source.MapKey(key); err == nil && mapped != key {
		return "", nil // a directory lists no such key, but finds another one under it
	}
	now, err := e.source.Stat(ctx, key, key, storage.StatOptions{})
	switch {
	case err == nil && !now.Directory:
		return "it is there now", nil
	case errors.Is(err, storage.ErrUnstorable):
		return "", nil
	case err != nil && !storage.Gone(err):
		return "", e.source.Wrap(err)
	case e.source.Caps.Files:
		return e.unlisted(ctx, key)
	case e.target.Maps():
		return e.heldMapped(ctx, key)
	}
	return "", nil
}

// unlisted tells of a symbolic link to nothing, or of something else that no listing of
// files shows, under a key or in the place of a directory above it. What is behind it is
// not known to be gone.
func (e *Engine) unlisted(ctx context.Context, key string) (why string, err error) {
	path := strings.TrimSuffix(key, "/")
	for i := 1; i <= len(path); i++ {
		if i < len(path) && path[i] != '/' {
			continue
		}
		file, err := e.source.Store.Open(ctx, path[:i], storage.OpenOptions{})
		switch {
		case err == nil:
			err = file.Close()
			if i == len(key) { // of a key with a slash at the end, the file has another key
				return "it is there now", err
			}
		case ctx.Err() != nil:
			return "", context.Cause(ctx)
		case errors.Is(err, storage.ErrDangling), errors.Is(err, storage.ErrUnstorable):
			return err.Error(), nil
		}
	}
	return "", nil
}

// heldMapped tells of an object of the source that the target holds under a key, although
// it has another one.
func (e *Engine) heldMapped(ctx context.Context, key string) (why string, err error) {
	for _, r := range e.target.MappedInto(storage.Range{From: key, To: key + "\x00"}) {
		if e.vacant.has(r) {
			continue
		}
		vacant := true
		for o, err := range e.live.List(ctx, storage.ListOptions{Range: r}) {
			if err != nil {
				return "", e.source.Wrap(err)
			}
			vacant = false
			if mapped, _ := e.target.MapKey(o.Key); mapped == key {
				return fmt.Sprintf("it is there as %q", o.Key), nil
			}
		}
		if vacant {
			e.vacant.add(r)
		}
	}
	return "", nil
}

// A listSide has a list in the place of the listing of a store.
type listSide interface{ Live() storage.Store }

// liveOf returns a store without the lists in the place of its listing.
func liveOf(s storage.Store) storage.Store {
	for {
		l, ok := storage.As[listSide](s)
		if !ok {
			return s
		}
		s = l.Live()
	}
}

// ranges remember some ranges in which there is nothing. Neighbours ask for the same ones.
type ranges struct {
	mu    sync.Mutex
	known map[storage.Range]bool
}

const mostRanges = 1000

func (r *ranges) has(one storage.Range) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known[one]
}

func (r *ranges) add(one storage.Range) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.known == nil || len(r.known) >= mostRanges {
		r.known = map[storage.Range]bool{}
	}
	r.known[one] = true
}

// changed returns the warning about an object that is not deleted because it is not the
// one that was listed.
func (d *deletion) changed(err error) error {
	if !d.e.opts.IfMatch { // an inventory listed it
		return setting.Errorf("%w; it is not deleted, because it changed since the inventory was made", err)
	}
	return setting.Errorf("%w; it is not deleted, because it changed since it was listed (%s)", err, setting.Name("Condition.IfMatch"))
}
