package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"slices"
	"strings"

	"go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"

	"s3sync"
	"s3sync/cluster/internal/connect"
	"s3sync/cluster/internal/flow"
	"s3sync/cluster/internal/job"
	"s3sync/cluster/internal/lease"
	"s3sync/internal/cli/options"
)

// submit hands a job over: its spec to the state store, and its name to the engine.
func (c *command) submit(ctx context.Context, _ []string) int {
	spec, err := c.spec()
	if err != nil {
		return c.fail(err)
	}
	known, err := c.connections()
	if err == nil {
		_, err = known.Endpoint(c.own.state.Connection)
	}
	if err != nil {
		return c.fail(asMisuse(err))
	}
	log := c.logger()
	for _, note := range c.line.Notes {
		log.LogAttrs(ctx, s3sync.LevelNote, note)
	}
	ctx, stop := c.interruptible(ctx)
	code, err := options.ExitDone, c.withEngine(ctx, func(ctx context.Context, engine client.Client) error {
		return c.handOver(ctx, engine, c.env(known, log), spec)
	})
	if err == nil {
		name := c.own.jobName()
		code = c.print(fmt.Sprintf("job %s is submitted: %s status %s shows how far it is\n", name, program, name))
	}
	if err == nil && c.own.wait && code == options.ExitDone {
		code, err = c.await(ctx, c.env(known, log))
	}
	if sig := stop(); sig != nil {
		c.say(sig.String() + ": the job goes on if it was submitted")
		return options.ExitOfSignal(sig)
	}
	if err != nil {
		return c.fail(err)
	}
	return code
}

// asMisuse makes an error of the arguments of one that a name in them causes.
func asMisuse(err error) error {
	return options.Misuse("%v", err)
}

func (o *own) jobName() string { return cmp.Or(o.resume, o.job) }

// env is what package lease needs of this machine.
func (c *command) env(known *connect.Connections, log *slog.Logger) lease.Env {
	return lease.Env{Connect: known.Endpoint, Worker: c.workerName(), Logger: log}
}

// spec returns what the job does, or nil if it is that of a job in the state store. Its
// errors are those of the arguments.
func (c *command) spec() (*job.Spec, error) {
	o := &c.own
	if o.resume != "" {
		return nil, c.checkResume()
	}
	for _, side := range []struct{ name, url string }{{"SOURCE", c.line.Config.Source.URL}, {"TARGET", c.line.Config.Target.URL}} {
		if side.url != "" && !strings.HasPrefix(side.url, "s3://") {
			return nil, options.Misuse("%s must be a bucket, s3://BUCKET[/PREFIX], and not %q: a directory is not the same on every worker", side.name, side.url)
		}
	}
	if err := c.line.Check(); err != nil {
		return nil, err
	}
	if o.job == "" {
		return nil, options.Misuse("--job is missing: it names the job, for status and for submitting it again")
	}
	if err := checkJob("--job", o.job); err != nil {
		return nil, err
	}
	cfg := *c.line.Config
	spec := &job.Spec{
		Version: job.Version, Job: o.job, Ranges: o.ranges, Approve: o.approve, Leases: o.leases,
		Source:   job.Place{URL: cfg.Source.URL, Connection: o.source},
		Target:   job.Place{URL: cfg.Target.URL, Connection: o.target},
		Settings: &cfg,
		Limits: job.Limits{
			Requests: float64(cfg.Transfer.ObjectsPerSecond), Bytes: cfg.Transfer.BytesPerSecond, InFlight: o.inFlight,
		},
	}
	if o.bigObject != defaults().bigObject { // specs of earlier versions do not have it
		spec.BigObject = o.bigObject
	}
	cfg.Source, cfg.Target = s3sync.Endpoint{}, s3sync.Endpoint{}
	cfg.Transfer.ObjectsPerSecond, cfg.Transfer.BytesPerSecond = 0, 0
	if o.approve && !cfg.Delete.Enable {
		return nil, options.Misuse("--approve is about deletions, and there is no --delete")
	}
	if err := c.checkPlaces(spec); err != nil {
		return nil, err
	}
	var err error
	if spec.Splits, err = readSplits(o.splits); err != nil {
		return nil, err
	}
	if err := spec.Check(); err != nil {
		first, _, _ := strings.Cut(c.line.ErrorText(err), "\n") // joined errors are on separate lines
		return nil, options.Misuse("%s", first)
	}
	return spec, nil
}

// checkPlaces checks where the job reads and writes, as far as names tell.
func (c *command) checkPlaces(spec *job.Spec) error {
	for option, name := range map[string]string{"--source-connection": spec.Source.Connection, "--target-connection": spec.Target.Connection} {
		if name != "" {
			if err := connect.CheckName(name); err != nil {
				return options.Misuse("%s: %v", option, err)
			}
		}
	}
	if err := checkState(c.own.state); err != nil {
		return err
	}
	for _, side := range []struct{ name, url string }{{"SOURCE", spec.Source.URL}, {"TARGET", spec.Target.URL}} {
		if within(c.own.state.URL, side.url) || within(side.url, c.own.state.URL) {
			return options.Misuse("--state %q and %s %q hold the same keys: a sync would copy or delete what the job keeps there", c.own.state.URL, side.name, side.url)
		}
	}
	return nil
}

