//go:build unix

package main

import (
	"bufio"
	"encoding/base64"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/creack/pty"
)

// The command asks for the password of a key on its terminal, and does not show it.
func TestPasswordOnATerminal(t *testing.T) {
	master, device, err := pty.Open()
	if err != nil {
		t.Skip("no pseudo-terminals here: ", err)
	}
	defer master.Close()
	dir := t.TempDir()
	key := filepath.Join(dir, "key")
	// A secret key with a password, whose derivation asks for 1 MiB.
	text := make([]byte, 158)
	copy(text, "EdScB2")
	text[39], text[48] = 1<<7, 1<<4
	if err := os.WriteFile(key, []byte("untrusted comment: x\n"+base64.StdEncoding.EncodeToString(text)), 0o600); err != nil {
		t.Fatal(err)
	}
	args := append(command(t), toTarget("http://127.0.0.1:1", "--manifest", filepath.Join(dir, "m"), "--sign-key", key, t.TempDir(), "s3://abc")...)
	cmd := exec.CommandContext(t.Context(), args[0], args[1:]...)
	cmd.Env, cmd.Stdin, cmd.Stdout, cmd.Stderr = bare(t), device, device, device
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	_ = device.Close() // the command has it
	shown, prompt := "", "Password of "+key+": "
	for r := bufio.NewReader(master); ; {
		b, err := r.ReadByte()
		if err != nil { // the command has ended
			break
		}
		if shown += string(b); shown == prompt {
			if _, err := master.WriteString("a secret word\n"); err != nil {
				t.Fatal(err)
			}
		}
	}
	if code := exitCodeOf(t, cmd); code == 0 || strings.Contains(shown, "secret word") || !strings.Contains(shown, "the password is wrong") {
		t.Errorf("exit code %d: %q", code, shown)
	}
}
