package options

import "slices"

func reportingOptions() []*option {
	return in(reporting, []*option{
		{
			name: "report-sync-status", sets: "Report.Status",
			usage: "transfer nothing, and report for each object whether the target has the same",
			more: "Compares as --check-etag does, or as --check-additional-checksum does if it is given. Logs one record per object. " +
				"Raises the log level to info at least. Exit code 0 means that everything matches, 3 that something differs or cannot be compared.",
		},
		{
			name: "report-metadata-sync-status", sets: "Report.Metadata",
			usage: "also report whether headers and user metadata are the same",
			more:  "Costs two requests per object.",
		},
		{
			name: "report-tagging-sync-status", sets: "Report.Tagging",
			usage: "also report whether tags are the same",
		},
	})
}

func tracingOptions(log *Log) []*option {
	return in(tracing, []*option{
		{
			name: "json-tracing", value: on(&log.JSON),
			usage: "log JSON objects, all to standard output, and show neither progress nor summary",
		},
		{
			name: "show-no-progress", value: on(&log.NoProgress),
			usage: "show neither progress nor summary",
		},
		{
			name: "stats", value: duration(&log.Stats), env: envPrefixed,
			usage: "log the progress every `TIME`, such as 30s or 1h, if no terminal shows it; 0 never does",
			more:  "The line is a note: -q leaves it out. With --json-tracing it is a record with fields.",
		},
		{
			name: "aws-sdk-tracing", sets: "AWS.Trace",
			usage: "also log the requests to S3, at debug level",
		},
		{
			name: "span-events-tracing", value: on(&log.Spans),
			usage: "also log where stages of the work begin and end",
		},
		{
			name: "disable-color-tracing", value: on(&log.NoColor),
			usage: "log without colours; without it terminals get them, unless NO_COLOR is set",
		},
		{
			name: "tracing-stderr", value: on(&log.ToStderr),
			usage: "log everything to standard error",
			more:  "Without it notes, warnings and errors go there, everything else and the summary to standard output.",
		},
	})
}

func retryOptions() []*option {
	return in(retries, []*option{
		{
			name: "aws-max-attempts", sets: "Retry.MaxAttempts",
			usage: "make each request `N` times at most",
		},
		{
			name: "initial-backoff-milliseconds", sets: "Retry.InitialBackoff",
			usage: "wait `MS` times a growing random factor before a request is made again",
		},
		{
			name: "force-retry-count", sets: "Retry.ForceCount",
			usage: "after that, process a failed object `N` times again",
		},
		{
			name: "force-retry-interval-milliseconds", sets: "Retry.ForceInterval",
			usage: "wait `MS` before each of them",
		},
	})
}

func timeoutOptions() []*option {
	return in(timeouts, []*option{
		{
			name: "operation-timeout-milliseconds", sets: "Timeout.Operation",
			usage: "give up an operation with all its attempts after `MS`; default never",
		},
		{
			name: "operation-attempt-timeout-milliseconds", sets: "Timeout.Attempt",
			usage: "give up one attempt after `MS`; default never",
		},
		{
			name: "connect-timeout-milliseconds", sets: "Timeout.Connect",
			usage: "give up connecting after `MS`; default 3100",
		},
		{
			name: "read-timeout-milliseconds", sets: "Timeout.Read",
			usage: "give up waiting for an answer `MS` after the request was sent; 0 waits forever",
			more: "Copies and the completion of an upload take longer, so they have 15 times as long, up to 15 minutes. " +
				"Then the request is made again.",
		},
	})
}

