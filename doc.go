// Package s3sync keeps a local directory and an S3 bucket, or two buckets, in
// sync, and verifies that what arrived is what was sent.
//
// Start from [DefaultConfig], set the two sides, and call [Sync]:
//
//	cfg := s3sync.DefaultConfig()
//	cfg.Source.URL = "./photos"
//	cfg.Target.URL = "s3://my-bucket/photos/"
//	report, err := s3sync.Sync(ctx, cfg)
//
// The report is complete even if the run failed. [Config.OnEvent] and [Config.Logger]
// receive what happens to each object meanwhile. A [Runner] does a sync in parts:
// ranges of keys that run on their own, and can be stopped and continued.
//
// # Guarantees
//
// Nothing is deleted unless both sides were listed completely and every transfer
// succeeded. A file appears under its name only after its bytes were verified. No
// key makes the run write outside the target directory. Memory is bounded by
// [Transfer.MaxMemory] and does not grow with the number of objects.
//
// # Stores
//
// A side can also be any [s3sync/storage.Store]: set [Endpoint.Store]. Package
// [s3sync/storage/mem] has one for tests.
//
// # Errors
//
// [errors.Is] finds out why a run or an object of [Report].Failures failed:
// [storage.ErrNoBucket], [storage.ErrCredentials] and [storage.ErrFull] are some of the
// kinds. See docs/library.md. Until version 1.0 the API may change with every minor version.
package s3sync
