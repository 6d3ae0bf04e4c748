package manifest

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"reflect"
)

// A Content is what a manifest says besides its entries.
type Content struct {
	Header  Header
	Summary Summary
	// Proof is the proof of the entry that ReadOptions asked for; nil if there is none.
	Proof *Proof
	// Remapped: the target holds some objects under other keys.
	Remapped bool
}

// ReadOptions adjust Read.
type ReadOptions struct {
	// Visit, if set, is called for each entry, before it is known whether the manifest is
	// whole. It must not keep the entry. Its error ends the reading.
	Visit func(*Entry) error
	// Prove, if set, selects the entry for Content.Proof: the last one that it accepts.
	Prove func(*Entry) bool
}

// Read reads a manifest and checks all of it. Nothing of it is to be trusted before Read
// has returned without an error. The error of a manifest that is not as it was written is
// a *LineError around ErrRefused. Memory does not depend on the number of entries.
func Read(r io.Reader, opts ReadOptions) (*Content, error) {
	m := reader{in: bufio.NewReaderSize(r, 64<<10), opts: opts, digest: sha256.New()}
	return m.read()
}

// A reader reads one manifest.
type reader struct {
	in     *bufio.Reader
	opts   ReadOptions
	digest hashWriter
	n      int64 // of the last line
	tree   tree
	counts Counts
	known  int64
	last   string // key
	first  []byte // line
	proved []byte // line
	at     int64  // index of proved
	line   []byte
}

// A hashWriter is a hash.Hash as far as it is used here.
type hashWriter interface {
	io.Writer
	Sum(b []byte) []byte
}

func (m *reader) read() (*Content, error) {
	c := new(Content)
	line, err := m.next()
	if err != nil {
		return nil, err
	}
	if err := parseHeader(line, &c.Header); err != nil {
		return nil, err
	}
	m.first = bytes.Clone(line)
	m.tree.follow(line, pathOfHeader)
	m.take(line)
	for {
		line, err := m.next()
		switch {
		case err != nil:
			return nil, err
		case bytes.HasSuffix(line, []byte(afterLast)) && isSummary(line):
			if err := m.end(line, c); err != nil {
				return nil, err
			}
			return c, nil
		}
		e := new(Entry)
		if err := parseEntry(line, m.n, e); err != nil {
			return nil, err
		}
		if err := m.entry(e, line, c); err != nil {
			return nil, err
		}
	}
}

// isSummary reports whether a line has the form of the last one.
func isSummary(line []byte) bool {
	at := len(line) - len(afterLast) - hex.EncodedLen(sha256.Size)
	return at > 0 && bytes.HasSuffix(line[:at], []byte(beforeDigest)) && bytes.Contains(line, []byte(`,"root":"`))
}

func (m *reader) entry(e *Entry, line []byte, c *Content) error {
	key := e.TheKey()
	if key < m.last {
		return refused(m.n, "its key %q comes before %q, the key of the line before", key, m.last)
	}
	m.last = key
	if err := m.counts.add(e.Done); err != nil {
		return refused(m.n, "%w", err)
	}
	if e.SHA256 != "" {
		m.known++
	}
	c.Remapped = c.Remapped || e.TargetKey() != key
	if m.opts.Prove != nil && m.opts.Prove(e) {
		m.proved, m.at = bytes.Clone(line), m.n-1
		m.tree.follow(line, pathOfEntry)
	} else {
		m.tree.add(line)
	}
	m.take(line)
	if m.opts.Visit != nil {
		return m.opts.Visit(e)
	}
	return nil
}

// The paths of the tree that a proof has.
const (
	pathOfHeader = iota
	pathOfEntry
)

// take adds a line to the digest.
func (m *reader) take(line []byte) {
	m.digest.Write(line)         //nolint:errcheck // a hash never fails
	m.digest.Write([]byte{'\n'}) //nolint:errcheck // a hash never fails
}

// end checks the last line.
func (m *reader) end(line []byte, c *Content) error {
	s := &c.Summary
	if err := strict(line, s); err != nil {
		return refused(m.n, "%w", err)
	}
	at := len(line) - len(afterLast) - hex.EncodedLen(sha256.Size)
	m.digest.Write(line[:at]) //nolint:errcheck // a hash never fails
	if got := hex.EncodeToString(m.digest.Sum(nil)); got != s.SHA256 {
		return refused(m.n, "the SHA-256 of all bytes before it is %s, and not %s: something was changed, and no line shows where", got, s.SHA256)
	}
	root := m.tree.root()
	for _, part := range []struct {
		name      string
		told, got any
	}{
		{"number", s.N, m.n},
		{"number of entries", s.Entries, m.n - 2},
		{"number of known SHA-256", s.KnownSHA256, m.known},
		{"counts", s.Counts, m.counts},
		{"root", s.Root, hexOf(root)},
	} {
		if !reflect.DeepEqual(part.told, part.got) {
			return refused(m.n, "its %s is %+v, but that of the lines is %+v", part.name, part.told, part.got)
		}
	}
	switch _, err := m.in.ReadByte(); {
	case err == nil:
		return refused(m.n+1, "there is something behind the last line")
	case errors.Is(err, io.ErrUnexpectedEOF):
		return refused(m.n, "the compressed file ends too early")
	case !errors.Is(err, io.EOF):
		return &LineError{m.n, err}
	}
	if m.proved != nil {
		c.Proof = newProof(&m.tree, root, m.first, m.proved, m.at)
	}
	return nil
}

// next returns the next line without its newline, valid until the next call.
func (m *reader) next() ([]byte, error) {
	m.n++
	m.line = m.line[:0]
	for {
		piece, err := m.in.ReadSlice('\n')
		m.line = append(m.line, piece...)
		switch {
		case len(m.line) > maxLine+64:
			return nil, refused(m.n, "the line is too long")
		case err == nil:
			return m.line[:len(m.line)-1], nil
		case errors.Is(err, bufio.ErrBufferFull):
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			return nil, refused(m.n, "the manifest ends here, before its last line: it was cut, or is still being written")
		default:
			return nil, &LineError{m.n, err}
		}
	}
}

func parseHeader(line []byte, h *Header) error {
	// Another version has other fields, so the version is read first.
	if !bytes.HasPrefix(line, []byte(`{"n":1,"format":"`+Format+`","version":`)) {
		return refused(1, "this is not a manifest of s3sync")
	}
	var version int
	if _, err := fmt.Sscanf(string(line), `{"n":1,"format":"`+Format+`","version":%d,`, &version); err == nil && version != Version {
		return &LineError{1, fmt.Errorf("the manifest has version %d of its form; this program knows version %d", version, Version)}
	}
	if err := parseLine(line, 1, h); err != nil {
		return err
	}
	return nil
}

// parseEntry reads an entry with the number n.
func parseEntry(line []byte, n int64, e *Entry) error {
	if err := parseLine(line, n, e); err != nil {
		return err
	}
	if e.N != n {
		return refused(n, "the line says that it is line %d: lines are missing here, were added, or have changed places", e.N)
	}
	if e.KeyBase64 != "" {
		if text, again := split(e.TheKey()); text != e.Key || again != e.KeyBase64 {
			return refused(n, "its key and the base64 of it are not one key")
		}
	}
	if e.SHA256 != "" {
		if _, err := parseHash(e.SHA256); err != nil {
			return refused(n, "its sha256: %w", err)
		}
	}
	if e.Size < 0 || e.PartSize < 0 {
		return refused(n, "it has a negative size")
	}
	return nil
}
