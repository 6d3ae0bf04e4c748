package integration_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	gosync "sync"
	"syscall"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// buildOnce builds the command once for all tests of this process.
var buildOnce = gosync.OnceValues(func() (string, error) {
	dir, err := os.MkdirTemp("", "s3sync-command")
	if err != nil {
		return "", err
	}
	binary := filepath.Join(dir, "s3sync")
	if runtime.GOOS == "windows" {
		binary += ".exe"
	}
	out, err := exec.Command("go", "build", "-o", binary, "s3sync/cmd/s3sync").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("%w: %s", err, out)
	}
	return binary, nil
})

// A process is a run of the built command.
type process struct {
	*exec.Cmd

	stdout, stderr bytes.Buffer
}

// command prepares the built command. Its environment contains only what the sides
// need.
func command(t *testing.T, source, target s3sync.Endpoint, args ...string) *process {
	t.Helper()
	binary, err := buildOnce()
	if err != nil {
		t.Fatal(err)
	}
	p := &process{Cmd: exec.CommandContext(t.Context(), binary, append(args, source.URL, target.URL)...)}
	p.Env = []string{"HOME=" + t.TempDir(), "PATH=" + os.Getenv("PATH"), "AWS_EC2_METADATA_DISABLED=true"}
	for side, e := range map[string]s3sync.Endpoint{"SOURCE": source, "TARGET": target} {
		for name, value := range map[string]string{
			"ACCESS_KEY": e.AccessKey, "SECRET_ACCESS_KEY": e.SecretKey, "SESSION_TOKEN": e.SessionToken,
			"REGION": e.Region, "ENDPOINT_URL": e.EndpointURL,
		} {
			if value != "" {
				p.Env = append(p.Env, "S3SYNC_"+side+"_"+name+"="+value)
			}
		}
		if e.PathStyle {
			p.Env = append(p.Env, "S3SYNC_"+side+"_FORCE_PATH_STYLE=true")
		}
	}
	p.Stdout, p.Stderr = &p.stdout, &p.stderr
	return p
}

// finish waits for the command and returns its exit code.
func (p *process) finish(t *testing.T) int {
	t.Helper()
	err := p.Wait()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	if err != nil {
		t.Fatal(err)
	}
	return 0
}

func (p *process) run(t *testing.T) int {
	t.Helper()
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	return p.finish(t)
}

// waitUntil polls until another process has done something.
func waitUntil(t *testing.T, what string, done func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !done(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("waited in vain: %s", what)
		}
	}
}

// Interruptions of a run, by what the user wants of unfinished objects.
func interruptions() map[string]struct {
	args []string
	kept bool
} {
	return map[string]struct {
		args []string
		kept bool
	}{
		"kept":                 {nil, true},
		"--abort-on-interrupt": {[]string{"--abort-on-interrupt"}, false},
		"--no-resume":          {[]string{"--no-resume"}, false},
		"--no-state":           {[]string{"--no-state"}, false},
	}
}

// SIGINT in the middle of a large upload: exit code 130 within five seconds. The upload is
// kept, which is told, or no open upload remains. The next run does the rest of the job, and
// sends no part again that was kept.
func TestInterruptedUpload(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range interruptions() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				root, home, bucket := t.TempDir(), "HOME="+t.TempDir(), srv.Bucket(t)
				write(t, root, "large", bytes.Repeat([]byte("0123456789abcdef"), 40*s3sync.MiB/16))
				// The first parts arrive, the others stall.
				proxy := faultproxy.New(t, srv.Endpoint, "PUT partNumber=4 stall after=1000000 times=1 maybe")
				p := command(t, local(root), at(srv, proxy.URL, "s3://"+bucket+"/up/"), append(tt.args, "--max-parallel-uploads", "2")...)
				p.Env = append(p.Env, home)
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				waitUntil(t, "a part in flight", func() bool { return proxy.Count("PUT partNumber=4") > 0 })
				began := time.Now()
				if err := p.Process.Signal(os.Interrupt); err != nil {
					t.Fatal(err)
				}
				code := p.finish(t)
				if took := time.Since(began); code != 130 || took > 5*time.Second {
					t.Errorf("exit code %d after %v\n%s", code, took, &p.stderr)
				}
				open := 0
				if tt.kept {
					open = 1
				}
				const note = "1 unfinished object is kept with "
				if got := srv.OpenUploads(t, bucket, "up/large"); len(got) != open || strings.Contains(p.stderr.String(), note) != tt.kept {
					t.Errorf("uploads left open: %q, want %d\n%s", got, open, &p.stderr)
				}
				before := proxy.Count("PUT partNumber=1")
				again := command(t, local(root), at(srv, proxy.URL, "s3://"+bucket+"/up/"))
				again.Env = append(again.Env, home)
				if code := again.run(t); code != 0 || !strings.Contains(again.stdout.String(), "etag verified 1 objects") || again.stderr.Len() > 0 {
					t.Errorf("the next run: exit code %d\n%s%s", code, &again.stdout, &again.stderr)
				}
				if sent := proxy.Count("PUT partNumber=1") > before; sent == tt.kept {
					t.Errorf("the next run sent the first part: %v\n%s", sent, proxy.Report(20))
				}
				if got := srv.OpenUploads(t, bucket, ""); len(got) != 0 {
					t.Errorf("uploads left open by the next run: %q", got)
				}
			})
		}
	})
}

