package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	gosync "sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync/internal/s3server"
)

// A killer passes connections to a server, counts their bytes, and kills a process when so
// many have passed in both directions: before the last of them go on.
type killer struct {
	URL      string
	listener net.Listener
	target   string
	handlers gosync.WaitGroup

	mu       gosync.Mutex
	up, down int64
	left     int64 // bytes until kill is called; not positive: never
	kill     func()
}

func newKiller(t *testing.T, endpoint string) *killer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	k := &killer{URL: "http://" + listener.Addr().String(), listener: listener, target: strings.TrimPrefix(endpoint, "http://")}
	k.handlers.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			k.handlers.Go(func() { k.pass(client) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close() // ends Accept
		k.handlers.Wait()
	})
	return k
}

func (k *killer) pass(client net.Conn) {
	defer client.Close()
	server, err := net.Dial("tcp", k.target)
	if err != nil {
		return
	}
	defer server.Close()
	var both gosync.WaitGroup
	both.Go(func() {
		_, _ = io.Copy(countedWriter{server, k, &k.up}, client)
		_ = server.(*net.TCPConn).CloseWrite() //nolint:errcheck // it was dialled; both ends see the end of the connection
	})
	_, _ = io.Copy(countedWriter{client, k, &k.down}, server)
	_ = client.Close()
	_ = server.Close()
	both.Wait()
}

type countedWriter struct {
	io.Writer
	k     *killer
	count *int64
}

func (w countedWriter) Write(p []byte) (int, error) {
	w.k.mu.Lock()
	*w.count += int64(len(p))
	if w.k.left > 0 {
		if w.k.left -= int64(len(p)); w.k.left <= 0 {
			w.k.kill()
		}
	}
	w.k.mu.Unlock()
	return w.Writer.Write(p)
}

// killAfter kills a process when n more bytes have passed.
func (k *killer) killAfter(n int64, kill func()) {
	k.mu.Lock()
	defer k.mu.Unlock()
	k.left, k.kill = n, kill
}

func (k *killer) passed() (up, down int64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.up, k.down
}

const killPart = 5 << 20

// A killedSync is a sync by the command that is killed and started again.
type killedSync struct {
	binary string
	proxy  *killer
	args   []string // without the sides
	env    []string
	out    bytes.Buffer // of the last run
}

// run runs the command. It reports whether the command was killed after so many bytes; 0
// does not kill it. It fails the test if the command fails otherwise.
func (s *killedSync) run(t *testing.T, source, target string, after int64) (killed bool) {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), s.binary, append(slices.Clone(s.args), source, target)...)
	cmd.Env = append(os.Environ(), s.env...)
	s.out.Reset()
	cmd.Stdout, cmd.Stderr = &s.out, &s.out
	cmd.WaitDelay = 10 * time.Second
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	s.proxy.killAfter(after, func() { _ = cmd.Process.Kill() })
	err := cmd.Wait()
	s.proxy.killAfter(0, nil)
	exit, ok := errors.AsType[*exec.ExitError](err)
	switch {
	case err == nil:
		return false
	case ok && exit.ExitCode() == -1 && after > 0:
		return true
	}
	t.Fatalf("%v\n%s", err, s.out.String())
	return false
}

// killWork is how many trials there are, and the size of the large objects.
type killWork struct{ trials, mib int }

