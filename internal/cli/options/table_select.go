package options

import "s3sync"

const sizeNote = "Units are B, KB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024); a lower-case b means bits."

const contentNote = "This costs a request for each object that is to be transferred."

func filterOptions() []*option {
	return in(filtering, []*option{
		{
			name: "filter-mtime-before", sets: "Filter.ModifiedBefore", as: with(moment),
			usage: "only objects modified before `TIME` (UTC without a zone; 7d means seven days ago)",
			more:  agoNote,
		},
		{
			name: "filter-mtime-after", sets: "Filter.ModifiedAfter", as: with(moment),
			usage: "only objects modified at `TIME` or later (UTC without a zone; 7d means seven days ago)",
			more:  agoNote,
		},
		{
			name: "filter-include-regex", sets: "Filter.Include",
			usage: "only objects whose key matches `REGEX` anywhere",
			more: "The syntax is that of Rust's regex (https://docs.rs/regex/latest/regex/#syntax): \\w, \\d, \\s and \\b know all of Unicode, and classes have " +
				"[a-z&&[^q]], [a-z--q] and [a-g~~b-h]. Look-around, back-references, atomic groups and possessive repetitions also work, but may take long. " +
				"An invalid expression is refused. With an include of the form ^literal, other keys are not listed. " +
				"Given several times, one that matches is enough.",
		},
		{
			name: "filter-exclude-regex", sets: "Filter.Exclude",
			usage: "no objects whose key matches `REGEX` anywhere",
			more:  "Such objects of the target are not deleted either, unless --delete-excluded is given. May be given several times.",
		},
		{
			name: "filter-smaller-size", sets: "Filter.SmallerThan",
			usage: "only objects smaller than `SIZE`",
			more:  sizeNote,
		},
		{
			name: "filter-larger-size", sets: "Filter.LargerThan",
			usage: "only objects of `SIZE` or larger",
			more:  sizeNote,
		},
		{
			name: "filter-include-content-type-regex", sets: "Filter.IncludeContentType",
			usage: "only objects whose Content-Type matches `REGEX` anywhere",
			more:  contentNote,
		},
		{
			name: "filter-exclude-content-type-regex", sets: "Filter.ExcludeContentType",
			usage: "no objects whose Content-Type matches `REGEX` anywhere",
		},
		{
			name: "filter-include-metadata-regex", sets: "Filter.IncludeMetadata",
			usage: "only objects whose user metadata match `REGEX` anywhere",
			more:  "They are matched as name=value,name=value in order of the names, with percent-encoded values. " + contentNote,
		},
		{
			name: "filter-exclude-metadata-regex", sets: "Filter.ExcludeMetadata",
			usage: "no objects whose user metadata match `REGEX` anywhere",
		},
		{
			name: "filter-include-tag-regex", sets: "Filter.IncludeTags",
			usage: "only objects whose tags match `REGEX` anywhere",
			more:  "They are matched as name=value&name=value in order of the names, percent-encoded. " + contentNote,
		},
		{
			name: "filter-exclude-tag-regex", sets: "Filter.ExcludeTags",
			usage: "no objects whose tags match `REGEX` anywhere",
		},
	})
}

// checkOptions are under the heading of the filters, because they select, too.
func checkOptions(cfg *s3sync.Config, set *settings) []*option {
	return in(filtering, []*option{
		{
			name: "remove-modified-filter", sets: "Check.Mode=overwrite", also: noListing, value: on(&set.overwrite),
			usage: "transfer without comparing with the target",
			more:  "Without this and the options below an object is transferred if the source is newer. Times are compared in whole seconds.",
		},
		{
			name: "check-size", sets: "Check.Mode=size", value: mode(cfg, s3sync.CheckSize),
			usage: "transfer if sizes differ, whatever the times",
		},
		{
			name: "check-mtime-and-size", sets: "Check.Mode=mtime-and-size", value: mode(cfg, s3sync.CheckMtimeAndSize),
			usage: "transfer if the source is newer or sizes differ",
		},
		{
			name: "check-etag", sets: "Check.Mode=etag", value: mode(cfg, s3sync.CheckETag),
			usage: "transfer if contents differ by their ETags, whatever the times",
			more: "Works for any part sizes: files are digested in the parts of their objects. If ETags cannot be compared, " +
				"additional checksums that both sides have decide. If there are none, the object is transferred, or, if its ETag is no digest (KMS), skipped with a warning. " +
				"--read-both compares the bytes of such objects.",
		},
		{
			name: "check-mtime-and-etag", sets: "Check.Mode=mtime-and-etag", value: mode(cfg, s3sync.CheckMtimeAndETag),
			usage: "transfer if the source is newer and ETags differ; see --check-etag",
		},
		{
			name: "check-additional-checksum", sets: "Check.Mode=checksum", also: "Check.Algorithm", value: checksumMode(cfg, s3sync.CheckChecksum),
			usage: "transfer if contents differ by their checksums of `ALGORITHM`, whatever the times",
			more:  "Costs one or two requests per object. Objects without such a checksum are skipped with a warning.",
		},
		{
			name: "check-mtime-and-additional-checksum", sets: "Check.Mode=mtime-and-checksum", also: "Check.Algorithm", value: checksumMode(cfg, s3sync.CheckMtimeAndChecksum),
			usage: "transfer if the source is newer and checksums of `ALGORITHM` differ; see --check-additional-checksum",
		},
		{
			name: "read-both", sets: "Check.ReadBoth",
			usage: "read the bytes of both sides if ETags and checksums do not show whether they differ",
			more: "For comparisons of contents and for reports. It is needed for objects that were uploaded in other parts, or are encrypted with KMS, " +
				"if the two sides have no checksum in common. Costs reading such objects on both sides.",
		},
	})
}

