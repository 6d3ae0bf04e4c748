package lease

import (
	"s3sync"
	"s3sync/cluster/internal/job"
)

// countersOf returns the counters of a result.
func countersOf(r *s3sync.RangeResult) job.Counters {
	c := job.Counters{
		Listed: r.Found, Held: r.Held, Added: r.Added,
		Transferred: r.Stats.Transferred, TransferredBytes: r.Stats.TransferredBytes,
		ETagVerified: r.Stats.ETagVerified, ChecksumVerified: r.Stats.ChecksumVerified,
		Verified: r.Stats.Verified, Unverified: r.Stats.Unverified,
		Skipped: r.Stats.Skipped, Failed: r.Stats.Failed, Warnings: r.Stats.Warnings,
	}
	if r.Incomplete {
		c.Incomplete = 1
	}
	if r.Unsafe {
		c.Unsafe = 1
	}
	return c
}

// statsOf is the opposite of countersOf.
func statsOf(c *job.Counters) s3sync.Stats {
	return s3sync.Stats{
		Transferred: c.Transferred, TransferredBytes: c.TransferredBytes,
		ETagVerified: c.ETagVerified, ChecksumVerified: c.ChecksumVerified,
		Verified: c.Verified, Unverified: c.Unverified,
		Deleted: c.Deleted, PerhapsDeleted: c.PerhapsDeleted,
		Skipped: c.Skipped, Failed: c.Failed, Warnings: c.Warnings,
	}
}
