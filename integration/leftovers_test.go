package integration_test

import (
	"bytes"
	"encoding/json"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// s3sync doctor --leftovers finds uploads that nobody goes on with, and aborts old ones. It
// never aborts one that a state of this machine knows.
func TestDoctorLeftovers(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, home, b := t.TempDir(), "HOME="+t.TempDir(), newBucket(t, srv)
		create := func(key string) string {
			out, err := b.Client().CreateMultipartUpload(t.Context(), &s3.CreateMultipartUploadInput{Bucket: &b.name, Key: &key})
			if err != nil {
				t.Fatal(err)
			}
			return *out.UploadId
		}
		one, other := create("p/forgotten"), create("elsewhere/forgotten")
		// An interrupted run keeps an upload, of which its state knows.
		write(t, root, "large", bytes.Repeat([]byte("0123456789abcdef"), 40*s3sync.MiB/16))
		proxy := faultproxy.New(t, srv.Endpoint, "PUT partNumber=4 stall after=1000000 times=1 maybe")
		p := command(t, local(root), at(srv, proxy.URL, "s3://"+b.name+"/p/"))
		p.Env = append(p.Env, home)
		if err := p.Start(); err != nil {
			t.Fatal(err)
		}
		waitUntil(t, "a part in flight and another one written", func() bool {
			return proxy.Count("PUT partNumber=4") > 0 && slices.ContainsFunc(proxy.Requests(), func(r faultproxy.Request) bool {
				return r.Operation == "UploadPart" && r.Query.Get("partNumber") == "1" && r.Status == 200
			})
		})
		began := time.Now()
		// While the run writes there, nothing below its target is a leftover.
		if code, out := leftovers(t, srv, home, "s3://"+b.name+"/p/", "--abort-older-than", "1s", "--yes"); code != 0 || !strings.Contains(out, "; 2 that runs of this machine go on with\n") {
			t.Errorf("during the run: exit code %d\n%s", code, out)
		}
		if err := p.Process.Signal(os.Interrupt); err != nil {
			t.Fatal(err)
		}
		if code := p.finish(t); code != 130 {
			t.Fatalf("exit code %d\n%s", code, &p.stderr)
		}
		waitUntil(t, "the uploads are old", func() bool { return time.Since(began) > 2*time.Second })

		code, out := leftovers(t, srv, home, "s3://"+b.name+"/p/", "--endpoint-url", srv.Endpoint, "--path-style")
		if code != 3 || !strings.Contains(out, one+"  p/forgotten\n1 unfinished upload that no state of this machine knows; 1 that runs of this machine go on with\n") {
			t.Errorf("exit code %d\n%s", code, out)
		}
		if code, out := leftovers(t, srv, home, "s3://"+b.name+"/p/", "--abort-older-than", "1d", "--yes"); code != 3 || !strings.Contains(out, one) {
			t.Errorf("none is old: exit code %d\n%s", code, out)
		}
		if code, out := leftovers(t, srv, home, "s3://"+b.name+"/p/", "--abort-older-than", "1s"); code != 2 || !strings.Contains(out, "add --yes") {
			t.Errorf("unasked: exit code %d\n%s", code, out)
		}
		code, out = leftovers(t, srv, home, "s3://"+b.name+"/p/", "--abort-older-than", "1s", "--yes", "--json")
		var result struct {
			Leftovers []struct {
				Key, Upload string
				Aborted     bool
			}
			Known int
		}
		if err := json.Unmarshal([]byte(out), &result); err != nil || code != 0 || len(result.Leftovers) != 1 || result.Known != 1 ||
			result.Leftovers[0].Key != "p/forgotten" || result.Leftovers[0].Upload != one || !result.Leftovers[0].Aborted {
			t.Errorf("%v, exit code %d\n%s", err, code, out)
		}
		if code, out := leftovers(t, srv, home, "s3://"+b.name); code != 3 || !strings.Contains(out, other) || strings.Contains(out, one) {
			t.Errorf("the bucket: exit code %d\n%s", code, out)
		}
		// Without the state it would be one that nobody knows.
		if code, out := leftovers(t, srv, "HOME="+t.TempDir(), "s3://"+b.name+"/p/"); code != 3 || !strings.Contains(out, "  p/large\n") {
			t.Errorf("on another machine: exit code %d\n%s", code, out)
		}
		again := command(t, local(root), at(srv, proxy.URL, "s3://"+b.name+"/p/"))
		again.Env = append(again.Env, home)
		before := proxy.Count("PUT partNumber=1")
		if code := again.run(t); code != 0 || proxy.Count("PUT partNumber=1") != before {
			t.Errorf("the next run does not go on: exit code %d\n%s", code, &again.stderr)
		}
	})
}

// leftovers runs s3sync doctor --leftovers, and returns its exit code and what it prints.
func leftovers(t *testing.T, srv *s3server.Server, home, url string, args ...string) (int, string) {
	t.Helper()
	p := command(t, s3sync.Endpoint{}, at(srv, "", url))
	p.Args = append([]string{p.Args[0], "doctor", "--leftovers", url}, args...)
	p.Env = append(p.Env, home)
	code := p.run(t)
	return code, p.stdout.String() + p.stderr.String()
}
