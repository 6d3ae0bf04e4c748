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

func deletes(c *s3sync.Config)    { c.Delete.Enable = true }
func dryRun(c *s3sync.Config)     { c.DryRun = true }
func overwrites(c *s3sync.Config) { c.Check.Overwrite = true }
func headsEach(c *s3sync.Config)  { c.Check.HeadEachTarget = true }
func checksSize(c *s3sync.Config) { c.Check.Size = true }
func checksETag(c *s3sync.Config) { c.Check.ETag = true }
func keepsParts(c *s3sync.Config) { c.Transfer.AutoChunkSize = true }
func strictly(c *s3sync.Config)   { c.WarnAsError = true }
func readsSum(c *s3sync.Config)   { c.Verify.ReadChecksum = true }

func checksSum(a types.ChecksumAlgorithm) func(*s3sync.Config) {
	return func(c *s3sync.Config) { c.Check.Checksum = string(a) }
}

func excludes(text string) func(*s3sync.Config) {
	return func(c *s3sync.Config) { c.Filter.Exclude = expression(text) }
}

// TestScenariosOfAnyWay: first runs, second ones, and filters.
func TestScenariosOfAnyWay(t *testing.T) {
	play(t, everyWay(), map[string]scenario{
		"first":            {want: counts{c: 5, e: 5}},
		"odd names":        {objects: case6(), want: counts{c: 7, e: 7}},
		"below a prefix":   {prefix: "dir with/prefix/", want: counts{c: 5, e: 5}},
		"pages of two":     {options: func(c *s3sync.Config) { c.AWS.MaxKeys = 2 }, want: counts{c: 5, e: 5}},
		"unchanged":        {before: []step{synced()}, want: counts{s: 5}},
		"one touched":      {before: []step{synced(), touches("dir2/data2")}, want: counts{c: 1, e: 1, s: 4}},
		"overwrite":        {before: []step{synced()}, options: overwrites, want: counts{c: 5, e: 5}},
		"overwrite, heads": {before: []step{synced()}, options: with(overwrites, headsEach), want: counts{s: 5}},
		"dry run":          {options: dryRun, want: counts{c: 5}, then: left()},
		"dry run again":    {before: []step{synced()}, options: dryRun, want: counts{s: 5}},
		"dry run, touched": {
			before: []step{synced(), changes("data1"), touches("data1")}, options: dryRun, want: counts{c: 1, s: 4},
			then: func(t *testing.T, s *scene) {
				if got := string(s.target.get(t, "data1")); got != "data1" {
					t.Errorf("%q was written", got)
				}
			},
		},
		"one vanishes":           {meanwhile: loses("data1"), want: counts{c: 4, e: 4, w: 1}},
		"one vanishes, strictly": {meanwhile: loses("data1"), options: strictly, want: counts{c: 4, e: 4, f: 1}, fails: "gone since it was listed"},
		"rates": {
			options: func(c *s3sync.Config) { c.Transfer.ObjectsPerSecond, c.Transfer.BytesPerSecond = 300, 100*s3sync.MiB },
			want:    counts{c: 5, e: 5},
		},
		"sizes from 6 to 20": {
			objects: case5(), want: counts{c: 1, e: 1, s: 5}, then: left("dir5/data20"),
			options: func(c *s3sync.Config) { c.Filter.LargerThan, c.Filter.SmallerThan = new(int64(6)), new(int64(21)) },
		},
		"sizes from 20 to 20": {
			objects: case5(), want: counts{s: 6}, then: left(),
			options: func(c *s3sync.Config) { c.Filter.LargerThan, c.Filter.SmallerThan = new(int64(20)), new(int64(20)) },
		},
		"names": {
			want: counts{c: 1, e: 1, s: 4}, then: left("dir2/data2"),
			options: with(excludes("1$"), func(c *s3sync.Config) { c.Filter.Include = expression("dir2/") }),
		},
		"callback keeps all but one": {
			want: counts{c: 4, e: 4, s: 1}, then: left("dir1/data1", "dir2/data2", "dir21/data1", "dir5/data3"),
			options: func(c *s3sync.Config) {
				c.Filter.Func = func(o storage.Object) (bool, error) { return o.Key != "data1", nil }
			},
		},
		"callback fails": {
			fails: "no more", want: counts{f: 1}, then: left(),
			options: func(c *s3sync.Config) {
				c.Filter.Func = func(storage.Object) (bool, error) { return false, errors.New("no more") }
			},
		},
	})
}

