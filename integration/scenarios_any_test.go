package integration_test

import (
	"context"
	"errors"
	"maps"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// Scenarios that are the same in every direction.

func deletes(c *s3sync.Config)         { c.Delete.Enable = true }
func dryRun(c *s3sync.Config)          { c.DryRun = true }
func overwrites(c *s3sync.Config)      { c.Check.Mode = s3sync.CheckOverwrite }
func unlisted(c *s3sync.Config)        { c.Check.NoTargetListing = true }
func headsEachTarget(c *s3sync.Config) { c.Check.HeadEachTarget = true }
func checksSize(c *s3sync.Config)      { c.Check.Mode = s3sync.CheckSize }
func checksETag(c *s3sync.Config)      { c.Check.Mode = s3sync.CheckETag }
func keepsParts(c *s3sync.Config)      { c.Transfer.AutoChunkSize = true }
func warnsAsErrors(c *s3sync.Config)   { c.WarnAsError = true }
func readsSum(c *s3sync.Config)        { c.Verify.ReadChecksum = true }

func checksSum(a types.ChecksumAlgorithm) func(*s3sync.Config) {
	return func(c *s3sync.Config) { c.Check.Mode, c.Check.Algorithm = s3sync.CheckChecksum, string(a) }
}

func excludes(text string) func(*s3sync.Config) {
	return func(c *s3sync.Config) { c.Filter.Exclude = expression(text) }
}

// TestScenariosOfAnyWay: first runs, second ones, and filters.
func TestScenariosOfAnyWay(t *testing.T) {
	t.Parallel()
	runScenarios(t, allDirections(), map[string]scenario{
		"first":            {want: counts{transferred: 5, etag: 5}},
		"odd names":        {objects: awkwardNames(), want: counts{transferred: 7, etag: 7}},
		"below a prefix":   {prefix: "dir with/prefix/", want: counts{transferred: 5, etag: 5}},
		"pages of two":     {options: func(c *s3sync.Config) { c.AWS.MaxKeys = 2 }, want: counts{transferred: 5, etag: 5}},
		"unchanged":        {before: []step{synced()}, want: counts{skipped: 5}},
		"one touched":      {before: []step{synced(), touches("dir2/data2")}, want: counts{transferred: 1, etag: 1, skipped: 4}},
		"overwrite":        {before: []step{synced()}, options: overwrites, want: counts{transferred: 5, etag: 5}},
		"overwrite, heads": {before: []step{synced()}, options: with(unlisted, headsEachTarget), want: counts{skipped: 5}},
		"dry run":          {options: dryRun, want: counts{transferred: 5}, then: wantKeys()},
		"dry run again":    {before: []step{synced()}, options: dryRun, want: counts{skipped: 5}},
		"dry run, touched": {
			before: []step{synced(), changes("data1"), touches("data1")}, options: dryRun, want: counts{transferred: 1, skipped: 4},
			then: func(t *testing.T, s *scenarioRun) {
				if got := string(s.target.get(t, "data1")); got != "data1" {
					t.Errorf("%q was written", got)
				}
			},
		},
		"one vanishes":           {meanwhile: loses("data1"), want: counts{transferred: 4, etag: 4, warnings: 1}},
		"one vanishes, strictly": {meanwhile: loses("data1"), options: warnsAsErrors, want: counts{transferred: 4, etag: 4, failed: 1}, fails: "gone since it was listed"},
		"rates": {
			options: func(c *s3sync.Config) { c.Transfer.ObjectsPerSecond, c.Transfer.BytesPerSecond = 300, 100*s3sync.MiB },
			want:    counts{transferred: 5, etag: 5},
		},
		"sizes from 6 to 20": {
			objects: sixFiles(), want: counts{transferred: 1, etag: 1, skipped: 5}, then: wantKeys("dir5/data20"),
			options: func(c *s3sync.Config) { c.Filter.LargerThan, c.Filter.SmallerThan = new(int64(6)), new(int64(21)) },
		},
		"sizes from 20 to 20": {
			objects: sixFiles(), want: counts{skipped: 6}, then: wantKeys(),
			options: func(c *s3sync.Config) { c.Filter.LargerThan, c.Filter.SmallerThan = new(int64(20)), new(int64(20)) },
		},
		"names": {
			want: counts{transferred: 1, etag: 1, skipped: 4}, then: wantKeys("dir2/data2"),
			options: with(excludes("1$"), func(c *s3sync.Config) { c.Filter.Include = expression("dir2/") }),
		},
		"callback keeps all but one": {
			want: counts{transferred: 4, etag: 4, skipped: 1}, then: wantKeys("dir1/data1", "dir2/data2", "dir21/data1", "dir5/data3"),
			options: func(c *s3sync.Config) {
				c.Filter.Func = func(o storage.Object) (bool, error) { return o.Key != "data1", nil }
			},
		},
		"callback fails": {
			fails: "no more", want: counts{failed: 1}, then: wantKeys(),
			options: func(c *s3sync.Config) {
				c.Filter.Func = func(storage.Object) (bool, error) { return false, errors.New("no more") }
			},
		},
	})
}

// TestDeleteScenarios: in every direction.
func TestDeleteScenarios(t *testing.T) {
	t.Parallel()
	max := func(n int64) func(*s3sync.Config) { return func(c *s3sync.Config) { c.Delete.Max = n } }
	excluded := func(c *s3sync.Config) { c.Delete.Excluded = true }
	case2, case21 := []step{synced(), loses("data1")}, []step{synced(), loses("data1", "dir21/data1")}
	case2Left := []string{"dir1/data1", "dir2/data2", "dir21/data1", "dir5/data3"}
	runScenarios(t, allDirections(), map[string]scenario{
		"none":           {before: case2, want: counts{skipped: 4}, then: wantKeys(keysOf(fiveFiles())...)},
		"delete":         {before: case2, options: deletes, want: counts{skipped: 4, deleted: 1}, then: wantKeys(case2Left...)},
		"below":          {prefix: "p/", before: case2, options: deletes, want: counts{skipped: 4, deleted: 1}, then: wantKeys(case2Left...)},
		"dry run":        {before: case2, options: with(deletes, dryRun), want: counts{skipped: 4, deleted: 1}, then: wantKeys(keysOf(fiveFiles())...)},
		"pages of two":   {before: case2, options: with(deletes, func(c *s3sync.Config) { c.AWS.MaxKeys = 2 }), want: counts{skipped: 4, deleted: 1}, then: wantKeys(case2Left...)},
		"overwriting":    {before: case2, options: with(deletes, overwrites), want: counts{transferred: 4, etag: 4, deleted: 1}, then: wantKeys(case2Left...)},
		"1 of 1 at most": {before: case2, options: with(deletes, max(1)), want: counts{skipped: 4, deleted: 1}, then: wantKeys(case2Left...)},
		"1 of 2 at most": {before: case21, options: with(deletes, max(1)), want: counts{skipped: 3, deleted: 1, warnings: 1}, then: wantKeys(case2Left...)},
		"excluded":       {before: case2, options: with(deletes, excludes("^data1$")), want: counts{skipped: 4}, then: wantKeys(keysOf(fiveFiles())...)},
		"excluded, too":  {before: case2, options: with(deletes, excluded, excludes("^data1$")), want: counts{skipped: 4, deleted: 1}, then: wantKeys(case2Left...)},
		"other filters, from the beginning": { // this limits the listing
			before: case2, want: counts{skipped: 4, deleted: 1}, then: wantKeys(case2Left...),
			options: with(deletes, func(c *s3sync.Config) { c.Filter.Include = expression("^dir2") }),
		},
		"other filters": {
			before: case2, want: counts{skipped: 4, deleted: 1}, then: wantKeys(case2Left...),
			options: with(deletes, func(c *s3sync.Config) { c.Filter.Include = expression("dir2") }),
		},
	})
}

// TestCheckScenarios: update checks in every direction. If the second run finds
// something, the third one must not.
func TestCheckScenarios(t *testing.T) {
	t.Parallel()
	const sha, crc, crc64 = types.ChecksumAlgorithmSha256, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme
	mtimeETag := func(c *s3sync.Config) { c.Check.Mode = s3sync.CheckMtimeAndETag }
	mtimeSum := func(c *s3sync.Config) { c.Check.Mode, c.Check.Algorithm = s3sync.CheckMtimeAndChecksum, string(sha) }
	mtimeSize := func(c *s3sync.Config) { c.Check.Mode = s3sync.CheckMtimeAndSize }
	longer := put(map[string][]byte{"data1": []byte("longer")})
	rows := map[string]scenario{
		"size, same":                {before: []step{synced(), touches("data1")}, options: checksSize, want: counts{skipped: 5}},
		"size, longer":              {before: []step{synced(), longer}, options: checksSize, want: counts{transferred: 1, etag: 1, skipped: 4}},
		"size, heads":               {before: []step{synced(), longer}, options: with(checksSize, headsEachTarget), want: counts{transferred: 1, etag: 1, skipped: 4}},
		"mtime and size, touched":   {before: []step{synced(), touches("data1")}, options: mtimeSize, want: counts{transferred: 1, etag: 1, skipped: 4}},
		"mtime and size, longer":    {before: []step{synced(), longer}, options: mtimeSize, want: counts{transferred: 1, etag: 1, skipped: 4}},
		"ETag, same":                {before: []step{synced(), touches("data1")}, options: checksETag, want: counts{skipped: 5}},
		"ETag, changed":             {before: []step{synced(), changes("data1")}, options: checksETag, want: counts{transferred: 1, etag: 1, skipped: 4}},
		"ETag, heads, same":         {before: []step{synced()}, options: with(checksETag, headsEachTarget), want: counts{skipped: 5}},
		"ETag, heads":               {before: []step{synced(), changes("data1")}, options: with(checksETag, headsEachTarget), want: counts{transferred: 1, etag: 1, skipped: 4}},
		"ETag, keeping parts, same": {before: []step{synced()}, options: with(checksETag, keepsParts), want: counts{skipped: 5}},
		"ETag, keeping parts":       {before: []step{synced(), changes("data1")}, options: with(checksETag, keepsParts), want: counts{transferred: 1, etag: 1, skipped: 4}},
		"mtime and ETag, touched":   {before: []step{synced(), touches("data1")}, options: mtimeETag, want: counts{skipped: 5}},
		"mtime and ETag, changed":   {before: []step{synced(), changes("data1"), touches("data1")}, options: mtimeETag, want: counts{transferred: 1, etag: 1, skipped: 4}},
		"checksum, missing":         {before: []step{synced()}, options: checksSum(sha), want: counts{warnings: 5}},
		"mtime and checksum, missing": {
			before: []step{synced(), touches("data1")}, options: mtimeSum, want: counts{warnings: 1, skipped: 4},
		},
	}
	for name, sum := range map[string]checksumKind{"SHA256": {algorithm: sha}, "CRC32C": {algorithm: crc, full: true}, "CRC64NVME": {algorithm: crc64}} {
		check := checksSum(sum.algorithm)
		maps.Copy(rows, map[string]scenario{
			name + ", same":    {sum: sum, before: []step{synced(), touches("data1")}, options: check, want: counts{skipped: 5}},
			name + ", changed": {sum: sum, before: []step{synced(), changes("data1")}, options: with(check, sum.of, readsSum), want: counts{transferred: 1, etag: 1, checksum: 1, skipped: 4}},
			name + ", heads":   {sum: sum, before: []step{synced(), changes("data1")}, options: with(check, sum.of, readsSum, headsEachTarget), want: counts{transferred: 1, etag: 1, checksum: 1, skipped: 4}},
		})
	}
	maps.Copy(rows, map[string]scenario{
		"mtime and checksum, touched": {sum: checksumKind{algorithm: sha}, before: []step{synced(), touches("data1")}, options: mtimeSum, want: counts{skipped: 5}},
		"mtime and checksum, changed": {
			sum: checksumKind{algorithm: sha}, before: []step{synced(), changes("data1"), touches("data1")},
			options: with(mtimeSum, checksumKind{algorithm: sha}.of, readsSum), want: counts{transferred: 1, etag: 1, checksum: 1, skipped: 4},
		},
	})
	runScenarios(t, allDirections(), rows)
}

// TestCancelledBeforeTheStart: nothing is done, and only the cause is reported.
func TestCancelledBeforeTheStart(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for _, w := range allDirections() {
			t.Run(string(w), func(t *testing.T) {
				s := newScenarioRun(t, srv, &scenario{}, w)
				s.source.put(t, "key", []byte("data"))
				s.target.put(t, "other", nil)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				o := runIn(ctx, t, s.config(deletes))
				if got := countsOf(o.Stats); !errors.Is(o.err, context.Canceled) || got != (counts{}) || !o.Incomplete {
					t.Errorf("%v, %+v\n%s", o.err, got, o.log)
				}
				wantKeys("other")(t, s)
			})
		}
	})
}

