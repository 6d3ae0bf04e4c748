package manifest

import (
	"bufio"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io"

	"s3sync/internal/extsort"
)

// sortMemory is how many bytes of lines are sorted in memory. Garbage takes as much again.
const sortMemory = 8 << 20

// A Writer collects the entries of a run, which come in any order, and writes the
// manifest once the run has ended. Memory is bounded: entries wait in a temporary file. It
// is not for concurrent use.
type Writer struct {
	header Header
	lines  *extsort.Lines
	counts Counts
	known  int64
	err    error // the first one; the manifest would lack lines
}

// NewWriter returns a Writer without entries. The caller closes it.
func NewWriter(h Header) *Writer {
	h.Format, h.Version = Format, Version
	h.Started = h.Started.UTC()
	if h.Options == nil {
		h.Options = []string{}
	}
	for _, text := range append([]*string{&h.Program, &h.Source, &h.Target}, pointers(h.Options)...) {
		*text = valid(*text)
	}
	return &Writer{header: h, lines: extsort.NewLines(sortMemory)}
}

func pointers(texts []string) []*string {
	p := make([]*string, len(texts))
	for i := range texts {
		p[i] = &texts[i]
	}
	return p
}

// maxText bounds the text of an error in a line, in bytes.
const maxText = 2000

// Add adds an entry, whose N and Check are empty. After an error every later call fails,
// and so does Write.
func (w *Writer) Add(e *Entry) error {
	if w.err == nil {
		w.err = w.add(e)
	}
	return w.err
}

func (w *Writer) add(e *Entry) error {
	e.Error, e.Unverified, e.Reason = shortened(e.Error), shortened(e.Unverified), valid(e.Reason)
	for _, o := range []*Object{e.Source, e.Target} {
		if o != nil {
			o.Modified = o.Modified.UTC()
			o.ETag, o.VersionID, o.Checksum = valid(o.ETag), valid(o.VersionID), valid(o.Checksum)
		}
	}
	text, err := body(e)
	if err != nil {
		return err
	}
	if err := w.counts.add(e.Done); err != nil {
		return err
	}
	if e.SHA256 != "" {
		w.known++
	}
	return w.lines.Add(e.TheKey(), text)
}

func shortened(text string) string {
	if len(text) > maxText {
		text = text[:maxText] + " …"
	}
	return valid(text)
}

// Write writes the manifest of a run that has ended. It fails if an entry was lost.
func (w *Writer) Write(out io.Writer, end End) (*Summary, error) {
	if w.err != nil {
		return nil, w.err
	}
	end.Ended, end.Failure = end.Ended.UTC(), shortened(end.Failure)
	digest := sha256.New()
	buffered := bufio.NewWriterSize(out, 64<<10)
	p := printer{out: io.MultiWriter(buffered, digest)}
	text, err := body(&w.header)
	if err == nil {
		err = p.print(text)
	}
	for line, lerr := range w.lines.Sorted() {
		if err = errors.Join(err, lerr); err != nil {
			break
		}
		err = p.print(line)
	}
	if err != nil {
		return nil, err
	}
	s := &Summary{
		N: p.n + 1, End: end, Counts: w.counts, Entries: p.n - 1, KnownSHA256: w.known, Root: hexOf(p.tree.root()),
	}
	text, err = marshal(s)
	if err != nil {
		return nil, err
	}
	text = text[:len(text)-len(afterLast)]
	digest.Write(text)
	s.SHA256 = hex.EncodeToString(digest.Sum(nil))
	text = append(append(append(text, s.SHA256...), afterLast...), '\n')
	_, err = buffered.Write(text)
	return s, errors.Join(err, buffered.Flush())
}

// Close removes the temporary file. No other method may follow.
func (w *Writer) Close() error { return w.lines.Close() }

// A printer writes lines and computes their tree.
type printer struct {
	out  io.Writer
	n    int64 // of the last line
	line []byte
	tree tree
}

func (p *printer) print(body []byte) error {
	p.n++
	p.line = appendLine(p.line[:0], p.n, body)
	p.tree.add(p.line)
	p.line = append(p.line, '\n')
	_, err := p.out.Write(p.line)
	return err
}
