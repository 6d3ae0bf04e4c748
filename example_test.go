package s3sync_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"log/slog"
	"os"
	"path"
	"path/filepath"
	"strings"

	"s3sync"
	"s3sync/storage"
	"s3sync/storage/mem"
)

// The simplest use: sync a directory to a bucket. It does not run here, because the
// bucket does not exist.
func Example() {
	sync := func(ctx context.Context) {
		cfg := s3sync.DefaultConfig()
		cfg.Source.URL = "./photos"
		cfg.Target.URL = "s3://my-bucket/photos/"

		report, err := s3sync.Sync(ctx, cfg)
		fmt.Println("transferred", report.Transferred, "verified", report.ETagVerified)
		if err != nil {
			log.Print(err)
		}
	}
	_ = sync
}

// A function of a program: it syncs a directory to a bucket and logs what went wrong.
// docs/library.md shows it. It does not run here, because the bucket does not exist.
func Example_program() {
	_ = syncPhotos
}

func syncPhotos(ctx context.Context) error {
	cfg := s3sync.DefaultConfig()
	cfg.Source.URL = "./photos"
	cfg.Target.URL = "s3://my-bucket/photos/"
	cfg.Delete.Enable = true
	cfg.Delete.Max = 1000
	cfg.OnEvent = func(ev s3sync.Event) {
		switch ev.Type {
		case s3sync.EventWarning, s3sync.EventFailed:
			log.Print(ev)
		case s3sync.EventProgress:
			log.Printf("%d objects, %d bytes", ev.Stats.Transferred, ev.Stats.TransferredBytes)
		}
	}
	report, err := s3sync.Sync(ctx, cfg)
	switch {
	case errors.Is(err, s3sync.ErrDeleteRefused):
		return fmt.Errorf("is this the right source? %w", err)
	case err != nil:
		return fmt.Errorf("%d objects failed: %w", report.Failed, err)
	}
	log.Printf("%d transferred, %d verified by ETag, %d deleted", report.Transferred, report.ETagVerified, report.Deleted)
	return nil
}

// A store in memory replaces the bucket here.
func ExampleSync() {
	ctx := context.Background()
	bucket := mem.New()
	for key, data := range map[string]string{"a.txt": "hello", "b/c.txt": "world"} {
		_, err := bucket.Put(ctx, key, storage.Block{Data: []byte(data)}, storage.WriteOptions{Size: int64(len(data))})
		if err != nil {
			log.Fatal(err)
		}
	}
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()

	cfg := s3sync.DefaultConfig()
	cfg.Source.Store = bucket
	cfg.Target.URL = dir
	for range 2 {
		report, err := s3sync.Sync(ctx, cfg)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println("transferred", report.Transferred, "verified", report.ETagVerified, "skipped", report.Skipped)
	}
	data, err := os.ReadFile(filepath.Join(dir, "b", "c.txt"))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(string(data))
	// Output:
	// transferred 2 verified 2 skipped 0
	// transferred 0 verified 0 skipped 2
	// world
}

// A fullStore has no space left.
type fullStore struct{ storage.Store }

func (s fullStore) Unwrap() storage.Store { return s.Store }

func (s fullStore) Put(_ context.Context, key string, _ storage.Block, _ storage.WriteOptions) (storage.Info, error) {
	return storage.Info{}, &storage.Error{Op: "put", Key: key, Err: storage.ErrFull}
}

// A program can find out why a run failed, and act on it.
func ExampleSync_errors() {
	ctx := context.Background()
	source := mem.New()
	if _, err := source.Put(ctx, "a.txt", storage.Block{}, storage.WriteOptions{}); err != nil {
		log.Fatal(err)
	}
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = source, fullStore{mem.New()}
	_, err := s3sync.Sync(ctx, cfg)
	switch {
	case errors.Is(err, storage.ErrNoBucket):
		fmt.Println("create the bucket")
	case errors.Is(err, storage.ErrCredentials):
		fmt.Println("get other credentials")
	case errors.Is(err, storage.ErrFull):
		fmt.Println("make room in the target")
	case errors.Is(err, storage.ErrUnusable):
		fmt.Println("the run ended early:", err)
	case err != nil:
		fmt.Println("some objects failed:", err)
	}
	// Output:
	// make room in the target
}

