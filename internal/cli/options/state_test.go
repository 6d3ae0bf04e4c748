package options

import (
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// The usual directory of the state is that of the user on each system. A directory above it
// is never made.
func TestStateDir(t *testing.T) {
	home, file := t.TempDir(), filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	missing := filepath.Join(home, "missing")
	for name, tt := range map[string]struct {
		system string
		env    map[string]string
		want   string
		fault  string
	}{
		"home":              {"linux", map[string]string{"HOME": home}, filepath.Join(home, ".local", "state", "s3sync"), ""},
		"XDG":               {"linux", map[string]string{"HOME": home, "XDG_STATE_HOME": missing}, filepath.Join(missing, "s3sync"), ""},
		"XDG alone":         {"freebsd", map[string]string{"XDG_STATE_HOME": home}, filepath.Join(home, "s3sync"), ""},
		"XDG is relative":   {"linux", map[string]string{"HOME": home, "XDG_STATE_HOME": "state"}, filepath.Join(home, ".local", "state", "s3sync"), ""},
		"XDG is empty":      {"linux", map[string]string{"HOME": home, "XDG_STATE_HOME": ""}, filepath.Join(home, ".local", "state", "s3sync"), ""},
		"macOS":             {"darwin", map[string]string{"HOME": home}, filepath.Join(home, "Library", "Application Support", "s3sync"), ""},
		"macOS, XDG":        {"darwin", map[string]string{"HOME": home, "XDG_STATE_HOME": missing}, filepath.Join(missing, "s3sync"), ""},
		"Windows":           {"windows", map[string]string{"LOCALAPPDATA": home, "HOME": missing, "XDG_STATE_HOME": missing}, filepath.Join(home, "s3sync"), ""},
		"no home":           {"linux", nil, "", "HOME is not set"},
		"no home, Windows":  {"windows", map[string]string{"HOME": home}, "", "LOCALAPPDATA is not set"},
		"home is missing":   {"linux", map[string]string{"HOME": missing}, "", "which is no directory"},
		"home is a file":    {"linux", map[string]string{"HOME": file}, "", "which is no directory"},
		"home is elsewhere": {"linux", map[string]string{"HOME": "."}, "", "which is no directory"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := stateDir(tt.system, func(name string) string { return tt.env[name] })
			if got != tt.want || (err == nil) != (tt.fault == "") || err != nil && !strings.Contains(err.Error(), tt.fault) {
				t.Errorf("got %q, %v, want %q, %q", got, err, tt.want, tt.fault)
			}
		})
	}
}

