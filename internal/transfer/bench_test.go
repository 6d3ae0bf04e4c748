package transfer_test

import (
	"testing"

	"s3sync/internal/attributes"
	"s3sync/internal/limits"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/internal/transfer"
	"s3sync/internal/verify"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// BenchmarkTransfer: one small object, between stores in memory.
func BenchmarkTransfer(b *testing.B) {
	source, target := mem.New(), mem.New()
	data := make([]byte, 10<<10)
	info, err := source.Put(b.Context(), "a", storage.Block{Data: data}, storage.WriteOptions{Size: int64(len(data))})
	if err != nil {
		b.Fatal(err)
	}
	from, to := side.New("source", source, side.Options{}), side.New("target", target, side.Options{})
	l := limits.New(limits.Options{Memory: 64 << 20, ParallelParts: 16})
	opts := transfer.Options{Threshold: 8 << 20, ChunkSize: 8 << 20, Verify: verify.Options{ETag: true, Multipart: true, Checksum: true}}
	tr, err := transfer.New(opts, from, to, l, attributes.New(attributes.Options{}, from, to))
	if err != nil {
		b.Fatal(err)
	}
	a := plan.Action{Pair: plan.Pair{Source: info.Object, TargetKey: "a"}, Reason: plan.ReasonNew}
	ctx := b.Context()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := tr.Transfer(ctx, &a); err != nil {
			b.Fatal(err)
		}
	}
}
