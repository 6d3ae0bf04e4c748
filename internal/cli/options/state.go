package options

import (
	"fmt"
	"os"
	"path/filepath"
	"runtime"
)

// exclude rejects options that another one excludes. If one of both is stronger, the other
// does not count.
func (l *Line) exclude() error {
	for _, o := range l.options {
		for _, name := range o.Not {
			switch other := l.named(name); {
			case !o.Given || !other.Given:
			case !other.Stronger(o):
				other.Withdraw()
			case !o.Stronger(other):
				o.Withdraw()
			default:
				return usagef("%s cannot be combined with %s", other.Label(), o.Label())
			}
		}
	}
	return nil
}

// setState chooses the directory of the state for a command that has one. Without a home
// directory there is none, which is no failure: losing the state costs time, never data.
func (l *Line) setState(k *Command) {
	if l.set.NoState || l.Config.State.Dir != "" || !k.has(l.named("state-dir")) {
		return
	}
	var err error
	if l.Config.State.Dir, err = stateDir(runtime.GOOS, l.Variable); err != nil {
		l.Notes = append(l.Notes, fmt.Sprintf("the run works without the state of earlier runs: %v; --state-dir keeps it elsewhere, --no-state leaves out this note", err))
	}
}

// stateDir returns the usual directory of the state on a system. The directory above, which
// is that of the user, must exist.
func stateDir(system string, variable func(string) string) (string, error) {
	// https://specifications.freedesktop.org/basedir-spec/latest/: a relative path is ignored
	if dir := variable("XDG_STATE_HOME"); filepath.IsAbs(dir) && system != "windows" {
		return stateBelow("XDG_STATE_HOME", dir, "")
	}
	name, below := "HOME", filepath.Join(".local", "state")
	switch system {
	case "windows":
		name, below = "LOCALAPPDATA", ""
	case "darwin":
		below = filepath.Join("Library", "Application Support")
	}
	home := variable(name)
	if home == "" {
		return "", fmt.Errorf("%s is not set", name)
	}
	if info, err := os.Stat(home); err != nil || !info.IsDir() || !filepath.IsAbs(home) {
		return "", fmt.Errorf("%s is %q, which is no directory", name, home)
	}
	return stateBelow(name, home, below)
}

// stateBelow returns the directory of the state below that of a user. With sudo that may be
// another one, who could not use or remove what the superuser makes there, such as ~/.local.
func stateBelow(name, home, below string) (string, error) {
	dir := filepath.Join(home, below, "s3sync")
	info, err := os.Stat(home)
	if _, missing := os.Stat(dir); err == nil && missing != nil && foreign(info) {
		return "", fmt.Errorf("%s is %q, which belongs to another user", name, home)
	}
	return dir, nil
}
