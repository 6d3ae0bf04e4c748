package truth

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"time"

	"github.com/klauspost/compress/zstd"

	"s3sync/cluster/internal/job"
	"s3sync/storage"
)

// Kinds of shards.
const (
	Evidence   = "ev"   // what was done
	Candidates = "cand" // what only the target has
	Failures   = "fail" // which keys failed
)

// maxRecords bounds a shard, and so the memory of its writer.
const maxRecords = 100_000

// maxDecoded bounds what a reader of a shard holds of it beside the shard, in bytes.
const maxDecoded = 64 << 20

// A Record is one line of a shard.
type Record struct {
	Key job.Key `json:"key"`
	// Did is what happened to the object, in the words of the events of s3sync.
	Did    string `json:"did,omitempty"`
	Reason string `json:"reason,omitempty"`
	Error  string `json:"error,omitempty"`
	// Held: the target had the key before.
	Held bool `json:"held,omitempty"`
	// Parts is how many parts a big object has that was begun, for several workers to write
	// them.
	Parts int `json:"parts,omitempty"`
	// Verified: the bytes were verified.
	Verified bool    `json:"verified,omitempty"`
	Source   *Object `json:"source,omitempty"`
	Target   *Object `json:"target,omitempty"`
}

// An Object is what is known of the object of a record on one side.
type Object struct {
	Size    int64     `json:"size"`
	Time    time.Time `json:"time,omitzero"`
	ETag    string    `json:"etag,omitempty"`
	Version string    `json:"version,omitempty"`
}

// ObjectOf returns the Object of an object, or nil if there is none.
func ObjectOf(o *storage.Object) *Object {
	if o.Key == "" && o.ETag == "" && o.ModTime.IsZero() {
		return nil
	}
	return &Object{Size: o.Size, Time: o.ModTime, ETag: o.ETag, Version: o.VersionID}
}

// Candidate returns the target object of a record.
func (r *Record) Candidate() storage.Object {
	o := storage.Object{Key: string(r.Key)}
	if r.Target != nil {
		o.Size, o.ModTime, o.ETag, o.VersionID = r.Target.Size, r.Target.Time, r.Target.ETag, r.Target.Version
	}
	return o
}

// A Writer writes records into as many shards as they need. It is not for concurrent use.
type Writer struct {
	store *Store
	name  func(n int) string
	buf   bytes.Buffer
	zip   *zstd.Encoder
	lines *json.Encoder
	n     int64
	refs  []job.Ref
}

// Shards returns a Writer of shards that belong to the checkpoint after c.
func (s *Store) Shards(kind string, c *Checkpoint) *Writer {
	return &Writer{store: s, name: func(n int) string { return shardName(kind, c, n) }}
}

// Index returns a Writer of shards of the whole job.
func (s *Store) Index(name string) *Writer {
	return &Writer{store: s, name: func(n int) string { return fmt.Sprintf("%s.%04d", name, n) }}
}

// Append adds a record, and writes a shard if it is full.
func (w *Writer) Append(ctx context.Context, r any) error {
	if w.zip == nil {
		var err error
		if w.zip, err = zstd.NewWriter(&w.buf, zstd.WithEncoderConcurrency(1), zstd.WithWindowSize(1<<20)); err != nil {
			return err
		}
		w.lines = json.NewEncoder(w.zip)
		w.lines.SetEscapeHTML(false)
	}
	if err := w.lines.Encode(r); err != nil {
		return err
	}
	if w.n++; w.n < maxRecords {
		return nil
	}
	return w.flush(ctx)
}

func (w *Writer) flush(ctx context.Context) error {
	if w.n == 0 {
		return nil
	}
	if err := w.zip.Close(); err != nil {
		return err
	}
	ref, err := w.store.Put(ctx, w.name(len(w.refs)), ".jsonl.zst", w.buf.Bytes(), w.n)
	if err != nil {
		return err
	}
	w.refs = append(w.refs, ref)
	w.buf.Reset()
	w.zip, w.n = nil, 0
	return nil
}

// Close writes the last shard, and returns all of them: none if there was no record.
func (w *Writer) Close(ctx context.Context) ([]job.Ref, error) {
	if err := w.flush(ctx); err != nil {
		return nil, err
	}
	return w.refs, nil
}

// Records yields the records of shards, in their order. Each shard is whole before its first
// record is yielded. The sequence may be repeated.
func (s *Store) Records(ctx context.Context, refs []job.Ref) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		for _, ref := range refs {
			data, err := s.Get(ctx, ref)
			if err != nil {
				yield(nil, err)
				return
			}
			n := int64(0)
			for r, err := range decode(data) {
				if err != nil {
					yield(nil, fmt.Errorf("state store: %w: %q: %w", ErrDamaged, ref.Key, err))
					return
				}
				n++
				if !yield(r, nil) {
					return
				}
			}
			if n != ref.Records {
				yield(nil, fmt.Errorf("state store: %w: %q has %d records, and %d were written", ErrDamaged, ref.Key, n, ref.Records))
				return
			}
		}
	}
}

func decode(data []byte) iter.Seq2[*Record, error] {
	return func(yield func(*Record, error) bool) {
		zip, err := zstd.NewReader(bytes.NewReader(data), zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxDecoded))
		if err != nil {
			yield(nil, err)
			return
		}
		defer zip.Close()
		for lines := json.NewDecoder(zip); ; {
			r := new(Record)
			switch err := lines.Decode(r); {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(nil, err)
				return
			}
			if !yield(r, nil) {
				return
			}
		}
	}
}
