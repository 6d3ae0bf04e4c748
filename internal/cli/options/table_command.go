package options

// commandOptions are not of a sync. Each belongs to the commands that name it in the
// table of commands.
func commandOptions(own *Own) []*option {
	return in(ofCommands, []*option{
		{
			name: "probe-writes", value: on(&own.ProbeWrites), env: envNone,
			usage: "also write below one new name in the target, and remove that again",
			more: "The name begins with .s3sync-doctor-. It is removed also after a failure or Ctrl-C. If the target keeps versions, those of the probe stay " +
				"behind delete markers; a warning says so first.",
		},
		{
			name: "policy", value: on(&own.Policy), env: envNone,
			usage: "only print the least IAM policy for these options",
			more:  "Nothing is asked. If both sides are buckets with different credentials, there is one policy for each of them.",
		},
		{
			name: "json", value: on(&own.JSON), env: envNone,
			usage: "print one JSON object",
		},
	})
}
