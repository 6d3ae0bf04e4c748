package trash

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"iter"
	"strconv"
	"strings"
	"time"

	"s3sync/storage"
)

// maxLine bounds a line of a journal in bytes. A key has 1,024 bytes at most, and JSON may
// need six for each.
const maxLine = 64 << 10

// A PieceError is a part of a journal that cannot be read. The other parts can.
type PieceError struct {
	// Piece is the key of the object in the trash, and Line the number of the line.
	Piece string
	Line  int
	Err   error
}

func (p *PieceError) Error() string {
	if p.Line == 0 {
		return fmt.Sprintf("%s: %v", p.Piece, p.Err)
	}
	return fmt.Sprintf("%s, line %d: %v", p.Piece, p.Line, p.Err)
}

func (p *PieceError) Unwrap() error { return p.Err }

// journalRange is the range of the pieces of a journal: '.' and '/' come before '0'.
func journalRange(id string) storage.Range {
	return storage.Range{From: id + "/journal", To: id + "/journal0"}
}

// A piece is a part of a journal: a segment with its number, or the one file, whose number
// is 1.
type piece struct {
	storage.Object

	n int
}

// pieces returns the parts of a journal in their order.
func pieces(ctx context.Context, store storage.Store, id string) ([]piece, error) {
	var all []piece
	for o, err := range store.List(ctx, storage.ListOptions{Range: journalRange(id)}) {
		if err != nil {
			return nil, fmt.Errorf("trash: %w", err)
		}
		if n := pieceNumber(o.Key, id); n > 0 {
			all = append(all, piece{o, n})
		}
	}
	return all, ctx.Err()
}

// pieceNumber returns the number of the part of a journal that has a key, or 0.
func pieceNumber(key, id string) int {
	if key == id+"/journal.jsonl" {
		return 1
	}
	digits, _ := strings.CutPrefix(key, id+"/journal/")
	n, _ := strconv.Atoi(strings.TrimSuffix(digits, ".jsonl"))
	if n <= 0 || key != segmentKey(id, n) {
		return 0
	}
	return n
}

// Read yields the lines of the journal of a run in their order. A *PieceError is not the end of
// the sequence; every other error is. It returns a single-use iterator. A journal that does
// not begin with the header of that run is an error, and so is one that does not exist:
// fs.ErrNotExist.
func Read(ctx context.Context, store storage.Store, id string) iter.Seq2[Line, error] {
	return func(yield func(Line, error) bool) {
		all, err := pieces(ctx, store, id)
		if err == nil {
			_, err = header(ctx, store, id, all)
		}
		if err != nil {
			yield(Line{}, err)
			return
		}
		next := 1
		for _, p := range all {
			if p.n != next && !yield(Line{}, &PieceError{Piece: segmentKey(id, next), Err: errMissing}) {
				return
			}
			next = p.n + 1
			if !readPiece(ctx, store, p.Key, yield) {
				return
			}
		}
	}
}

// readPiece yields the lines of a piece. It returns false at the end.
func readPiece(ctx context.Context, store storage.Store, key string, yield func(Line, error) bool) bool {
	r, err := store.Open(ctx, key, storage.OpenOptions{})
	if err != nil {
		yield(Line{}, fmt.Errorf("trash: %w", err))
		return false
	}
	defer r.Close()
	in := bufio.NewReaderSize(io.NewSectionReader(reading{ctx, r}, 0, r.Info().Size), maxLine)
	for n := 1; ; n++ {
		text, err := in.ReadSlice('\n')
		switch {
		case errors.Is(err, io.EOF) && len(text) == 0:
			return true
		case errors.Is(err, io.EOF):
			// A killed run may leave half a line. Nothing was done for it.
			return yield(Line{}, &PieceError{key, n, fmt.Errorf("%w: it has no end", errDamaged)})
		case err != nil:
			yield(Line{}, fmt.Errorf("trash: %s, line %d: %w", key, n, err))
			return false
		}
		if text = bytes.TrimSpace(text); len(text) == 0 {
			continue
		}
		l, err := decode(text)
		if err != nil {
			err = &PieceError{key, n, err}
		}
		if !yield(l, err) {
			return false
		}
	}
}

// A reading is an io.ReaderAt of an object.
type reading struct {
	ctx context.Context //nolint:containedctx // io.ReaderAt takes none
	r   storage.Reader
}

func (r reading) ReadAt(p []byte, off int64) (int, error) {
	p = p[:max(0, min(int64(len(p)), r.r.Info().Size-off))]
	if len(p) == 0 {
		return 0, io.EOF
	}
	if err := r.r.ReadAt(r.ctx, p, off); err != nil {
		return 0, err
	}
	return len(p), nil
}

