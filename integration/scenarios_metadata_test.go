package integration_test

import (
	"context"
	"errors"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// Scenarios of conditions, of attributes of objects, and of filters and callbacks that
// use them.

func serverCopies(c *s3sync.Config) { c.ServerSideCopy = true }
func ifMatch(c *s3sync.Config)      { c.Condition.IfMatch = true }
func ifNoneMatch(c *s3sync.Config)  { c.Condition.IfNoneMatch = true }
func syncsTags(c *s3sync.Config)    { c.Tagging.SyncLatest = true }

// TestConditionScenarios: an existing object is not overwritten, or only if it is
// unchanged. Each failed condition is one warning.
func TestConditionScenarios(t *testing.T) {
	t.Parallel()
	others := put(map[string][]byte{"data1": []byte("others")})
	mixed, five := zeros("six", 6), keysOf(fiveFiles())
	maps.Copy(mixed, fiveFiles())
	runScenarios(t, []direction{up, across}, map[string]scenario{
		"none is there":    {small: true, objects: mixed, options: ifNoneMatch, want: counts{transferred: 6, etag: 6}},
		"all are there":    {small: true, objects: mixed, before: []step{synced()}, options: with(ifNoneMatch, overwrites), want: counts{warnings: 6}},
		"all are the same": {before: []step{synced()}, options: ifNoneMatch, want: counts{skipped: 5}},
		"all are there, strictly": {
			before: []step{synced()}, want: counts{failed: 5}, fails: "5 failed",
			options: with(ifNoneMatch, overwrites, warnsAsErrors),
		},
		"one is there": {
			before: []step{overwritten("data1")}, options: with(ifNoneMatch, overwrites), want: counts{transferred: 4, etag: 4, warnings: 1},
			then: wantStillOverwritten("data1"),
		},
		"if it matches":        {small: true, objects: mixed, before: []step{synced(), touches("six"), touches("data1")}, options: ifMatch, want: counts{transferred: 2, etag: 2, skipped: 4}},
		"if it matches, heads": {before: []step{synced()}, options: with(ifMatch, unlisted, headsEachTarget, checksSize), want: counts{skipped: 5}},
		"if it matches, overwritten": { // before the listing, so that it matches
			before: []step{synced(), touches("dir2/data2"), overwritten("dir5/data3")}, options: ifMatch, want: counts{transferred: 1, etag: 1, skipped: 4},
			then: wantKeys(keysOf(fiveFiles())...),
		},
		"it does not match": {
			before: []step{synced(), touches(five...)}, meanwhile: overwritten(five...), options: ifMatch, want: counts{warnings: 5},
			then: wantStillOverwritten(five...),
		},
		"it does not match, strictly": {
			before: []step{synced(), touches(five...)}, meanwhile: overwritten(five...), options: with(ifMatch, warnsAsErrors), want: counts{failed: 5},
			fails: "5 failed", then: wantStillOverwritten(five...),
		},
		"it is not there any more": {
			before: []step{synced(), touches("data1")}, options: ifMatch, want: counts{warnings: 1, skipped: 4},
			meanwhile: func(t *testing.T, s *scenarioRun) { s.target.delete(t, "data1") }, then: wantKeys(five[1:]...),
		},
		"it does not match, delete": {
			before: []step{synced(), loses("data1")}, meanwhile: overwritten("data1"), options: with(ifMatch, deletes), want: counts{warnings: 1, skipped: 4},
			then: wantStillOverwritten("data1"),
		},
		"if it matches, SHA256": {
			sum: checksumKinds()["SHA256"], before: []step{synced(), others},
			options: with(ifMatch, checksSum("SHA256"), checksumKinds()["SHA256"].of, readsSum), want: counts{transferred: 1, etag: 1, checksum: 1, skipped: 4},
		},
		"if it matches, delete": {
			before: []step{synced(), loses("data1")}, options: with(ifMatch, deletes), want: counts{skipped: 4, deleted: 1},
		},
	})
	copies := map[string]scenario{
		"copied if none is there":      {small: true, objects: mixed, options: with(serverCopies, ifNoneMatch), want: counts{transferred: 6, etag: 6}},
		"not copied if they are there": {small: true, objects: mixed, before: []step{synced()}, options: with(serverCopies, ifNoneMatch, overwrites), want: counts{warnings: 6}},
		"copied if the source is it":   {options: with(serverCopies, func(c *s3sync.Config) { c.Condition.CopySourceIfMatch = true }), want: counts{transferred: 5, etag: 5}},
	}
	t.Run("by the server", func(t *testing.T) { runScenarios(t, []direction{across}, copies) })
}

// TestServerCopyScenarios: rows between buckets, without a transfer of data.
func TestServerCopyScenarios(t *testing.T) {
	t.Parallel()
	data := random(1, 6*s3sync.MiB)
	parts := []step{putInParts("six", data, 11*s3sync.MiB/2)}
	sha := checksumKinds()["SHA256"]
	rows := map[string]scenario{
		"small":          {prefix: "dir/", want: counts{transferred: 5, etag: 5}},
		"odd names":      {objects: awkwardNames(), want: counts{transferred: 7, etag: 7}},
		"dry run":        {options: dryRun, want: counts{transferred: 5}, then: wantKeys()},
		"unchanged":      {before: []step{synced()}, want: counts{skipped: 5}},
		"one touched":    {before: []step{synced(), touches("data1")}, want: counts{transferred: 1, etag: 1, skipped: 4}},
		"in parts":       {before: parts, want: counts{transferred: 6, etag: 6}, then: wantSameETags},
		"in parts, kept": {before: parts, options: keepsParts, want: counts{transferred: 6, etag: 6}, then: wantSameETags},
		"ETag, same":     {before: slices.Concat(parts, []step{synced(keepsParts)}), options: checksETag, want: counts{skipped: 6}},
		"SHA256":         {sum: sha, options: with(sha.of, readsSum), want: counts{transferred: 5, etag: 5, checksum: 5}},
		"KMS": {
			needs: needKMS, sum: sha, before: []step{encryptSource, encryptTarget}, options: with(sha.of, readsSum), want: counts{transferred: 5, checksum: 5},
		},
		"metadata": {
			before: parts, options: func(c *s3sync.Config) {
				c.Metadata.ContentType, c.Metadata.User, c.Tagging.Set = "text/new", map[string]string{"a": "b"}, "c=d"
			},
			want: counts{transferred: 6, etag: 6}, then: all(wantSameContents, func(t *testing.T, s *scenarioRun) {
				for key := range s.content {
					out := s.target.head(t, key)
					if tags := s.target.bucket.tags(t, key, nil); aws.ToString(out.ContentType) != "text/new" || out.Metadata["a"] != "b" || tags["c"] != "d" {
						t.Errorf("%s: %s, %v, %v", key, aws.ToString(out.ContentType), out.Metadata, tags)
					}
				}
			}),
		},
	}
	for name, row := range rows {
		row.options = with(row.options, serverCopies)
		rows[name] = row
	}
	runScenarios(t, []direction{across}, rows)
}

// setTags replaces the tags of objects of a side.
func setTags(of func(*scenarioRun) side, tags map[string]string) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		p := of(s)
		for key, value := range tags {
			in := &s3.PutObjectTaggingInput{Bucket: &p.bucket.name, Key: aws.String(p.prefix + key), Tagging: &types.Tagging{TagSet: []types.Tag{}}}
			if value != "" {
				in.Tagging.TagSet = append(in.Tagging.TagSet, types.Tag{Key: aws.String("tag"), Value: aws.String(value)})
			}
			if _, err := p.bucket.Client().PutObjectTagging(t.Context(), in); err != nil {
				t.Fatal(err)
			}
		}
	}
}