// TestDeleteScenarios: in every direction.
func TestDeleteScenarios(t *testing.T) {
	max := func(n int64) func(*s3sync.Config) { return func(c *s3sync.Config) { c.Delete.Max = n } }
	excluded := func(c *s3sync.Config) { c.Delete.Excluded = true }
	case2, case21 := []step{synced(), loses("data1")}, []step{synced(), loses("data1", "dir21/data1")}
	case2Left := []string{"dir1/data1", "dir2/data2", "dir21/data1", "dir5/data3"}
	play(t, everyWay(), map[string]scenario{
		"none":           {before: case2, want: counts{s: 4}, then: left(keysOf(case1())...)},
		"delete":         {before: case2, options: deletes, want: counts{s: 4, d: 1}, then: left(case2Left...)},
		"below":          {prefix: "p/", before: case2, options: deletes, want: counts{s: 4, d: 1}, then: left(case2Left...)},
		"dry run":        {before: case2, options: with(deletes, dryRun), want: counts{s: 4, d: 1}, then: left(keysOf(case1())...)},
		"pages of two":   {before: case2, options: with(deletes, func(c *s3sync.Config) { c.AWS.MaxKeys = 2 }), want: counts{s: 4, d: 1}, then: left(case2Left...)},
		"overwriting":    {before: case2, options: with(deletes, overwrites), want: counts{c: 4, e: 4, d: 1}, then: left(case2Left...)},
		"1 of 1 at most": {before: case2, options: with(deletes, max(1)), want: counts{s: 4, d: 1}, then: left(case2Left...)},
		"1 of 2 at most": {before: case21, options: with(deletes, max(1)), want: counts{s: 3, d: 1, w: 1}, then: left(case2Left...)},
		"excluded":       {before: case2, options: with(deletes, excludes("^data1$")), want: counts{s: 4}, then: left(keysOf(case1())...)},
		"excluded, too":  {before: case2, options: with(deletes, excluded, excludes("^data1$")), want: counts{s: 4, d: 1}, then: left(case2Left...)},
		"other filters, from the beginning": { // which limits what is listed
			before: case2, want: counts{s: 4, d: 1}, then: left(case2Left...),
			options: with(deletes, func(c *s3sync.Config) { c.Filter.Include = expression("^dir2") }),
		},
		"other filters": {
			before: case2, want: counts{s: 4, d: 1}, then: left(case2Left...),
			options: with(deletes, func(c *s3sync.Config) { c.Filter.Include = expression("dir2") }),
		},
	})
}

