package s3sync_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestLibraryPage: the Go code of docs/library.md is in example_test.go, so that it
// compiles, and the examples that the page names exist.
func TestLibraryPage(t *testing.T) {
	read := func(name string) string {
		data, err := os.ReadFile(filepath.FromSlash(name))
		if err != nil {
			t.Fatal(err)
		}
		return strings.ReplaceAll(string(data), "\r\n", "\n")
	}
	page, examples := read("docs/library.md"), read("example_test.go")
	blocks := regexp.MustCompile("(?s)```go\n(.*?)```").FindAllStringSubmatch(page, -1)
	if len(blocks) == 0 {
		t.Error("the page has no code")
	}
	for _, block := range blocks {
		if !strings.Contains(examples, block[1]) {
			t.Errorf("example_test.go does not have\n%s", block[1])
		}
	}
	names := regexp.MustCompile("`(Example\\w*)`").FindAllStringSubmatch(page, -1)
	if len(names) == 0 {
		t.Error("the page names no example")
	}
	for _, name := range names {
		if !strings.Contains(examples, "func "+name[1]+"(") {
			t.Errorf("there is no %s", name[1])
		}
	}
}
