package flow

import (
	"context"
	"flag"
	"log/slog"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"
	"google.golang.org/protobuf/types/known/durationpb"

	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/lease"
)

// record names a server of Temporal on which TestRecord records histories anew.
var record = flag.String("record", "", "address of a server of Temporal: record testdata/*.json there")

// TestReplay: the workflows still do what those did that wrote the recorded histories. If it
// fails, jobs that are running would stop when their workers are upgraded: give the changed
// workflow a new name, and keep the old one.
func TestReplay(t *testing.T) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) < 2 {
		t.Fatalf("%d histories, %v", len(files), err)
	}
	for _, file := range files {
		r := worker.NewWorkflowReplayer()
		registerWorkflows(r)
		if err := r.ReplayWorkflowHistoryFromJSONFile(Logger(slog.New(slog.DiscardHandler)), file); err != nil {
			t.Errorf("%s: %v", file, err)
		}
	}
}

// TestRecord records the histories of runs and of one of the shards of each. Those that are
// there stay, because jobs of their version may be running: remove one to record it anew.
func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("histories are recorded by hand: -record ADDRESS, after a new version of a workflow")
	}
	quiet := slog.New(slog.DiscardHandler)
	opts := client.Options{HostPort: *record, Identity: "record", Logger: Logger(quiet)}
	namespaces, err := client.NewNamespaceClient(opts)
	if err != nil {
		t.Fatal(err)
	}
	defer namespaces.Close()
	if err := namespaces.Register(t.Context(), &workflowservice.RegisterNamespaceRequest{
		Namespace: client.DefaultNamespace, WorkflowExecutionRetentionPeriod: durationpb.New(24 * time.Hour),
	}); err != nil {
		t.Log(err) // it may exist
	}
	time.Sleep(15 * time.Second) // until the server knows its new namespace
	c, err := client.DialContext(t.Context(), opts)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	for name, tt := range map[string]struct {
		set   func(t *testing.T, w *whole)
		shard string // with something to see
	}{
		"":       {func(*testing.T, *whole) {}, "/1-0"},
		"-parts": {bigObject, "/2-0"},
	} {
		w := newWhole(t, rand.New(rand.NewPCG(3, 3)), 300)
		w.spec.Limits.InFlight = 3
		w.spec.Job += name
		tt.set(t, w)
		recordJob(t, c, w, map[string]string{"run" + name: "", "shard" + name: tt.shard})
	}
}

// recordJob runs a job on the real engine, and saves histories of its workflows by their names.
func recordJob(t *testing.T, c client.Client, w *whole, histories map[string]string) {
	t.Helper()
	quiet := slog.New(slog.DiscardHandler)
	run, err := lease.Submit(t.Context(), w.env, job.Place{URL: "s3://state/", Connection: "state"}, w.spec, false)
	if err != nil {
		t.Fatal(err)
	}
	work := NewWorker(c, WorkerOptions{Queue: Queue, Name: "w1", Leases: 2, Connect: w.env.Connect, Logger: quiet})
	if err := work.Start(); err != nil {
		t.Fatal(err)
	}
	defer work.Stop()
	report, target := w.oneMachine(t)
	if err := Submit(t.Context(), c, Queue, run, false); err != nil {
		t.Fatal(err)
	}
	if _, err := Wait(t.Context(), c, run.Job); err != nil {
		t.Fatal(err)
	}
	w.run = run
	w.same(t, report, target)
	for name, shard := range histories {
		save(t.Context(), t, c, WorkflowID(run.Job)+shard, filepath.Join("testdata", name+"-v1.json"))
	}
}

func save(ctx context.Context, t *testing.T, c client.Client, id, file string) {
	t.Helper()
	if _, err := os.Stat(file); err == nil {
		return
	}
	var h history.History
	for events := c.GetWorkflowHistory(ctx, id, "", false, enums.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT); events.HasNext(); {
		e, err := events.Next()
		if err != nil {
			t.Fatal(err)
		}
		h.Events = append(h.Events, e)
	}
	text, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(&h)
	if err != nil {
		t.Fatal(err)
	}
	host, err := os.Hostname() // in the names of task queues
	if err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(file, []byte(strings.ReplaceAll(string(text), host, "host")+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
}
