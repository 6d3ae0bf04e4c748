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

// inParts is a source object that somebody wrote in parts of a size, with the
// checksum of the row.
func inParts(key string, data []byte, part int) step {
	return func(t *testing.T, s *scene) {
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

// encrypts makes the source's objects opaque.
func encrypts(t *testing.T, s *scene) {
	t.Helper()
	s.source.bucket.encrypt(t)
	put(s.row.objects)(t, s)
}

// dates wants the files to have the times of the objects they came from.
func dates(t *testing.T, s *scene) {
	t.Helper()
	holdsSame(t, s)
	for key := range s.content {
		if got, want := s.target.modified(t, key), s.source.modified(t, key); got != want {
			t.Errorf("%s: time %d, want %d", key, got, want)
		}
	}
}

// directories wants the target to have these, and they are all.
func directories(want ...string) func(*testing.T, *scene) {
	return func(t *testing.T, s *scene) {
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

// nothing is the source of a row whose steps put what there is.
func nothing() map[string][]byte { return map[string][]byte{} }

// TestDownloadScenarios: what arrives, and what proves it.
func TestDownloadScenarios(t *testing.T) {
	single := func(c *s3sync.Config) { c.Verify.Multipart = false }
	nested := map[string][]byte{"data1": []byte("data1"), "dir1/dir2/": nil}
	data := random(1, 6*s3sync.MiB)
	foreign := []step{inParts("six", data, 11*s3sync.MiB/2)}
	large := []step{inParts("large", make([]byte, 30*s3sync.MiB), 8*s3sync.MiB)}
	rows := map[string]scenario{
		"times": {want: counts{c: 5, e: 5}, then: dates},
		"to a new directory": {
			want: counts{c: 5, e: 5}, options: func(c *s3sync.Config) { c.Target.URL = filepath.Join(c.Target.URL, "new", "one") },
			then: left("new/one/data1", "new/one/dir1/data1", "new/one/dir2/data2", "new/one/dir21/data1", "new/one/dir5/data3"),
		},
		"the prefix is a key": {
			prefix: "dir/", before: []step{put(map[string][]byte{"": nil})}, want: counts{c: 5, e: 5, s: 1},
			then: left(keysOf(case1())...),
		},
		"a directory":          {objects: nested, want: counts{c: 2, e: 1}, then: directories("dir1", "dir1/dir2")},
		"a directory, again":   {objects: nested, before: []step{synced()}, want: counts{s: 2}, then: directories("dir1", "dir1/dir2")},
		"a directory, dry run": {objects: nested, options: dryRun, want: counts{c: 2}, then: directories()},
		"a directory, delete":  {objects: nested, before: []step{synced()}, options: deletes, want: counts{s: 2}, then: directories("dir1", "dir1/dir2")},
		"a directory with data": {
			needs: needData, objects: map[string][]byte{"dir/": []byte("data"), "data1": nil}, want: counts{c: 1, e: 1, s: 1},
			then: all(left("data1"), directories()),
		},
		"in four parts":         {objects: nothing(), before: large, want: counts{c: 1, e: 1}, then: dates},
		"in parts, dry run":     {objects: nothing(), before: foreign, options: dryRun, want: counts{c: 1}, then: left()},
		"parts are not proved":  {objects: nothing(), before: foreign, options: single, want: counts{c: 1, u: 1}},
		"in other parts":        {objects: nothing(), small: true, before: foreign, want: counts{c: 1, e: 1}},
		"in other parts, kept":  {objects: nothing(), before: foreign, options: keepsParts, want: counts{c: 1, e: 1}},
		"empty and SHA256":      {objects: map[string][]byte{"empty": nil}, sum: kinds()["SHA256"], options: readsSum, want: counts{c: 1, e: 1, k: 1}},
		"at the threshold":      {objects: nothing(), before: []step{inParts("eight", make([]byte, 8*s3sync.MiB), 8*s3sync.MiB)}, want: counts{c: 1, e: 1}},
		"ETags are not proved":  {options: unproved, want: counts{c: 5, u: 5}},
		"ETag, other parts":     {objects: nothing(), small: true, before: slices.Concat(foreign, []step{synced()}), options: checksETag, want: counts{s: 1}},
		"ETag, KMS":             {needs: needKMS, before: []step{encrypts, synced()}, options: checksETag, want: counts{w: 5}},
		"ETag, KMS, heads":      {needs: needKMS, before: []step{encrypts, synced()}, options: with(checksETag, headsEach), want: counts{w: 5}},
		"SHA256, KMS, same":     {needs: needKMS, sum: kinds()["SHA256"], before: []step{encrypts, synced()}, options: checksSum("SHA256"), want: counts{s: 5}},
		"SHA256, KMS, changed":  {needs: needKMS, sum: kinds()["SHA256"], before: []step{encrypts, synced(), changes("data1")}, options: with(checksSum("SHA256"), readsSum), want: counts{c: 1, k: 1, s: 4}},
		"checksums are missing": {needs: needBare, options: readsSum, want: counts{c: 5, e: 5, w: 5}},
	}
	for name, kind := range kinds() {
		// Somebody writes it again, in other parts, and changes another one.
		rows[name] = scenario{
			objects: map[string][]byte{"small": []byte("small"), "empty": nil}, sum: kind, small: true,
			before: slices.Concat(foreign, []step{
				inParts("other", data, 5*s3sync.MiB), synced(readsSum),
				inParts("six", data, 5*s3sync.MiB), inParts("other", random(2, 6*s3sync.MiB), 11*s3sync.MiB/2),
			}),
			options: with(checksSum(kind.algorithm), readsSum), want: counts{c: 1, e: 1, k: 1, s: 3},
		}
	}
	play(t, []way{down}, rows)
}

// TestDeniedByPolicy: what the server does not let the user read is left out.
func TestDeniedByPolicy(t *testing.T) {
	srv := s3server.Shared(t, s3server.MinIO) // the other one has no policies
	source := fresh(t, srv)
	for key, data := range case1() {
		source.put(t, key, data)
	}
	creds := srv.Restricted(t, `{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":["s3:*"],"Resource":["arn:aws:s3:::*"]},
		{"Effect":"Deny","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::`+source.name+`/dir2/*"]}]}`)
	for name, tt := range map[string]struct {
		strict bool
		want   counts
	}{
		"a warning": {false, counts{c: 4, e: 4, w: 1}},
		"an error":  {true, counts{c: 4, e: 4, f: 1}},
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
