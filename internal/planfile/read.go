package planfile

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"

	"github.com/klauspost/compress/zstd"

	"s3sync/internal/plan"
)

const (
	// maxLine bounds a line in bytes. A key has at most 1 KiB, and settings and the
	// results of a run are far below it.
	maxLine = 16 << 20
	// maxWindow bounds the memory of the decompression in bytes, whatever the file asks for.
	maxWindow = 64 << 20
)

// A Plan is a plan that was checked as a whole.
type Plan struct {
	Header Header
	End    End

	r   io.ReadSeeker
	sum []byte
}

// Read reads and checks a whole plan: its version, every line, and the digest. The error
// is an ErrInvalid, or that of r. each, if not nil, is told of every action, before it is
// known whether the plan is valid. It must not keep the action.
func Read(r io.ReadSeeker, each func(plan.Change, *plan.Action)) (*Plan, error) {
	p := &Plan{r: r}
	totals := map[plan.Change]Total{}
	err := p.scan(func(h Header) error {
		p.Header = h
		return nil
	}, func(l *line, a *plan.Action) error {
		t := totals[l.Action]
		t.Objects++
		totals[l.Action] = t
		if each != nil {
			each(l.Action, a)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for change, t := range p.End.Totals {
		if totals[change].Objects != t.Objects {
			return nil, invalid("its last line tells of %d actions %q, and there are %d", t.Objects, change, totals[change].Objects)
		}
		delete(totals, change)
	}
	for change := range totals {
		return nil, invalid("its last line tells nothing of its actions %q", change)
	}
	return p, nil
}

// Actions yields the actions in their order. If the file is not the one any more that
// Read checked, the sequence ends with an error. The action is valid until the next one.
func (p *Plan) Actions() iter.Seq2[*plan.Action, error] {
	return func(yield func(*plan.Action, error) bool) {
		again := Plan{r: p.r}
		err := again.scan(func(Header) error { return nil }, func(_ *line, a *plan.Action) error {
			if !yield(a, nil) {
				return errStopped
			}
			return nil
		})
		switch {
		case errors.Is(err, errStopped):
		case err != nil:
			yield(nil, fmt.Errorf("%w: %v", ErrSwapped, err)) //nolint:errorlint // an ErrInvalid would say that nothing was done
		case !bytes.Equal(p.sum, again.sum):
			yield(nil, ErrSwapped)
		}
	}
}

var errStopped = errors.New("stopped")

// ErrSwapped says that a plan changed after Read checked it. A part of it may be carried out.
var ErrSwapped = errors.New("the plan changed while it was carried out")

// scan reads the plan from its beginning, checks it, and sets End and sum.
func (p *Plan) scan(header func(Header) error, action func(*line, *plan.Action) error) error {
	if _, err := p.r.Seek(0, io.SeekStart); err != nil {
		return fmt.Errorf("the plan cannot be read: %w", err)
	}
	z, err := zstd.NewReader(p.r, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow))
	if err != nil {
		return invalid("it is not a zstd file: %w", err)
	}
	defer z.Close()
	s := scanner{lines: bufio.NewReaderSize(z, 64<<10), plan: p, header: header, action: action, sum: sha256.New()}
	for more := true; more; {
		if more, err = s.next(); err != nil {
			return err
		}
	}
	p.sum = s.sum.Sum(nil)
	return nil
}

// A scanner reads the lines of a plan.
type scanner struct {
	lines  *bufio.Reader
	plan   *Plan
	header func(Header) error
	action func(*line, *plan.Action) error
	sum    interface {
		io.Writer
		Sum([]byte) []byte
	}
	buf      []byte
	n        int64 // lines that were read
	deletion bool  // a deletion was read
}

// next reads one line. more is false after the last one.
func (s *scanner) next() (more bool, err error) {
	text, err := s.read()
	if err != nil {
		return false, err
	}
	s.n++
	switch {
	case s.n == 1:
		return true, s.readHeader(text)
	case bytes.HasPrefix(text, []byte(endOpening)):
		return false, s.readEnd(text)
	}
	_, _ = s.sum.Write(text) // never fails
	var l line
	if err := strict(text, &l); err != nil {
		return false, invalid("line %d: %w", s.n, err)
	}
	a, err := l.action()
	switch {
	case err != nil:
		return false, invalid("line %d: %w", s.n, err)
	case s.deletion && a.Kind != plan.Delete:
		return false, invalid("line %d: an action comes after a deletion", s.n)
	}
	s.deletion = a.Kind == plan.Delete
	return true, s.action(&l, &a)
}

// read returns the next line with its end. It is valid until the next call.
func (s *scanner) read() ([]byte, error) {
	s.buf = s.buf[:0]
	for {
		piece, err := s.lines.ReadSlice('\n')
		s.buf = append(s.buf, piece...)
		switch {
		case err == nil:
			return s.buf, nil
		case errors.Is(err, bufio.ErrBufferFull) && len(s.buf) <= maxLine:
		case errors.Is(err, bufio.ErrBufferFull):
			return nil, invalid("line %d is too long", s.n+1)
		case errors.Is(err, io.EOF) && s.n == 0:
			return nil, invalid("it is empty")
		case errors.Is(err, io.EOF):
			return nil, invalid("its last line is missing: it was cut off")
		case errors.Is(err, zstd.ErrWindowSizeExceeded), errors.Is(err, zstd.ErrDecoderSizeExceeded):
			return nil, invalid("decompressing it takes more memory than the %d MiB that a plan may take", maxWindow>>20)
		case s.n == 0:
			return nil, invalid("it is no plan, or it is damaged: %w", err)
		default:
			return nil, invalid("it is damaged after line %d: %w", s.n, err)
		}
	}
}

func (s *scanner) readHeader(text []byte) error {
	_, _ = s.sum.Write(text) // never fails
	var version struct {
		Format *int `json:"s3sync_plan"`
	}
	switch err := json.Unmarshal(text, &version); {
	case err != nil, version.Format == nil:
		return invalid("its first line is not that of a plan")
	case *version.Format > Format:
		return invalid("it has the format %d, and this program reads only %d: a newer s3sync made it", *version.Format, Format)
	case *version.Format != Format:
		return invalid("it has the format %d, and this program reads only %d", *version.Format, Format)
	}
	var h Header
	if err := strict(text, &h); err != nil {
		return invalid("its first line cannot be read: %w", err)
	}
	return s.header(h)
}

// readEnd reads the last line, and makes sure that nothing follows.
func (s *scanner) readEnd(text []byte) error {
	at := bytes.LastIndex(text, []byte(endDigest))
	if at < 0 {
		return invalid("its last line has no digest")
	}
	_, _ = s.sum.Write(text[:at]) // never fails
	digest := endDigest + hex.EncodeToString(s.sum.Sum(nil)) + endClosing
	if string(text[at:]) != digest {
		return invalid("it is damaged: the SHA-256 in its last line is of something else")
	}
	if err := strict(text[len(endOpening):at], &s.plan.End); err != nil {
		return invalid("its last line cannot be read: %w", err)
	}
	switch _, err := s.lines.ReadByte(); {
	case err == nil:
		return invalid("something follows its last line")
	case !errors.Is(err, io.EOF):
		return invalid("it is damaged after its last line: %w", err)
	}
	return nil
}

// strict reads one JSON value without unknown fields.
func strict(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.DisallowUnknownFields()
	if err := d.Decode(v); err != nil {
		return err
	}
	if d.More() {
		return errors.New("something follows the JSON value")
	}
	return nil
}
