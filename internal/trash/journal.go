package trash

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"s3sync/storage"
)

// lateLines and lateTime bound the results that are not written yet.
const (
	lateLines = 1000
	lateTime  = 10 * time.Second
)

// A Sink makes text durable as the next piece of a journal. Calls do not overlap. A piece
// that failed is written again, perhaps with other text.
type Sink func(ctx context.Context, text []byte) error

// A Journal is the journal of a running run. The first action begins it, so a run that does
// nothing leaves nothing. Callers that write at once share one piece. Its methods may be
// called concurrently, except Close.
type Journal struct {
	header Header
	sink   Sink

	turn chan struct{} // held by who writes

	mu      sync.Mutex
	n       int64
	begun   bool   // the header is durable
	waiting *group // the lines that the next piece takes
	late    []Line // results
	flushed time.Time
	counts  Counts
	open    map[int64]pending // actions without a result
}

// A group is lines that become durable together.
type group struct {
	lines []Line
	done  chan struct{}
	err   error
}

// A pending is an action without a result.
type pending struct {
	do    Do
	bytes int64
}

// New returns the journal of a run.
func New(header Header, sink Sink) *Journal {
	header.Format = format
	return &Journal{header: header, sink: sink, turn: make(chan struct{}, 1), flushed: time.Now(), open: map[int64]pending{}}
}

// ID returns the id of the run.
func (j *Journal) ID() string { return j.header.ID }

// Counts returns what the run did until now.
func (j *Journal) Counts() Counts {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.counts
}

// Begin makes the header durable. It is called before anything is put into the folder of the
// run, so that nothing is there without a journal.
func (j *Journal) Begin(ctx context.Context) error {
	j.mu.Lock()
	begun := j.begun
	j.mu.Unlock()
	if begun {
		return nil
	}
	return j.commit(ctx, nil)
}

// Intend writes actions, and returns when they are durable. It sets their numbers. An
// action may be begun only after that; Result tells what became of it.
func (j *Journal) Intend(ctx context.Context, actions []Line) error {
	if len(actions) == 0 {
		return nil
	}
	j.mu.Lock()
	for i := range actions {
		j.n++
		actions[i].N = j.n
	}
	j.mu.Unlock()
	if err := j.commit(ctx, actions); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	for i := range actions {
		a := &actions[i]
		p := pending{do: a.Do}
		if a.Old != nil {
			p.bytes = a.Old.Size
		}
		j.open[a.N] = p
	}
	return nil
}

// commit makes lines durable. They join what waits for the next piece. Of all callers that
// wait, one writes it.
func (j *Journal) commit(ctx context.Context, lines []Line) error {
	j.mu.Lock()
	if j.waiting == nil {
		j.waiting = &group{done: make(chan struct{})}
	}
	g := j.waiting
	g.lines = append(g.lines, lines...)
	j.mu.Unlock()
	select {
	case <-g.done:
		return g.err
	case j.turn <- struct{}{}:
	}
	defer func() { <-j.turn }()
	j.mu.Lock()
	ours := j.waiting == g // else an earlier caller has written it
	if ours {
		j.waiting = nil
	}
	late, begun := j.late, j.begun
	j.mu.Unlock()
	if ours {
		g.err = j.write(ctx, begun, late, g.lines)
		close(g.done)
	}
	return g.err
}

// write writes a piece: the header if it is the first one, results, and lines.
func (j *Journal) write(ctx context.Context, begun bool, late, lines []Line) error {
	var piece []Line
	if !begun {
		piece = append(piece, Line{Run: &j.header})
	}
	text, err := encode(append(append(piece, late...), lines...))
	if err == nil && len(text) > 0 {
		err = j.sink(ctx, text)
	}
	if err != nil {
		return fmt.Errorf("the journal of the trash: %w", err)
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	j.begun, j.flushed = true, time.Now()
	j.late = append([]Line(nil), j.late[len(late):]...)
	return nil
}

// A Result is what became of an action. Exactly one of the fields is set.
type Result struct {
	Did    *Object
	Gone   bool
	Failed bool
}

// Result notes what became of an action. It is written with the next piece, at the latest
// after ten seconds if the run goes on.
func (j *Journal) Result(ctx context.Context, n int64, r Result) {
	j.mu.Lock()
	if p, ok := j.open[n]; ok {
		delete(j.open, n)
		if !r.Failed {
			j.counts.add(p.do, p.bytes)
		}
	}
	j.late = append(j.late, Line{N: n, Did: r.Did, Gone: r.Gone, Failed: r.Failed})
	due := len(j.late)%lateLines == 0 || time.Since(j.flushed) >= lateTime
	j.mu.Unlock()
	if due {
		_ = j.commit(ctx, nil) // the lines stay, and Close tells if they still cannot be written
	}
}

// Close writes the results and the end. failed says that the run failed.
func (j *Journal) Close(ctx context.Context, failed bool) error {
	j.mu.Lock()
	begun, counts := j.begun, j.counts
	j.mu.Unlock()
	if !begun {
		return nil
	}
	return j.commit(ctx, []Line{{End: &End{Time: time.Now().UTC(), Failed: failed, Counts: counts}}})
}

// NewSink returns the sink of a run in a trash. put writes an object, and fails with
// storage.ErrPrecondition if there is one: a request that nobody answered may arrive late.
func NewSink(store storage.Store, id string, put func(ctx context.Context, key string, data []byte) error) Sink {
	if k, ok := storage.As[storage.Keeper](store); ok {
		torn := false // the last piece may have been written in part
		return func(ctx context.Context, text []byte) error {
			if torn {
				text = append([]byte("\n"), text...)
			}
			err := k.Append(ctx, id+"/journal.jsonl", text)
			torn = err != nil
			return err
		}
	}
	n := 1
	return func(ctx context.Context, text []byte) error {
		if n > maxSegments {
			return errors.New("it has too many segments")
		}
		err := put(ctx, segmentKey(id, n), text)
		for errors.Is(err, storage.ErrPrecondition) && n < maxSegments {
			n++ // what arrived late stays; its actions were not begun, or are told once more
			err = put(ctx, segmentKey(id, n), text)
		}
		if err == nil {
			n++
		}
		return err
	}
}

// maxSegments is how many segments have names that sort by their numbers.
const maxSegments = 99_999_999

func segmentKey(id string, n int) string { return fmt.Sprintf("%s/journal/%08d.jsonl", id, n) }
