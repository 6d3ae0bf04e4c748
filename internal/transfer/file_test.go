package transfer_test

import (
	"fmt"
	"testing"

	"s3sync/internal/attributes"
	"s3sync/internal/limits"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/storage"
	"s3sync/storage/dir"
)

// TestDigestsOfWrittenFile: they are known if the store identifies the file that has them.
func TestDigestsOfWrittenFile(t *testing.T) {
	for _, identify := range []bool{true, false} {
		t.Run(fmt.Sprint(identify), func(t *testing.T) {
			r := newRun()
			r.opts.KeepDigests = true
			a := r.fill(t, 4)
			target, err := dir.Open(t.TempDir(), dir.Options{Identify: identify})
			if err != nil {
				t.Fatal(err)
			}
			defer target.Close()
			from, to := side.New("source", r.source, side.Options{}), side.New("target", target, side.Options{})
			tr, err := transfer.New(r.opts, from, to, limits.New(limits.Options{Memory: 1 << 20, FixedMemory: true, ParallelParts: 1}), attributes.New(r.attrs, from, to))
			if err != nil {
				t.Fatal(err)
			}
			got, err := tr.Transfer(t.Context(), a)
			if err != nil {
				t.Fatal(err)
			}
			info, err := target.Stat(t.Context(), "a", storage.StatOptions{})
			switch {
			case err != nil:
				t.Fatal(err)
			case !identify && got.File != nil:
				t.Errorf("of a file that may be another one is known: %+v", got.File)
			case identify && info.File.Known() && (got.File == nil || got.File.Object.File != info.File):
				t.Errorf("of %+v is known: %+v", info, got.File)
			}
		})
	}
}
