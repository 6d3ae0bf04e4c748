package command

import "slices"

// refused are the options of a sync that a job does not have, with the reason. Each is
// refused, never ignored: whoever gives an option relies on it.
func refused() map[string]string {
	reasons := map[string]string{}
	for _, r := range []struct {
		why   string
		names []string
	}{
		{
			"is of a connection, which each worker has for itself, so that no job holds credentials: use --source-connection and --target-connection",
			slices.Concat(ofSide("source"), ofSide("target"), []string{
				"profile", "region", "endpoint-url", "path-style", "aws-config-file", "aws-shared-credentials-file",
			}),
		},
		{"may hold a password, and a job holds none: set HTTPS_PROXY on each worker", []string{"https-proxy"}},
		{
			"is a key, and a job holds none: s3sync on one machine can use it",
			[]string{
				"source-sse-c", "source-sse-c-key", "source-sse-c-key-md5", "target-sse-c", "target-sse-c-key", "target-sse-c-key-md5", "sse-kms-key-id",
			},
		},
		{
			"takes the place of a listing, and each range would read all of it: s3sync on one machine can use it",
			[]string{"source-inventory", "target-inventory", "files-from", "files-from0", "list-is-complete"},
		},
		{"is for s3sync on one machine: a job always does what it was submitted for", []string{"dry-run"}},
		{
			"is for s3sync on one machine: a job does not compare alone",
			[]string{"report-sync-status", "report-metadata-sync-status", "report-tagging-sync-status"},
		},
		{
			"is for s3sync on one machine: a job knows the newest versions only",
			[]string{"enable-versioning", "sync-all-delete-markers", "point-in-time"},
		},
		{"is for s3sync on one machine: a job has no trash", []string{"trash", "trash-keep"}},
		{"is for s3sync on one machine: the workers of a job go on, and it waits for a decision before it deletes", []string{"fail-fast"}},
		{
			"is for s3sync on one machine: a job keeps what outlives a worker in --state",
			[]string{"state-dir", "no-state", "state-max-size", "verify-cache"},
		},
		{
			"is for s3sync on one machine: another worker goes on with what one had to leave, and the end of the job removes the rest",
			[]string{"abort-on-interrupt"},
		},
		{"is an option of s3sync-cluster report, when the job has ended", []string{"html-report", "failed-keys"}},
		{"is for s3sync on one machine: the evidence of a job is in --state", []string{"manifest", "sign-key"}},
		{"is for s3sync on one machine: s3sync-cluster status --json has the numbers", []string{"metrics-file", "metrics-listen"}},
		{
			"is for s3sync on one machine: submit only hands the job over",
			[]string{"show-no-progress", "stats", "aws-sdk-tracing", "span-events-tracing", "tracing-stderr"},
		},
		{"is for directories, and both sides of a job are buckets", []string{"ignore-file", "ignore-symlinks", "fsync", "no-guess-mime-type"}},
		{"has no effect, here as in s3sync: leave it out", []string{"max-parallel-listing-max-depth"}},
	} {
		for _, name := range r.names {
			reasons[name] = r.why
		}
	}
	return reasons
}

// ofSide returns the options that say how a side is reached.
func ofSide(side string) (names []string) {
	for _, what := range []string{
		"profile", "access-key", "secret-access-key", "session-token", "region", "endpoint-url", "accelerate", "request-payer", "force-path-style",
	} {
		names = append(names, side+"-"+what)
	}
	return names
}