// SIGTERM in the middle of a large download: exit code 143. The temporary file is kept,
// which is told, or there is none. The next run does the rest of the job.
func TestInterruptedDownload(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range interruptions() {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				root, home, bucket, target := t.TempDir(), "HOME="+t.TempDir(), srv.Bucket(t), t.TempDir()
				write(t, root, "large", bytes.Repeat([]byte("0123456789abcdef"), 40*s3sync.MiB/16))
				sync(t, config(local(root), at(srv, "", "s3://"+bucket)))
				proxy := faultproxy.New(t, srv.Endpoint, "GET key=large nth=3 stall after=1000 times=1 maybe")
				p := command(t, at(srv, proxy.URL, "s3://"+bucket), local(target), tt.args...)
				p.Env = append(p.Env, home)
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				waitUntil(t, "a range in flight", func() bool { return proxy.Count("GET key=large") >= 3 })
				if err := p.Process.Signal(syscall.SIGTERM); err != nil {
					t.Fatal(err)
				}
				if code := p.finish(t); code != 143 {
					t.Errorf("exit code %d\n%s", code, &p.stderr)
				}
				left := names(t, target)
				if kept := len(left) == 1 && strings.HasSuffix(left[0], ".tmp"); kept != tt.kept || !kept && len(left) > 0 ||
					strings.Contains(p.stderr.String(), "1 unfinished object is kept with ") != tt.kept {
					t.Errorf("left behind: %v\n%s", left, &p.stderr)
				}
				again := command(t, at(srv, proxy.URL, "s3://"+bucket), local(target))
				again.Env = append(again.Env, home)
				if code := again.run(t); code != 0 {
					t.Errorf("the next run: exit code %d\n%s", code, &again.stderr)
				}
				sameTree(t, root, target)
			})
		}
	})
}

// What an interrupted run left of an object that is gone by now is removed by the next run,
// and so is all of it if that run is to begin anew.
func TestLeftoversAreRemoved(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for name, tt := range map[string]struct {
			args []string
			gone bool
		}{
			"the source is gone": {nil, true},
			"begun anew":         {[]string{"--no-resume"}, false},
			"too old":            {[]string{"--resume-max-age", "1s"}, false},
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				root, home, bucket := t.TempDir(), "HOME="+t.TempDir(), srv.Bucket(t)
				write(t, root, "large", bytes.Repeat([]byte("0123456789abcdef"), 40*s3sync.MiB/16))
				write(t, root, "small", []byte("data"))
				proxy := faultproxy.New(t, srv.Endpoint, "PUT partNumber=4 stall after=1000000 times=1 maybe")
				p := command(t, local(root), at(srv, proxy.URL, "s3://"+bucket))
				p.Env = append(p.Env, home)
				if err := p.Start(); err != nil {
					t.Fatal(err)
				}
				waitUntil(t, "a part in flight", func() bool { return proxy.Count("PUT partNumber=4") > 0 })
				began := time.Now()
				if err := p.Process.Signal(os.Interrupt); err != nil {
					t.Fatal(err)
				}
				p.finish(t)
				if open := srv.OpenUploads(t, bucket, "large"); len(open) != 1 {
					t.Fatalf("uploads left open: %q\n%s", open, &p.stderr)
				}
				if tt.gone {
					if err := os.Remove(filepath.Join(root, "large")); err != nil {
						t.Fatal(err)
					}
				}
				waitUntil(t, "the upload is old", func() bool { return time.Since(began) > 2*time.Second })
				before := proxy.Count("PUT partNumber=1")
				again := command(t, local(root), at(srv, proxy.URL, "s3://"+bucket), tt.args...)
				again.Env = append(again.Env, home)
				if code := again.run(t); code != 0 {
					t.Errorf("the next run: exit code %d\n%s", code, &again.stderr)
				}
				if sent := proxy.Count("PUT partNumber=1") > before; sent == tt.gone {
					t.Errorf("the first part was sent: %v\n%s", sent, proxy.Report(20))
				}
				if open := srv.OpenUploads(t, bucket, "large"); len(open) != 0 {
					t.Errorf("uploads left open by the next run: %q", open)
				}
			})
		}
	})
}

