package main

import (
	"errors"
	"os/exec"
	"strconv"
	"testing"

	"github.com/rogpeppe/go-internal/testscript"
)

func TestMain(m *testing.M) {
	testscript.Main(m, map[string]func(){"s3sync-cluster": main})
}

// The scripts run the command as a process. They need no server. Besides the commands of
// package testscript there are
//
//	exits CODE ARG...       run s3sync-cluster ARG... and expect this exit code
//	refuses MESSAGE ARG...  run s3sync-cluster ARG... and expect exit code 2, nothing on
//	                        standard output and just "s3sync-cluster: MESSAGE" on standard error
func TestScripts(t *testing.T) {
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("GORACE", "atexit_sleep_ms=0")
			env.Setenv("XDG_CONFIG_HOME", env.WorkDir) // no configuration of Temporal of this machine
			return nil
		},
		Cmds: map[string]func(ts *testscript.TestScript, neg bool, args []string){
			"exits": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) == 0 {
					ts.Fatalf("usage: exits CODE ARG...")
				}
				want, err := strconv.Atoi(args[0])
				ts.Check(err)
				if got := run(ts, args[1:]); got != want {
					ts.Fatalf("exit code %d, want %d", got, want)
				}
			},
			"refuses": func(ts *testscript.TestScript, neg bool, args []string) {
				if neg || len(args) == 0 {
					ts.Fatalf("usage: refuses MESSAGE ARG...")
				}
				if code := run(ts, args[1:]); code != 2 {
					ts.Fatalf("exit code %d, want 2", code)
				}
				if out := ts.ReadFile("stdout"); out != "" {
					ts.Fatalf("standard output is not empty")
				}
				if got, want := ts.ReadFile("stderr"), "s3sync-cluster: "+args[0]+"\n"; got != want {
					ts.Fatalf("got  %swant %s", got, want)
				}
			},
		},
	})
}

// run returns the exit code.
func run(ts *testscript.TestScript, args []string) int {
	err := ts.Exec("s3sync-cluster", args...)
	if exit, ok := errors.AsType[*exec.ExitError](err); ok {
		return exit.ExitCode()
	}
	ts.Check(err)
	return 0
}
