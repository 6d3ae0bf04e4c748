package table

import (
	"s3sync"

	"s3sync/internal/cli/options/value"
)

const sizeNote = "Units are B, KB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024); a lower-case b means bits."

const contentNote = "This costs a request for each object that is to be transferred."

func filterOptions() []*Option {
	return in(Filtering, []*Option{
		{
			Name: "filter-mtime-before", Sets: "Filter.ModifiedBefore", as: value.With(value.Moment),
			Usage: "only objects modified before `TIME` (UTC without a zone; 7d means seven days ago)",
			More:  value.AgoNote,
		},
		{
			Name: "filter-mtime-after", Sets: "Filter.ModifiedAfter", as: value.With(value.Moment),
			Usage: "only objects modified at `TIME` or later (UTC without a zone; 7d means seven days ago)",
			More:  value.AgoNote,
		},
		{
			Name: "filter-include-regex", Sets: "Filter.Include",
			Usage: "only objects whose key matches `REGEX` anywhere",
			More: "The syntax is that of Rust's regex (https://docs.rs/regex/latest/regex/#syntax): \\w, \\d, \\s and \\b know all of Unicode, and classes have " +
				"[a-z&&[^q]], [a-z--q] and [a-g~~b-h]. Look-around, back-references, atomic groups and possessive repetitions also work, but may take long. " +
				"An invalid expression is refused. With an include of the form ^literal, other keys are not listed. " +
				"Given several times, one that matches is enough.",
		},
		{
			Name: "filter-exclude-regex", Sets: "Filter.Exclude",
			Usage: "no objects whose key matches `REGEX` anywhere",
			More:  "Such objects of the target are not deleted either, unless --delete-excluded is given. May be given several times.",
		},
		{
			Name: "filter-smaller-size", Sets: "Filter.SmallerThan",
			Usage: "only objects smaller than `SIZE`",
			More:  sizeNote,
		},
		{
			Name: "filter-larger-size", Sets: "Filter.LargerThan",
			Usage: "only objects of `SIZE` or larger",
			More:  sizeNote,
		},
		{
			Name: "filter-include-content-type-regex", Sets: "Filter.IncludeContentType",
			Usage: "only objects whose Content-Type matches `REGEX` anywhere",
			More:  contentNote,
		},
		{
			Name: "filter-exclude-content-type-regex", Sets: "Filter.ExcludeContentType",
			Usage: "no objects whose Content-Type matches `REGEX` anywhere",
		},
		{
			Name: "filter-include-metadata-regex", Sets: "Filter.IncludeMetadata",
			Usage: "only objects whose user metadata match `REGEX` anywhere",
			More:  "They are matched as name=value,name=value in order of the names, with percent-encoded values. " + contentNote,
		},
		{
			Name: "filter-exclude-metadata-regex", Sets: "Filter.ExcludeMetadata",
			Usage: "no objects whose user metadata match `REGEX` anywhere",
		},
		{
			Name: "filter-include-tag-regex", Sets: "Filter.IncludeTags",
			Usage: "only objects whose tags match `REGEX` anywhere",
			More:  "They are matched as name=value&name=value in order of the names, percent-encoded. " + contentNote,
		},
		{
			Name: "filter-exclude-tag-regex", Sets: "Filter.ExcludeTags",
			Usage: "no objects whose tags match `REGEX` anywhere",
		},
	})
}

// checkOptions are under the heading of the filters, because they select, too.
func checkOptions(cfg *s3sync.Config, set *Settings) []*Option {
	return in(Filtering, []*Option{
		{
			Name: "remove-modified-filter", Sets: "Check.Mode=overwrite", Also: NoListing, Value: value.On(&set.Overwrite),
			Usage: "transfer without comparing with the target",
			More:  "Without this and the options below an object is transferred if the source is newer. Times are compared in whole seconds.",
		},
		{
			Name: "check-size", Sets: "Check.Mode=size", Value: value.Mode(cfg, s3sync.CheckSize),
			Usage: "transfer if sizes differ, whatever the times",
		},
		{
			Name: "check-mtime-and-size", Sets: "Check.Mode=mtime-and-size", Value: value.Mode(cfg, s3sync.CheckMtimeAndSize),
			Usage: "transfer if the source is newer or sizes differ",
		},
		{
			Name: "check-etag", Sets: "Check.Mode=etag", Value: value.Mode(cfg, s3sync.CheckETag),
			Usage: "transfer if contents differ by their ETags, whatever the times",
			More: "Works for any part sizes: files are digested in the parts of their objects. If ETags cannot be compared, " +
				"additional checksums that both sides have decide. If there are none, the object is transferred, or, if its ETag is no digest (KMS), skipped with a warning. " +
				"--read-both compares the bytes of such objects.",
		},
		{
			Name: "check-mtime-and-etag", Sets: "Check.Mode=mtime-and-etag", Value: value.Mode(cfg, s3sync.CheckMtimeAndETag),
			Usage: "transfer if the source is newer and ETags differ; see --check-etag",
		},
		{
			Name: "check-additional-checksum", Sets: "Check.Mode=checksum", Also: "Check.Algorithm", Value: value.ChecksumMode(cfg, s3sync.CheckChecksum),
			Usage: "transfer if contents differ by their checksums of `ALGORITHM`, whatever the times",
			More:  "Costs one or two requests per object. Objects without such a checksum are skipped with a warning.",
		},
		{
			Name: "check-mtime-and-additional-checksum", Sets: "Check.Mode=mtime-and-checksum", Also: "Check.Algorithm", Value: value.ChecksumMode(cfg, s3sync.CheckMtimeAndChecksum),
			Usage: "transfer if the source is newer and checksums of `ALGORITHM` differ; see --check-additional-checksum",
		},
		{
			Name: "read-both", Sets: "Check.ReadBoth",
			Usage: "read the bytes of both sides if ETags and checksums do not show whether they differ",
			More: "For comparisons of contents and for reports. It is needed for objects that were uploaded in other parts, or are encrypted with KMS, " +
				"if the two sides have no checksum in common. Costs reading such objects on both sides.",
		},
	})
}

