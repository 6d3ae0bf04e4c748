package table

import (
	"slices"

	"s3sync/internal/cli/options/value"
)

// commandOptions are not of a sync. Each belongs to the commands that name it in the
// table of commands.
func commandOptions(own *Own) []*Option {
	return in(OfCommands, slices.Concat(doctorOptions(own), []*Option{
		{
			Name: "list", Value: value.On(&own.List), Env: EnvNone,
			Usage: "show the runs in the trash",
			More:  "Each has its id, how it ended, how many objects it created, overwrote, deleted and tagged, and the bytes that are kept.",
		},
		{
			Name: "force", Value: value.On(&own.Force), Env: EnvNone,
			Usage: "also undo what was changed since the run, or forget unfinished uploads",
			More: "Of undo: the changes since are lost. Without it such objects stay as they are, with a warning. " +
				"Of state clear: unfinished uploads stay on the server. Without it what knows of them is not cleared.",
		},
		{
			Name: "all", Value: value.On(&own.All), Env: EnvNone,
			Usage: "clear what is kept of all pairs of sides",
		},
		{
			Name: "json", Value: value.On(&own.JSON), Env: EnvNone,
			Usage: "print JSON",
		},
		{
			Name: "against", Value: value.Text(&own.Against), File: true, Env: EnvNone,
			Usage: "compare with what `URL` has now: s3://bucket[/prefix] or a directory",
			More:  "Without it that is the target of the run. A bucket is reached by the options of the target.",
		},
		{
			Name: "read", Value: value.On(&own.Read), Env: EnvNone,
			Usage: "read and digest the content of every object",
			More:  "Otherwise objects of a bucket are compared by their ETags and additional checksums, as far as these tell. Files are always read.",
		},
		{
			Name: "public-key", Value: value.Text(&own.PublicKey), File: true, Env: EnvNone,
			Usage: "require a signature by this `KEY`: a file of minisign, or its second line",
		},
		{
			Name: "sha256sum", Value: value.On(&own.SHA256Sum), Env: EnvNone,
			Usage: "print lines for sha256sum -c, and compare nothing",
		},
		{
			Name: "key", Value: value.Text(&own.Key), Env: EnvNone,
			Usage: "print the proof of the object with this `KEY` alone, and compare nothing",
		},
		{
			Name: "proof", Value: value.Text(&own.Proof), File: true, Env: EnvNone,
			Usage: "check the proof in `FILE`, which --key printed, against --root",
		},
		{
			Name: "root", Value: value.Text(&own.Root), Env: EnvNone,
			Usage: "the `ROOT` of a manifest that you trust, for --proof",
		},
		{
			Name: "output", Short: "o", Value: value.Text(&own.Output), Env: EnvNone, File: true, Writes: true,
			Usage: "write the plan to `FILE`, which it replaces when it is complete",
			More:  "It is JSON lines, compressed with zstd: zstdcat FILE shows it. It has the names of all objects that change, but no secrets.",
		},
		{
			Name: "prices", Value: value.Text(&own.Prices), Env: EnvNone, File: true,
			Usage: "take the prices of requests and bytes from the JSON `FILE`",
			More:  "Without it they are list prices of AWS. docs/plan.md has the names of the fields.",
		},
	}))
}

func doctorOptions(own *Own) []*Option {
	return []*Option{
		{
			Name: "probe-writes", Value: value.On(&own.ProbeWrites), Env: EnvNone,
			Usage: "also write below one new name in the target, and remove that again",
			More: "The name begins with .s3sync-doctor-. It is removed also after a failure or Ctrl-C. If the target keeps versions, those of the probe stay " +
				"behind delete markers; a warning says so first.",
		},
		{
			Name: "policy", Value: value.On(&own.Policy), Env: EnvNone,
			Usage: "only print the least IAM policy for these options",
			More:  "Nothing is asked. If both sides are buckets with different credentials, there is one policy for each of them.",
		},
		{
			Name: "leftovers", Value: value.Text(&own.Leftovers), Env: EnvNone,
			Usage: "only list unfinished uploads below `URL`, s3://bucket[/prefix], that no state of this machine knows",
			More:  "It takes the place of SOURCE and TARGET, and is reached by the options of the target. Other machines, other users of this one, and runs with another --state-dir may be writing them now.",
		},
		{
			Name: "abort-older-than", Value: value.LongSpan(&own.AbortOlderThan), Env: EnvNone,
			Usage: "abort those that began longer than `TIME` ago, such as 7d",
			More:  "It asks first. What a state of this machine knows is never aborted: the next run of its sides goes on with it.",
		},
		{
			Name: "yes", Value: value.On(&own.Yes), Env: EnvNone,
			Usage: "abort without asking",
		},
	}
}
