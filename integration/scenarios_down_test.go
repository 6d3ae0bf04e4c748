package integration_test

import (
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/internal/s3server"
)

// Scenarios from a bucket to files.

// putInParts puts a source object in parts of a size, with the checksum of the row.
func putInParts(key string, data []byte, part int) step {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		p := s.source
		s.content[key] = data
		parts := slices.Collect(slices.Chunk(data, part))
		switch {
		case p.sum.algorithm == "":
			p.bucket.putParts(t, p.prefix+key, parts...)
		default:
			p.bucket.putSumOfParts(t, p.prefix+key, p.sum.algorithm, p.sum.full, parts...)
		}
	}
}

// encryptSource makes the server encrypt the source's objects, so that their ETags are
// not digests.
func encryptSource(t *testing.T, s *scenarioRun) {
	t.Helper()
	s.source.bucket.encrypt(t)
	put(s.row.objects)(t, s)
}

// wantSourceTimes checks that the files have the times of their objects.
func wantSourceTimes(t *testing.T, s *scenarioRun) {
	t.Helper()
	wantSameContents(t, s)
	for key := range s.content {
		if got, want := s.target.modified(t, key), s.source.modified(t, key); got != want {
			t.Errorf("%s: time %d, want %d", key, got, want)
		}
	}
}

// wantDirectories checks that the target has exactly these directories.
func wantDirectories(want ...string) func(*testing.T, *scenarioRun) {
	return func(t *testing.T, s *scenarioRun) {
		t.Helper()
		var got []string
		err := filepath.WalkDir(s.target.root, func(path string, d os.DirEntry, err error) error {
			if err == nil && d.IsDir() && path != s.target.root {
				path, err = filepath.Rel(s.target.root, path)
				got = append(got, filepath.ToSlash(path))
			}
			return err
		})
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("directories (-want +got), %v:\n%s", err, diff)
		}
	}
}

// noObjects is the source of a row whose steps put all objects.
func noObjects() map[string][]byte { return map[string][]byte{} }

