package table

import (
	"slices"

	"s3sync/internal/cli/options/value"
)

func reportingOptions() []*Option {
	return in(Reporting, []*Option{
		{
			Name: "report-sync-status", Sets: "Report.Status",
			Usage: "transfer nothing, and report for each object whether the target has the same",
			More: "Compares as --check-etag does, or as --check-additional-checksum does if it is given. Logs one record per object. " +
				"Raises the log level to info at least. Exit code 0 means that everything matches, 3 that something differs or cannot be compared.",
		},
		{
			Name: "report-metadata-sync-status", Sets: "Report.Metadata",
			Usage: "also report whether headers and user metadata are the same",
			More:  "Costs two requests per object.",
		},
		{
			Name: "report-tagging-sync-status", Sets: "Report.Tagging",
			Usage: "also report whether tags are the same",
		},
	})
}

func tracingOptions(log *Log) []*Option {
	return in(tracing, []*Option{
		{
			Name: "json-tracing", Value: value.On(&log.JSON),
			Usage: "log JSON objects, all to standard output, and show neither progress nor summary",
		},
		{
			Name: "show-no-progress", Value: value.On(&log.NoProgress),
			Usage: "show neither progress nor summary",
		},
		{
			Name: "stats", Value: value.Duration(&log.Stats), Env: EnvPrefixed,
			Usage: "log the progress every `TIME`, such as 30s or 1h, if no terminal shows it; 0 never does",
			More:  "The line is a note: -q leaves it out. With --json-tracing it is a record with fields.",
		},
		{
			Name: "aws-sdk-tracing", Sets: "AWS.Trace",
			Usage: "also log the requests to S3, at debug level",
		},
		{
			Name: "span-events-tracing", Value: value.On(&log.Spans),
			Usage: "also log where stages of the work begin and end",
		},
		{
			Name: "disable-color-tracing", Value: value.On(&log.NoColor),
			Usage: "log without colours; without it terminals get them, unless NO_COLOR is set",
		},
		{
			Name: "tracing-stderr", Value: value.On(&log.ToStderr),
			Usage: "log everything to standard error",
			More:  "Without it notes, warnings and errors go there, everything else and the summary to standard output.",
		},
	})
}

func retryOptions(set *Settings) []*Option {
	return in(retries, []*Option{
		{
			Name: "aws-max-attempts", Sets: "Retry.MaxAttempts",
			Usage: "make each request `N` times at most",
		},
		{
			Name: "initial-backoff-milliseconds", Sets: "Retry.InitialBackoff",
			Usage: "wait `MS` times a growing random factor before a request is made again",
		},
		{
			Name: "force-retry-count", Sets: "Retry.ForceCount",
			Usage: "after that, process a failed object `N` times again",
		},
		{
			Name: "force-retry-interval-milliseconds", Sets: "Retry.ForceInterval",
			Usage: "wait `MS` before each of them",
		},
		{
			Name: "state-dir", Sets: "State.Dir", File: true, Env: EnvPrefixed,
			Usage: "keep in `DIR` what later runs of the same sides use; default ~/.local/state/s3sync",
			More: "It is $XDG_STATE_HOME/s3sync if that variable is set, ~/Library/Application Support/s3sync on macOS, and %LocalAppData%\\s3sync on Windows. " +
				"Objects in parts that a run does not finish, because it is interrupted, killed or meets a temporary failure, are continued by the next run. " +
				"What is there already is verified against the source first. Files whose digests are known are not read again to be compared. The files hold no secrets.",
		},
		{
			Name: "no-state", Value: value.On(&set.NoState), Env: EnvPrefixed, Not: []string{"state-dir", "state-max-size", "verify-cache", "resume-max-age"},
			Usage: "use nothing of earlier runs, and keep nothing for later ones",
		},
		{
			Name: "state-max-size", Sets: "State.MaxSize", Env: EnvPrefixed,
			Usage: "let the file of these two sides grow to `SIZE`; default 1GiB",
			More:  "Then the oldest digests make room.",
		},
		{
			Name: "verify-cache", Sets: "State.VerifyCache", Env: EnvPrefixed,
			Usage: "read `PERCENT` of the files although their digests are known",
			More:  "A difference means that the state or the disk is damaged. It is a warning, and the new digest counts. Without it a report reads all of them, and a sync none.",
		},
		{
			Name: "no-resume", Sets: "Resume.Disable", Env: EnvPrefixed,
			Usage: "begin unfinished objects anew, and leave none",
		},
		{
			Name: "resume-max-age", Sets: "Resume.MaxAge", as: value.With(value.Age), Env: EnvPrefixed,
			Usage: "go on with objects that were begun at most `TIME` ago, such as 12h or 7d",
			More:  "Older ones are removed and begun anew.",
		},
		{
			Name: "abort-on-interrupt", Sets: "Resume.AbortOnInterrupt", Env: EnvPrefixed,
			Usage: "remove unfinished objects after Ctrl-C, instead of keeping them for the next run",
		},
	})
}

