package s3sync

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"s3sync/storage"
)

func TestOverlapOf(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target string
		want           overlap
	}{
		"same":               {"a/", "a/", samePlace},
		"whole buckets":      {"", "", samePlace},
		"target inside":      {"a/", "a/b/", targetInside},
		"target in all":      {"", "a", targetInside},
		"source inside":      {"a/b/", "a/", sourceInside},
		"literal prefixes":   {"a", "ab/", targetInside},
		"beside":             {"a/", "b/", apart},
		"beside, one letter": {"a/x", "a/y", apart},
	} {
		t.Run(name, func(t *testing.T) {
			if got := overlapOf(tt.source, tt.target); got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}

func TestOneContainer(t *testing.T) {
	const here, there = "h:80", "h:81"
	ap := storage.Location{Server: here, Container: "arn:aws:s3:eu-west-1:123456789012:accesspoint/ap", Alias: true}
	for name, tt := range map[string]struct {
		a, b storage.Location
		want likelihood
	}{
		"one":                {storage.Location{Server: here, Container: "b"}, storage.Location{Server: here, Container: "b"}, certainly},
		"two servers":        {storage.Location{Server: here, Container: "b"}, storage.Location{Server: there, Container: "b"}, perhaps},
		"letters":            {storage.Location{Server: here, Container: "B"}, storage.Location{Server: here, Container: "b"}, perhaps},
		"two buckets":        {storage.Location{Server: here, Container: "b"}, storage.Location{Server: here, Container: "c"}, no},
		"access point":       {ap, storage.Location{Server: here, Container: "b"}, perhaps},
		"access point twice": {ap, ap, certainly},
		"access point there": {ap, storage.Location{Server: there, Container: "b"}, no},
	} {
		t.Run(name, func(t *testing.T) {
			same := func(a, b string) bool { return a == b }
			for _, got := range []likelihood{oneContainer(tt.a, tt.b, same), oneContainer(tt.b, tt.a, same)} {
				if got != tt.want {
					t.Errorf("got %d, want %d", got, tt.want)
				}
			}
		})
	}
}

func TestOverlapOfDirectories(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"data/sub", "other"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{"link": "data", "other/in": filepath.Join("..", "data", "sub")}
	for name, to := range links {
		if err := os.Symlink(to, filepath.Join(root, name)); err != nil && runtime.GOOS != "windows" {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		source, target string
		want           overlap
		links          bool
	}{
		"same":                  {"data", "data/../data", samePlace, false},
		"same by a link":        {"data", "link", samePlace, true},
		"target inside":         {"data", "data/sub", targetInside, false},
		"target to be made":     {"data", "data/new/x", targetInside, false},
		"target by a link":      {"data", "link/new", targetInside, true},
		"target by another one": {"data", "other/in/x", targetInside, true},
		"source inside":         {"data/sub", "data", sourceInside, false},
		"source by a link":      {"other/in", "data", sourceInside, true},
		"source below a link":   {"data/sub", "link", sourceInside, true},
		"beside":                {"data", "other", apart, false},
		"neither is there":      {"x", "y", apart, false},
		"names that begin so":   {"data", "data2", apart, false},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.links && runtime.GOOS == "windows" {
				t.Skip("links take a privilege")
			}
			got := overlapOfDirectories(filepath.Join(root, tt.source), filepath.Join(root, tt.target))
			if got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