// TestDownloadScenarios: what arrives, and how it is verified.
func TestDownloadScenarios(t *testing.T) {
	t.Parallel()
	single := func(c *s3sync.Config) { c.Verify.Multipart = false }
	nested := map[string][]byte{"data1": []byte("data1"), "dir1/dir2/": nil}
	data := random(1, 6*s3sync.MiB)
	foreign := []step{putInParts("six", data, 11*s3sync.MiB/2)}
	large := []step{putInParts("large", make([]byte, 30*s3sync.MiB), 8*s3sync.MiB)}
	rows := map[string]scenario{
		"times": {want: counts{transferred: 5, etag: 5}, then: wantSourceTimes},
		"to a new directory": {
			want: counts{transferred: 5, etag: 5}, options: func(c *s3sync.Config) { c.Target.URL = filepath.Join(c.Target.URL, "new", "one") },
			then: wantKeys("new/one/data1", "new/one/dir1/data1", "new/one/dir2/data2", "new/one/dir21/data1", "new/one/dir5/data3"),
		},
		"the prefix is a key": {
			prefix: "dir/", before: []step{put(map[string][]byte{"": nil})}, want: counts{transferred: 5, etag: 5, skipped: 1},
			then: wantKeys(keysOf(fiveFiles())...),
		},
		"a directory":          {objects: nested, want: counts{transferred: 2, etag: 1}, then: wantDirectories("dir1", "dir1/dir2")},
		"a directory, again":   {objects: nested, before: []step{synced()}, want: counts{skipped: 2}, then: wantDirectories("dir1", "dir1/dir2")},
		"a directory, dry run": {objects: nested, options: dryRun, want: counts{transferred: 2}, then: wantDirectories()},
		"a directory, delete":  {objects: nested, before: []step{synced()}, options: deletes, want: counts{skipped: 2}, then: wantDirectories("dir1", "dir1/dir2")},
		"a directory with data": {
			needs: needData, objects: map[string][]byte{"dir/": []byte("data"), "data1": nil}, want: counts{transferred: 1, etag: 1, skipped: 1},
			then: all(wantKeys("data1"), wantDirectories()),
		},
		"in four parts":          {objects: noObjects(), before: large, want: counts{transferred: 1, etag: 1}, then: wantSourceTimes},
		"in parts, dry run":      {objects: noObjects(), before: foreign, options: dryRun, want: counts{transferred: 1}, then: wantKeys()},
		"parts are not verified": {objects: noObjects(), before: foreign, options: single, want: counts{transferred: 1, unverified: 1}},
		"in other parts":         {objects: noObjects(), small: true, before: foreign, want: counts{transferred: 1, etag: 1}},
		"in other parts, kept":   {objects: noObjects(), before: foreign, options: keepsParts, want: counts{transferred: 1, etag: 1}},
		"empty and SHA256":       {objects: map[string][]byte{"empty": nil}, sum: checksumKinds()["SHA256"], options: readsSum, want: counts{transferred: 1, etag: 1, checksum: 1}},
		"at the threshold":       {objects: noObjects(), before: []step{putInParts("eight", make([]byte, 8*s3sync.MiB), 8*s3sync.MiB)}, want: counts{transferred: 1, etag: 1}},
		"ETags are not verified": {options: withoutETagCheck, want: counts{transferred: 5, unverified: 5}},
		"ETag, other parts":      {objects: noObjects(), small: true, before: slices.Concat(foreign, []step{synced()}), options: checksETag, want: counts{skipped: 1}},
		"ETag, KMS":              {needs: needKMS, before: []step{encryptSource, synced()}, options: checksETag, want: counts{warnings: 5}},
		"ETag, KMS, heads":       {needs: needKMS, before: []step{encryptSource, synced()}, options: with(checksETag, headsEachTarget), want: counts{warnings: 5}},
		"SHA256, KMS, same":      {needs: needKMS, sum: checksumKinds()["SHA256"], before: []step{encryptSource, synced()}, options: checksSum("SHA256"), want: counts{skipped: 5}},
		"SHA256, KMS, changed":   {needs: needKMS, sum: checksumKinds()["SHA256"], before: []step{encryptSource, synced(), changes("data1")}, options: with(checksSum("SHA256"), readsSum), want: counts{transferred: 1, checksum: 1, skipped: 4}},
		"checksums are missing":  {needs: needBare, options: readsSum, want: counts{transferred: 5, etag: 5, warnings: 5}},
	}
	for name, kind := range checksumKinds() {
		// Another client writes it again, in other parts, and changes another object.
		rows[name] = scenario{
			objects: map[string][]byte{"small": []byte("small"), "empty": nil}, sum: kind, small: true,
			before: slices.Concat(foreign, []step{
				putInParts("other", data, 5*s3sync.MiB), synced(readsSum),
				putInParts("six", data, 5*s3sync.MiB), putInParts("other", random(2, 6*s3sync.MiB), 11*s3sync.MiB/2),
			}),
			options: with(checksSum(kind.algorithm), readsSum), want: counts{transferred: 1, etag: 1, checksum: 1, skipped: 3},
		}
	}
	runScenarios(t, []direction{down}, rows)
}

// TestDeniedByPolicy: objects that the user may not read are skipped.
func TestDeniedByPolicy(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO) // versitygw has no policies
	source := newBucket(t, srv)
	for key, data := range fiveFiles() {
		source.put(t, key, data)
	}
	creds := srv.Restricted(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]},
		{"Effect":"Deny","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::`+source.name+`/dir2/*"]}]}`)
	for name, tt := range map[string]struct {
		strict bool
		want   counts
	}{
		"a warning": {false, counts{transferred: 4, etag: 4, warnings: 1}},
		"an error":  {true, counts{transferred: 4, etag: 4, failed: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			root := t.TempDir()
			cfg := config(source.at(""), local(root))
			cfg.Source.AccessKey, cfg.Source.SecretKey, cfg.Source.SessionToken = creds.AccessKeyID, creds.SecretAccessKey, creds.SessionToken
			cfg.WarnAsError = tt.strict
			o := run(t, cfg)
			if got := countsOf(o.Stats); got != tt.want || (o.err != nil) != tt.strict {
				t.Errorf("%v, %+v, want %+v\n%s", o.err, got, tt.want, o.log)
			}
			hasFiles(t, root, "data1", "dir1/data1", "dir21/data1", "dir5/data3")
		})
	}
}