func timeoutOptions() []*Option {
	return in(timeouts, []*Option{
		{
			Name: "operation-timeout-milliseconds", Sets: "Timeout.Operation",
			Usage: "give up an operation with all its attempts after `MS`; default never",
		},
		{
			Name: "operation-attempt-timeout-milliseconds", Sets: "Timeout.Attempt",
			Usage: "give up one attempt after `MS`; default never",
		},
		{
			Name: "connect-timeout-milliseconds", Sets: "Timeout.Connect",
			Usage: "give up connecting after `MS`; default 3100",
		},
		{
			Name: "read-timeout-milliseconds", Sets: "Timeout.Read",
			Usage: "give up waiting for an answer `MS` after the request was sent; 0 waits forever",
			More: "Copies and the completion of an upload take longer, so they have 15 times as long, up to 15 minutes. " +
				"Then the request is made again.",
		},
	})
}

func advancedOptions(set *Settings) []*Option {
	return in(advanced, slices.Concat([]*Option{
		{
			Name: "warn-as-error", Sets: "WarnAsError",
			Usage: "treat warnings about skipped objects as errors",
		},
		{
			Name: "fail-fast", Sets: "FailFast",
			Usage: "stop at the first object that fails; without it the others go on",
		},
		{
			Name: "ignore-symlinks", Sets: "Local.IgnoreSymlinks",
			Usage: "skip symbolic links of the source; without it they are followed",
		},
		{
			Name: "fsync", Sets: "Local.Fsync",
			Usage: "flush each file to disk before it counts as transferred",
		},
		{
			Name: "head-each-target", Sets: "Check.HeadEachTarget",
			Usage: "look at each target object once more right before its transfer",
			More:  "Costs a request per object, and narrows the time in which others may change it.",
		},
	}, versionOptions(), []*Option{
		{
			Name: "acl", Sets: "Metadata.ACL",
			Usage: "write objects with the canned `ACL`",
		},
		{
			Name: "no-guess-mime-type", Sets: "Metadata.NoGuessType",
			Usage: "leave the Content-Type of local files to the server",
		},
		{
			Name: "max-keys", Sets: "AWS.MaxKeys",
			Usage: "ask for `N` objects with each request of a listing",
		},
		{
			Name: "put-last-modified-metadata", Sets: "Metadata.PutLastModified",
			Usage: "add the source's time of modification to the metadata",
		},
		{
			Name: "auto-complete-shell", Value: value.Text(&set.Shell), Choices: Shells(), Plain: true,
			Usage: "print a completion script for `SHELL` and do nothing else",
		},
		{
			Name: "disable-stalled-stream-protection", Sets: "AWS.NoStallProtection",
			Usage: "let a transfer that moves no data wait forever",
		},
		{
			Name: "disable-payload-signing", Sets: "AWS.UnsignedPayload",
			Usage: "do not sign the content of uploads",
		},
		{
			Name: "disable-content-md5-header", Sets: "AWS.NoContentMD5",
			Usage: "upload without Content-MD5, and do not verify ETags of uploads",
		},
		{
			Name: "allow-parallel-listings-in-express-one-zone", Sets: "AWS.ParallelDirectoryListing",
			Usage: "list the prefixes of a directory bucket at the same time",
			More:  "Such a listing also names the prefixes of unfinished uploads, which costs requests.",
		},
		{
			Name: "disable-express-one-zone-additional-checksum", Sets: "Verify.NoExpressChecksum",
			Usage: "neither write CRC64NVME to directory buckets nor verify it from there",
			More:  "Their ETags are no digests, so objects are then unverified unless you ask for another checksum.",
		},
	}))
}

