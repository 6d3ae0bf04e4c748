package integration_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync"
	"s3sync/internal/s3server"
)

// TestPointInTimeScenario: MinIO only. With versitygw the time of a version changes
// when the next version is written.
func TestPointInTimeScenario(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.MinIO)
	source := newVersionedBucket(t, srv)
	put := func(keys ...string) {
		for _, key := range keys {
			source.putUpload(t, key, upload{data: []byte(key + " " + fmt.Sprint(time.Now())), tags: "key=" + strings.ReplaceAll(key, "/", "-")})
		}
	}
	type moment struct {
		name   string
		change func()
		want   int
		at     time.Time
		state  bucket // a copy from that time
	}
	moments := []*moment{
		{name: "step 1", change: func() { put("data1", "dir1/data1") }, want: 2},
		{name: "step 2", change: func() {
			put("data1", "data2", "dir1/data2", "dir2/data1", "dir3/data1", "dir3/data2")
		}, want: 7},
		{name: "deleted", change: func() { source.delete(t, source.keys(t)...) }, want: 0},
		{name: "step 3", change: func() { put("data1") }, want: 1},
	}
	for _, m := range moments {
		m.change()
		m.at = newest(t, source)
		m.state = newBucket(t, srv)
		sync(t, config(source.at(""), m.state.at("")))
		for !time.Now().After(m.at.Add(2 * time.Millisecond)) { // the server uses this machine's clock
			<-time.After(time.Millisecond)
		}
	}
	moments = append(moments, &moment{name: "now", want: 1, at: time.Now(), state: moments[3].state})
	for _, m := range moments {
		for name, change := range map[string]func(*s3sync.Config){
			"":                func(*s3sync.Config) {},
			", server copies": func(c *s3sync.Config) { c.ServerSideCopy = true },
		} {
			t.Run(m.name+name, func(t *testing.T) {
				target := newBucket(t, srv)
				cfg := config(source.at(""), target.at(""))
				cfg.Versioning.PointInTime = m.at
				change(cfg)
				for range 2 { // it overwrites
					run(t, cfg).succeeded(t, m.want)
				}
				compareBuckets(t, m.state, target, compareOptions{})
			})
		}
		t.Run(m.name+", to files", func(t *testing.T) {
			want, got := t.TempDir(), t.TempDir()
			sync(t, config(m.state.at(""), local(want)))
			cfg := config(source.at(""), local(got))
			cfg.Versioning.PointInTime = m.at
			run(t, cfg).succeeded(t, m.want)
			if n := sameTree(t, want, got); n != m.want {
				t.Errorf("%d files", n)
			}
		})
	}
	t.Run("checksums", func(t *testing.T) {
		target := newBucket(t, srv)
		_, err := srv.Client().PutObject(t.Context(), &s3.PutObjectInput{
			Bucket: &source.name, Key: aws.String("sum"), Body: strings.NewReader("data"), ChecksumAlgorithm: types.ChecksumAlgorithmSha256,
		})
		if err != nil {
			t.Fatal(err)
		}
		cfg := config(source.at(""), target.at(""))
		cfg.Filter.Include, _ = s3sync.CompileRegexp("^sum$")
		cfg.Versioning.PointInTime = newest(t, source)
		cfg.Check.Mode, cfg.Check.Algorithm, cfg.Verify.Algorithm = s3sync.CheckChecksum, "SHA256", "SHA256"
		run(t, cfg).succeeded(t, 1)
		if o := run(t, cfg); o.Transferred != 0 || o.Skipped < 1 {
			t.Errorf("%+v", o.Stats)
		}
	})
}

// newest returns the time of the last change in a bucket.
func newest(t *testing.T, b bucket) time.Time {
	t.Helper()
	out, err := b.Client().ListObjectVersions(t.Context(), &s3.ListObjectVersionsInput{Bucket: &b.name})
	if err != nil {
		t.Fatal(err)
	}
	var times []time.Time
	for _, v := range out.Versions {
		times = append(times, *v.LastModified)
	}
	for _, m := range out.DeleteMarkers {
		times = append(times, *m.LastModified)
	}
	return slices.MaxFunc(times, time.Time.Compare)
}

func TestPointInTimeWithoutVersioning(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		source := newBucket(t, srv)
		source.put(t, "key", []byte("data"))
		target := t.TempDir()
		cfg := config(source.at(""), local(target))
		cfg.Versioning.PointInTime = time.Now()
		run(t, cfg).failed(t, "", "source: versioning is not enabled in the bucket, which Versioning.PointInTime needs")
		if got := names(t, target); len(got) != 0 {
			t.Errorf("files %q", got)
		}
	})
}