// Events report what happens to each object while the run goes on.
func ExampleConfig_events() {
	source, target := mem.New(), mem.New()
	for store, key := range map[storage.Store]string{source: "new.txt", target: "old.txt"} {
		if _, err := store.Put(context.Background(), key, storage.Block{}, storage.WriteOptions{}); err != nil {
			log.Fatal(err)
		}
	}
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = source, target
	cfg.Delete.Enable = true
	cfg.DryRun = true
	cfg.OnEvent = func(ev s3sync.Event) {
		switch ev.Type {
		case s3sync.EventDeleted:
			fmt.Println("would delete", ev.Key)
		case s3sync.EventEnd:
			fmt.Println("in all", ev.Stats.Deleted)
		}
	}
	if _, err := s3sync.Sync(context.Background(), cfg); err != nil {
		log.Fatal(err)
	}
	// Output:
	// would delete old.txt
	// in all 1
}

// Some events report the progress of an object.
func ExampleEvent_object() {
	ctx := context.Background()
	source, target := mem.New(), mem.New()
	size := int64(11 * s3sync.MiB)
	_, err := source.Put(ctx, "film.mp4", storage.Block{Data: make([]byte, size)}, storage.WriteOptions{Size: size})
	if err != nil {
		log.Fatal(err)
	}
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = source, target
	cfg.Transfer.ParallelParts = 1 // for the order below
	cfg.OnEvent = func(ev s3sync.Event) {
		switch ev.Type {
		case s3sync.EventBegun:
			fmt.Println(ev.Key, "begins")
		case s3sync.EventWritten:
			fmt.Println("part", ev.Part, "of", ev.Bytes, "bytes")
		case s3sync.EventTransferred:
			fmt.Println(ev.Key, "is there, since it is", ev.Reason)
		}
	}
	if _, err := s3sync.Sync(ctx, cfg); err != nil {
		log.Fatal(err)
	}
	// Output:
	// film.mp4 begins
	// part 1 of 8388608 bytes
	// part 2 of 3145728 bytes
	// film.mp4 is there, since it is new
}

