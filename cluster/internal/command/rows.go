package command

import (
	"fmt"
	"strconv"
	"time"

	"s3sync/cluster/internal/connect"
	"s3sync/cluster/internal/flow"
	"s3sync/cluster/internal/job"
	"s3sync/internal/cli/options/table"
	"s3sync/internal/cli/options/value"
)

const about = "Runs a sync between two buckets on many machines, with Temporal as its engine. A job is submitted once, and any number of workers carry it out. " +
	"What was done is in a state store, so that neither a worker nor the engine's database is needed to go on."

// own are the options that a sync does not have.
type own struct {
	// How the engine is reached. What is empty is taken from the environment.
	address, namespace, apiKeyFile, tlsCA, tlsCert, tlsKey, tlsName string
	tls                                                             bool
	queue                                                           string

	connections string // a file
	job         string
	state       job.Place
	source      string // names of connections
	target      string
	ranges      int
	splits      string // a file
	approve     bool
	bigObject   int64
	inFlight    int
	leases      job.Leases
	resume      string // a job
	wait        bool

	slots int
	name  string // of the worker
	drain time.Duration

	once    bool
	verdict string
}

// defaults are those of docs/cluster.md. A worker that is unheard of for the time of Silence
// has lost its lease: shorter times give up healthy workers when the engine restarts.
func defaults() own {
	return own{
		queue: flow.Queue, ranges: 64, bigObject: 16 << 30, inFlight: 64, slots: 4, drain: time.Minute,
		leases: job.Leases{
			Keys: 1_000_000, Time: 10 * time.Minute, CheckpointKeys: 50_000, CheckpointTime: time.Minute, Silence: 5 * time.Minute,
		},
	}
}

// Names of the options of several commands.
func engineOptions(others ...string) []string {
	return append([]string{"address", "namespace", "api-key-file", "tls", "tls-ca-file", "tls-cert-file", "tls-key-file", "tls-server-name"}, others...)
}

func logOptions(others ...string) []string {
	return append([]string{"verbose", "quiet", "json-tracing", "disable-color-tracing"}, others...)
}

func rows(o *own) []*table.Option {
	all := append(engineRows(o), jobRows(o)...)
	all = append(all, leaseRows(o)...)
	all = append(all, workerRows(o)...)
	for _, row := range all {
		row.Group = table.OfCommands
	}
	return all
}

func engineRows(o *own) []*table.Option {
	return []*table.Option{
		{
			Name: "address", Value: value.Text(&o.address), Env: table.EnvNone,
			Usage: "`HOST:PORT` of the Temporal server",
			More:  "Without it TEMPORAL_ADDRESS means the same, here as in other programs of Temporal, or else it is localhost:7233. TEMPORAL_PROFILE and TEMPORAL_CONFIG_FILE work, too.",
		},
		{
			Name: "namespace", Value: value.Text(&o.namespace), Env: table.EnvNone,
			Usage: "`NAME` of the namespace of the Temporal server",
			More:  "Without it TEMPORAL_NAMESPACE means the same, or else it is default.",
		},
		{
			Name: "api-key-file", Value: value.Text(&o.apiKeyFile), File: true, Env: table.EnvNone,
			Usage: "read the API key for the Temporal server from `FILE`",
			More:  "Without it TEMPORAL_API_KEY is the key. With a key the connection uses TLS.",
		},
		{
			Name: "tls", Value: value.On(&o.tls), Env: table.EnvNone,
			Usage: "connect to the Temporal server with TLS",
			More:  "Each of the other --tls options does so, too. TEMPORAL_TLS and the variables that begin with it mean the same.",
		},
		{
			Name: "tls-ca-file", Value: value.Text(&o.tlsCA), File: true, Env: table.EnvNone,
			Usage: "trust the certificate authorities in `FILE` (PEM) for the Temporal server",
		},
		{
			Name: "tls-cert-file", Value: value.Text(&o.tlsCert), File: true, Env: table.EnvNone,
			Usage: "show the Temporal server the certificate in `FILE` (PEM)",
		},
		{
			Name: "tls-key-file", Value: value.Text(&o.tlsKey), File: true, Env: table.EnvNone,
			Usage: "the key of that certificate is in `FILE` (PEM)",
		},
		{
			Name: "tls-server-name", Value: value.Text(&o.tlsName), Env: table.EnvNone,
			Usage: "expect `NAME` in the certificate of the Temporal server",
		},
		{
			Name: "queue", Value: value.Text(&o.queue), Env: table.EnvNone,
			Usage: "`NAME` of the task queue: workers take the jobs of their queue alone",
		},
	}
}

