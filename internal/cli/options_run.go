package cli

import "slices"

func reportingOptions() []*option {
	return in(reporting, []*option{
		{
			name: "report-sync-status", sets: "Report.Status",
			usage: "transfer nothing, and report of each object whether the target has the same",
			more: "Compares by ETag, or with --check-additional-checksum by checksum, as those options do, in one record of the log per object. " +
				"Raises the log level to info at least. Exit code 0 says that everything matches, 3 that something does not or cannot be compared.",
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

func tracingOptions(set *settings) []*option {
	return in(tracing, []*option{
		{
			name: "json-tracing", value: on(&set.jsonLog),
			usage: "log JSON objects, all to standard output, and show neither progress nor summary",
		},
		{
			name: "aws-sdk-tracing", sets: "AWS.Trace",
			usage: "also log the requests of the AWS SDK, at debug level",
		},
		{
			name: "span-events-tracing", value: on(&set.spans),
			usage: "also log where stages of the work begin and end",
		},
		{
			name: "disable-color-tracing", value: on(&set.noColor),
			usage: "log without colours; without it terminals get them, unless NO_COLOR is set",
		},
		{
			name: "tracing-stderr", value: on(&set.logToStderr),
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
			usage: "give up waiting for an answer `MS` after the request was sent; 0 waits for ever",
			more: "An answer to what the server works for, copies and the completion of an upload, is waited for 15 times as long, up to 15 minutes. " +
				"The request is made again then.",
		},
	})
}

func advancedOptions(set *settings) []*option {
	return in(advanced, slices.Concat([]*option{
		{
			name: "warn-as-error", sets: "WarnAsError",
			usage: "take warnings about objects that were left out as errors",
		},
		{
			name: "fail-fast", sets: "FailFast",
			usage: "stop at the first object that fails; without it the others go on",
		},
		{
			name: "ignore-symlinks", sets: "Local.IgnoreSymlinks",
			usage: "leave symbolic links of the source out; without it they are followed",
		},
		{
			name: "fsync", sets: "Local.Fsync",
			usage: "make each file durable before it counts as transferred",
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
			name: "auto-complete-shell", value: text(&set.shell), choices: shells(),
			usage: "print a completion script for `SHELL` and do nothing else",
		},
		{
			name: "disable-stalled-stream-protection", sets: "AWS.NoStallProtection",
			usage: "let a transfer that moves no data wait for ever",
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
			usage: "list the prefixes of a directory bucket at once",
			more:  "Such a listing also names the prefixes of unfinished uploads, which costs requests.",
		},
		{
			name: "disable-express-one-zone-additional-checksum", sets: "Verify.NoExpressChecksum",
			usage: "neither write CRC64NVME to directory buckets nor verify it from there",
			more:  "Their ETags prove nothing, so objects are then unverified unless another checksum is asked for.",
		},
	}))
}

// versionOptions say which versions are read and replaced.
func versionOptions() []*option {
	return []*option{
		{
			name: "enable-versioning", sets: "Versioning.Enable",
			usage: "sync all versions of objects between buckets with versioning",
			more: "Missing ones are written from the oldest to the newest, and what is deleted in the source now is deleted. " +
				"Nothing is destroyed. Parts stay those of the source unless their sizes are given.",
		},
		{
			name: "sync-all-delete-markers", sets: "Versioning.AllMarkers",
			usage: "also sync the delete markers between versions, not only the current ones",
			more:  "The target must be a server that adds a marker for each deletion, as AWS does.",
		},
		{
			name: "point-in-time", sets: "Versioning.PointInTime", as: with(moment),
			usage: "take each object of the source as it was at `TIME` (UTC without a zone; 7d means seven days ago)",
			more: agoNote + " The source must have versioning. All that was there then is written, unless checksums are compared; " +
				"what the target has besides stays.",
		},
		{
			name: "if-match", sets: "Condition.IfMatch",
			usage: "write and delete only objects of the target that still are as they were compared",
		},
		{
			name: "if-none-match", sets: "Condition.IfNoneMatch",
			usage: "write only objects that the target does not have",
		},
		{
			name: "copy-source-if-match", sets: "Condition.CopySourceIfMatch",
			usage: "let the server copy only objects that still are as they were seen",
		},
		{
			name: "ignore-glacier-warnings", sets: "IgnoreArchived",
			usage: "leave archived objects out without a warning",
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
			usage: "also delete target objects that --filter-exclude-regex matches",
		},
		{
			name: "max-delete", sets: "Delete.Max",
			usage: "delete at most `N` objects",
		},
		{
			name: "max-delete-percent", sets: "Delete.MaxPercent", env: envPrefixed,
			usage: "delete nothing if more than 100 objects and more than `N` percent of the target would go",
			more: "What the target listed and what is new there are 100 %. All that --delete would take counts, whatever --max-delete is. " +
				"100 never refuses.",
		},
		{
			name: "allow-empty-source", sets: "Delete.AllowEmptySource", env: envPrefixed,
			usage: "delete also if the source has no objects at all",
			more:  "Otherwise that is an error, because the source may be mistyped or not mounted.",
		},
		{
			name: "allow-partial-prefix", sets: "Delete.AllowPartialPrefix", env: envPrefixed,
			usage: "delete also below a prefix of the target that ends in the middle of a name",
			more:  "Otherwise --delete is refused for s3://bucket/photos if there is photos-old/ as well: s3://bucket/photos/ is what most people mean.",
		},
		{
			name: "allow-overlap", sets: "Delete.AllowOverlap", env: envPrefixed,
			usage: "delete although source and target may be one bucket",
			more: "Where two servers have buckets of one name, and one prefix begins with the other, the source is asked for the first objects that would be deleted. " +
				"If it has them, the two are one bucket and nothing is deleted, whatever the options say. If it cannot be asked, this option is required.",
		},
	})
}