// TestCheckScenarios: update checks in every direction. Where the second run
// finds something the third one must not.
func TestCheckScenarios(t *testing.T) {
	const sha, crc, crc64 = types.ChecksumAlgorithmSha256, types.ChecksumAlgorithmCrc32c, types.ChecksumAlgorithmCrc64nvme
	mtimeETag := func(c *s3sync.Config) { c.Check.MtimeAndETag = true }
	mtimeSum := func(c *s3sync.Config) { c.Check.MtimeAndChecksum = string(sha) }
	mtimeSize := func(c *s3sync.Config) { c.Check.MtimeAndSize = true }
	longer := put(map[string][]byte{"data1": []byte("longer")})
	rows := map[string]scenario{
		"size, same":                {before: []step{synced(), touches("data1")}, options: checksSize, want: counts{s: 5}},
		"size, longer":              {before: []step{synced(), longer}, options: checksSize, want: counts{c: 1, e: 1, s: 4}},
		"size, heads":               {before: []step{synced(), longer}, options: with(checksSize, headsEach), want: counts{c: 1, e: 1, s: 4}},
		"mtime and size, touched":   {before: []step{synced(), touches("data1")}, options: mtimeSize, want: counts{c: 1, e: 1, s: 4}},
		"mtime and size, longer":    {before: []step{synced(), longer}, options: mtimeSize, want: counts{c: 1, e: 1, s: 4}},
		"ETag, same":                {before: []step{synced(), touches("data1")}, options: checksETag, want: counts{s: 5}},
		"ETag, changed":             {before: []step{synced(), changes("data1")}, options: checksETag, want: counts{c: 1, e: 1, s: 4}},
		"ETag, heads, same":         {before: []step{synced()}, options: with(checksETag, headsEach), want: counts{s: 5}},
		"ETag, heads":               {before: []step{synced(), changes("data1")}, options: with(checksETag, headsEach), want: counts{c: 1, e: 1, s: 4}},
		"ETag, keeping parts, same": {before: []step{synced()}, options: with(checksETag, keepsParts), want: counts{s: 5}},
		"ETag, keeping parts":       {before: []step{synced(), changes("data1")}, options: with(checksETag, keepsParts), want: counts{c: 1, e: 1, s: 4}},
		"mtime and ETag, touched":   {before: []step{synced(), touches("data1")}, options: mtimeETag, want: counts{s: 5}},
		"mtime and ETag, changed":   {before: []step{synced(), changes("data1"), touches("data1")}, options: mtimeETag, want: counts{c: 1, e: 1, s: 4}},
		"checksum, missing":         {before: []step{synced()}, options: checksSum(sha), want: counts{w: 5}},
		"mtime and checksum, missing": {
			before: []step{synced(), touches("data1")}, options: mtimeSum, want: counts{w: 1, s: 4},
		},
	}
	for name, sum := range map[string]sum{"SHA256": {algorithm: sha}, "CRC32C": {algorithm: crc, full: true}, "CRC64NVME": {algorithm: crc64}} {
		check := checksSum(sum.algorithm)
		maps.Copy(rows, map[string]scenario{
			name + ", same":    {sum: sum, before: []step{synced(), touches("data1")}, options: check, want: counts{s: 5}},
			name + ", changed": {sum: sum, before: []step{synced(), changes("data1")}, options: with(check, sum.of, readsSum), want: counts{c: 1, e: 1, k: 1, s: 4}},
			name + ", heads":   {sum: sum, before: []step{synced(), changes("data1")}, options: with(check, sum.of, readsSum, headsEach), want: counts{c: 1, e: 1, k: 1, s: 4}},
		})
	}
	maps.Copy(rows, map[string]scenario{
		"mtime and checksum, touched": {sum: sum{algorithm: sha}, before: []step{synced(), touches("data1")}, options: mtimeSum, want: counts{s: 5}},
		"mtime and checksum, changed": {
			sum: sum{algorithm: sha}, before: []step{synced(), changes("data1"), touches("data1")},
			options: with(mtimeSum, sum{algorithm: sha}.of, readsSum), want: counts{c: 1, e: 1, k: 1, s: 4},
		},
	})
	play(t, everyWay(), rows)
}

// TestCancelledBeforeTheStart: nothing is done, and the cause is all that is told.
func TestCancelledBeforeTheStart(t *testing.T) {
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for _, w := range everyWay() {
			t.Run(string(w), func(t *testing.T) {
				s := newScene(t, srv, &scenario{}, w)
				s.source.put(t, "key", []byte("data"))
				s.target.put(t, "other", nil)
				ctx, cancel := context.WithCancel(t.Context())
				cancel()
				o := runIn(ctx, s.config(deletes))
				if got := countsOf(o.Stats); !errors.Is(o.err, context.Canceled) || got != (counts{}) || !o.Incomplete {
					t.Errorf("%v, %+v\n%s", o.err, got, o.log)
				}
				left("other")(t, s)
			})
		}
	})
}

// TestCompareWithCustomerKeys: what is encrypted with keys that the server does not
// keep is compared by its checksums, with those keys.
func TestCompareWithCustomerKeys(t *testing.T) {
	srv := s3server.Start(t, s3server.MinIO, s3server.Options{TLS: true})
	t.Setenv("AWS_CA_BUNDLE", srv.CAFile)
	files := writeAll(t, case5())
	write(t, files.URL, "large", random(1, 6*s3sync.MiB))
	first, second, copied := fresh(t, srv).at(""), fresh(t, srv).at(""), local(t.TempDir())
	none := s3sync.CustomerKey{}
	for round, want := range []counts{{c: 7, k: 7}, {s: 7}, {c: 2, k: 2, s: 5}} {
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
			cfg := small(config(tt.from, tt.to))
			cfg.Encryption.SourceCustomer, cfg.Encryption.TargetCustomer = tt.reads, tt.writes
			cfg.Check.Checksum = "SHA256"
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