// checkState checks the state store, as far as its name tells.
func checkState(place job.Place) error {
	switch {
	case place.URL == "":
		return options.Misuse("--state is missing: it is where the job keeps what was done, s3://BUCKET/PREFIX or a directory that all workers share")
	case place.Connection != "" && !strings.HasPrefix(place.URL, "s3://"):
		return options.Misuse("--state-connection is for buckets, and --state %q is a directory", place.URL)
	case place.Connection != "":
		if err := connect.CheckName(place.Connection); err != nil {
			return options.Misuse("--state-connection: %v", err)
		}
	}
	return nil
}

// within reports whether all keys of a bucket below one URL are also below another.
func within(url, other string) bool {
	return strings.HasPrefix(url, "s3://") && strings.HasPrefix(wholeBucket(url), wholeBucket(other))
}

// wholeBucket ends the URL of a bucket with a slash, so that no other bucket begins with it.
func wholeBucket(url string) string {
	if strings.Count(url, "/") == 2 {
		return url + "/"
	}
	return url
}

// checkResume refuses options that the job in the state store has already.
func (c *command) checkResume() error {
	if err := checkJob("--resume", c.own.resume); err != nil {
		return err
	}
	if err := checkState(c.own.state); err != nil {
		return err
	}
	free := engineOptions(logOptions("queue", "connections", "state", "state-connection", "resume", "wait")...)
	for _, g := range c.line.Given() {
		if name := strings.TrimPrefix(g.Option, "--"); g.Variable == "" && !slices.Contains(free, name) {
			return options.Misuse("%s cannot be given with --resume: it is what the job was submitted with", g.Option)
		}
	}
	return nil
}

// readSplits returns the keys in a file, which must be in ascending order.
func readSplits(name string) ([]job.Key, error) {
	if name == "" {
		return nil, nil
	}
	data, err := os.ReadFile(name)
	if err != nil {
		return nil, options.Misuse("--splits: %v", err)
	}
	var keys []job.Key
	for i, line := range strings.Split(strings.TrimSuffix(string(data), "\n"), "\n") {
		switch key := job.Key(strings.TrimSuffix(line, "\r")); {
		case key == "":
			return nil, options.Misuse("--splits %q: line %d is empty", name, i+1)
		case len(keys) > 0 && key <= keys[len(keys)-1]:
			return nil, options.Misuse("--splits %q: line %d does not come after the line before in the order of bytes: LC_ALL=C sort -u puts them in order", name, i+1)
		default:
			keys = append(keys, key)
		}
	}
	return keys, nil
}

// handOver writes a spec to the state store and starts the job. Without a spec it plans the
// job anew that is there.
func (c *command) handOver(ctx context.Context, engine client.Client, env lease.Env, spec *job.Spec) error {
	o := &c.own
	if o.resume != "" {
		if err := notRunning(ctx, engine, o.resume); err != nil {
			return err
		}
		var err error
		if _, spec, err = lease.Find(ctx, env, o.state, o.resume); err != nil {
			return fmt.Errorf("job %q in %q: %w", o.resume, o.state.URL, err)
		}
	}
	run, err := lease.Submit(ctx, env, o.state, spec, o.resume != "")
	if err != nil {
		return fmt.Errorf("job %q in %q: %w", spec.Job, o.state.URL, err)
	}
	return flow.Submit(ctx, engine, o.queue, run, o.resume != "")
}

// notRunning fails if the engine runs a job. Planning it anew would take its ranges away
// from workers that are healthy.
func notRunning(ctx context.Context, engine client.Client, name string) error {
	d, err := engine.DescribeWorkflow(ctx, flow.WorkflowID(name), "")
	if _, unknown := errors.AsType[*serviceerror.NotFound](err); unknown {
		return nil
	}
	if err != nil {
		return fmt.Errorf("job %q: the engine does not say whether it runs: %w", name, err)
	}
	if d.Status == enums.WORKFLOW_EXECUTION_STATUS_RUNNING {
		return fmt.Errorf("job %q runs: there is nothing to plan anew. To begin again from its checkpoints, cancel it first", name)
	}
	return nil
}

// await waits for the end of the job, and prints its report.
func (c *command) await(ctx context.Context, env lease.Env) (int, error) {
	name := c.own.jobName()
	var out flow.Outcome
	opts, err := c.clientOptions(nil)
	if err != nil {
		return 0, err
	}
	engine, err := c.reach(ctx, opts)
	if err != nil {
		return 0, err
	}
	defer engine.Close()
	if out, err = flow.Wait(ctx, engine, name); err != nil {
		return 0, err
	}
	code, err := c.showReport(ctx, env, name)
	if err == nil && out.Aborted && code != options.ExitDone {
		return options.ExitError, nil
	}
	return code, err
}
