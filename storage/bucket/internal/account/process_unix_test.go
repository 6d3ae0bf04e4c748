//go:build !windows

package account

import (
	"strings"
	"testing"
)

// TestProcessThatFails: a failure says how the process ended and what it said, without
// secrets, and ends in time also if the process left another one behind.
func TestProcessThatFails(t *testing.T) {
	const name = `no usable credentials: the credential_process of profile "p" `
	for command, want := range map[string]string{
		`sh -c "echo first >&2; echo no ticket >&2; exit 7"`: "ended with exit status 7: first no ticket",
		`sh -c "exit 3"`: "ended with exit status 3 (run it by hand to see why)",
		`sh -c "echo secret_key=HUSH and wJalrXUtnFEMI7K7MDENGbPxRfiCYHUSHKEY9aa >&2; exit 1"`: "ended with exit status 1: secret_key=(hidden) and (hidden)",
		`/no/such/command`:                        "ended with exit status 127: ",
		`exec sleep 300`:                          "did not end within 2s (run it by hand to see why)",
		`sh -c "echo waiting >&2; sleep 3; echo"`: "did not end within 2s: waiting",
		`echo {HUSH`:                              "wrote something else than the JSON that AWS defines (run it by hand to see why)",
		`echo '{"Version":1}'`:                    "failed: missing AccessKeyId in process output (run it by hand to see why)",
	} {
		t.Run(command, func(t *testing.T) {
			t.Parallel()
			if got := said(t, "p", "[profile p]\nregion = us-east-1\ncredential_process = "+command+"\n"); !strings.HasPrefix(got, name+want) {
				t.Errorf("got  %s\nwant %s", got, name+want)
			}
		})
	}
}
