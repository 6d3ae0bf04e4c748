package cli

import (
	"fmt"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/cli/options"
	"s3sync/internal/doclines"
	"s3sync/internal/s3server"
)

// The pages of the repository show command lines. Each is parsed with the real table of
// options. A comment before a block of code says more about it:
//
//	<!-- run with photos/a.jpg s3://bucket/b.jpg -->
//	    the lines are run, one after the other, on a server that has all buckets. These
//	    files are written before, and the bucket has this object and nothing else. What
//	    is not named stays as the lines before on the page left it. "run exit 3" is for
//	    lines with this exit code.
//	<!-- refused -->
//	    the lines are refused with exit code 2.

// docLines returns the lines of all pages, in order.
func docLines(t *testing.T) (lines []doclines.Line) {
	t.Helper()
	root := filepath.Join("..", "..")
	pages, err := filepath.Glob(filepath.Join(root, "docs", "*.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, page := range append(pages, filepath.Join(root, "README.md")) {
		data, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, doclines.Of("s3sync", filepath.Base(page), strings.ReplaceAll(string(data), "\r\n", "\n"))...)
	}
	return lines
}

// Nobody copies a line from a page that the command refuses.
func TestDocLines(t *testing.T) {
	lines := docLines(t)
	if len(lines) < 20 {
		t.Errorf("only %d lines found", len(lines))
	}
	for _, l := range lines {
		t.Chdir(t.TempDir())
		err := acceptLine(t, l.Args)
		switch {
		case l.Mark == "refused" && err == nil:
			t.Errorf("%s: is not refused", l)
		case l.Mark != "refused" && err != nil:
			t.Errorf("%s: %v", l, err)
		}
	}
}

// acceptLine parses and checks a line as the command does, and runs nothing but help,
// completion and version.
func acceptLine(t *testing.T, args []string) error {
	t.Helper()
	if len(args) == 1 && !strings.HasPrefix(args[0], "-") {
		args = []string{"help", args[0]} // the name of a command, in a text
	}
	given := prepared(t, args)
	c := newCommand((&call{args: given}).process(t))
	asked, rest, _, err := c.line.Parse()
	switch {
	case err != nil:
		return err
	case asked != nil && asked.Sides:
		if err := c.leftoversFault(); err != nil {
			return err
		}
		return c.line.Check()
	case asked != nil && slices.Contains([]string{"help", "completion", "version"}, asked.Name):
		if asked.Run(t.Context(), rest) != options.ExitDone {
			return fmt.Errorf("%s failed", asked.Name)
		}
	}
	return nil
}

// prepared returns arguments that are about a file system of their own: paths are moved
// below the working directory and created, and words that stand for something get a
// meaning.
func prepared(t *testing.T, args []string) []string {
	t.Helper()
	var given []string
	for i, arg := range args {
		switch arg {
		case "[OPTIONS]":
			continue
		case "…":
			given = append(given, ".", "s3://target/")
			continue
		case "SOURCE", "[SOURCE]":
			arg = "."
		case "TARGET", "[TARGET]":
			arg = "s3://target/"
		case "SHELL":
			arg = "bash"
		case "TOPIC":
			arg = "deletion"
		}
		if len(given) > 0 && strings.HasSuffix(given[len(given)-1], "-from") {
			makeFile(t, "patterns", "")
			arg = "patterns"
		}
		if strings.HasPrefix(arg, "/") || strings.HasPrefix(arg, "~/") || strings.HasPrefix(arg, "./") {
			arg = "." + path.Clean("/"+strings.TrimLeft(arg, "~./"))
		}
		if strings.HasPrefix(arg, "./") || i >= len(args)-2 && !strings.HasPrefix(arg, "-") && !strings.Contains(arg, ":") && len(args) > 1 {
			if err := os.MkdirAll(arg, 0o755); err != nil {
				t.Fatal(err)
			}
		}
		given = append(given, arg)
	}
	return given
}

func makeFile(t *testing.T, name, content string) {
	t.Helper()
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(name, []byte(content), 0o644); err != nil {
		t.Fatal(err)
	}
}

// What the pages show works with a real server.
func TestDocLinesRun(t *testing.T) {
	var blocks [][]doclines.Line
	for _, l := range docLines(t) {
		if !strings.HasPrefix(l.Mark, "run") {
			continue
		}
		if n := len(blocks); n > 0 && blocks[n-1][0].Page == l.Page && blocks[n-1][0].Block == l.Block {
			blocks[n-1] = append(blocks[n-1], l)
		} else {
			blocks = append(blocks, []doclines.Line{l})
		}
	}
	server := s3server.Start(t, s3server.VersityGW, s3server.Options{})
	t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
	t.Setenv("AWS_REGION", server.Region)
	t.Setenv("AWS_ENDPOINT_URL", server.Endpoint)
	page, made := "", map[string]bool{}
	for _, block := range blocks {
		if block[0].Page != page { // each page begins with nothing
			page = block[0].Page
			t.Chdir(t.TempDir())
			for bucket := range made {
				holdsOnly(t, bucket)
			}
		}
		for _, bucket := range bucketsOf(block) {
			if !made[bucket] {
				if err := server.CreateBucket(t.Context(), bucket); err != nil {
					t.Fatal(err)
				}
			}
			made[bucket] = true
		}
		want := 0
		how, with, _ := strings.Cut(block[0].Mark, " with ")
		_, _ = fmt.Sscanf(how, "run exit %d", &want)
		objects := map[string][]string{}
		for name := range strings.FieldsSeq(with) {
			if path, ok := strings.CutPrefix(name, "s3://"); ok {
				bucket, key, _ := strings.Cut(path, "/")
				objects[bucket] = append(objects[bucket], key)
				continue
			}
			makeFile(t, name, "content of "+name)
		}
		for bucket, keys := range objects {
			holdsOnly(t, bucket, keys...)
		}
		for _, l := range block {
			runLine(t, l, want)
		}
	}
	if len(blocks) == 0 {
		t.Error("no page has a line that can be run")
	}
}

// bucketsOf returns the buckets that the lines of a block are about.
func bucketsOf(block []doclines.Line) []string {
	var names []string
	for _, l := range block {
		for _, m := range regexp.MustCompile(`s3://([a-z0-9-]+)`).FindAllStringSubmatch(strings.Join(l.Args, " "), -1) {
			names = append(names, m[1])
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// holdsOnly makes a bucket hold objects with these keys and nothing else.
func holdsOnly(t *testing.T, bucket string, keys ...string) {
	t.Helper()
	dir := t.TempDir()
	for _, key := range keys {
		makeFile(t, filepath.Join(dir, filepath.FromSlash(key)), "content of the object "+key)
	}
	runLine(t, doclines.Line{Args: []string{"-qq", "--delete", "--allow-empty-source", "--remove-modified-filter", dir, "s3://" + bucket + "/"}}, 0)
}

func runLine(t *testing.T, l doclines.Line, want int) {
	t.Helper()
	c := &call{args: l.Args, env: append([]string{"XDG_STATE_HOME=" + t.TempDir()}, os.Environ()...)}
	c.sync = s3sync.Sync
	if code := c.main(t); code != want {
		t.Errorf("%s: exit code %d, want %d\n%s%s", l, code, want, c.stdout.String(), c.stderr.String())
	}
}
