package s3sync

import (
	"slices"
	"strings"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/fields"
	"s3sync/internal/location"
	"s3sync/internal/overlap"
	"s3sync/internal/rules"
	"s3sync/storage/bucket"
)

// sides checks fields that are incompatible with the kind of a side. It skips a side
// with a Store of its own or an invalid URL.
func (v *validator) sides() {
	if v.source != nil && v.target != nil && v.source.Local() && v.target.Local() {
		v.add2("Source.URL", "is a local path, and so is", "Target.URL")
		return
	}
	if v.source != nil && v.source.Local() {
		v.misfits("cannot be used with a local source", rules.NotLocal("Source.", "Encryption.SourceCustomer."),
			[]string{"Verify.ReadChecksum", "Versioning.PointInTime", "AWS.AnonymousSource"}, rules.ContentFilters(), rules.BetweenBuckets())
		if v.given("Transfer.AutoChunkSize") && !v.Check.Mode.ETags() {
			v.misfits("cannot be used with a local source, whose files are in no parts", []string{"Transfer.AutoChunkSize"})
		}
	}
	if v.source != nil && !v.source.Local() {
		v.misfits("cannot be used with an S3 source", []string{"Local.IgnoreSymlinks", "Metadata.NoGuessType", "Filter.IgnoreFile"})
	}
	if v.target != nil && v.target.Local() {
		v.misfits("cannot be used with a local target", rules.NotLocal("Target.", "Encryption.TargetCustomer."),
			rules.Upload(), rules.BetweenBuckets())
	}
	if v.target != nil && !v.target.Local() {
		v.misfits("cannot be used with an S3 target", []string{"Local.Fsync"})
	}
	if v.Versioning.PointInTime.After(time.Now()) {
		v.add("Versioning.PointInTime", "must not be in the future")
	}
	v.encryption()
	v.accessPoint("Source.", v.source)
	v.accessPoint("Target.", v.target)
	v.directoryBuckets()
	v.overlap()
}

func (v *validator) refuse(reason string, paths ...[]string) {
	for _, field := range slices.Concat(paths...) {
		if fields.Has(v.Config, field, v.given) {
			v.add(field, "%s", reason)
		}
	}
}

// misfits rejects fields that have no meaning in the direction of the run. The errors
// of rules.Bound do not have Misfit set, because those fields must not be dropped.
func (v *validator) misfits(reason string, paths ...[]string) {
	for _, field := range slices.Concat(paths...) {
		if v.given(field) {
			misfit := fault(field, "", reason)
			misfit.Misfit = !slices.Contains(rules.Bound(), field)
			v.faults = append(v.faults, misfit)
		}
	}
}

// accessPoint rejects settings that conflict with an ARN: the host name consists of the
// ARN's region, account and name.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
func (v *validator) accessPoint(side string, l *location.Location) {
	if l != nil && bucket.IsAccessPoint(l.Bucket) {
		v.refuse("cannot be used with the ARN of an access point, which has a host name of its own",
			[]string{side + "EndpointURL", side + "PathStyle", side + "Accelerate"})
	}
}

func (v *validator) encryption() {
	kms := strings.HasPrefix(v.Encryption.SSE, "aws:kms")
	if v.given("Encryption.KMSKeyID") && !kms {
		v.add2("Encryption.KMSKeyID", "requires aws:kms or aws:kms:dsse as", "Encryption.SSE")
	}
	if kms && v.Check.Mode.ETags() {
		v.add2("Check.Mode="+v.Check.Mode.String(), "cannot be used if KMS encrypts the target, because its ETags are not digests: see", "Encryption.SSE")
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
	a := checksum.Algorithm(v.Verify.Algorithm)
	if a != "" && !checksum.Allows(a, checksum.FullObject) && v.given("Verify.FullObject") {
		v.add2("Verify.FullObject", "needs CRC32, CRC32C or CRC64NVME as", "Verify.Algorithm")
	}
}

// disk checks that local paths exist and have the right kind.
func (v *validator) disk() {
	if v.source != nil && v.source.Local() {
		switch fault, file := location.SourceFault(v.source.Path); {
		case fault != "":
			v.add("Source.URL", "%s", fault)
		case file && v.Delete.Enable:
			v.add2("Source.URL", "must be a directory to be combined with", "Delete.Enable")
		}
	}
	// A single object may go to a file, but it is not known yet whether the source is
	// one.
	if err := v.targetFault(v.source != nil && v.source.MayBeObject()); v.target != nil && err != nil {
		v.faults = append(v.faults, err)
	}
}

// overlap rejects sides of which one lies inside the other, as far as the settings
// show. Settings of the environment are compared when the run begins.
func (v *validator) overlap() {
	s, t := v.source, v.target
	if s == nil || t == nil || s.Local() || s.Bucket != t.Bucket {
		return
	}
	from, to := &v.Source, &v.Target
	if (from.EndpointURL == "") != (to.EndpointURL == "") || from.EndpointURL == "" && from.Profile != to.Profile ||
		bucket.ServerOf(from.EndpointURL) != bucket.ServerOf(to.EndpointURL) {
		return
	}
	if err := v.overlapFault(overlap.OfPrefixes(s.Prefix, t.Prefix)); err != nil {
		v.faults = append(v.faults, err)
	}
}

// overlapFault returns the error of a run between sides that overlap, or nil.
func (c *Config) overlapFault(o overlap.Kind) error {
	switch {
	case o == overlap.TargetInside:
		return fault("Target.URL", "Source.URL", "lies inside")
	case o == overlap.SourceInside && c.Delete.Enable:
		return fault("Delete.Enable", "Target.URL", "would delete the source, which lies inside")
	case o == overlap.Same && c.Delete.Enable:
		return fault("Delete.Enable", "Target.URL", "would delete only what is written meanwhile, as the source is the same as")
	}
	return nil
}

// directoryBuckets rejects settings that directory buckets do not support.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
func (v *validator) directoryBuckets() {
	source, target := isDirectoryBucket(v.source), isDirectoryBucket(v.target)
	if source || target {
		v.refuse("cannot be used with a directory bucket, whose ETags are not digests",
			modes(CheckMode.ETags))
		v.refuse("cannot be used with a directory bucket, which has neither versions nor tags of objects",
			[]string{"Versioning.Enable", "Versioning.PointInTime", "Tagging.SyncLatest"})
		if v.Report.Status && v.Check.Mode != CheckETag && v.Check.Mode != CheckChecksum {
			v.add2("Report.Status", "with a directory bucket, whose ETags are not digests, requires", "Check.Mode=checksum")
		}
	}
	const lacks = "cannot be used with a directory bucket, which does not have that"
	if source {
		v.refuse(lacks, rules.NotInDirectoryBuckets("Source.", "Encryption.SourceCustomer."), []string{"AWS.AnonymousSource"})
	}
	if target {
		v.refuse(lacks, rules.NotInDirectoryBuckets("Target.", "Encryption.TargetCustomer."),
			[]string{"Tagging.Set", "Metadata.WebsiteRedirect"})
		if v.Encryption.SSE == "aws:kms:dsse" {
			v.add("Encryption.SSE", "cannot be aws:kms:dsse for a directory bucket, which does not have that")
		}
	}
}

func isDirectoryBucket(l *location.Location) bool { return l != nil && bucket.IsDirectory(l.Bucket) }