func verifyOptions() []*option {
	return in(verification, []*option{
		{
			name: "additional-checksum-algorithm", sets: "Verify.Algorithm",
			usage: "upload with a checksum of `ALGORITHM` besides MD5",
		},
		{
			name: "full-object-checksum", sets: "Verify.FullObject",
			usage: "compute one checksum of all bytes, not one of the part checksums",
			more:  "Without --additional-checksum-algorithm it does nothing.",
		},
		{
			name: "enable-additional-checksum", sets: "Verify.ReadChecksum",
			usage: "verify the additional checksums of source objects",
		},
		{
			name: "disable-multipart-verify", sets: "Verify.Multipart", as: with(off),
			usage: "do not verify objects that are written in parts",
		},
		{
			name: "disable-additional-checksum-verify", sets: "Verify.Checksum", as: with(off),
			usage: "upload with an additional checksum, but do not compare it with what the target answers",
		},
		{
			name: "disable-etag-verify", sets: "Verify.ETag", as: with(off),
			usage: "do not compare ETags with the digests of what was transferred",
		},
	})
}

// concurrencyNote says what numbers of operations at once can be.
const concurrencyNote = "auto, the default, finds the number by itself: it grows while more at once move more, and shrinks " +
	"when a server throttles or does not answer. auto:64 does so, but never exceeds 64. A number such as 64 is fixed, and only throttling slows it down. " +
	"-v tells at the end of the run which numbers were found, and why."

func performanceOptions(set *settings) []*option {
	return append(in(performance, []*option{
		{
			name: "worker-size", sets: "Transfer.Workers",
			usage: "transfer `N` objects at the same time, or as many as pay",
			more:  concurrencyNote,
		},
		{
			name: "max-parallel-uploads", sets: "Transfer.ParallelParts",
			usage: "transfer `N` parts of large objects at the same time, up or down, of all objects together, or as many as pay",
			more:  "auto and auto:N are those of --worker-size.",
		},
		{
			name: "max-parallel-listings", sets: "AWS.ParallelListings",
			usage: "make up to `N` requests of a listing at the same time, of each bucket",
			more: "A listing begins with one request. They become more while pages take longer to come than to be read, and fewer when the server asks for that. " +
				"A page that waits needs about 40KiB of memory; all of a listing need at most 10MiB. 1 lists page by page.",
		},
		{
			name: "max-parallel-listing-max-depth", value: number(&set.listingDepth),
			usage: "accepted for scripts of other programs, without effect: listings are divided wherever keys are, at any depth `N`",
		},
		{
			name: "max-memory", sets: "Transfer.MaxMemory",
			usage: "keep at most `SIZE` of object data in memory",
			more:  "By default 256MiB, or as much as two parts or an object below the threshold need.",
		},
		{
			name: "rate-limit-objects", sets: "Transfer.ObjectsPerSecond",
			usage: "transfer at most `N` objects per second",
		},
		{
			name: "rate-limit-bandwidth", sets: "Transfer.BytesPerSecond",
			usage: "transfer at most `SIZE` per second in each direction",
			more:  sizeNote,
		},
	}), in(multipart, []*option{
		{
			name: "multipart-threshold", sets: "Transfer.Threshold",
			usage: "transfer objects of `SIZE` or larger in parts",
			more:  sizeNote,
		},
		{
			name: "multipart-chunksize", sets: "Transfer.ChunkSize",
			usage: "make parts of `SIZE`",
			more:  sizeNote,
		},
		{
			name: "auto-chunksize", sets: "Transfer.AutoChunkSize",
			usage: "give target objects the parts of their sources",
			more:  "Files have no parts, so from a directory it is for comparisons of ETags only.",
		},
	})...)
}