func ofSource(s *scenarioRun) side { return s.source }
func ofTarget(s *scenarioRun) side { return s.target }

// wantTags checks that these objects of the target have these tags, and others none.
func wantTags(want map[string]string) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for _, key := range s.target.keys(t) {
			if got := s.target.bucket.tags(t, s.target.prefix+key, nil)["tag"]; got != want[key] {
				t.Errorf("%s: tag %q, want %q", key, got, want[key])
			}
		}
	}
}

// TestTagScenarios: tags of objects that are otherwise equal.
func TestTagScenarios(t *testing.T) {
	t.Parallel()
	five := map[string]string{"data1": "1", "dir1/data1": "2", "dir2/data2": "3", "dir21/data1": "4", "dir5/data3": "5"}
	changed := maps.Clone(five)
	changed["data1"], changed["dir2/data2"] = "new", ""
	give, change := setTags(ofSource, five), setTags(ofSource, map[string]string{"data1": "new", "dir2/data2": ""})
	runScenarios(t, []direction{across}, map[string]scenario{
		"travel":     {before: []step{give}, want: counts{transferred: 5, etag: 5}, then: wantTags(five)},
		"travel not": {before: []step{give}, options: func(c *s3sync.Config) { c.Tagging.Disable = true }, want: counts{transferred: 5, etag: 5}, then: wantTags(nil)},
		"same":       {before: []step{give, synced()}, options: syncsTags, want: counts{skipped: 5}, then: wantTags(five)},
		"changed":    {before: []step{give, synced(), change}, options: syncsTags, want: counts{transferred: 2, skipped: 3}, then: wantTags(changed)},
		"changed, not looked at": {
			before: []step{give, synced(), change}, want: counts{skipped: 5}, then: wantTags(five),
		},
		"changed, dry run": {before: []step{give, synced(), change}, options: with(syncsTags, dryRun), want: counts{transferred: 2, skipped: 3}, then: wantTags(five)},
		"foreign":          {before: []step{synced(), setTags(ofTarget, five)}, options: syncsTags, want: counts{transferred: 5}, then: wantTags(nil)},
		"changed, and one deleted": {
			before: []step{give, synced(), change, loses("dir5/data3")}, options: with(syncsTags, deletes), want: counts{transferred: 2, skipped: 2, deleted: 1}, then: wantTags(changed),
		},
		"changed, and one sent": {
			before: []step{give, synced(), change, touches("dir5/data3")}, options: syncsTags, want: counts{transferred: 3, etag: 1, skipped: 2},
		},
	})
}

