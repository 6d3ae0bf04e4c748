package options

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"s3sync/internal/cli/options/table"
)

func TestCompletions(t *testing.T) {
	for name, tt := range map[string]struct {
		args []string
		want string
	}{
		"names":              {[]string{"--check-"}, "--check-size\n--check-mtime-and-size\n--check-etag\n--check-mtime-and-etag\n--check-additional-checksum\n--check-mtime-and-additional-checksum\n:4\n"},
		"choices":            {[]string{"--auto-complete-shell", "p"}, "bash\nzsh\nfish\npowershell\nelvish\n:4\n"},
		"no choices":         {[]string{"--worker-size", ""}, ":4\n"},
		"files":              {[]string{"--aws-config-file", ""}, ":0\n"},
		"positional":         {[]string{"a", ""}, ":0\n"},
		"after a bad option": {[]string{"--delete", "--delete", "--worker-size=x", "--nonsense", "--max-k"}, "--max-keys\n:4\n"},
	} {
		t.Run(name, func(t *testing.T) {
			c := &call{args: append([]string{"__completeNoDesc"}, tt.args...)}
			if code := c.main(t); code != ExitDone {
				t.Errorf("exit code %d", code)
			}
			if got := c.stdout.String(); got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
			if c.cfg != nil {
				t.Error("a sync ran")
			}
		})
	}
}

// A script is printed and nothing else happens, with good and bad arguments.
func TestCompletionScript(t *testing.T) {
	for _, shell := range table.Shells() {
		for _, more := range [][]string{nil, {"--delete-excluded"}, {"nowhere", "nowhere"}} {
			c := &call{args: append([]string{"--auto-complete-shell", shell}, more...)}
			if code := c.main(t); code != ExitDone || c.stderr.Len() > 0 || c.cfg != nil {
				t.Errorf("%s %q: exit code %d, %q", shell, more, code, c.stderr.String())
			}
			if !strings.Contains(c.stdout.String(), "s3sync") {
				t.Errorf("%s: no script", shell)
			}
		}
	}
}

// Each shell that is installed reads its script.
func TestCompletionScriptSyntax(t *testing.T) {
	for shell, check := range map[string][]string{
		"bash":   {"-n"},
		"zsh":    {"-n"},
		"fish":   {"--no-execute"},
		"elvish": {"-compileonly"},
	} {
		t.Run(shell, func(t *testing.T) {
			script := completionScript(t, shell)
			if shell == "elvish" {
				script = elvishEditor + script
			}
			if out, err := exec.Command(shellPath(t, shell), append(check, scriptFile(t, script))...).CombinedOutput(); err != nil {
				t.Errorf("%v\n%s", err, out)
			}
		})
	}
}

func completionScript(t *testing.T, shell string) string {
	t.Helper()
	c := &call{args: []string{"--auto-complete-shell", shell}}
	if code := c.main(t); code != ExitDone {
		t.Fatal(c.stderr.String())
	}
	return c.stdout.String()
}

// shellPath finds a shell, or skips: not every machine has them all.
func shellPath(t *testing.T, shell string) string {
	t.Helper()
	path, err := exec.LookPath(shell)
	if err != nil {
		t.Skipf("%s is not installed", shell)
	}
	return path
}

func scriptFile(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "script")
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// elvishEditor stands in for the editor of elvish, which scripts do not have.
const elvishEditor = `var edit: = (ns [
  &completion:=(ns [&arg-completer=[&]])
  &complex-candidate~={|text &display=''| echo $text }
  &complete-filename~={|text| echo file:$text }
])
`

// The scripts of bash and elvish complete what a small program answers in place
// of s3sync.
func TestCompletionScriptRuns(t *testing.T) {
	for shell, tt := range map[string]struct{ before, after string }{
		"bash": {"compopt() { :; }\n", `
COMP_WORDS=(./s3sync --check-); COMP_CWORD=1; COMP_LINE="./s3sync --check-"; COMP_POINT=${#COMP_LINE}
__start_s3sync
printf '%s\n' "${COMPREPLY[@]}"
`},
		"elvish": {elvishEditor, `
$edit:completion:arg-completer[s3sync] ./s3sync --check-
`},
		"fish": {"set PATH . $PATH\n", `
complete -C 's3sync --check-' | string replace -r '\t.*' ''
`},
	} {
		t.Run(shell, func(t *testing.T) {
			path := shellPath(t, shell)
			script := scriptFile(t, tt.before+completionScript(t, shell)+tt.after)
			dir := t.TempDir()
			fake := "#!/bin/sh\n[ \"$*\" = '__complete --check-' ] && printf -- '--check-size\\tby size\\n--check-etag\\tby ETag\\n:4\\n'\n"
			if err := os.WriteFile(filepath.Join(dir, "s3sync"), []byte(fake), 0o700); err != nil {
				t.Fatal(err)
			}
			cmd := exec.Command(path, script)
			cmd.Dir = dir
			cmd.Env = append(os.Environ(), "COLUMNS=") // bash shows descriptions where it knows the room for them
			out, err := cmd.CombinedOutput()
			if err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			got := strings.Fields(string(out))
			if strings.Join(got, " ") != "--check-size --check-etag" && strings.Join(got, " ") != "--check-etag --check-size" {
				t.Errorf("got %q", got)
			}
		})
	}
}
