package options

import (
	"runtime/debug"
	"strings"
	"testing"
)

func TestBuildVersion(t *testing.T) {
	const revision = "0123456789abcdef0123456789abcdef01234567"
	vcs := func(modified string) []debug.BuildSetting {
		return []debug.BuildSetting{{Key: "vcs.revision", Value: revision}, {Key: "vcs.modified", Value: modified}}
	}
	for name, tt := range map[string]struct {
		main            string
		settings        []debug.BuildSetting
		version, commit string // set by the linker
		want            string
	}{
		"go install":        {main: "v1.2.3", want: "v1.2.3 "},
		"go build":          {main: "(devel)", settings: vcs("false"), want: " 0123456789ab"},
		"with changes":      {main: "(devel)", settings: vcs("true"), want: " 0123456789ab-dirty"},
		"nothing known":     {main: "(devel)", want: " "},
		"linker":            {main: "v1.2.3", settings: vcs("true"), version: "v2.0.0", commit: "abc", want: "v2.0.0 abc"},
		"linker in part":    {main: "v1.2.3", settings: vcs("false"), version: "v2.0.0", want: "v2.0.0 0123456789ab"},
		"commit is shorter": {main: "(devel)", settings: []debug.BuildSetting{{Key: "vcs.revision", Value: "abc"}}, want: " abc"},
	} {
		t.Run(name, func(t *testing.T) {
			info := &debug.BuildInfo{Main: debug.Module{Version: tt.main}, Settings: tt.settings}
			v, rev := buildVersion(info, tt.version, tt.commit)
			if got := v + " " + rev; got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
	if line := ThisBuild().Line("s3sync"); !strings.HasPrefix(line, "s3sync ") || !strings.HasSuffix(line, ")") {
		t.Errorf("got %q", line)
	}
}