func advancedOptions(set *settings) []*option {
	return in(advanced, slices.Concat([]*option{
		{
			name: "warn-as-error", sets: "WarnAsError",
			usage: "treat warnings about skipped objects as errors",
		},
		{
			name: "fail-fast", sets: "FailFast",
			usage: "stop at the first object that fails; without it the others go on",
		},
		{
			name: "ignore-symlinks", sets: "Local.IgnoreSymlinks",
			usage: "skip symbolic links of the source; without it they are followed",
		},
		{
			name: "fsync", sets: "Local.Fsync",
			usage: "flush each file to disk before it counts as transferred",
		},
		{
			name: "head-each-target", sets: "Check.HeadEachTarget",
			usage: "look at each target object once more right before its transfer",
			more:  "Costs a request per object, and narrows the time in which others may change it.",
		},
	}, versionOptions(), []*option{
		{
			name: "acl", sets: "Metadata.ACL",
			usage: "write objects with the canned `ACL`",
		},
		{
			name: "no-guess-mime-type", sets: "Metadata.NoGuessType",
			usage: "leave the Content-Type of local files to the server",
		},
		{
			name: "max-keys", sets: "AWS.MaxKeys",
			usage: "ask for `N` objects with each request of a listing",
		},
		{
			name: "put-last-modified-metadata", sets: "Metadata.PutLastModified",
			usage: "add the source's time of modification to the metadata",
		},
		{
			name: "auto-complete-shell", value: text(&set.shell), choices: shells(), plain: true,
			usage: "print a completion script for `SHELL` and do nothing else",
		},
		{
			name: "disable-stalled-stream-protection", sets: "AWS.NoStallProtection",
			usage: "let a transfer that moves no data wait forever",
		},
		{
			name: "disable-payload-signing", sets: "AWS.UnsignedPayload",
			usage: "do not sign the content of uploads",
		},
		{
			name: "disable-content-md5-header", sets: "AWS.NoContentMD5",
			usage: "upload without Content-MD5, and do not verify ETags of uploads",
		},
		{
			name: "allow-parallel-listings-in-express-one-zone", sets: "AWS.ParallelDirectoryListing",
			usage: "list the prefixes of a directory bucket at the same time",
			more:  "Such a listing also names the prefixes of unfinished uploads, which costs requests.",
		},
		{
			name: "disable-express-one-zone-additional-checksum", sets: "Verify.NoExpressChecksum",
			usage: "neither write CRC64NVME to directory buckets nor verify it from there",
			more:  "Their ETags are no digests, so objects are then unverified unless you ask for another checksum.",
		},
	}))
}

// versionOptions say which versions are read and replaced.
func versionOptions() []*option {
	return []*option{
		{
			name: "enable-versioning", sets: "Versioning.Enable",
			usage: "sync all versions of objects between buckets with versioning",
			more: "Missing versions are written from the oldest to the newest. What is deleted in the source now is deleted in the target. " +
				"Nothing is destroyed. Objects keep the parts of the source unless part sizes are given.",
		},
		{
			name: "sync-all-delete-markers", sets: "Versioning.AllMarkers",
			usage: "also sync the delete markers between versions, not only the current ones",
			more:  "The server of the target must add a marker for each deletion, as AWS does.",
		},
		{
			name: "point-in-time", sets: "Versioning.PointInTime", as: with(moment),
			usage: "take each object of the source as it was at `TIME` (UTC without a zone; 7d means seven days ago)",
			more: agoNote + " The source must have versioning. Everything that was there then is written, unless checksums are compared. " +
				"Other objects of the target stay.",
		},
		{
			name: "if-match", sets: "Condition.IfMatch",
			usage: "overwrite and delete only objects of the target that have not changed since the comparison",
		},
		{
			name: "if-none-match", sets: "Condition.IfNoneMatch",
			usage: "write only objects that the target does not have",
		},
		{
			name: "copy-source-if-match", sets: "Condition.CopySourceIfMatch",
			usage: "let the server copy only objects that have not changed since they were opened",
		},
		{
			name: "ignore-glacier-warnings", sets: "IgnoreArchived",
			usage: "skip archived objects without a warning",
		},
	}
}

func dangerousOptions() []*option {
	return in(dangerous, []*option{
		{
			name: "delete", sets: "Delete.Enable", env: envIgnored,
			usage: "delete objects of the target that the source does not have",
			more:  "Nothing is deleted unless both sides were listed completely and every transfer succeeded. Try it with --dry-run.",
		},
		{
			name: "delete-excluded", sets: "Delete.Excluded",
			usage: "also delete target objects that --exclude, --filter-exclude-regex or an --ignore-file excludes",
		},
		{
			name: "max-delete", sets: "Delete.Max",
			usage: "delete at most `N` objects",
		},
		{
			name: "max-delete-percent", sets: "Delete.MaxPercent", env: envPrefixed,
			usage: "delete nothing if more than 100 objects and more than `N` percent of the target would be deleted",
			more: "100 % is what the target listed plus what this run added. --max-delete does not change this count. " +
				"100 never refuses.",
		},
		{
			name: "allow-empty-source", sets: "Delete.AllowEmptySource", env: envPrefixed,
			usage: "delete also if the source has no objects at all",
			more:  "Otherwise that is an error, because the name of the source may be wrong, or its disk may not be mounted.",
		},
		{
			name: "allow-partial-prefix", sets: "Delete.AllowPartialPrefix", env: envPrefixed,
			usage: "delete also below a prefix of the target that ends in the middle of a name",
			more:  "Otherwise --delete is refused for s3://bucket/photos if there is also photos-old/. Probably s3://bucket/photos/ is meant.",
		},
		{
			name: "allow-overlap", sets: "Delete.AllowOverlap", env: envPrefixed,
			usage: "delete although source and target may be one bucket",
			more: "If two servers have buckets of one name, and one prefix begins with the other, s3sync looks in the source for the first objects that would be deleted. " +
				"If it has them, the two are one bucket, and nothing is deleted, whatever the options say. If the source cannot be asked, this option is required.",
		},
	})
}
