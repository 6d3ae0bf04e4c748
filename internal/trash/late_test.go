package trash

import (
	"context"
	"errors"
	"testing"

	"s3sync/storage"
	"s3sync/storage/mem"
)

// A piece that nobody answered may arrive before or after the next one: that one is not lost.
func TestPieceThatArrivesLate(t *testing.T) {
	for name, before := range map[string]bool{"before": true, "after": false} {
		t.Run(name, func(t *testing.T) {
			store, id, calls := mem.New(), NewID(when), 0
			var late func()
			put := func(ctx context.Context, key string, data []byte) error {
				write := func() error {
					_, err := store.Put(ctx, key, storage.Block{Data: data}, storage.WriteOptions{Size: int64(len(data)), IfAbsent: true})
					return err
				}
				if calls++; calls == 2 {
					late = func() { _ = write() } // nobody hears of it
					return errors.New("no answer")
				}
				return write()
			}
			j := New(Header{Format: format, ID: id, Began: when}, NewSink(store, id, put))
			if err := j.Begin(t.Context()); err != nil {
				t.Fatal(err)
			}
			if err := j.Intend(t.Context(), []Line{{Do: Create, Key: "x"}}); err == nil {
				t.Fatal("it is durable")
			}
			if before {
				late()
			}
			if err := j.Intend(t.Context(), []Line{{Do: Create, Key: "y"}}); err != nil {
				t.Fatal(err)
			}
			late()
			lines, damaged := readAll(t, store, id)
			if n := len(lines); n == 0 || lines[n-1].Key != "y" || len(damaged) > 0 {
				t.Errorf("lines %+v, damaged %q", lines, damaged)
			}
		})
	}
}