// versionOptions say which versions are read and replaced.
func versionOptions() []*Option {
	return []*Option{
		{
			Name: "enable-versioning", Sets: "Versioning.Enable",
			Usage: "sync all versions of objects between buckets with versioning",
			More: "Missing versions are written from the oldest to the newest. What is deleted in the source now is deleted in the target. " +
				"Nothing is destroyed. Objects keep the parts of the source unless part sizes are given.",
		},
		{
			Name: "sync-all-delete-markers", Sets: "Versioning.AllMarkers",
			Usage: "also sync the delete markers between versions, not only the current ones",
			More:  "The server of the target must add a marker for each deletion, as AWS does.",
		},
		{
			Name: "point-in-time", Sets: "Versioning.PointInTime", as: value.With(value.Moment),
			Usage: "take each object of the source as it was at `TIME` (UTC without a zone; 7d means seven days ago)",
			More: value.AgoNote + " The source must have versioning. Everything that was there then is written, unless checksums are compared. " +
				"Other objects of the target stay.",
		},
		{
			Name: "if-match", Sets: "Condition.IfMatch",
			Usage: "overwrite and delete only objects of the target that have not changed since the comparison",
		},
		{
			Name: "if-none-match", Sets: "Condition.IfNoneMatch",
			Usage: "write only objects that the target does not have",
		},
		{
			Name: "copy-source-if-match", Sets: "Condition.CopySourceIfMatch",
			Usage: "let the server copy only objects that have not changed since they were opened",
		},
		{
			Name: "ignore-glacier-warnings", Sets: "IgnoreArchived",
			Usage: "skip archived objects without a warning",
		},
	}
}

func dangerousOptions() []*Option {
	return in(Dangerous, []*Option{
		{
			Name: "delete", Sets: "Delete.Enable", Env: EnvIgnored,
			Usage: "delete objects of the target that the source does not have",
			More:  "Nothing is deleted unless both sides were listed completely and every transfer succeeded. Try it with --dry-run.",
		},
		{
			Name: "delete-excluded", Sets: "Delete.Excluded",
			Usage: "also delete target objects that --exclude, --filter-exclude-regex or an --ignore-file excludes",
		},
		{
			Name: "trash", Sets: "Trash.URL", File: true, Env: EnvPrefixed,
			Usage: "keep what is overwritten or deleted in a trash at `URL`, so that s3sync undo can restore it",
			More: "It is a prefix of a bucket that the target's credentials reach, or a directory if the target is one. It may lie in the target, which then leaves it out. " +
				"An object that cannot be kept is neither overwritten nor deleted, and fails. If the bucket keeps versions, only the journal is in the trash. See docs/undo.md.",
		},
		{
			Name: "trash-keep", Sets: "Trash.Keep", as: value.With(value.Span), Env: EnvPrefixed,
			Usage: "after a successful run, remove runs from the trash that are older than `TIME`, such as 30d",
			More:  "Without it they stay until somebody removes them.",
		},
		{
			Name: "max-delete", Sets: "Delete.Max",
			Usage: "delete at most `N` objects",
		},
		{
			Name: "max-delete-percent", Sets: "Delete.MaxPercent", Env: EnvPrefixed,
			Usage: "delete nothing if more than 100 objects and more than `N` percent of the target would be deleted",
			More: "100 % is what the target listed plus what this run added. --max-delete does not change this count. " +
				"100 never refuses.",
		},
		{
			Name: "allow-empty-source", Sets: "Delete.AllowEmptySource", Env: EnvPrefixed,
			Usage: "delete also if the source has no objects at all",
			More:  "Otherwise that is an error, because the name of the source may be wrong, or its disk may not be mounted.",
		},
		{
			Name: "allow-partial-prefix", Sets: "Delete.AllowPartialPrefix", Env: EnvPrefixed,
			Usage: "delete also below a prefix of the target that ends in the middle of a name",
			More:  "Otherwise --delete is refused for s3://bucket/photos if there is also photos-old/. Probably s3://bucket/photos/ is meant.",
		},
		{
			Name: "allow-overlap", Sets: "Delete.AllowOverlap", Env: EnvPrefixed,
			Usage: "delete although source and target may be one bucket",
			More: "If two servers have buckets of one name, and one prefix begins with the other, s3sync looks in the source for the first objects that would be deleted. " +
				"If it has them, the two are one bucket, and nothing is deleted, whatever the options say. If the source cannot be asked, this option is required.",
		},
		{
			Name: "list-is-complete", Sets: "Delete.ListIsComplete", Env: EnvPrefixed,
			Usage: "delete although --files-from or an inventory takes the place of a listing",
			More: "It says that the list of the source names every object of the source. The source is asked for each object before it is deleted, and what it has nevertheless is kept with a warning. " +
				"What only an inventory of the target names is deleted only if it still has the ETag in the inventory.",
		},
	})
}
