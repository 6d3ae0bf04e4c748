//go:build unix

package main

import (
	"fmt"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/creack/pty"
	"github.com/hinshun/vt10x"
)

// terminals adds terminals: dumb ones, and such without colours, of 80 and 40 columns.
func terminals(all map[string]way) {
	for _, columns := range []int{80, 40} {
		all[fmt.Sprintf("a dumb terminal of %d columns", columns)] = way{
			environ: []string{"TERM=dumb"},
			open: onTerminal(columns, func(t *testing.T, output string) {
				if strings.Contains(output, "\x1b") {
					t.Errorf("escape sequences: %q", output)
				}
			}),
		}
		all[fmt.Sprintf("a terminal of %d columns without colours", columns)] = way{
			environ: []string{"TERM=xterm", "NO_COLOR=1"}, terminal: true,
			open: onTerminal(columns, func(t *testing.T, output string) {
				if coloured.MatchString(output) {
					t.Errorf("colours: %q", output)
				}
			}),
		}
	}
}

// coloured is the sequence that sets colours (ECMA-48, SGR).
var coloured = regexp.MustCompile(`\x1b\[[\d;]*m`)

// onTerminal returns a terminal with more rows than any command prints. What was written is
// what its screen shows at the end.
func onTerminal(columns int, check func(t *testing.T, output string)) func(*testing.T) (stdout, stderr *os.File, written func() string) {
	return func(t *testing.T) (stdout, stderr *os.File, written func() string) {
		t.Helper()
		master, device, err := pty.Open()
		if err != nil {
			t.Skip("no pseudo-terminals here: ", err)
		}
		const rows = 8000
		if err := pty.Setsize(master, &pty.Winsize{Rows: 50, Cols: uint16(columns)}); err != nil {
			t.Fatal(err)
		}
		output := make(chan string, 1)
		go func() {
			b, _ := io.ReadAll(master) // it fails when the command has ended
			output <- string(b)
		}()
		return device, device, func() string {
			text := <-output
			_ = master.Close()
			check(t, text)
			screen := vt10x.New(vt10x.WithSize(columns, rows))
			_, _ = screen.Write([]byte(text))
			return screen.String()
		}
	}
}
