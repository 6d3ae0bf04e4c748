package options

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by the linker; empty in a plain `go build`, which records them itself.
//
//nolint:gochecknoglobals // the linker can set nothing else
var version, commit string

// A Build says what was built, of what, and for which machine.
type Build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // empty if it is not known
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Go      string `json:"go"`
}

// ThisBuild returns the build of this program.
func ThisBuild() Build {
	v, rev := version, commit
	if info, ok := debug.ReadBuildInfo(); ok {
		v, rev = buildVersion(info, v, rev)
	}
	return Build{cmp.Or(v, "devel"), rev, runtime.GOOS, runtime.GOARCH, runtime.Version()}
}

// Line returns what --version prints for a program of this build, without an end of line.
func (b Build) Line(program string) string {
	return fmt.Sprintf("%s %s (%s, %s/%s, %s)", program, b.Version, cmp.Or(b.Commit, "unknown commit"), b.OS, b.Arch, b.Go)
}

// buildVersion fills in what the linker did not set.
func buildVersion(info *debug.BuildInfo, version, commit string) (string, string) {
	if version == "" && info.Main.Version != "(devel)" {
		version = info.Main.Version
	}
	if commit != "" {
		return version, commit
	}
	dirty := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			commit = s.Value[:min(len(s.Value), 12)]
		case "vcs.modified":
			if s.Value == "true" {
				dirty = "-dirty"
			}
		}
	}
	if commit == "" {
		return version, ""
	}
	return version, commit + dirty
}
