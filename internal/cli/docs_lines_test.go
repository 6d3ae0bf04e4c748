package cli

import (
	"encoding/json"
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

// A docLine is a line of a page that calls s3sync.
type docLine struct {
	page  string
	line  int
	block int // the line in which the block begins; 0 outside of blocks
	args  []string
	mark  string // the comment before the block
}

func (l docLine) String() string {
	return fmt.Sprintf("%s:%d: s3sync %s", l.page, l.line, strings.Join(l.args, " "))
}

// docLines returns the lines of all pages, in order.
func docLines(t *testing.T) (lines []docLine) {
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
		lines = append(lines, linesOf(filepath.Base(page), strings.ReplaceAll(string(data), "\r\n", "\n"))...)
	}
	return lines
}

var (
	fence     = regexp.MustCompile("^ *```(\\w*)")
	comment   = regexp.MustCompile(`^<!-- (.*) -->$`)
	span      = regexp.MustCompile("`(s3sync [^`]+)`")
	arguments = regexp.MustCompile(`^\s*args: (\[.*\])$`)
	// leading is what may stand before a command: a prompt, the fields of a crontab, the
	// key of a unit of systemd, variables, and programs that run others.
	leading = regexp.MustCompile(`^(\$ |([\d*/,-]+ ){5}(\w+ )?|Exec\w+=|\w+=('[^']*'|"[^"]*"|\S*) |(sudo|time|nohup|exec|nice|flock -n \S+) )+`)
)

func linesOf(page, text string) (lines []docLine) {
	all := strings.Split(text, "\n")
	block, mark := 0, ""
	for i := 0; i < len(all); i++ {
		l := docLine{page: page, line: i + 1, block: block, mark: mark}
		if fence.MatchString(all[i]) {
			if block > 0 {
				block, mark = 0, ""
			} else {
				block = i + 1
			}
			continue
		}
		if block == 0 {
			if m := comment.FindStringSubmatch(all[i]); m != nil {
				mark = m[1]
			} else if all[i] != "" {
				mark = ""
			}
			for _, m := range span.FindAllStringSubmatch(all[i], -1) {
				lines = append(lines, l.commands(m[1])...)
			}
			continue
		}
		line := all[i]
		for strings.HasSuffix(line, `\`) && i+1 < len(all) {
			i++
			line = strings.TrimSuffix(line, `\`) + strings.TrimSpace(all[i])
		}
		if m := arguments.FindStringSubmatch(line); m != nil && json.Unmarshal([]byte(m[1]), &l.args) == nil {
			lines = append(lines, l)
			continue
		}
		lines = append(lines, l.commands(line)...)
	}
	return lines
}

// commands returns the calls of s3sync in a line of the shell.
func (l docLine) commands(line string) (lines []docLine) {
	for _, words := range shellWords(leading.ReplaceAllString(strings.TrimSpace(line), "")) {
		for len(words) > 0 && leading.MatchString(words[0]+" ") {
			words = words[1:]
		}
		if len(words) > 1 && path.Base(words[0]) == "s3sync" {
			l.args = words[1:]
			lines = append(lines, l)
		}
	}
	return lines
}

// shellWords splits a line into commands and their words, as far as pages need it: quotes,
// comments, redirections, and what stands between two commands.
func shellWords(line string) (commands [][]string) {
	var words []string
	var word strings.Builder
	begun, skip := false, false
	quote := rune(0)
	end := func() {
		if begun && !skip {
			words = append(words, word.String())
		}
		skip = skip && !begun
		begun = false
		word.Reset()
	}
	next := func() {
		end()
		commands = append(commands, words)
		words, skip = nil, false
	}
	for i, r := range line {
		switch {
		case quote != 0 && r == quote:
			quote = 0
		case quote == 0 && (r == '\'' || r == '"'):
			quote, begun = r, true
		case quote != 0:
			word.WriteRune(r)
		case r == ' ':
			end()
		case r == '#' && !begun:
			next()
			return commands
		case strings.ContainsRune("|;&()", r):
			next()
		case r == '>' || r == '<':
			if i > 0 && strings.ContainsRune("012", rune(line[i-1])) {
				begun = false // the number of the stream
				word.Reset()
			}
			end()
			skip = true
		default:
			begun = true
			word.WriteRune(r)
		}
	}
	next()
	return commands
}

func TestShellWords(t *testing.T) {
	for line, want := range map[string]string{
		`s3sync -v a 's3://b/c d/' # up`:                            `[[s3sync -v a s3://b/c d/]]`,
		`cd /x && s3sync --a="b c" d 2>err.log >>out | tee log; ls`: `[[cd /x] [] [s3sync --a=b c d] [tee log] [ls]]`,
		`source <(s3sync completion bash)`:                          `[[source] [s3sync completion bash] []]`,
		`s3sync '' x`:                                               `[[s3sync  x]]`,
	} {
		if got := fmt.Sprint(shellWords(line)); got != want {
			t.Errorf("%s: got %s, want %s", line, got, want)
		}
	}
}

// Nobody copies a line from a page that the command refuses.
func TestDocLines(t *testing.T) {
	lines := docLines(t)
	if len(lines) < 20 {
		t.Errorf("only %d lines found", len(lines))
	}
	for _, l := range lines {
		t.Chdir(t.TempDir())
		err := acceptLine(t, l.args)
		switch {
		case l.mark == "refused" && err == nil:
			t.Errorf("%s: is not refused", l)
		case l.mark != "refused" && err != nil:
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
	c := newCommand((&call{args: given}).process())
	asked, rest, _, err := c.line.Parse()
	switch {
	case err != nil:
		return err
	case asked != nil && asked.Sides:
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
	var blocks [][]docLine
	for _, l := range docLines(t) {
		if !strings.HasPrefix(l.mark, "run") {
			continue
		}
		if n := len(blocks); n > 0 && blocks[n-1][0].page == l.page && blocks[n-1][0].block == l.block {
			blocks[n-1] = append(blocks[n-1], l)
		} else {
			blocks = append(blocks, []docLine{l})
		}
	}
	server := s3server.Start(t, s3server.VersityGW, s3server.Options{})
	t.Setenv("AWS_ACCESS_KEY_ID", server.AccessKey)
	t.Setenv("AWS_SECRET_ACCESS_KEY", server.SecretKey)
	t.Setenv("AWS_REGION", server.Region)
	t.Setenv("AWS_ENDPOINT_URL", server.Endpoint)
	page, made := "", map[string]bool{}
	for _, block := range blocks {
		if block[0].page != page { // each page begins with nothing
			page = block[0].page
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
		how, with, _ := strings.Cut(block[0].mark, " with ")
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
func bucketsOf(block []docLine) []string {
	var names []string
	for _, l := range block {
		for _, m := range regexp.MustCompile(`s3://([a-z0-9-]+)`).FindAllStringSubmatch(strings.Join(l.args, " "), -1) {
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
	runLine(t, docLine{args: []string{"-qq", "--delete", "--allow-empty-source", "--remove-modified-filter", dir, "s3://" + bucket + "/"}}, 0)
}

func runLine(t *testing.T, l docLine, want int) {
	t.Helper()
	c := &call{args: l.args, env: os.Environ()}
	c.sync = s3sync.Sync
	if code := c.main(t); code != want {
		t.Errorf("%s: exit code %d, want %d\n%s%s", l, code, want, c.stdout.String(), c.stderr.String())
	}
}
