package overlap

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"s3sync/storage"
)

func TestOfPrefixes(t *testing.T) {
	for name, tt := range map[string]struct {
		source, target string
		want           Kind
	}{
		"same":               {"a/", "a/", Same},
		"whole buckets":      {"", "", Same},
		"target inside":      {"a/", "a/b/", TargetInside},
		"target in all":      {"", "a", TargetInside},
		"source inside":      {"a/b/", "a/", SourceInside},
		"literal prefixes":   {"a", "ab/", TargetInside},
		"beside":             {"a/", "b/", Apart},
		"beside, one letter": {"a/x", "a/y", Apart},
	} {
		t.Run(name, func(t *testing.T) {
			if got := OfPrefixes(tt.source, tt.target); got != tt.want {
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

func TestOfDirectories(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"data/sub", "other"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o750); err != nil {
			t.Fatal(err)
		}
	}
	links := map[string]string{"link": "data", "other/in": filepath.Join("..", "data", "sub")}
	var noLinks error
	for name, to := range links {
		noLinks = errors.Join(noLinks, os.Symlink(to, filepath.Join(root, name)))
	}
	if noLinks != nil && runtime.GOOS != "windows" {
		t.Fatal(noLinks)
	}
	for name, tt := range map[string]struct {
		source, target string
		want           Kind
		links          bool
	}{
		"same":                  {"data", "data/../data", Same, false},
		"same by a link":        {"data", "link", Same, true},
		"target inside":         {"data", "data/sub", TargetInside, false},
		"target to be made":     {"data", "data/new/x", TargetInside, false},
		"target by a link":      {"data", "link/new", TargetInside, true},
		"target by another one": {"data", "other/in/x", TargetInside, true},
		"source inside":         {"data/sub", "data", SourceInside, false},
		"source by a link":      {"other/in", "data", SourceInside, true},
		"source below a link":   {"data/sub", "link", SourceInside, true},
		"beside":                {"data", "other", Apart, false},
		"neither is there":      {"x", "y", Apart, false},
		"names that begin so":   {"data", "data2", Apart, false},
	} {
		t.Run(name, func(t *testing.T) {
			if tt.links && noLinks != nil {
				t.Skip("on Windows links take a privilege: ", noLinks)
			}
			got := ofDirectories(filepath.Join(root, tt.source), filepath.Join(root, tt.target))
			if got != tt.want {
				t.Errorf("got %d, want %d", got, tt.want)
			}
		})
	}
}