func jobRows(o *own) []*table.Option {
	return []*table.Option{
		{
			Name: "connections", Value: value.Text(&o.connections), File: true, Env: table.EnvPrefixed,
			Usage: "read connections from the TOML `FILE`: a table [name] for each",
			More:  "Its fields are profile, access_key, secret_key, session_token, region, endpoint_url, path_style, accelerate and request_payer. " + connect.Variable + "NAME_REGION and so on are stronger.",
		},
		{
			Name: "job", Value: value.Text(&o.job), Env: table.EnvNone,
			Usage: "`NAME` of the job: submitting it again finds it",
		},
		{
			Name: "state", Value: value.Text(&o.state.URL), File: true, Env: table.EnvNone,
			Usage: "the state store: `s3://BUCKET/PREFIX`, or a directory that all workers share",
			More:  "It has what was done, and what failed. It must not be in the source or the target.",
		},
		{
			Name: "source-connection", Value: value.Text(&o.source), Env: table.EnvNone,
			Usage: "each worker reaches the source by its connection `NAME`",
			More:  "Without it credentials, region and profile are found as in other AWS programs, on each worker.",
		},
		{
			Name: "target-connection", Value: value.Text(&o.target), Env: table.EnvNone,
			Usage: "each worker reaches the target by its connection `NAME`",
		},
		{
			Name: "state-connection", Value: value.Text(&o.state.Connection), Env: table.EnvNone,
			Usage: "the state store is reached by the connection `NAME`",
		},
		{
			Name: "ranges", Value: count(&o.ranges, 1, 1000), Env: table.EnvNone,
			Usage: "cut the keys into about `N` ranges, which are found by listing",
		},
		{
			Name: "splits", Value: value.Text(&o.splits), File: true, Env: table.EnvNone,
			Usage: "cut the keys at the keys in `FILE`, one a line in ascending order, and not by listing",
		},
		{
			Name: "approve", Value: value.On(&o.approve), Env: table.EnvNone,
			Usage: "wait for an approval before anything is deleted",
		},
		{
			Name: "big-object-size", Value: value.For(&o.bigObject, false, true), Env: table.EnvNone,
			Usage: "let several workers share an object of `SIZE` or more, each some of its parts",
			More:  "Smaller ones, and those that are not written in parts, are transferred by one worker.",
		},
		{
			Name: "in-flight", Value: count(&o.inFlight, 1, 100_000), Env: table.EnvNone,
			Usage: "let at most `N` ranges be worked on at once, by all workers together",
			More:  "The limits of the rate are divided by this number.",
		},
		{
			Name: "resume", Value: value.Text(&o.resume), Env: table.EnvNone,
			Usage: "plan `JOB` anew from its state store, such as after the loss of the engine's database",
			More:  "What was done is not done again. SOURCE, TARGET and all options are those that the job was submitted with.",
		},
		{
			Name: "wait", Value: value.On(&o.wait), Env: table.EnvNone,
			Usage: "wait until the job ends, and print its report",
		},
		{
			Name: "once", Value: value.On(&o.once), Env: table.EnvNone,
			Usage: "show the status once, also on a terminal",
		},
		{
			Name: "verdict", Value: value.Text(&o.verdict), Env: table.EnvNone,
			Usage: "the `ID` of what is approved, which status shows",
			More:  "So nothing is approved that was not looked at.",
		},
	}
}

func leaseRows(o *own) []*table.Option {
	return []*table.Option{
		{
			Name: "lease-keys", Value: count(&o.leases.Keys, 1, 1<<40), Env: table.EnvNone,
			Usage: "a worker gives a range back after `N` keys",
		},
		{
			Name: "lease-time", Value: span(&o.leases.Time, time.Second, 24*time.Hour), Env: table.EnvNone,
			Usage: "or after `TIME`",
		},
		{
			Name: "checkpoint-keys", Value: count(&o.leases.CheckpointKeys, 1, 1_000_000), Env: table.EnvNone,
			Usage: "a worker writes down what it did after `N` keys",
			More:  "If a worker is lost, so many keys are listed again.",
		},
		{
			Name: "checkpoint-time", Value: span(&o.leases.CheckpointTime, time.Second, time.Hour), Env: table.EnvNone,
			Usage: "or after `TIME`",
		},
		{
			Name: "lost-after", Value: span(&o.leases.Silence, time.Second, 24*time.Hour), Env: table.EnvNone,
			Usage: "a worker that is not heard of for `TIME` has lost its ranges to others",
			More:  "It should be longer than a restart of the engine or its database takes, or healthy workers are given up.",
		},
	}
}

func workerRows(o *own) []*table.Option {
	return []*table.Option{
		{
			Name: "slots", Value: count(&o.slots, 1, 1000), Env: table.EnvNone,
			Usage: "work on `N` ranges at once",
			More:  "Each of them needs the memory of a sync, --max-memory of its job.",
		},
		{
			Name: "name", Value: value.Text(&o.name), Env: table.EnvNone,
			Usage: "`NAME` of the worker in the status; by default that of the machine, and a number",
		},
		{
			Name: "drain", Value: span(&o.drain, 0, 24*time.Hour), Env: table.EnvNone,
			Usage: "when asked to stop, let ranges go on for up to `TIME` until a checkpoint",
		},
	}
}

// count makes an option for a whole number between two bounds.
func count[T int | int64](field *T, least, most int64) *value.Value {
	return value.Of(field, func(text string) (T, error) {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil || n < least || n > most {
			return 0, fmt.Errorf("must be a number from %d to %d, not %q", least, most, text)
		}
		return T(n), nil
	}, func(n T) string { return strconv.FormatInt(int64(n), 10) })
}

// span makes an option for a time between two bounds.
func span(field *time.Duration, least, most time.Duration) *value.Value {
	v := value.Duration(field)
	show := v.Show
	return value.Of(field, func(text string) (time.Duration, error) {
		d, err := time.ParseDuration(text)
		if err != nil || d < least || d > most {
			return 0, fmt.Errorf("must be a time from %s to %s, such as 30s or 10m, not %q", least, most, text)
		}
		return d, nil
	}, func(time.Duration) string { return show() })
}
