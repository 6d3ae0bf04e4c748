package cli

import "s3sync"

const sizeNote = "Units are B, KB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024); a lower-case b means bits."

const contentNote = "This costs a request for each object that is to be transferred."

func filterOptions(c *s3sync.Config) []*option {
	f := &c.Filter
	return in(filtering, []*option{
		{
			name: "filter-mtime-before", value: moment(&f.ModifiedBefore),
			usage: "only objects modified before `TIME` (UTC without a zone; 7d means seven days ago)",
			more:  agoNote,
		},
		{
			name: "filter-mtime-after", value: moment(&f.ModifiedAfter),
			usage: "only objects modified at `TIME` or later (UTC without a zone; 7d means seven days ago)",
			more:  agoNote,
		},
		{
			name: "filter-include-regex", value: expression(&f.Include),
			usage: "only objects whose key matches `REGEX` anywhere",
			more: "The syntax is that of Rust's regex (https://docs.rs/regex/latest/regex/#syntax): \\w, \\d, \\s and \\b know all of Unicode, and classes have " +
				"[a-z&&[^q]], [a-z--q] and [a-g~~b-h]. Look-around, back-references, atomic groups and possessive repetitions work, too, but may take long. " +
				"What has no meaning is refused. What an include of the form ^literal excludes is not listed.",
		},
		{
			name: "filter-exclude-regex", value: expression(&f.Exclude),
			usage: "no objects whose key matches `REGEX` anywhere",
			more:  "Such objects of the target are not deleted either, unless --delete-excluded is given.",
		},
		{
			name: "filter-smaller-size", value: limit(&f.SmallerThan),
			usage: "only objects smaller than `SIZE`",
			more:  sizeNote,
		},
		{
			name: "filter-larger-size", value: limit(&f.LargerThan),
			usage: "only objects of `SIZE` or larger",
			more:  sizeNote,
		},
		{
			name: "filter-include-content-type-regex", value: expression(&f.IncludeContentType),
			usage: "only objects whose Content-Type matches `REGEX` anywhere",
			more:  contentNote,
		},
		{
			name: "filter-exclude-content-type-regex", value: expression(&f.ExcludeContentType),
			usage: "no objects whose Content-Type matches `REGEX` anywhere",
		},
		{
			name: "filter-include-metadata-regex", value: expression(&f.IncludeMetadata),
			usage: "only objects whose user metadata match `REGEX` anywhere",
			more:  "They are matched as name=value,name=value in order of the names, with percent-encoded values. " + contentNote,
		},
		{
			name: "filter-exclude-metadata-regex", value: expression(&f.ExcludeMetadata),
			usage: "no objects whose user metadata match `REGEX` anywhere",
		},
		{
			name: "filter-include-tag-regex", value: expression(&f.IncludeTags),
			usage: "only objects whose tags match `REGEX` anywhere",
			more:  "They are matched as name=value&name=value in order of the names, percent-encoded. " + contentNote,
		},
		{
			name: "filter-exclude-tag-regex", value: expression(&f.ExcludeTags),
			usage: "no objects whose tags match `REGEX` anywhere",
		},
	})
}

// checkOptions stand under the heading of the filters, as they select, too.
func checkOptions(c *s3sync.Config) []*option {
	k := &c.Check
	return in(filtering, []*option{
		{
			name: "remove-modified-filter", value: on(&k.Overwrite),
			usage: "transfer without comparing with the target",
			more:  "Without this and the options below an object is transferred if the source is newer by whole seconds.",
		},
		{
			name: "check-size", value: on(&k.Size),
			usage: "transfer if sizes differ, whatever the times",
		},
		{
			name: "check-mtime-and-size", value: on(&k.MtimeAndSize),
			usage: "transfer if the source is newer or sizes differ",
		},
		{
			name: "check-etag", value: on(&k.ETag),
			usage: "transfer if contents differ by their ETags, whatever the times",
			more: "Works for any part sizes: files are digested in those of their objects. Objects whose ETags cannot be compared are compared by " +
				"additional checksums that both have; if there are none they are transferred, or, if their ETags are no digests (KMS), left out with a warning. " +
				"--read-both compares their bytes.",
		},
		{
			name: "check-mtime-and-etag", value: on(&k.MtimeAndETag),
			usage: "transfer if the source is newer and ETags differ; see --check-etag",
		},
		{
			name: "check-additional-checksum", value: text(&k.Checksum),
			usage: "transfer if contents differ by their checksums of `ALGORITHM`, whatever the times",
			more:  "Costs one or two requests per object. Objects without such a checksum are left out with a warning.",
		},
		{
			name: "check-mtime-and-additional-checksum", value: text(&k.MtimeAndChecksum),
			usage: "transfer if the source is newer and checksums of `ALGORITHM` differ; see --check-additional-checksum",
		},
		{
			name: "read-both", value: on(&k.ReadBoth),
			usage: "read the bytes of both sides where ETags or checksums do not tell whether they differ",
			more: "For --check-etag and the like, and for reports: objects that were uploaded in other parts, or are encrypted with KMS, and have no checksum that " +
				"both sides have. It costs the bytes of both; nothing is written.",
		},
	})
}

func verifyOptions(c *s3sync.Config) []*option {
	y := &c.Verify
	return in(verification, []*option{
		{
			name: "additional-checksum-algorithm", value: text(&y.Algorithm),
			usage: "upload with a checksum of `ALGORITHM` besides MD5",
		},
		{
			name: "full-object-checksum", value: on(&y.FullObject),
			usage: "checksum whole objects, not lists of part checksums",
			more:  "Says how --additional-checksum-algorithm is computed, and does nothing without it.",
		},
		{
			name: "enable-additional-checksum", value: on(&y.ReadChecksum),
			usage: "verify the additional checksums of source objects",
		},
		{
			name: "disable-multipart-verify", value: off(&y.Multipart),
			usage: "do not verify objects that are written in parts",
		},
		{
			name: "disable-additional-checksum-verify", value: off(&y.Checksum),
			usage: "upload with an additional checksum, but do not compare it with what the target answers",
		},
		{
			name: "disable-etag-verify", value: off(&y.ETag),
			usage: "do not compare ETags with the digests of what was transferred",
		},
	})
}

func performanceOptions(c *s3sync.Config) []*option {
	t := &c.Transfer
	return append(in(performance, []*option{
		{
			name: "worker-size", value: number(&t.Workers),
			usage: "transfer `N` objects at once",
		},
		{
			name: "max-parallel-uploads", value: number(&t.ParallelParts),
			usage: "transfer `N` parts of large objects at once, up or down, all objects together",
		},
		{
			name: "max-memory", value: size(&t.MaxMemory),
			usage: "keep at most `SIZE` of object data in memory",
			more:  "By default 256MiB, or as much as two parts or an object below the threshold need.",
		},
		{
			name: "rate-limit-objects", value: number(&t.ObjectsPerSecond),
			usage: "transfer at most `N` objects per second",
		},
		{
			name: "rate-limit-bandwidth", value: size(&t.BytesPerSecond),
			usage: "transfer at most `SIZE` per second in each direction",
			more:  sizeNote,
		},
	}), in(multipart, []*option{
		{
			name: "multipart-threshold", value: size(&t.Threshold),
			usage: "transfer objects of `SIZE` or larger in parts",
			more:  sizeNote,
		},
		{
			name: "multipart-chunksize", value: size(&t.ChunkSize),
			usage: "make parts of `SIZE`",
			more:  sizeNote,
		},
		{
			name: "auto-chunksize", value: on(&t.AutoChunkSize),
			usage: "cut target objects into the parts of their sources",
		},
	})...)
}