// kills runs trials: a sync is killed, started again and killed again, and at last runs to
// its end. It returns how often it was killed.
func kills(t *testing.T, srv *s3server.Server, binary, way string, random *rand.Rand, work killWork) (killed int) {
	t.Helper()
	data := make([]byte, work.mib<<20)
	_, _ = rand.NewChaCha8([32]byte{byte(random.Uint32())}).Read(data) // never fails
	content := map[string][]byte{}
	for i := range 3 {
		content[fmt.Sprintf("dir/big%d", i)] = data[i*100 : len(data)-i*1000]
	}
	for i := range 20 {
		content[fmt.Sprintf("small/%02d", i)] = data[i*1000 : i*1000+20_000]
	}
	root := t.TempDir()
	source, target := newBucket(t, srv), newBucket(t, srv)
	files := filepath.Join(root, "files")
	for key, data := range content {
		if way == "up" {
			write(t, files, key, data)
			continue
		}
		if len(data) > killPart {
			source.putParts(t, key, slices.Collect(slices.Chunk(data, killPart))...)
		} else {
			source.put(t, key, data)
		}
	}
	proxy := newKiller(t, srv.Endpoint)
	s := &killedSync{binary: binary, proxy: proxy, args: []string{
		"--endpoint-url", proxy.URL, "--path-style", "--region", srv.Region, "--source-access-key", srv.AccessKey,
		"--source-secret-access-key", srv.SecretKey, "--target-access-key", srv.AccessKey, "--target-secret-access-key", srv.SecretKey,
		"--worker-size", "2", "--max-parallel-uploads", "2", "--multipart-threshold", "5MiB", "--multipart-chunksize", "5MiB",
		"--delete", "--check-size", "--initial-backoff-milliseconds", "1", "--state-dir", filepath.Join(root, "state"),
	}}
	from := "s3://" + source.name
	switch way {
	case "up":
		from = files
	case "copy":
		s.args = append(s.args, "--server-side-copy")
	}
	s.sides(way)
	to := func(name string) string {
		if way == "down" {
			return filepath.Join(root, "copy", name)
		}
		return "s3://" + target.name + "/" + name + "/"
	}
	s.run(t, from, to("whole"), 0)
	wholeUp, wholeDown := proxy.passed()
	for trial := range work.trials {
		name := "trial" + strconv.Itoa(trial)
		there := place{files: way == "down", bucket: target, root: filepath.Join(root, "copy"), name: name}
		for _, key := range slices.Concat(toOverwrite, toDelete) {
			there.put(t, key, []byte("old "+key))
		}
		up, down := proxy.passed()
		n := 0
		for range 1 + random.IntN(3) {
			if s.run(t, from, to(name), 1+random.Int64N((wholeUp+wholeDown)*9/10)) {
				n++
			}
			there.wantOldOrNew(t, content)
		}
		s.run(t, from, to(name), 0)
		killed += n
		upNow, downNow := proxy.passed()
		// Besides the parts, small objects that are under way, listings and headers.
		slack := int64(n+4) * (256 << 10)
		again := int64(n)*2*killPart + slack
		if sent := upNow - up - wholeUp; sent > again {
			t.Errorf("%s: %d kills, and %d bytes were sent again, more than %d\n%s", name, n, sent, again, s.out.String())
		}
		// Each of the two workers may also have opened an object, with its first part.
		if received := downNow - down - wholeDown; received > again+int64(n)*2*killPart {
			t.Errorf("%s: %d kills, and %d bytes were received again, more than %d\n%s", name, n, received, again+int64(n)*2*killPart, s.out.String())
		}
		t.Logf("%s: %d kills; %d bytes sent again and %d received, of %d and %d", name, n, upNow-up-wholeUp, downNow-down-wholeDown, wholeUp, wholeDown)
		there.wantContent(t, content)
		if t.Failed() {
			return killed
		}
	}
	return killed
}

// sides removes the options of a side that is a directory.
func (s *killedSync) sides(way string) {
	remove := map[string]string{"up": "--source-", "down": "--target-"}[way]
	if remove == "" {
		return
	}
	var args []string
	for i := 0; i < len(s.args); i++ {
		if strings.HasPrefix(s.args[i], remove) {
			i++ // and its value
			continue
		}
		args = append(args, s.args[i])
	}
	s.args = args
}

// What a target has before the first run of a trial, besides what is to be left alone.
var (
	toOverwrite = []string{"dir/big1", "small/03", "small/17"}
	toDelete    = []string{"a", "dir/other", "z"}
)

// A place is the target of a trial: objects below a name in a bucket or a directory.
type place struct {
	files  bool
	bucket bucket
	root   string
	name   string
}

func (p place) put(t *testing.T, key string, data []byte) {
	t.Helper()
	if p.files {
		write(t, filepath.Join(p.root, p.name), key, data)
		return
	}
	p.bucket.put(t, p.name+"/"+key, data)
}

