package integration_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"s3sync/cluster/internal/flow"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/temporalserver"
	"s3sync/internal/s3server"
)

const (
	// patience is how long something may take that a test waits for. A busy machine is slow,
	// not broken.
	patience = 4 * time.Minute
	// lookAgain is how often a state of other processes is looked at.
	lookAgain = 200 * time.Millisecond
	// lostAfter is after which time a worker has lost its ranges.
	lostAfter = 20 * time.Second
)

// A lab runs a job: what its commands and workers have in common. The connection lab is that
// of all sides.
type lab struct {
	t      *testing.T
	engine *temporalserver.Server
	client client.Client
	dir    string
	job    string // also the name of the queue
	env    []string
	// Options of the job.
	state     []string
	lostAfter time.Duration
}

// newLab makes a lab. connection are the fields of the connection lab, NAME=value.
func newLab(t *testing.T, engine *temporalserver.Server, name string, connection ...string) *lab {
	t.Helper()
	l := &lab{t: t, engine: engine, dir: t.TempDir(), job: name, lostAfter: lostAfter}
	l.state = []string{"--state", filepath.Join(l.dir, "state")}
	l.env = []string{"HOME=" + l.dir, "TMPDIR=" + l.dir, "PATH=" + os.Getenv("PATH"), "TEMPORAL_ADDRESS=" + engine.Address}
	for _, field := range connection {
		l.env = append(l.env, "S3SYNC_CONNECTION_LAB_"+field)
	}
	var err error
	if l.client, err = client.Dial(client.Options{HostPort: engine.Address, Logger: flow.Logger(discard())}); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(l.client.Close)
	return l
}

// ofModel are the fields of a connection to a model.
func ofModel(m *model) []string {
	return []string{"ACCESS_KEY=AK", "SECRET_KEY=SK", "REGION=us-east-1", "ENDPOINT_URL=" + m.URL, "PATH_STYLE=true"}
}

// ofServer are the fields of a connection to a server, through a proxy at endpoint if that is
// not empty.
func ofServer(s *s3server.Server, endpoint string) []string {
	if endpoint == "" {
		endpoint = s.Endpoint
	}
	return []string{"ACCESS_KEY=" + s.AccessKey, "SECRET_KEY=" + s.SecretKey, "REGION=" + s.Region, "ENDPOINT_URL=" + endpoint, "PATH_STYLE=true"}
}

// call runs a command of s3sync-cluster, and returns what it printed on standard output.
func (l *lab) call(args ...string) (string, error) {
	l.t.Helper()
	cmd := exec.CommandContext(l.t.Context(), shared.program, args...)
	var stderr bytes.Buffer
	cmd.Env, cmd.Stderr = l.env, &stderr
	out, err := cmd.Output()
	if err != nil {
		err = fmt.Errorf("s3sync-cluster %s: %w\n%s%s", strings.Join(args, " "), err, out, stderr.String())
	}
	return string(out), err
}

// must is call for a command that must succeed.
func (l *lab) must(args ...string) string {
	l.t.Helper()
	out, err := l.call(args...)
	if err != nil {
		l.t.Fatal(err)
	}
	return out
}

// submit submits the job. It makes the bucket target equal to the bucket source.
func (l *lab) submit(source, target string, options ...string) {
	l.t.Helper()
	l.must(slices.Concat([]string{
		"submit", "--job", l.job, "--queue", l.job, "--source-connection", "lab", "--target-connection", "lab", "--lost-after", l.lostAfter.String(),
	}, l.state, options, []string{"s3://" + source, "s3://" + target})...)
}

// until waits until the job is in a state.
func (l *lab) until(what string, done func(*flow.Status) bool) (s flow.Status) {
	l.t.Helper()
	var err error
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(lookAgain) {
		if s, err = flow.ReadStatus(l.t.Context(), l.client, l.job); err == nil && done(&s) {
			return s
		}
	}
	text, _ := json.MarshalIndent(s, "", "  ")
	l.t.Fatalf("%s: not within %s\n%s\n%v", what, patience, text, err)
	return s
}

func isDone(s *flow.Status) bool  { return s.State == "completed" }
func isStuck(s *flow.Status) bool { return s.Waiting != nil }

