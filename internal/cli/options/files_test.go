package options

import (
	"os"
	"strings"
	"testing"
)

// A record never takes the place of a file that the run reads.
func TestRecordsOverwriteNoInput(t *testing.T) {
	t.Chdir(t.TempDir())
	for _, name := range []string{"list", "patterns", "key"} {
		if err := os.WriteFile(name, []byte("a\n"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("list", "link"); err != nil {
		t.Skipf("links: %v", err)
	}
	for name, tt := range map[string]struct {
		args string
		want string
	}{
		"others":         {"--failed-keys failed --files-from list s3://a s3://b", ""},
		"a list":         {"--failed-keys list --files-from list s3://a s3://b", "--failed-keys would overwrite the file of --files-from: give it another name"},
		"another name":   {"--html-report ./link --files-from0=list s3://a s3://b", "--html-report would overwrite the file of --files-from0: give it another name"},
		"patterns":       {"--exclude-from patterns --exclude-from key --metrics-file x/../patterns s3://a s3://b", "--metrics-file would overwrite the file of --exclude-from: give it another name"},
		"the source":     {"--failed-keys list list s3://b", "--failed-keys would overwrite the file of SOURCE: give it another name"},
		"standard input": {"--failed-keys failed --files-from - s3://a s3://b", ""},
	} {
		t.Run(name, func(t *testing.T) {
			got := ""
			if _, err := parse(t, strings.Fields(tt.args)...); err != nil {
				got = err.Error()
			}
			if got != tt.want {
				t.Errorf("got  %s\nwant %s", got, tt.want)
			}
		})
	}
}
