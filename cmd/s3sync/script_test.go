package main

import (
	"errors"
	"flag"
	"os/exec"
	"strconv"
	"strings"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"

	"s3sync/internal/listserver"
)

//go:generate go test -run ^TestScripts$ . -update

var update = flag.Bool("update", false, "rewrite the golden files in the scripts")

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"s3sync": main})
}

// The scripts in testdata/script run the command as a process. They need no
// server: those that do are in the folder integration. Besides the commands of
// package testscript there are
//
//	exits CODE ARG...     run s3sync ARG... and expect this exit code
//	refuses MESSAGE ARG...  run s3sync ARG... and expect exit code 2, nothing on
//	                      standard output and just "s3sync: MESSAGE" on standard error
//	previews FILE ARG...  run s3sync ARG... and expect on standard output the content of
//	                      FILE and the summary, which has a duration
//
// The variable listserver is the URL of a server with the buckets old and new, whose
// objects are empty and cannot be read or written.
func TestScripts(t *testing.T) {
	server := listserver.New(t, map[string]listserver.Bucket{
		"old": {Objects: 3, Key: func(i int) string { return []string{"p/gone.txt", "p/kept.tmp", "p/newer.txt"}[i] }},
		"new": {Objects: 2, Key: func(i int) string { return []string{"p/newer.txt", "p/x.txt"}[i] }},
	})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true") // no requests for credentials on the network
			env.Setenv("listserver", server.URL)
			env.Setenv("GORACE", "atexit_sleep_ms=0") // with the race detector each process would end a second later
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits":    exits,
			"refuses":  refuses,
			"previews": previews,
		},
	})
}

func exits(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: exits CODE ARG...")
	}
	want, err := strconv.Atoi(args[0])
	ts.Check(err)
	if got := run(ts, args[1:]); got != want {
		ts.Fatalf("exit code %d, want %d", got, want)
	}
}

func refuses(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: refuses MESSAGE ARG...")
	}
	if code := run(ts, args[1:]); code != 2 {
		ts.Fatalf("exit code %d, want 2", code)
	}
	if out := ts.ReadFile("stdout"); out != "" {
		ts.Fatalf("standard output is not empty")
	}
	if got, want := ts.ReadFile("stderr"), "s3sync: "+args[0]+"\n"; got != want {
		ts.Fatalf("got  %swant %s", got, want)
	}
}

func previews(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: previews FILE ARG...")
	}
	if code := run(ts, args[1:]); code != 0 {
		ts.Fatalf("exit code %d, want 0", code)
	}
	out, want := strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), ts.ReadFile(args[0])
	end := strings.LastIndex(out, "\n") + 1
	if summary := out[end:]; !strings.Contains(summary, " | 0 B/sec,  transferred ") {
		ts.Fatalf("the summary is %q", summary)
	}
	if got := out[:end]; got != want {
		ts.Fatalf("got\n%swant\n%s", got, want)
	}
}

// run returns the exit code.
func run(ts *testscript.TestScript, args []string) int {
	err := ts.Exec("s3sync", args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}