// end waits until the job is done, and returns its report.
func (l *lab) end() *job.Report {
	l.t.Helper()
	l.until("the job ends", func(s *flow.Status) bool {
		if isStuck(s) {
			l.t.Fatalf("the job waits: %q", s.Waiting.Reasons)
		}
		return isDone(s)
	})
	return l.report()
}

// report returns the report of the job.
func (l *lab) report() *job.Report {
	l.t.Helper()
	out, err := l.call(append([]string{"report", l.job, "--json"}, l.state...)...)
	r := new(job.Report)
	if jsonErr := json.Unmarshal([]byte(out), r); jsonErr != nil {
		l.t.Fatal(errors.Join(err, jsonErr))
	}
	return r
}

// givenUp counts the attempts of leases that were not the first one, by their checkpoints in
// the state store, which must be a directory.
func (l *lab) givenUp() (n int) {
	l.t.Helper()
	checkpoints, err := filepath.Glob(filepath.Join(l.state[1], l.job, "e*", "ckpt", "*", "*"))
	if err != nil || len(checkpoints) == 0 {
		l.t.Fatalf("%d checkpoints, %v", len(checkpoints), err)
	}
	attempts := map[string]bool{}
	for _, name := range checkpoints { // GENERATION.ATTEMPT-N-DIGEST.json
		_, rest, _ := strings.Cut(filepath.Base(name), ".")
		attempt, _, _ := strings.Cut(rest, "-")
		if number, err := strconv.Atoi(attempt); err != nil || number > 1 {
			attempts[filepath.Dir(name)+attempt] = true
		}
	}
	return len(attempts)
}

// events returns those of all workflows of the engine, which must be that of the test alone.
func (l *lab) events() (all []*history.HistoryEvent) {
	l.t.Helper()
	list, err := l.client.ListWorkflow(l.t.Context(), &workflowservice.ListWorkflowExecutionsRequest{})
	if err != nil || len(list.GetExecutions()) < 2 {
		l.t.Fatalf("%d workflows, %v", len(list.GetExecutions()), err)
	}
	for _, info := range list.GetExecutions() {
		id := info.GetExecution()
		events := l.client.GetWorkflowHistory(l.t.Context(), id.GetWorkflowId(), id.GetRunId(), false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
		for events.HasNext() {
			event, err := events.Next()
			if err != nil {
				l.t.Fatal(err)
			}
			all = append(all, event)
		}
	}
	return all
}

// triedAgain counts the activities that the engine handed out more than once, because a worker
// was not heard of or its result was lost.
func (l *lab) triedAgain() (n int) {
	l.t.Helper()
	for _, event := range l.events() {
		if event.GetActivityTaskStartedEventAttributes().GetAttempt() > 1 {
			n++
		}
	}
	return n
}

// A worker is a process.
type worker struct {
	name  string
	log   string // a file
	cmd   *exec.Cmd
	ended <-chan struct{}
}

// worker starts a worker. It ends with the test.
func (l *lab) worker(name string, options ...string) *worker {
	l.t.Helper()
	w := &worker{name: name, log: filepath.Join(l.dir, name+".log")}
	log, err := os.OpenFile(w.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	if err != nil {
		l.t.Fatal(err)
	}
	defer log.Close()
	w.cmd = exec.Command(shared.program, append([]string{"worker", "--queue", l.job, "--name", name}, options...)...)
	w.cmd.Env, w.cmd.Stdout, w.cmd.Stderr = l.env, log, log
	w.cmd.SysProcAttr = s3server.ProcessAttributes()
	if w.ended, err = s3server.StartProcess(w.cmd); err != nil {
		l.t.Fatal(err)
	}
	l.t.Cleanup(func() {
		w.kill()
		if text, err := os.ReadFile(w.log); err == nil && l.t.Failed() {
			l.t.Logf("%s:\n%s", w.name, text[max(0, len(text)-3000):])
		}
	})
	return w
}

// kill ends a worker without a word, and waits until it has ended.
func (w *worker) kill() {
	_ = w.cmd.Process.Kill() // it may have ended
	<-w.ended
}
