package rules

import (
	"slices"
	"strings"
	"time"

	"s3sync/internal/checksum"
	"s3sync/internal/compare"
	"s3sync/internal/fields"
	"s3sync/internal/location"
	"s3sync/internal/overlap"
	"s3sync/storage/bucket"
)

// sides checks fields that are incompatible with the kind of a side. It skips a side
// with a Store of its own or an invalid URL.
func (v *validator) sides() {
	if v.source != nil && v.target != nil && v.source.Local() && v.target.Local() {
		v.add2("Source.URL", "is not s3://bucket[/prefix], and neither is", "Target.URL")
		return
	}
	if v.source != nil && v.source.Local() {
		v.misfits("cannot be used with a local source", notLocal("Source.", "Encryption.SourceCustomer."),
			[]string{"Verify.ReadChecksum", "Versioning.PointInTime", "AWS.AnonymousSource"}, contentFilters(), betweenBuckets())
		if v.given("Transfer.AutoChunkSize") && !v.mode().ETags() {
			v.misfits("cannot be used with a local source, whose files are in no parts", []string{"Transfer.AutoChunkSize"})
		}
	}
	if v.source != nil && !v.source.Local() {
		v.misfits("cannot be used with an S3 source", []string{"Local.IgnoreSymlinks", "Metadata.NoGuessType", "Filter.IgnoreFile"})
	}
	if v.target != nil && v.target.Local() {
		v.misfits("cannot be used with a local target", notLocal("Target.", "Encryption.TargetCustomer."),
			upload(), betweenBuckets())
	}
	if v.target != nil && !v.target.Local() {
		v.misfits("cannot be used with an S3 target", []string{"Local.Fsync"})
	}
	if get[time.Time](v, "Versioning.PointInTime").After(time.Now()) {
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
		if fields.Has(v.settings, field, v.given) {
			v.add(field, "%s", reason)
		}
	}
}

