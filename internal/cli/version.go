package cli

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

// versionLine returns what --version prints.
func versionLine() string {
	v, rev := version, commit
	if info, ok := debug.ReadBuildInfo(); ok {
		v, rev = buildVersion(info, v, rev)
	}
	return fmt.Sprintf("s3sync %s (%s, %s/%s, %s)\n", cmp.Or(v, "devel"), cmp.Or(rev, "unknown commit"),
		runtime.GOOS, runtime.GOARCH, runtime.Version())
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
