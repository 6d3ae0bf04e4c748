package main

import (
	"bytes"
	"errors"
	"flag"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/rogpeppe/go-internal/testscript"

	"s3sync/internal/inventorytest"
	"s3sync/internal/listserver"
	"s3sync/storage"
)

//go:generate go test -run ^TestScripts$ . -update

var update = flag.Bool("update", false, "rewrite the golden files in the scripts")

func TestMain(m *testing.M) {
	testscript.Main(apart{m}, map[string]func(){"s3sync": main})
}

// apart runs the tests so that no command that they start keeps its state in the user's
// home.
type apart struct{ *testing.M }

func (a apart) Run() int {
	dir, err := os.MkdirTemp("", "s3sync-test-state-")
	if err != nil {
		panic(err)
	}
	defer os.RemoveAll(dir) //nolint:errcheck // the system removes it some time
	for _, name := range []string{"XDG_STATE_HOME", "LOCALAPPDATA"} {
		os.Setenv(name, dir) //nolint:errcheck // the name is one
	}
	return a.M.Run()
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
// The state of a script is below $WORK/.tmp, and dies with the script. The variable listserver is the URL of a server with the buckets old and new, whose
// objects are empty and cannot be read or written. Its bucket inventories has inventories of
// old that lack p/newer.txt, in csv/ and parquet/, and one in the format ORC in orc/.
func TestScripts(t *testing.T) {
	server := listserver.New(t, map[string]listserver.Bucket{
		"old":         {Objects: 3, Key: func(i int) string { return []string{"p/gone.txt", "p/kept.tmp", "p/newer.txt"}[i] }},
		"new":         {Objects: 2, Key: func(i int) string { return []string{"p/newer.txt", "p/x.txt"}[i] }},
		"inventories": {Files: scriptInventories(t)},
	})
	testscript.Run(t, testscript.Params{
		Dir:                 "testdata/script",
		UpdateScripts:       *update,
		RequireUniqueNames:  true,
		RequireExplicitExec: true,
		Setup: func(env *testscript.Env) error {
			env.Setenv("AWS_EC2_METADATA_DISABLED", "true") // no requests for credentials on the network
			for _, name := range []string{"XDG_STATE_HOME", "LOCALAPPDATA"} {
				env.Setenv(name, filepath.Join(env.WorkDir, ".tmp", "state"))
			}
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

func scriptInventories(t *testing.T) map[string][]byte {
	t.Helper()
	all := map[string][]byte{}
	for _, folder := range []string{"csv", "parquet"} {
		files, err := inventorytest.Write(func(yield func(storage.Object) bool) {
			for _, key := range []string{"p/kept.tmp", "p/gone.txt"} {
				if !yield(storage.Object{Key: key, ModTime: time.Date(2024, 1, 1, 0, 0, 0, 0, time.UTC), ETag: "d41d8cd98f00b204e9800998ecf8427e"}) {
					return
				}
			}
		}, inventorytest.Options{Bucket: "old", Folder: folder, Parquet: folder == "parquet"})
		if err != nil {
			t.Fatal(err)
		}
		maps.Copy(all, files)
	}
	orc := all["csv/2026-01-31T01-00Z/manifest.json"]
	all["orc/2026-01-31T01-00Z/manifest.json"] = bytes.Replace(orc, []byte(`"CSV"`), []byte(`"ORC"`), 1)
	return all
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

// foreseen is the summary of a dry run: it says of nothing that it happened.
var foreseen = regexp.MustCompile(` \| 0 B/sec,  (transferred   0|would be transferred +[1-9]\d*) objects .*  (deleted 0|would be deleted [1-9]\d*) objects, `)

func previews(ts *testscript.TestScript, neg bool, args []string) {
	if neg || len(args) == 0 {
		ts.Fatalf("usage: previews FILE ARG...")
	}
	if code := run(ts, args[1:]); code != 0 {
		ts.Fatalf("exit code %d, want 0", code)
	}
	out, want := strings.TrimSuffix(ts.ReadFile("stdout"), "\n"), ts.ReadFile(args[0])
	end := strings.LastIndex(out, "\n") + 1
	if summary := out[end:]; !foreseen.MatchString(summary) {
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