// misfits rejects fields that have no meaning in the direction of the run. The errors
// of bound do not have Misfit set, because those fields must not be dropped.
func (v *validator) misfits(reason string, paths ...[]string) {
	for _, field := range slices.Concat(paths...) {
		if v.given(field) {
			v.faults = append(v.faults, Fault{Field: field, Reason: reason, Misfit: !slices.Contains(bound(), field)})
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
	kms := strings.HasPrefix(v.text("Encryption.SSE"), "aws:kms")
	if v.given("Encryption.KMSKeyID") && !kms {
		v.add2("Encryption.KMSKeyID", "requires aws:kms or aws:kms:dsse as", "Encryption.SSE")
	}
	if kms && v.mode().ETags() {
		v.add2("Check.Mode="+v.mode().String(), "cannot be used if KMS encrypts the target, because its ETags are not digests: see", "Encryption.SSE")
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
	a := checksum.Algorithm(v.text("Verify.Algorithm"))
	if a != "" && !checksum.Allows(a, checksum.FullObject) && v.given("Verify.FullObject") {
		v.add2("Verify.FullObject", "needs CRC32, CRC32C or CRC64NVME as", "Verify.Algorithm")
	}
}

// trash checks that the trash can hold what is in the target.
func (v *validator) trash() {
	url, store := v.text("Trash.URL"), !fields.At(v.settings, "Trash.Store").Value.IsNil()
	if v.given("Trash.Keep") && url == "" && !store {
		v.add2("Trash.Keep", "requires", "Trash.URL")
	}
	if url == "" || store {
		return
	}
	place := v.locate("Trash")
	switch {
	case place == nil:
	case v.target != nil && v.target.Local() != place.Local(), !fields.At(v.settings, "Target.Store").Value.IsNil():
		v.add2("Trash.URL", "must be a bucket of the same server, or a directory, as is", "Target.URL")
	case isDirectoryBucket(place), isDirectoryBucket(v.target):
		v.add("Trash.URL", "cannot be used with a directory bucket, whose listings have no order")
	case place.Local():
		if why := location.TargetFault(place.Path, false); why != "" {
			v.add("Trash.URL", "%s", why)
		}
	}
}

// disk checks that local paths exist and have the right kind.
func (v *validator) disk() {
	if v.source != nil && v.source.Local() {
		switch fault, file := location.SourceFault(v.source.Path); {
		case fault != "":
			v.add("Source.URL", "%s", fault)
		case file && v.on("Delete.Enable"):
			v.add2("Source.URL", "must be a directory to be combined with", "Delete.Enable")
		}
	}
	// A single object may go to a file, but it is not known yet whether the source is
	// one.
	if v.target != nil {
		v.addIf(Target(*v.target, v.source != nil && v.source.MayBeObject()))
	}
}

// overlap rejects sides of which one lies inside the other, as far as the settings
// show. Settings of the environment are compared when the run begins.
func (v *validator) overlap() {
	s, t := v.source, v.target
	if s == nil || t == nil || s.Local() || s.Bucket != t.Bucket {
		return
	}
	from, to := v.text("Source.EndpointURL"), v.text("Target.EndpointURL")
	if (from == "") != (to == "") || from == "" && v.text("Source.Profile") != v.text("Target.Profile") ||
		bucket.ServerOf(from) != bucket.ServerOf(to) {
		return
	}
	v.addIf(Overlap(overlap.OfPrefixes(s.Prefix, t.Prefix), v.on("Delete.Enable")))
}

// Target returns why a target cannot receive the source, or nil: only a single object
// can be written to a file.
func Target(at location.Location, one bool) *Fault {
	if !at.Local() {
		return nil
	}
	if reason := location.TargetFault(at.Path, one); reason != "" {
		return &Fault{Field: "Target.URL", Reason: reason}
	}
	return nil
}

// Overlap returns why a run between sides that overlap is refused, or nil.
func Overlap(o overlap.Kind, deletes bool) *Fault {
	switch {
	case o == overlap.TargetInside:
		return &Fault{Field: "Target.URL", Other: "Source.URL", Reason: "lies inside"}
	case o == overlap.SourceInside && deletes:
		return &Fault{Field: "Delete.Enable", Other: "Target.URL", Reason: "would delete the source, which lies inside"}
	case o == overlap.Same && deletes:
		return &Fault{Field: "Delete.Enable", Other: "Target.URL", Reason: "would delete only what is written meanwhile, as the source is the same as"}
	}
	return nil
}

// directoryBuckets rejects settings that directory buckets do not support.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
func (v *validator) directoryBuckets() {
	source, target := isDirectoryBucket(v.source), isDirectoryBucket(v.target)
	if source || target {
		v.refuse("cannot be used with a directory bucket, whose ETags are not digests",
			modes(compare.Mode.ETags))
		v.refuse("cannot be used with a directory bucket, which has neither versions nor tags of objects",
			[]string{"Versioning.Enable", "Versioning.PointInTime", "Tagging.SyncLatest"})
		if v.on("Report.Status") && v.mode() != compare.ETag && v.mode() != compare.Checksum {
			v.add2("Report.Status", "with a directory bucket, whose ETags are not digests, requires", "Check.Mode=checksum")
		}
	}
	const lacks = "cannot be used with a directory bucket, which does not have that"
	if source {
		v.refuse(lacks, notInDirectoryBuckets("Source.", "Encryption.SourceCustomer."), []string{"AWS.AnonymousSource"})
	}
	if target {
		v.refuse(lacks, notInDirectoryBuckets("Target.", "Encryption.TargetCustomer."),
			[]string{"Tagging.Set", "Metadata.WebsiteRedirect"})
		if v.text("Encryption.SSE") == "aws:kms:dsse" {
			v.add("Encryption.SSE", "cannot be aws:kms:dsse for a directory bucket, which does not have that")
		}
	}
}

func isDirectoryBucket(l *location.Location) bool { return l != nil && bucket.IsDirectory(l.Bucket) }