// A callback decides for each object what it is written with, or skips it.
func ExampleConfig_preprocess() {
	ctx := context.Background()
	source, target := mem.New(), mem.New()
	for _, key := range []string{"index.html", "draft.html"} {
		if _, err := source.Put(ctx, key, storage.Block{}, storage.WriteOptions{}); err != nil {
			log.Fatal(err)
		}
	}
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = source, target
	cfg.Preprocess = func(_ context.Context, source *storage.Info, upload *s3sync.Upload) error {
		if source.Key == "draft.html" {
			return s3sync.ErrSkip
		}
		upload.CacheControl = "max-age=60"
		upload.Tags = map[string]string{"stage": "live"}
		return nil
	}
	report, err := s3sync.Sync(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("transferred", report.Transferred, "skipped", report.Skipped)
	info, err := target.Stat(ctx, "index.html", storage.StatOptions{})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(info.CacheControl, "and", info.TagCount, "tag")
	// Output:
	// transferred 1 skipped 1
	// max-age=60 and 1 tag
}

// A callback selects objects by a rule that no option has: here, one object of each
// name without its extension. It is called in order of the key, from one goroutine.
func ExampleFilter_func() {
	ctx := context.Background()
	source, target := mem.New(), mem.New()
	for _, key := range []string{"cat.jpg", "cat.png", "dog.png"} {
		if _, err := source.Put(ctx, key, storage.Block{}, storage.WriteOptions{}); err != nil {
			log.Fatal(err)
		}
	}
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = source, target
	last := ""
	cfg.Filter.Func = func(o storage.Object) (bool, error) {
		name := strings.TrimSuffix(o.Key, path.Ext(o.Key))
		first := name != last
		last = name
		return first, nil
	}
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type == s3sync.EventSkipped {
			fmt.Println(ev.Key, "is skipped:", ev.Reason)
		}
	}
	report, err := s3sync.Sync(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("transferred", report.Transferred)
	// Output:
	// cat.png is skipped: filter callback
	// transferred 2
}

// The log of a run goes to any slog.Handler.
func ExampleConfig_logger() {
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = mem.New(), mem.New()
	cfg.Logger = slog.New(slog.NewTextHandler(os.Stdout, &slog.HandlerOptions{
		Level: slog.LevelInfo,
		ReplaceAttr: func(_ []string, a slog.Attr) slog.Attr {
			if a.Key == slog.TimeKey || a.Key == "duration_sec" {
				return slog.Attr{}
			}
			return a
		},
	}))
	if _, err := s3sync.Sync(context.Background(), cfg); err != nil {
		log.Fatal(err)
	}
	// Output:
	// level=INFO msg="sync summary" transferred_byte=0 transferred_byte_per_sec=0 transferred_object=0 transferred_object_per_sec=0 etag_verified=0 checksum_verified=0 unverified=0 deleted=0 skipped=0 error=0 warning=0
}

// A progress display reads the counters of EventProgress, which comes about every
// second. EventListed reports the total. Failures are reported with their error: each
// one by an event, and the first 1,000 in the report.
func ExampleEvent_progress() {
	ctx := context.Background()
	source, target := mem.New(), mem.New()
	for _, key := range []string{"a", "b/"} {
		if _, err := source.Put(ctx, key, storage.Block{Data: []byte("data")}, storage.WriteOptions{Size: 4}); err != nil {
			log.Fatal(err)
		}
	}
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = source, target
	cfg.OnEvent = func(ev s3sync.Event) {
		switch ev.Type {
		case s3sync.EventListed:
			fmt.Println("found", ev.Objects, "objects of", ev.Bytes, "bytes")
		case s3sync.EventProgress:
			fmt.Println(ev.Stats.Transferred, "objects,", ev.Stats.TransferredBytes, "bytes")
		case s3sync.EventFailed:
			fmt.Println(ev)
		}
	}
	report, err := s3sync.Sync(ctx, cfg)
	for _, f := range report.Failures {
		switch {
		case errors.Is(f.Err, storage.ErrThrottled):
			fmt.Println(f.Key, "was too much for the server")
		default:
			fmt.Println(f.Key, f.Err)
		}
	}
	if err != nil {
		log.Fatal(err)
	}
	// Output:
	// found 2 objects of 8 bytes
}

// A Runner does a sync in parts. Its ranges can run at once, be stopped and be
// continued. Target-only objects are deleted when all ranges are done.
func ExampleRunner() {
	ctx := context.Background()
	source, target := mem.New(), mem.New()
	for store, keys := range map[storage.Store][]string{source: {"a", "k", "z"}, target: {"b", "k", "y"}} {
		for _, key := range keys {
			if _, err := store.Put(ctx, key, storage.Block{}, storage.WriteOptions{}); err != nil {
				log.Fatal(err)
			}
		}
	}
	cfg := s3sync.DefaultConfig()
	cfg.Source.Store, cfg.Target.Store = source, target
	cfg.Check.Mode = s3sync.CheckSize
	cfg.Delete.Enable = true

	runner, err := s3sync.NewRunner(ctx, cfg)
	if err != nil {
		log.Fatal(err)
	}
	var results []*s3sync.RangeResult
	for _, keys := range []storage.Range{{To: "m"}, {From: "m"}} {
		result, err := runner.Run(ctx, keys, nil)
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%q to %q: transferred %d, skipped %d\n", keys.From, keys.To, result.Stats.Transferred, result.Stats.Skipped)
		results = append(results, result)
	}
	report, err := runner.Finish(ctx, runner.Delete(ctx, results...))
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("deleted", report.Deleted)
	// Output:
	// "" to "m": transferred 1, skipped 1
	// "m" to "": transferred 1, skipped 0
	// deleted 2
}