var errMissing = errors.New("it is missing, and so is what it tells")

// header returns the header of the journal of a run.
func header(ctx context.Context, store storage.Store, id string, all []piece) (*Header, error) {
	if len(all) == 0 {
		return nil, fmt.Errorf("trash: %w", &storage.Error{Op: "open", Key: id, Err: errNoRun})
	}
	var found *Header
	var fault error
	key := all[0].Key
	damaged := false
	readPiece(ctx, store, key, func(l Line, err error) bool {
		found, fault = l.Run, err
		_, damaged = errors.AsType[*PieceError](err)
		return damaged // a full disk may take half of a header, and it is written again later
	})
	switch {
	case damaged:
		return nil, fmt.Errorf("trash: %w: %v", errForeign, fault) //nolint:errorlint // here it is the end
	case fault != nil:
		return nil, fault
	case found != nil && found.Format != format:
		return nil, fmt.Errorf("trash: %w: %s has format %d, and this version of s3sync reads format %d", errForeign, key, found.Format, format)
	case found == nil || found.ID != id || all[0].n != 1:
		return nil, fmt.Errorf("trash: %w: %s does not begin with it", errForeign, key)
	}
	return found, nil
}

// errForeign says that a folder is not one that this version of the program made.
var errForeign = errors.New("no journal of this run")

var errNoRun = fmt.Errorf("%w: the trash has no journal of such a run", fs.ErrNotExist)

// A State is what is known about a run.
type State string

// The states of a run.
const (
	Complete    State = "complete"    // it came to its end
	Failed      State = "failed"      // it came to its end, and objects failed
	Interrupted State = "interrupted" // it did not come to its end, or it is running
	Undone      State = "undone"
)

// A Run is a run whose journal is in a trash.
type Run struct {
	Header

	State State
	Counts
}

// Find returns a run. If the run did not come to its end, the counts are those of what it
// began, from its whole journal.
func Find(ctx context.Context, store storage.Store, id string) (*Run, error) {
	all, err := pieces(ctx, store, id)
	if err != nil {
		return nil, err
	}
	h, err := header(ctx, store, id, all)
	if err != nil {
		return nil, err
	}
	run := &Run{Header: *h, State: Interrupted}
	end, err := lastLine(ctx, store, all[len(all)-1].Key)
	switch {
	case err != nil:
		return nil, err
	case end != nil:
		run.Counts = end.Counts
		if run.State = Complete; end.Failed {
			run.State = Failed
		}
	default:
		if err := run.count(ctx, store); err != nil {
			return nil, err
		}
	}
	switch _, err := store.Stat(ctx, undoneKey(id), storage.StatOptions{}); {
	case err == nil:
		run.State = Undone
	case !storage.Gone(err):
		return nil, fmt.Errorf("trash: %w", err)
	}
	return run, nil
}

// count counts the actions in the journal.
func (r *Run) count(ctx context.Context, store storage.Store) error {
	for l, err := range Read(ctx, store, r.ID) {
		if _, damaged := errors.AsType[*PieceError](err); damaged {
			continue
		}
		if err != nil {
			return err
		}
		if l.Do != "" {
			var bytes int64
			if l.Old != nil {
				bytes = l.Old.Size
			}
			r.add(l.Do, bytes)
		}
	}
	return nil
}

// lastLine returns the end that the last line of a piece tells; nil if it is another line.
func lastLine(ctx context.Context, store storage.Store, key string) (*End, error) {
	r, err := store.Open(ctx, key, storage.OpenOptions{})
	if err != nil {
		return nil, fmt.Errorf("trash: %w", err)
	}
	defer r.Close()
	size := r.Info().Size
	tail := make([]byte, min(size, 4096)) // an end is much shorter
	if err := r.ReadAt(ctx, tail, size-int64(len(tail))); err != nil {
		return nil, fmt.Errorf("trash: %w", err)
	}
	text, ended := bytes.CutSuffix(tail, []byte("\n"))
	l, err := decode(text[bytes.LastIndexByte(text, '\n')+1:])
	if !ended || err != nil {
		return nil, nil // then it is not an end
	}
	return l.End, nil
}

func undoneKey(id string) string { return id + "/undone.json" }

// Mark returns the key and the content of the mark that a run was undone.
func Mark(id string, now time.Time) (key string, data []byte) {
	data, _ = json.Marshal(struct {
		Undone time.Time `json:"undone"`
	}{now.UTC()}) // it always can
	return undoneKey(id), append(data, '\n')
}
