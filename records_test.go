package s3sync_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// memoryRecords are records that outlive their runs in memory.
type memoryRecords struct {
	mu      sync.Mutex
	records map[string]string
}

func (m *memoryRecords) Put(key string, record []byte) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.records == nil {
		m.records = map[string]string{}
	}
	m.records[key] = string(record)
}

func (m *memoryRecords) PutDurable(key string, record []byte) error {
	m.Put(key, record)
	return nil
}

func (m *memoryRecords) Remove(key string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.records, key)
}

func (m *memoryRecords) All(prefix string, f func(key string, record []byte) bool) {
	m.mu.Lock()
	var found [][2]string
	for key, record := range m.records {
		if strings.HasPrefix(key, prefix) {
			found = append(found, [2]string{key, record})
		}
	}
	m.mu.Unlock()
	for _, r := range found {
		if !f(r[0], []byte(r[1])) {
			return
		}
	}
}

// partsStore is a bucket that counts the parts that it takes, and calls part after each.
type partsStore struct {
	*mem.Store

	parts atomic.Int64
	part  func(n int64)
}

type partsWriter struct {
	storage.Writer
	storage.Unfinished

	store *partsStore
}

func (s *partsStore) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	w, err := s.Store.Create(ctx, key, opts)
	if err != nil {
		return nil, err
	}
	return s.counting(w), nil
}

func (s *partsStore) Resume(ctx context.Context, key, token string, opts storage.WriteOptions) (storage.Writer, []storage.WrittenPart, error) {
	w, held, err := s.Store.Resume(ctx, key, token, opts)
	if err != nil {
		return nil, nil, err
	}
	return s.counting(w), held, nil
}

func (s *partsStore) counting(w storage.Writer) partsWriter {
	left, _ := w.(storage.Unfinished) // all writers of this store are
	return partsWriter{w, left, s}
}

func (w partsWriter) WritePart(ctx context.Context, n int, off int64, b storage.Block) error {
	err := w.Writer.WritePart(ctx, n, off, b)
	if count := w.store.parts.Add(1); err == nil && w.store.part != nil {
		w.store.part(count)
	}
	return err
}

// A program keeps the records of objects in parts itself: the next run goes on with them, and
// names the object that they are of. Whoever does not want to go on removes what is there.
func TestRecordsOfTheProgram(t *testing.T) {
	const partSize, parts = 5 * s3sync.MiB, 5
	for name, goesOn := range map[string]bool{"the next run goes on": true, "everything is removed": false} {
		t.Run(name, func(t *testing.T) {
			source, target, records := mem.New(), &partsStore{Store: mem.New()}, &memoryRecords{}
			data := bytes.Repeat([]byte("0123456789"), parts*partSize/10)
			if _, err := source.Put(t.Context(), "k", storage.Block{Data: data, Size: int64(len(data))}, storage.WriteOptions{Size: int64(len(data))}); err != nil {
				t.Fatal(err)
			}
			cfg := s3sync.DefaultConfig()
			cfg.Source.Store, cfg.Target.Store, cfg.Resume.Records = source, target, records
			cfg.Transfer.Threshold, cfg.Transfer.ChunkSize, cfg.Transfer.ParallelParts = partSize, partSize, 1
			ctx, cancel := context.WithCancel(t.Context())
			target.part = func(n int64) {
				if n == 3 {
					cancel()
				}
			}
			if _, err := s3sync.Sync(ctx, cfg); !errors.Is(err, context.Canceled) {
				t.Fatal(err)
			}
			ids, keys := map[string]bool{}, 0
			records.All("", func(key string, record []byte) bool {
				id, target := s3sync.UnfinishedObject(key, record)
				ids[id] = true
				if target == "k" {
					keys++
				}
				return true
			})
			if len(ids) != 1 || ids[""] || keys != 1 || len(records.records) < 3 {
				t.Errorf("%d records of the objects %v, %d of them of the key", len(records.records), ids, keys)
			}
			target.part = nil
			dry := *cfg
			dry.DryRun = true
			if _, err := s3sync.Sync(t.Context(), &dry); err != nil || len(records.records) < 3 {
				t.Errorf("%v, %d records after a dry run", err, len(records.records))
			}
			if goesOn {
				if _, err := s3sync.Sync(t.Context(), cfg); err != nil || target.parts.Load() != parts {
					t.Errorf("%v, %d parts were sent", err, target.parts.Load())
				}
			} else {
				r, err := s3sync.NewRunner(t.Context(), cfg)
				if err != nil {
					t.Fatal(err)
				}
				if _, err := r.Finish(t.Context(), r.DiscardUnfinished(t.Context())); err != nil {
					t.Fatal(err)
				}
			}
			if len(records.records) != 0 {
				t.Errorf("records are left: %q", records.records)
			}
			for l, err := range target.Leftovers(t.Context()) {
				t.Errorf("an upload is left: %+v, %v", l, err)
			}
			if info, err := target.Stat(t.Context(), "k", storage.StatOptions{}); (err == nil) != goesOn || goesOn && info.Size != int64(len(data)) {
				t.Errorf("%+v, %v", info, err)
			}
		})
	}
}
