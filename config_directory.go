package s3sync

import (
	"s3sync/internal/location"
	"s3sync/storage/bucket"
)

// directoryBuckets refuses what directory buckets do not have.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
func (v *validator) directoryBuckets() {
	source, target := isDirectoryBucket(v.source), isDirectoryBucket(v.target)
	if source || target {
		v.refuse("cannot be used with a directory bucket, whose ETags are not digests",
			[]string{"Check.Mode=etag", "Check.Mode=mtime-and-etag"})
		v.refuse("cannot be used with a directory bucket, which has neither versions nor tags of objects",
			[]string{"Versioning.Enable", "Versioning.PointInTime", "Tagging.SyncLatest"})
		if v.Report.Status && v.Check.Mode != CheckETag && v.Check.Mode != CheckChecksum {
			v.add2("Report.Status", "with a directory bucket, whose ETags are not digests, requires", "Check.Mode=checksum")
		}
	}
	const lacks = "cannot be used with a directory bucket, which does not have that"
	if source {
		v.refuse(lacks, notThere("Source.", "Encryption.SourceCustomer."), []string{"AWS.AnonymousSource"})
	}
	if target {
		v.refuse(lacks, notThere("Target.", "Encryption.TargetCustomer."),
			[]string{"Tagging.Set", "Metadata.WebsiteRedirect"})
		if v.Encryption.SSE == "aws:kms:dsse" {
			v.add("Encryption.SSE", "cannot be aws:kms:dsse for a directory bucket, which does not have that")
		}
	}
}

// notThere lists the settings of a side that no directory bucket has.
func notThere(side, key string) []string {
	return []string{side + "Accelerate", side + "RequestPayer", side + "PathStyle", key + "Key"}
}

func isDirectoryBucket(l *location.Location) bool { return l != nil && bucket.IsDirectory(l.Bucket) }