// putWithMetadata puts source objects with a type, metadata and tags.
func putWithMetadata(t *testing.T, s *scenarioRun) {
	t.Helper()
	for key, u := range map[string]upload{
		"bare": {},
		"html": {tags: "kind=text&stage=old", meta: func(in *s3.PutObjectInput) {
			in.ContentType, in.Metadata = aws.String("text/html"), map[string]string{"kind": "text", "stage": "old"}
		}},
		"png": {tags: "kind=image", meta: func(in *s3.PutObjectInput) {
			in.ContentType, in.Metadata = aws.String("image/png"), map[string]string{"kind": "image"}
		}},
		"plain": {tags: "kind=text&stage=new", meta: func(in *s3.PutObjectInput) {
			in.ContentType, in.Metadata = aws.String("text/plain"), map[string]string{"kind": "text", "stage": "new"}
		}},
	} {
		u.data = []byte(key)
		s.source.bucket.putUpload(t, s.source.prefix+key, u)
		s.content[key] = u.data
	}
}

// TestContentFilterScenarios: filters of properties that listings do not have.
func TestContentFilterScenarios(t *testing.T) {
	t.Parallel()
	rows := map[string]scenario{}
	for name, tt := range map[string]struct {
		set  func(f *s3sync.Filter, re *s3sync.Regexp)
		text string
		left []string
	}{
		"type":               {func(f *s3sync.Filter, re *s3sync.Regexp) { f.IncludeContentType = re }, "^text/", []string{"html", "plain"}},
		"type, not":          {func(f *s3sync.Filter, re *s3sync.Regexp) { f.ExcludeContentType = re }, "^text/", []string{"bare", "png"}},
		"type, ahead":        {func(f *s3sync.Filter, re *s3sync.Regexp) { f.IncludeContentType = re }, "^text/(?!html)", []string{"plain"}},
		"metadata":           {func(f *s3sync.Filter, re *s3sync.Regexp) { f.IncludeMetadata = re }, "kind=text,stage=(old|new)", []string{"html", "plain"}},
		"metadata, not":      {func(f *s3sync.Filter, re *s3sync.Regexp) { f.ExcludeMetadata = re }, "kind=text", []string{"bare", "png"}},
		"metadata, ahead":    {func(f *s3sync.Filter, re *s3sync.Regexp) { f.IncludeMetadata = re }, "^(?!.*stage=old)", []string{"plain", "png"}},
		"tags":               {func(f *s3sync.Filter, re *s3sync.Regexp) { f.IncludeTags = re }, "kind=text&stage=(old|new)", []string{"html", "plain"}},
		"tags, not":          {func(f *s3sync.Filter, re *s3sync.Regexp) { f.ExcludeTags = re }, "kind=text", []string{"bare", "png"}},
		"tags, ahead":        {func(f *s3sync.Filter, re *s3sync.Regexp) { f.IncludeTags = re }, "^(?!.*stage=old)", []string{"plain", "png"}},
		"tags, nothing left": {func(f *s3sync.Filter, re *s3sync.Regexp) { f.IncludeTags = re }, "^nothing", nil},
	} {
		n := int64(len(tt.left))
		rows[name] = scenario{
			objects: noObjects(), before: []step{putWithMetadata}, options: func(c *s3sync.Config) { tt.set(&c.Filter, expression(tt.text)) },
			want: counts{transferred: n, etag: n, skipped: 4 - n}, then: wantKeys(tt.left...),
		}
	}
	runScenarios(t, []direction{down, across}, rows)
}