// The command has a state if nothing else is said, and what needs one is refused without.
// The command line is stronger than a variable.
func TestStateOptions(t *testing.T) {
	home := t.TempDir()
	usual, err := stateDir(runtime.GOOS, func(name string) string {
		return map[string]string{"HOME": home, "LOCALAPPDATA": home}[name]
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, tt := range map[string]struct {
		args, env []string
		dir       string
		note      string
		refused   string
	}{
		"by default":            {dir: usual},
		"elsewhere":             {args: []string{"--state-dir=x"}, dir: "x"},
		"by a variable":         {env: []string{"S3SYNC_STATE_DIR=x"}, dir: "x"},
		"a bare variable":       {env: []string{"STATE_DIR=x"}, dir: usual},
		"none":                  {args: []string{"--no-state"}},
		"none, by a variable":   {env: []string{"S3SYNC_NO_STATE=true"}},
		"a variable, false":     {env: []string{"S3SYNC_NO_STATE=false"}, dir: usual},
		"none, and a variable":  {args: []string{"--no-state"}, env: []string{"S3SYNC_STATE_DIR=x", "S3SYNC_VERIFY_CACHE=5"}},
		"a directory after all": {args: []string{"--state-dir=x"}, env: []string{"S3SYNC_NO_STATE=true"}, dir: "x"},
		"no home":               {env: []string{"HOME=", "LOCALAPPDATA=", "XDG_STATE_HOME="}, note: "the run works without the state of earlier runs: "},
		"no home is needed":     {args: []string{"--state-dir=x"}, env: []string{"HOME=", "LOCALAPPDATA="}, dir: "x"},
		"no home, none wanted":  {args: []string{"--no-state"}, env: []string{"HOME=", "LOCALAPPDATA="}},
		"settings of the state": {args: []string{"--verify-cache=5", "--state-max-size=1GiB", "--resume-max-age=1d", "--abort-on-interrupt"}, dir: usual},
		"settings without home": {
			args: []string{"--verify-cache=5", "--no-resume"}, env: []string{"HOME=", "LOCALAPPDATA="}, note: "the run works without the state of earlier runs: ",
		},
		"true without any":  {args: []string{"--no-state", "--no-resume"}},
		"both":              {args: []string{"--no-state", "--state-dir=x"}, refused: "--state-dir cannot be combined with --no-state"},
		"both by variables": {env: []string{"S3SYNC_NO_STATE=1", "S3SYNC_STATE_DIR=x"}, refused: "--state-dir (set by S3SYNC_STATE_DIR) cannot be combined with --no-state (set by S3SYNC_NO_STATE)"},
		"a size of nothing": {args: []string{"--no-state", "--state-max-size=1GiB"}, refused: "--state-max-size cannot be combined with --no-state"},
		"nothing to verify": {args: []string{"--no-state", "--verify-cache=1"}, refused: "--verify-cache cannot be combined with --no-state"},
		"an age of nothing": {args: []string{"--no-state", "--resume-max-age=1d"}, refused: "--resume-max-age cannot be combined with --no-state"},
	} {
		t.Run(name, func(t *testing.T) {
			c := between(tt.args...)
			c.env = append(tt.env, "HOME="+home, "LOCALAPPDATA="+home)
			l := c.line()
			_, _, _, err := l.Parse()
			if err == nil {
				err = l.Check()
			}
			if tt.refused != "" {
				if err == nil || err.Error() != tt.refused {
					t.Errorf("got %v, want %s", err, tt.refused)
				}
				return
			}
			if err != nil || l.Config.State.Dir != tt.dir {
				t.Errorf("got %q, %v, want %q", l.Config.State.Dir, err, tt.dir)
			}
			if notes := strings.Join(l.Notes, "\n"); !strings.HasPrefix(notes, tt.note) || tt.note == "" && notes != "" {
				t.Errorf("notes %q, want %q", notes, tt.note)
			}
			if l.set.NoState && l.Config.State.VerifyCache != 0 {
				t.Error("what the variable says of the state remains")
			}
		})
	}
}

// The superuser makes no directory in that of another user, but uses a state that is there:
// doctor --leftovers must know of its uploads.
func TestStateOfAnotherUser(t *testing.T) {
	if runtime.GOOS == "windows" || os.Geteuid() != 0 {
		t.Skip("only the superuser works in directories of others")
	}
	dir := t.TempDir()
	for _, name := range []string{"HOME", "XDG_STATE_HOME"} {
		for _, owner := range []int{0, 12345} {
			if err := os.Chown(dir, owner, -1); err != nil {
				t.Skip(err)
			}
			got, err := stateDir("linux", func(v string) string { return map[string]string{name: dir}[v] })
			if (err != nil) != (owner != 0) || err != nil && !strings.Contains(err.Error(), "belongs to another user") {
				t.Errorf("%s of user %d: %q, %v", name, owner, got, err)
			}
		}
	}
	if err := os.Mkdir(filepath.Join(dir, "s3sync"), 0o700); err != nil {
		t.Fatal(err)
	}
	if _, err := stateDir("linux", func(v string) string { return map[string]string{"XDG_STATE_HOME": dir}[v] }); err != nil {
		t.Errorf("a state that is there is not used: %v", err)
	}
}