func verifyOptions() []*Option {
	return in(Verification, []*Option{
		{
			Name: "additional-checksum-algorithm", Sets: "Verify.Algorithm",
			Usage: "upload with a checksum of `ALGORITHM` besides MD5",
		},
		{
			Name: "full-object-checksum", Sets: "Verify.FullObject",
			Usage: "compute one checksum of all bytes, not one of the part checksums",
			More:  "Without --additional-checksum-algorithm it does nothing.",
		},
		{
			Name: "enable-additional-checksum", Sets: "Verify.ReadChecksum",
			Usage: "verify the additional checksums of source objects",
		},
		{
			Name: "disable-multipart-verify", Sets: "Verify.Multipart", as: value.With(value.Off),
			Usage: "do not verify objects that are written in parts",
		},
		{
			Name: "disable-additional-checksum-verify", Sets: "Verify.Checksum", as: value.With(value.Off),
			Usage: "upload with an additional checksum, but do not compare it with what the target answers",
		},
		{
			Name: "disable-etag-verify", Sets: "Verify.ETag", as: value.With(value.Off),
			Usage: "do not compare ETags with the digests of what was transferred",
		},
	})
}

// concurrencyNote says what numbers of operations at once can be.
const concurrencyNote = "auto, the default, finds the number by itself: it grows while more at once move more, and shrinks " +
	"when a server throttles or does not answer. auto:64 does so, but never exceeds 64. A number such as 64 is fixed, and only throttling slows it down. " +
	"-v tells at the end of the run which numbers were found, and why."

func performanceOptions(set *Settings) []*Option {
	return append(in(performance, []*Option{
		{
			Name: "worker-size", Sets: "Transfer.Workers",
			Usage: "transfer `N` objects at the same time, or as many as pay",
			More:  concurrencyNote,
		},
		{
			Name: "max-parallel-uploads", Sets: "Transfer.ParallelParts",
			Usage: "transfer `N` parts of large objects at the same time, up or down, of all objects together, or as many as pay",
			More:  "auto and auto:N are those of --worker-size.",
		},
		{
			Name: "max-parallel-listings", Sets: "AWS.ParallelListings",
			Usage: "make up to `N` requests of a listing at the same time, of each bucket",
			More: "A listing begins with one request. They become more while pages take longer to come than to be read, and fewer when the server asks for that. " +
				"A page that waits needs about 40KiB of memory; all of a listing need at most 10MiB. 1 lists page by page.",
		},
		{
			Name: "max-parallel-listing-max-depth", Value: value.Number(&set.ListingDepth),
			Usage: "accepted for scripts of other programs, without effect: listings are divided wherever keys are, at any depth `N`",
		},
		{
			Name: "max-memory", Sets: "Transfer.MaxMemory",
			Usage: "keep at most `SIZE` of object data in memory",
			More:  "By default 256MiB, or as much as two parts or an object below the threshold need.",
		},
		{
			Name: "rate-limit-objects", Sets: "Transfer.ObjectsPerSecond",
			Usage: "transfer at most `N` objects per second",
		},
		{
			Name: "rate-limit-bandwidth", Sets: "Transfer.BytesPerSecond",
			Usage: "transfer at most `SIZE` per second in each direction",
			More:  sizeNote,
		},
	}), in(multipart, []*Option{
		{
			Name: "multipart-threshold", Sets: "Transfer.Threshold",
			Usage: "transfer objects of `SIZE` or larger in parts",
			More:  sizeNote,
		},
		{
			Name: "multipart-chunksize", Sets: "Transfer.ChunkSize",
			Usage: "make parts of `SIZE`",
			More:  sizeNote,
		},
		{
			Name: "auto-chunksize", Sets: "Transfer.AutoChunkSize",
			Usage: "give target objects the parts of their sources",
			More:  "Files have no parts, so from a directory it is for comparisons of ETags only.",
		},
	})...)
}