// TestPreprocessScenarios: the callback before each upload.
func TestPreprocessScenarios(t *testing.T) {
	t.Parallel()
	callback := func(f func(u *s3sync.Upload) error) func(*s3sync.Config) {
		return func(c *s3sync.Config) {
			c.Preprocess = func(_ context.Context, _ *storage.Info, u *s3sync.Upload) error { return f(u) }
		}
	}
	skip := func(suffix string) func(*s3sync.Config) {
		return callback(func(u *s3sync.Upload) error {
			if strings.HasSuffix(u.Key, suffix) {
				return s3sync.ErrSkip
			}
			return nil
		})
	}
	large := zeros("nine", 9)
	large["data1"] = []byte("data1")
	runScenarios(t, []direction{up, across}, map[string]scenario{
		"skip one":   {prefix: "p/", options: skip("dir2/data2"), want: counts{transferred: 4, etag: 4, skipped: 1}, then: wantKeys("data1", "dir1/data1", "dir21/data1", "dir5/data3")},
		"skip all":   {options: skip(""), want: counts{skipped: 5}, then: wantKeys()},
		"skip large": {objects: large, options: skip("nine"), want: counts{transferred: 1, etag: 1, skipped: 1}, then: wantKeys("data1")},
		"skip small": {objects: large, options: skip("data1"), want: counts{transferred: 1, etag: 1, skipped: 1}, then: wantKeys("nine")},
		"dry run":    {options: with(skip(""), dryRun), want: counts{transferred: 5}, then: wantKeys()},
		"fails":      {objects: zeros("nine", 9), options: callback(func(*s3sync.Upload) error { return errors.New("no more") }), want: counts{failed: 1}, fails: "no more", then: wantKeys()},
		"no class":   {objects: zeros("nine", 9), options: callback(func(u *s3sync.Upload) error { u.StorageClass = "NONE"; return nil }), want: counts{failed: 1}, fails: "NONE", then: wantKeys()},
		"no ACL":     {objects: zeros("nine", 9), options: callback(func(u *s3sync.Upload) error { u.ACL = "none"; return nil }), want: counts{failed: 1}, fails: "none", then: wantKeys()},
		"changes": {
			objects: large, want: counts{transferred: 2, etag: 2}, options: callback(func(u *s3sync.Upload) error {
				u.ContentType, u.Metadata, u.Tags = "text/new", map[string]string{"a": "b"}, map[string]string{"tag": "1"}
				return nil
			}),
			then: all(wantContentTypes(map[string]string{"nine": "text/new", "data1": "text/new"}), wantTags(map[string]string{"nine": "1", "data1": "1"})),
		},
	})
}

// TestAttributeScenarios: attributes that options set, in one piece and in parts.
func TestAttributeScenarios(t *testing.T) {
	t.Parallel()
	mixed := zeros("six", 6)
	mixed["data1"] = []byte("data1")
	class := func(c *s3sync.Config) { c.Metadata.StorageClass = "REDUCED_REDUNDANCY" }
	classes := func(t *testing.T, s *scenarioRun) {
		t.Helper()
		for _, key := range s.target.keys(t) {
			if got := s.target.head(t, key).StorageClass; got != types.StorageClassReducedRedundancy && s.Kind == s3server.MinIO {
				t.Errorf("%s: class %q", key, got)
			}
		}
	}
	runScenarios(t, []direction{up, across}, map[string]scenario{
		"class": {small: true, objects: mixed, options: class, want: counts{transferred: 2, etag: 2}, then: classes},
		"ACL":   {small: true, objects: mixed, options: func(c *s3sync.Config) { c.Metadata.ACL = "bucket-owner-full-control" }, want: counts{transferred: 2, etag: 2}},
		"time": {
			small: true, objects: mixed, options: func(c *s3sync.Config) { c.Metadata.PutLastModified = true }, want: counts{transferred: 2, etag: 2},
			then: func(t *testing.T, s *scenarioRun) {
				for key := range s.content {
					if got := s.target.head(t, key).Metadata["s3sync_origin_last_modified"]; !strings.HasSuffix(got, "+00:00") {
						t.Errorf("%s: time %q", key, got)
					}
				}
			},
		},
		"redirect":       {small: true, objects: mixed, options: func(c *s3sync.Config) { c.Metadata.WebsiteRedirect = "/other" }, want: counts{transferred: 2, etag: 2}},
		"other metadata": {small: true, objects: mixed, options: keepsTypes, want: counts{transferred: 2, etag: 2}},
	})
	t.Run("of the source", func(t *testing.T) {
		runScenarios(t, []direction{across}, map[string]scenario{
			"class": {objects: noObjects(), before: []step{putReducedRedundancy}, want: counts{transferred: 1, etag: 1}, then: classes},
		})
	})
}

// keepsTypes adds every other header.
func keepsTypes(c *s3sync.Config) {
	m := &c.Metadata
	m.CacheControl, m.ContentDisposition, m.ContentLanguage, m.ContentType = "no-store", "inline", "de", "text/new"
	m.User = map[string]string{"other": "value"}
}

// putReducedRedundancy puts a source object of another class.
func putReducedRedundancy(t *testing.T, s *scenarioRun) {
	t.Helper()
	s.source.bucket.putUpload(t, "classed", upload{data: []byte("x"), meta: func(in *s3.PutObjectInput) {
		in.StorageClass = types.StorageClassReducedRedundancy
	}})
	s.content["classed"] = []byte("x")
}