// User errors: one clear line on standard error, the right exit code, within seconds,
// with the default retry settings.
func TestBadInput(t *testing.T) {
	srv := s3server.Shared(t, s3server.MinIO)
	bucket := srv.Bucket(t)
	root := t.TempDir()
	write(t, root, "file", []byte("data"))
	good := at(srv, "", "s3://"+bucket+"/p/")
	change := func(f func(*s3sync.Endpoint)) s3sync.Endpoint {
		e := good
		f(&e)
		return e
	}
	denied := srv.Restricted(t, `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":["s3:GetObject"],"Resource":["arn:aws:s3:::*"]}]}`)
	closed := closedPort(t)
	for name, tt := range map[string]struct {
		source, target s3sync.Endpoint
		args           []string
		code           int
		want           string
	}{
		"missing source":     {local(filepath.Join(root, "missing")), good, nil, 2, "missing"},
		"file with --delete": {local(filepath.Join(root, "file")), good, []string{"--delete"}, 2, "--delete"},
		"target is a file":   {good, local(filepath.Join(root, "file")), nil, 2, "not a directory"},
		"two directories":    {local(root), local(root), nil, 2, "SOURCE is not s3://bucket"},
		"no bucket":          {local(root), change(func(e *s3sync.Endpoint) { e.URL = "s3://no-such-bucket-here" }), nil, 1, "no-such-bucket-here"},
		"no source bucket":   {change(func(e *s3sync.Endpoint) { e.URL = "s3://no-such-bucket-here" }), local(root + "/new"), []string{"--delete"}, 1, "no-such-bucket-here"},
		"wrong region":       {local(root), change(func(e *s3sync.Endpoint) { e.Region = "eu-central-1" }), nil, 0, "us-east-1"},
		"wrong key":          {local(root), change(func(e *s3sync.Endpoint) { e.AccessKey = "nobody" }), nil, 1, "access key"},
		"wrong secret":       {local(root), change(func(e *s3sync.Endpoint) { e.SecretKey = "wrong" }), nil, 1, "secret"},
		"no permission": {local(root), change(func(e *s3sync.Endpoint) {
			e.AccessKey, e.SecretKey, e.SessionToken = denied.AccessKeyID, denied.SecretAccessKey, denied.SessionToken
		}), nil, 1, "AccessDenied"},
		"nobody answers":    {local(root), change(func(e *s3sync.Endpoint) { e.EndpointURL = closed }), nil, 1, closed},
		"no source answers": {change(func(e *s3sync.Endpoint) { e.EndpointURL = closed }), local(root + "/new"), nil, 1, closed},
		"no credentials":    {local(root), change(func(e *s3sync.Endpoint) { e.AccessKey, e.SecretKey = "", "" }), nil, 1, "credentials"},
	} {
		t.Run(name, func(t *testing.T) {
			p := command(t, tt.source, tt.target, tt.args...)
			began := time.Now()
			code := p.run(t)
			took := time.Since(began)
			lines := slices.Collect(strings.Lines(p.stderr.String()))
			if code != tt.code || len(lines) != 1 || took > 10*time.Second {
				t.Fatalf("exit code %d, %d lines, %v\n%s", code, len(lines), took, &p.stderr)
			}
			t.Log(lines[0])
			for _, noise := range []string{"operation error", "RequestID", "StatusCode", "X-Amz-", srv.SecretKey} {
				if strings.Contains(lines[0], noise) {
					t.Errorf("%q in %s", noise, lines[0])
				}
			}
			if !strings.Contains(strings.ToLower(lines[0]), strings.ToLower(tt.want)) {
				t.Errorf("%q is not in %s", tt.want, lines[0])
			}
			if _, err := os.Stat(root + "/new"); err == nil {
				t.Error("the target directory was created")
			}
		})
	}
}

// closedPort returns the URL of a server that does not exist.
func closedPort(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	return "http://" + l.Addr().String()
}

// A reader that closes the pipe of the log does not end the run.
func TestClosedPipeDoesNotEndTheRun(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	root, bucket := t.TempDir(), srv.Bucket(t)
	for i := range 200 {
		write(t, root, fmt.Sprint("file", i), []byte("data"))
	}
	p := command(t, local(root), at(srv, "", "s3://"+bucket), "-vvv")
	r, w, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	p.Stdout = w
	if err := errors.Join(r.Close(), p.Start(), w.Close()); err != nil {
		t.Fatal(err)
	}
	if code := p.finish(t); code != 0 || p.stderr.Len() != 0 {
		t.Errorf("exit code %d\n%s", code, &p.stderr)
	}
	again := command(t, local(root), at(srv, "", "s3://"+bucket))
	if code := again.run(t); code != 0 || !strings.Contains(again.stdout.String(), "skipped 200 objects") {
		t.Errorf("the next run: exit code %d\n%s%s", code, &again.stdout, &again.stderr)
	}
}
