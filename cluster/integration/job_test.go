package integration_test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync"
	"s3sync/cluster/internal/flow"
	"s3sync/internal/s3server"
	"s3sync/storage"
)

// TestJobIsLikeOneMachine runs a job of 2,000 real objects on two workers: it transfers,
// deletes and counts what a sync on one machine does with a copy of the target.
func TestJobIsLikeOneMachine(t *testing.T) {
	t.Parallel()
	engine := sharedEngine(t)
	server := s3server.Shared(t, s3server.VersityGW)
	source, target, copied, state := server.Bucket(t), server.Bucket(t), server.Bucket(t), server.Bucket(t)
	tree := tree{dir: t.TempDir(), random: rand.NewChaCha8([32]byte{1})}
	for i := range 2000 {
		tree.write(t, fmt.Sprintf("%02d/ä %04d.txt", i%16, i), i%7*1000)
	}
	for i := range 3 {
		tree.write(t, fmt.Sprintf("big/%d.bin", i), 11<<20+i)
	}
	tree.upload(t, server, source)
	for i := range 900 {
		tree.remove(t, fmt.Sprintf("%02d/ä %04d.txt", i%16, i))
	}
	for i := range 150 {
		tree.write(t, fmt.Sprintf("%02d/ä %04d.txt", (i+900)%16, i+900), 77) // others
		tree.write(t, fmt.Sprintf("%02d/only %04d.txt", i%16, i), i)
	}
	tree.write(t, "big/1.bin", 11<<20)
	tree.upload(t, server, target)
	tree.upload(t, server, copied)

	l := newLab(t, engine, "like-one-machine", ofServer(server, "")...)
	l.state = []string{"--state", "s3://" + state + "/jobs/", "--state-connection", "lab"}
	workers := []*worker{l.worker("w1", "--slots", "2"), l.worker("w2", "--slots", "2")}
	l.submit(source, target, "--ranges", "8", "--checkpoint-keys", "100", "--check-etag", "--delete", "--approve",
		"--multipart-threshold", "5MiB", "--multipart-chunksize", "5MiB")
	waits := l.until("the job waits for an approval", isStuck)
	if _, err := l.call("approve", l.job, "--verdict", strings.Repeat("0", 12)); err == nil {
		t.Error("something else was approved")
	}
	l.must("approve", l.job, "--verdict", waits.Waiting.Verdict[:12])
	got := l.end()

	listed := regexp.MustCompile(`(?m)^like-one-machine +completed +20\d\d-.* took `)
	l.until("the list of jobs has it", func(*flow.Status) bool { return listed.MatchString(l.must("status")) })

	cfg := s3sync.DefaultConfig()
	cfg.Source, cfg.Target = bucketOf(server, source), bucketOf(server, copied)
	cfg.Check.Mode = s3sync.CheckETag
	cfg.Delete.Enable = true
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5<<20, 5<<20
	want, err := s3sync.Sync(t.Context(), cfg)
	if err != nil {
		t.Fatal(err)
	}
	want.Elapsed, got.Report.Elapsed = 0, 0
	if diff := cmp.Diff(want.Stats, got.Report.Stats); diff != "" {
		t.Errorf("one machine (-), job (+):\n%s", diff)
	}
	if want.Deleted != 150 || want.Transferred < 1000 || want.Skipped < 500 {
		t.Errorf("the sync does not do what this test is about: %+v", want.Stats)
	}
	if diff := cmp.Diff(contents(t, server, copied), contents(t, server, target)); diff != "" {
		t.Errorf("target of one machine (-), of the job (+):\n%s", diff)
	}
	for _, w := range workers {
		if text, err := os.ReadFile(w.log); err != nil || strings.Contains(string(text), " WARN ") {
			t.Errorf("%s warns, and nothing went wrong: %v", w.name, err)
		}
	}
	if s := l.until("the status of what is done", isDone); s.Phase != flow.PhaseDone || s.Report == nil {
		t.Errorf("%+v", s)
	}
}

// A tree is a directory of made-up files.
type tree struct {
	dir    string
	random *rand.ChaCha8
}

func (f *tree) write(t *testing.T, name string, size int) {
	t.Helper()
	data := make([]byte, size)
	_, _ = f.random.Read(data) // never fails
	path := filepath.Join(f.dir, name)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
}

func (f *tree) remove(t *testing.T, name string) {
	t.Helper()
	if err := os.Remove(filepath.Join(f.dir, name)); err != nil {
		t.Fatal(err)
	}
}

func (f *tree) upload(t *testing.T, server *s3server.Server, bucket string) {
	t.Helper()
	cfg := s3sync.DefaultConfig()
	cfg.Source.URL, cfg.Target = f.dir, bucketOf(server, bucket)
	cfg.Transfer.Threshold, cfg.Transfer.ChunkSize = 5<<20, 5<<20
	if _, err := s3sync.Sync(t.Context(), cfg); err != nil {
		t.Fatal(err)
	}
}

// bucketOf returns a side.
func bucketOf(s *s3server.Server, name string) s3sync.Endpoint {
	return s3sync.Endpoint{
		URL: "s3://" + name, AccessKey: s.AccessKey, SecretKey: s.SecretKey, Region: s.Region, EndpointURL: s.Endpoint, PathStyle: true,
	}
}

// contents returns the ETags of a bucket by key: two objects of the same ETag have the same
// bytes.
func contents(t *testing.T, s *s3server.Server, name string) map[string]string {
	t.Helper()
	cfg := s3sync.DefaultConfig()
	cfg.Target = bucketOf(s, name)
	store, err := cfg.OpenTarget(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	defer store.Close()
	all := map[string]string{}
	for o, err := range store.List(t.Context(), storage.ListOptions{}) {
		if err != nil {
			t.Fatal(err)
		}
		all[o.Key] = o.ETag
	}
	return all
}
