package integration_test

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/s3server"
)

// verifies runs s3sync verify, which reaches the bucket like the target, and expects an
// exit code. It returns standard output.
func verifies(t *testing.T, target s3sync.Endpoint, code int, args ...string) string {
	t.Helper()
	p := command(t, s3sync.Endpoint{}, target)
	p.Args = append([]string{p.Args[0], "verify"}, args...)
	if got := p.run(t); got != code {
		t.Errorf("verify %q: exit code %d, want %d\n%s%s", args, got, code, &p.stdout, &p.stderr)
	}
	return p.stdout.String()
}

// leaves runs a sync that leaves a manifest.
func leaves(t *testing.T, manifest string, source, target s3sync.Endpoint, args ...string) {
	t.Helper()
	p := command(t, source, target, append(args, "--manifest", manifest)...)
	if code := p.run(t); code != 0 {
		t.Fatalf("exit code %d\n%s%s", code, &p.stdout, &p.stderr)
	}
}

// Manifests of all three directions are verified, and changes of the target are found.
func TestManifest(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, dir := t.TempDir(), t.TempDir()
		write(t, root, "small", []byte("one"))
		write(t, root, "empty", nil)
		write(t, root, "b/large", random(1, 20*s3sync.MiB))
		name, kept := srv.Bucket(t), srv.Bucket(t)
		up, copied, evidence := at(srv, "", "s3://"+name+"/up/"), at(srv, "", "s3://"+name+"/copy/"), "s3://"+kept+"/run.jsonl.zst"
		down := filepath.Join(dir, "down")

		leaves(t, evidence, local(root), up)
		leaves(t, filepath.Join(dir, "down.jsonl"), up, local(down))
		leaves(t, filepath.Join(dir, "copy.jsonl"), up, copied)
		for _, args := range [][]string{
			{"--manifest", evidence},
			{"--manifest", evidence, "--read"},
			{"--manifest", evidence, "--against", root},
			{"--manifest", evidence, "--against", copied.URL},
			{"--manifest", filepath.Join(dir, "down.jsonl")},
			{"--manifest", filepath.Join(dir, "copy.jsonl"), "--read"},
		} {
			if out := verifies(t, up, 0, args...); !strings.Contains(out, "\n3 as recorded") {
				t.Errorf("%q: %s", args, out)
			}
		}

		sums := verifies(t, up, 0, "--manifest", evidence, "--sha256sum")
		if strings.Count(sums, "\n") != 3 {
			t.Error(sums)
		}
		if program, err := exec.LookPath("sha256sum"); err == nil {
			check := exec.CommandContext(t.Context(), program, "--strict", "-c")
			check.Dir, check.Stdin = root, strings.NewReader(sums)
			if out, err := check.CombinedOutput(); err != nil {
				t.Errorf("sha256sum: %v\n%s", err, out)
			}
		}

		write(t, root, "small", []byte("two"))
		if out := verifies(t, up, 1, "--manifest", evidence, "--against", root); !strings.Contains(out, "different  small: ") {
			t.Error(out)
		}
		leaves(t, filepath.Join(dir, "again.jsonl"), local(root), up, "--check-etag")
		if out := verifies(t, up, 1, "--manifest", evidence); !strings.Contains(out, "different  small: its ETag is ") {
			t.Error(out)
		}
		verifies(t, up, 0, "--manifest", filepath.Join(dir, "again.jsonl"))
	})
}

// In a bucket with versions every version has a line, and older ones are looked at, too.
func TestManifestOfVersions(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		root, dir := t.TempDir(), t.TempDir()
		from, to := srv.VersionedBucket(t), srv.VersionedBucket(t)
		source, target := at(srv, "", "s3://"+from), at(srv, "", "s3://"+to)
		for i, text := range []string{"one", "two", "three"} {
			write(t, root, "a", []byte(text))
			leaves(t, filepath.Join(dir, "up"+text), local(root), source, "--remove-modified-filter")
			if i == 0 {
				data, err := os.ReadFile(filepath.Join(dir, "up"+text))
				if err != nil || !bytes.Contains(data, []byte(`"version_id":"`)) {
					t.Errorf("%v\n%s", err, data)
				}
			}
		}
		manifest := filepath.Join(dir, "versions")
		leaves(t, manifest, source, target, "--enable-versioning")
		if out := verifies(t, target, 0, "--manifest", manifest); !strings.Contains(out, "\n3 as recorded (3 by ETag") {
			t.Error(out)
		}
		if out := verifies(t, source, 1, "--manifest", filepath.Join(dir, "upone")); !strings.Contains(out, "different  a: ") {
			t.Error(out)
		}
	})
}
