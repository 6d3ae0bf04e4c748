package planfile

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"hash"
	"io"
	"sync"

	"github.com/klauspost/compress/zstd"

	"s3sync/internal/plan"
)

// A Writer writes a plan. Its methods may be called concurrently.
type Writer struct {
	mu      sync.Mutex
	z       *zstd.Encoder
	sum     hash.Hash
	buf     bytes.Buffer // of one line
	writing plan.Change
	totals  map[plan.Change]Total
	err     error // the first one
}

// NewWriter begins a plan. writing is the plan.Change that a new object is.
func NewWriter(w io.Writer, h Header, writing plan.Change) (*Writer, error) {
	z, err := zstd.NewWriter(w, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithLowerEncoderMem(true))
	if err != nil {
		return nil, err
	}
	p := &Writer{z: z, sum: sha256.New(), writing: writing, totals: map[plan.Change]Total{}}
	h.Format = Format
	return p, p.line(&h)
}

// line writes one line. After an error it does nothing.
func (w *Writer) line(v any) error {
	if w.err != nil {
		return w.err
	}
	w.buf.Reset()
	e := json.NewEncoder(&w.buf)
	e.SetEscapeHTML(false)
	if w.err = e.Encode(v); w.err == nil {
		w.err = w.put(w.buf.Bytes())
	}
	return w.err
}

// put writes bytes that the digest covers.
func (w *Writer) put(p []byte) error {
	w.sum.Write(p)
	_, err := w.z.Write(p)
	return err
}

// Action writes an action. After the first deletion there are only deletions. An error
// is also that of all later calls.
func (w *Writer) Action(a *plan.Action) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := lineOf(a, w.writing)
	if err := w.line(&l); err != nil {
		return err
	}
	sum := w.totals[l.Action]
	sum.Objects++
	switch a.Kind {
	case plan.Transfer:
		sum.Bytes += a.Source.Size
	case plan.Delete:
		sum.Bytes += a.Target.Size
	default:
	}
	w.totals[l.Action] = sum
	return nil
}

// endOpening and endDigest enclose the content of the last line. The digest covers all
// bytes before endDigest.
const (
	endOpening = `{"end":`
	endDigest  = `,"sha256":"`
	endClosing = "\"}\n"
)

// End writes the last line. Without it a plan is not valid.
func (w *Writer) End(found Found) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.err != nil {
		return w.err
	}
	data, err := json.Marshal(End{w.totals, found})
	if err == nil {
		err = w.put([]byte(endOpening + string(data)))
	}
	if err == nil {
		_, err = io.WriteString(w.z, endDigest+hex.EncodeToString(w.sum.Sum(nil))+endClosing)
	}
	if err == nil {
		err = w.z.Close()
	}
	w.err = err
	return err
}