// TestCompareWithCustomerKeys: objects encrypted with customer keys are compared by
// their checksums, with those keys.
func TestCompareWithCustomerKeys(t *testing.T) {
	srv := s3server.Start(t, s3server.MinIO, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", srv.CAFile)
	files := writeAll(t, sixFiles())
	write(t, files.URL, "large", random(1, 6*s3sync.MiB))
	first, second, copied := newBucket(t, srv).at(""), newBucket(t, srv).at(""), local(t.TempDir())
	none := s3sync.CustomerKey{}
	for round, want := range []counts{{transferred: 7, checksum: 7}, {skipped: 7}, {transferred: 2, checksum: 2, skipped: 5}} {
		if round == 2 {
			write(t, files.URL, "large", random(2, 6*s3sync.MiB))
			write(t, files.URL, "data1", []byte("other"))
		}
		for _, tt := range []struct {
			from, to      s3sync.Endpoint
			reads, writes s3sync.CustomerKey
		}{
			{files, first, none, customerKey(1)},
			{first, second, customerKey(1), customerKey(2)},
			{second, copied, customerKey(2), none},
		} {
			cfg := smallParts(config(tt.from, tt.to))
			cfg.Encryption.SourceCustomer, cfg.Encryption.TargetCustomer = tt.reads, tt.writes
			cfg.Check.Mode, cfg.Check.Algorithm = s3sync.CheckChecksum, "SHA256"
			cfg.Verify.ReadChecksum = tt.from.EndpointURL != ""
			if tt.to.EndpointURL != "" {
				cfg.Verify.Algorithm = "SHA256"
			}
			o := run(t, cfg)
			if got := countsOf(o.Stats); o.err != nil || got != want {
				t.Errorf("round %d from %s: %v, %+v, want %+v\n%s", round, tt.from.URL, o.err, got, want, o.log)
			}
		}
	}
	sameTree(t, files.URL, copied.URL)
}
