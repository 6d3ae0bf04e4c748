package integration_test

import (
	"bytes"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// lyingAnswers are proxy rules with a placeholder for the object.
func lyingAnswers() map[string]string {
	return map[string]string{
		"page":         "%s html",
		"its own ETag": "%s html set.ETag=\"5f3c-61a2b3c4d5e6f\"",
		"nothing":      "%s empty",
		"no ETag":      "%s set.ETag=",
	}
}

// TestLyingAnswers: a proxy's false response becomes neither a file nor an object, in
// one piece or in parts: the old content stays, the object is named, the command fails
// and deletes nothing. A plain run afterwards repairs everything.
func TestLyingAnswers(t *testing.T) {
	t.Parallel()
	srv := s3server.Shared(t, s3server.VersityGW)
	old := time.Now().Add(-48 * time.Hour)
	for name, lie := range lyingAnswers() {
		for what, operations := range map[string][]string{
			"down": {"GetObject good", "GetObject parts", "GetObject parts header.Range=bytes=5242880-*"},
			"up":   {"PutObject good", "UploadPart parts partNumber=2", "CreateMultipartUpload parts", "CompleteMultipartUpload parts"},
		} {
			for _, operation := range operations {
				if name == "no ETag" && strings.HasPrefix(operation, "C") {
					continue // it is in the document there
				}
				t.Run(fmt.Sprint(name, "/", operation), func(t *testing.T) {
					b, root := newBucket(t, srv), t.TempDir()
					content := map[string][]byte{"good": random(1, 5000), "parts": random(2, 11*s3sync.MiB), "other": random(3, 10)}
					proxy := faultproxy.New(t, srv.Endpoint)
					addRule(t, proxy, fmt.Sprintf(lie, operation))
					source, target := local(root), b.at(proxy.URL)
					for key, data := range content {
						if what == "up" {
							b.put(t, key, []byte("old"))
							write(t, root, key, data)
							touch(t, filepath.Join(root, key), time.Now().Add(time.Hour))
						} else {
							b.put(t, key, data)
							write(t, root, key, []byte("old"))
							touch(t, filepath.Join(root, key), old)
						}
					}
					if what == "down" {
						source, target = target, source
						write(t, root, "extraneous", nil)
					} else {
						b.put(t, "extraneous", nil)
					}
					held := func(key string) []byte {
						if what == "up" {
							return b.get(t, key)
						}
						data, err := os.ReadFile(filepath.Join(root, key))
						if err != nil {
							t.Fatal(err)
						}
						return data
					}
					key := strings.Fields(operation)[1]
					args := []string{
						"--multipart-threshold", "5MiB", "--multipart-chunksize", "5MiB", "--aws-max-attempts", "2",
						"--initial-backoff-milliseconds", "1", "--force-retry-count", "1", "--force-retry-interval-milliseconds", "1", "--delete",
					}
					p := command(t, source, target, args...)
					if code := p.run(t); code != 1 || !strings.Contains(p.stderr.String(), key) {
						t.Errorf("exit %d:\n%s%s", code, &p.stdout, &p.stderr)
					}
					if got := held(key); string(got) != "old" && !bytes.Equal(got, content[key]) {
						t.Errorf("it holds %.60q", got)
					}
					if got := held("extraneous"); len(got) != 0 {
						t.Errorf("extraneous holds %q", got)
					}
					if what == "up" {
						target = b.at("")
					} else {
						source = b.at("")
					}
					p = command(t, source, target, args...)
					if code := p.run(t); code != 0 {
						t.Errorf("the next run ends with %d:\n%s", code, &p.stderr)
					}
					for key, data := range content {
						if got := held(key); !bytes.Equal(got, data) {
							t.Errorf("%s holds %.60q", key, got)
						}
					}
				})
			}
		}
	}
}

// TestLyingDeletions: an object that was not deleted does not count as deleted.
func TestLyingDeletions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		for lie, cause := range map[string]string{
			"DeleteObjects html": "DeleteObjects", "DeleteObjects empty": "DeleteObjects", "DeleteObjects status=200 code=InternalError": "InternalError",
		} {
			t.Run(lie, func(t *testing.T) {
				b, root := newBucket(t, srv), t.TempDir()
				write(t, root, "kept", []byte("x"))
				for i := range 32 {
					b.put(t, fmt.Sprint("extraneous", i), nil)
				}
				proxy := faultproxy.New(t, srv.Endpoint, lie)
				cfg := config(local(root), b.at(proxy.URL))
				cfg.Delete.Enable = true
				o := run(t, cfg)
				o.failed(t, "")
				o.reports(t, "extraneous7", cause, `delete "extraneous7"`)
				if o.Deleted != 0 || o.Failed != 32 {
					t.Errorf("%+v", o.Stats)
				}
			})
		}
	})
}

// TestServerWithOwnETags: rclone's server gives objects in parts the MD5 digest of the
// whole. Such objects are written and read, and not reported as damaged.
func TestServerWithOwnETags(t *testing.T) {
	t.Parallel()
	rclone := s3server.Tool(t, "rclone")
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	addr := l.Addr().String()
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	served := t.TempDir()
	if err := os.Mkdir(filepath.Join(served, "b"), 0o750); err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), rclone, "serve", "s3", "--addr", addr, "--auth-key", "AKTEST,SECRETKEY", "--config", "", served)
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait() // it was killed
	})
	waitUntil(t, "the server listens", func() bool {
		conn, err := net.Dial("tcp", addr)
		if err == nil {
			err = conn.Close()
		}
		return err == nil
	})
	root, back := t.TempDir(), t.TempDir()
	data := random(1, 11*s3sync.MiB)
	write(t, root, "parts", data)
	write(t, root, "whole", data[:5000])
	side := s3sync.Endpoint{URL: "s3://b", EndpointURL: "http://" + addr, PathStyle: true, Region: "us-east-1", AccessKey: "AKTEST", SecretKey: "SECRETKEY"}
	o := run(t, smallParts(config(local(root), side)))
	if o.err != nil || o.Transferred != 2 || o.ETagVerified != 1 || o.Unverified != 1 || o.Warnings != 0 {
		t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
	}
	if !strings.Contains(o.log, "an ETag of its own kind") {
		t.Errorf("no reason in\n%s", o.log)
	}
	o = run(t, smallParts(config(side, local(back))))
	if o.err != nil || o.Transferred != 2 || o.ETagVerified != 2 {
		t.Errorf("%v, %+v\n%s", o.err, o.Stats, o.log)
	}
	if got, err := os.ReadFile(filepath.Join(back, "parts")); err != nil || !bytes.Equal(got, data) {
		t.Errorf("%v, other bytes came back", err)
	}
}
