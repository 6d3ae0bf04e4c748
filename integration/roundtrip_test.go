package integration_test

import (
	"bytes"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"s3sync"
	"s3sync/internal/s3server"
)

// A real tree of about 10,000 files, sizes around every boundary and difficult names is
// uploaded and downloaded, and nothing differs. Every object is verified, and a second
// run has nothing to do in either direction.
func TestRoundTrip(t *testing.T) {
	t.Parallel()
	source := sourceTree(t)
	for _, kind := range s3server.Rotated(t.Name()) {
		t.Run(string(kind), func(t *testing.T) {
			srv := s3server.Shared(t, kind)
			url := "s3://" + srv.Bucket(t) + "/tree/"
			copied := filepath.Join(t.TempDir(), "copy")
			up := config(local(source), at(srv, "", url))
			down := config(at(srv, "", url), local(copied))

			sent := syncVerified(t, up)
			received := syncVerified(t, down)
			if n := sameTree(t, source, copied); sent != int64(n) || received != int64(n) {
				t.Errorf("of %d files %d were sent and %d received", n, sent, received)
			}
			sameTimes(t, down, copied)
			for name, cfg := range map[string]*s3sync.Config{"up": up, "down": down} {
				if again := sync(t, cfg); again.Transferred != 0 {
					t.Errorf("%s again: transferred %d", name, again.Transferred)
				}
			}
			touch(t, filepath.Join(source, "sizes", "0"), time.Now().Add(10*time.Second))
			defer touch(t, filepath.Join(source, "sizes", "0"), time.Now().Add(-time.Hour))
			if again := sync(t, up); again.Transferred != 1 {
				t.Errorf("one file touched: transferred %d", again.Transferred)
			}
		})
	}
}

// Between the two servers, in both directions.
func TestRoundTripBetweenServers(t *testing.T) {
	t.Parallel()
	source := smallTree(t)
	a, b := s3server.Shared(t, s3server.VersityGW), s3server.Shared(t, s3server.MinIO)
	first, second, third := "s3://"+a.Bucket(t), "s3://"+b.Bucket(t)+"/there/", "s3://"+a.Bucket(t)+"/back-"
	n := syncVerified(t, config(local(source), at(a, "", first)))
	for _, hop := range []*s3sync.Config{
		config(at(a, "", first), at(b, "", second)),
		config(at(b, "", second), at(a, "", third)),
	} {
		if got := syncVerified(t, hop); got != n {
			t.Errorf("%s → %s: %d objects, want %d", hop.Source.URL, hop.Target.URL, got, n)
		}
		if again := sync(t, hop); again.Transferred != 0 {
			t.Errorf("%s → %s again: transferred %d", hop.Source.URL, hop.Target.URL, again.Transferred)
		}
	}
	copied := t.TempDir()
	syncVerified(t, config(at(a, "", third), local(copied)))
	sameTree(t, source, copied)
}

// syncVerified syncs, checks that every transferred object is verified, and returns
// their number.
func syncVerified(t *testing.T, cfg *s3sync.Config) int64 {
	t.Helper()
	report := sync(t, cfg)
	if report.ETagVerified != report.Transferred || report.Unverified != 0 || report.Transferred == 0 {
		t.Errorf("%s → %s: %+v", cfg.Source.URL, cfg.Target.URL, report.Stats)
	}
	return report.Transferred
}

// sameTimes checks that the files have the times of their objects: the events of a dry
// run show files that compare as newer or older.
func sameTimes(t *testing.T, down *s3sync.Config, root string) {
	t.Helper()
	cfg := *down
	cfg.DryRun = true
	n := 0
	cfg.OnEvent = func(ev s3sync.Event) {
		if ev.Type != s3sync.EventSkipped {
			return
		}
		n++
		fi, err := os.Stat(filepath.Join(root, filepath.FromSlash(ev.Key)))
		if err != nil {
			t.Error(err)
			return
		}
		if got, want := fi.ModTime().Unix(), ev.Source.ModTime.Unix(); got != want {
			t.Errorf("%s: mtime %d, want %d", ev.Key, got, want)
		}
	}
	if report := sync(t, &cfg); int64(n) != report.Skipped || n == 0 {
		t.Errorf("%d of %d files looked at", n, report.Skipped)
	}
}

// sourceTree returns Go's own source tree and smallTree.
func sourceTree(t *testing.T) string {
	t.Helper()
	root := smallTree(t)
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	goroot := filepath.Join(strings.TrimSpace(string(out)), "src")
	if err := os.CopyFS(filepath.Join(root, "go"), os.DirFS(goroot)); err != nil {
		t.Fatal(err)
	}
	old := time.Now().Add(-time.Hour)
	for _, path := range tree(t, filepath.Join(root, "go")) {
		touch(t, path, old)
	}
	return root
}

// smallTree has files of all relevant sizes, and difficult names. Both servers allow at
// most 255 bytes in a segment of a key.
func smallTree(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	random := make([]byte, 100*s3sync.MiB)
	if _, err := rand.NewChaCha8([32]byte{1}).Read(random); err != nil {
		t.Fatal(err)
	}
	for name, size := range map[string]int{
		"0": 0, "1": 1, "8MiB-1": 8*s3sync.MiB - 1, "8MiB": 8 * s3sync.MiB, "8MiB+1": 8*s3sync.MiB + 1, "100MiB": 100 * s3sync.MiB,
	} {
		write(t, root, "sizes/"+name, random[:size])
	}
	for i, name := range []string{
		"a b", "a+b", "a&b", "a?b", "a#b", "a%41b", "a=b;c", "a'b\"c", `a\b`, "a:b*c<d>e|f", "$(a)`b`", "~", "-rf", ".hidden",
		"é", "e\u0301", "日本語", "😀", "narrow\u202fblank", "nbsp\u00a0", "®", "tab\tx", "new\nline", "a\rb",
		"deep/" + strings.Repeat("d/", 50) + "x", strings.Repeat("n", 255), "order/a-1", "order/a.txt", "order/a/b", "order/a0",
		"key1024/" + strings.Repeat(strings.Repeat("k", 250)+"/", 4)[:1000],
	} {
		write(t, root, "names/"+name, bytes.Repeat([]byte{byte(i)}, i))
	}
	return root
}