// get returns what a key has, and nil if it does not exist.
func (p place) get(t *testing.T, key string) []byte {
	t.Helper()
	if !slices.Contains(p.keys(t), key) {
		return nil
	}
	if !p.files {
		return p.bucket.get(t, p.name+"/"+key)
	}
	data, err := os.ReadFile(filepath.Join(p.root, p.name, filepath.FromSlash(key)))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// keys returns the keys that there are.
func (p place) keys(t *testing.T) (keys []string) {
	t.Helper()
	if p.files {
		return names(t, filepath.Join(p.root, p.name))
	}
	for _, key := range p.bucket.keys(t) {
		if key, ok := strings.CutPrefix(key, p.name+"/"); ok {
			keys = append(keys, key)
		}
	}
	return keys
}

// wantOldOrNew checks that a run that was killed took away nothing: what it overwrites is as
// before or as it is to be, and nothing is deleted as long as something is missing.
func (p place) wantOldOrNew(t *testing.T, content map[string][]byte) {
	t.Helper()
	for _, key := range toOverwrite {
		if got := p.get(t, key); !bytes.Equal(got, content[key]) && string(got) != "old "+key {
			t.Errorf("%s: after a kill %s has %d bytes, neither the old nor the new ones", p.name, key, len(got))
		}
	}
	keys := p.keys(t)
	for key := range content {
		if slices.Contains(keys, key) {
			continue
		}
		for _, other := range toDelete {
			if !slices.Contains(keys, other) {
				t.Errorf("%s: after a kill %s is deleted, and %s is not there yet", p.name, other, key)
			}
		}
	}
}

// wantContent checks that there is what there is to be, and nothing else: no temporary file
// and no open upload.
func (p place) wantContent(t *testing.T, content map[string][]byte) {
	t.Helper()
	if got, want := p.keys(t), slices.Sorted(maps.Keys(content)); !slices.Equal(got, want) {
		t.Errorf("%s has %q, want %q", p.name, got, want)
	}
	for key, want := range content {
		if !bytes.Equal(p.get(t, key), want) {
			t.Errorf("%s: %s has other bytes", p.name, key)
		}
		if !p.files {
			p.bucket.noUploads(t, p.name+"/"+key)
		}
	}
}

// noUploads checks that no upload of a key is open.
func (b bucket) noUploads(t *testing.T, key string) {
	t.Helper()
	page, err := b.Client().ListMultipartUploads(t.Context(), &s3.ListMultipartUploadsInput{Bucket: &b.name, Prefix: &key})
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range page.Uploads {
		t.Errorf("an upload of %s of %v is left", *u.Key, u.Initiated)
	}
}

// TestKills kills syncs at random points: nothing is lost by that. Each goes on at the next
// start, and at the end everything is there, nothing is left, and at most one part per worker was moved again
// for each kill. S3SYNC_SOAK=1 kills more often, and moves objects of 100 MiB.
// S3SYNC_KILL_SEED repeats a seed.
func TestKills(t *testing.T) {
	if testing.Short() {
		t.Skip("it runs in make test-full")
	}
	seed := uint64(12)
	if os.Getenv("S3SYNC_SOAK") != "" {
		seed = uint64(time.Now().UnixNano())
	}
	if text := os.Getenv("S3SYNC_KILL_SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			t.Fatal(err)
		}
	}
	t.Logf("S3SYNC_KILL_SEED=%d", seed)
	binary := filepath.Join(t.TempDir(), "s3sync.exe") // Windows runs nothing that is named otherwise
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, "s3sync/cmd/s3sync").CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	work := killWork{trials: 1, mib: 18}
	if text := os.Getenv("S3SYNC_KILL_TRIALS"); text != "" {
		work.trials, _ = strconv.Atoi(text) // for a look by hand
	}
	if os.Getenv("S3SYNC_SOAK") != "" {
		work = killWork{trials: 14, mib: 100}
	}
	total := 0
	for i, way := range []string{"up", "down", "across", "copy"} {
		for _, kind := range s3server.Kinds() {
			t.Run(way+"/"+string(kind), func(t *testing.T) {
				random := rand.New(rand.NewPCG(seed, uint64(i)))
				total += kills(t, s3server.Shared(t, kind), binary, way, random, work)
			})
		}
	}
	t.Logf("%d kills", total)
}
