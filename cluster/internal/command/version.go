package command

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"
)

// Set by the linker; empty in a plain `go build`.
//
//nolint:gochecknoglobals // the linker can set nothing else
var version, commit string

// A build says what was built, of what, and for which machine.
type build struct {
	Version string `json:"version"`
	Commit  string `json:"commit"` // empty if it is not known
	OS      string `json:"os"`
	Arch    string `json:"arch"`
	Go      string `json:"go"`
}

func thisBuild() build {
	b := build{Version: version, Commit: commit, OS: runtime.GOOS, Arch: runtime.GOARCH, Go: runtime.Version()}
	if info, ok := debug.ReadBuildInfo(); ok {
		if info.Main.Version != "(devel)" {
			b.Version = cmp.Or(b.Version, info.Main.Version)
		}
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				b.Commit = cmp.Or(b.Commit, s.Value[:min(len(s.Value), 12)])
			}
		}
	}
	b.Version = cmp.Or(b.Version, "devel")
	return b
}

// line returns what --version prints.
func (b build) line() string {
	return fmt.Sprintf("%s %s (%s, %s/%s, %s)\n", program, b.Version, cmp.Or(b.Commit, "unknown commit"), b.OS, b.Arch, b.Go)
}
