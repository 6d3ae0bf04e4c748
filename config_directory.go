package s3sync

import "s3sync/storage/bucket"

// directoryBuckets refuses what directory buckets do not have.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
func (v *validator) directoryBuckets() {
	source, target := isDirectoryBucket(v.source), isDirectoryBucket(v.target)
	if source || target {
		v.refuse("cannot be used with a directory bucket, whose ETags are not digests",
			[]any{&v.Check.ETag, &v.Check.MtimeAndETag})
		v.refuse("cannot be used with a directory bucket, which has neither versions nor tags of objects",
			[]any{&v.Versioning.Enable, &v.Versioning.PointInTime, &v.Tagging.SyncLatest})
		if v.Report.Status && v.Check.Checksum == "" && !v.given(&v.Check.ETag) {
			v.add2(&v.Report.Status, "with a directory bucket, whose ETags are not digests, requires", &v.Check.Checksum)
		}
	}
	const lacks = "cannot be used with a directory bucket, which does not have that"
	if source {
		v.refuse(lacks, notThere(&v.Source, &v.Encryption.SourceCustomer), []any{&v.AWS.AnonymousSource})
	}
	if target {
		v.refuse(lacks, notThere(&v.Target, &v.Encryption.TargetCustomer),
			[]any{&v.Tagging.Set, &v.Metadata.WebsiteRedirect})
		if v.Encryption.SSE == "aws:kms:dsse" {
			v.add(&v.Encryption.SSE, "cannot be aws:kms:dsse for a directory bucket, which does not have that")
		}
	}
}

// notThere lists the settings of a side that no directory bucket has.
func notThere(e *Endpoint, k *CustomerKey) []any {
	return []any{&e.Accelerate, &e.RequestPayer, &e.PathStyle, &k.Key}
}

func isDirectoryBucket(l *location) bool { return l != nil && bucket.IsDirectory(l.bucket) }
