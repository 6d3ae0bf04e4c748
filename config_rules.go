package s3sync

import (
	"slices"

	"s3sync/internal/fields"
)

// rules lists which settings exclude and which require each other. Exclusion
// works both ways and stands here once.
func rules() []fields.Rule {
	return slices.Concat(
		credentialRules("Source."), credentialRules("Target."),
		customerKeyRules("Encryption.SourceCustomer."), customerKeyRules("Encryption.TargetCustomer."),
		fields.AllRequire("Delete.Enable", "Delete.Excluded", "Delete.Max", "Delete.MaxPercent",
			"Delete.AllowEmptySource", "Delete.AllowPartialPrefix", "Delete.AllowOverlap"),
		[]fields.Rule{
			fields.Excludes("Check.Mode=etag", "Encryption.SourceCustomer.Key", "Encryption.TargetCustomer.Key"),
			fields.Excludes("Check.Mode=mtime-and-etag", "Encryption.SourceCustomer.Key", "Encryption.TargetCustomer.Key"),
			fields.Requires("Check.Mode=checksum", "Check.Algorithm"),
			fields.Requires("Check.Mode=mtime-and-checksum", "Check.Algorithm"),
			fields.Excludes("Check.NoTargetListing",
				"Check.Mode=overwrite", "Check.Mode=mtime-and-size", "Check.Mode=mtime-and-etag", "Check.Mode=mtime-and-checksum"),
			fields.Excludes("Versioning.Enable",
				"Check.Mode", "Check.NoTargetListing", "Check.HeadEachTarget", "Tagging.SyncLatest", "Delete.Enable", "Report.Status",
				"Versioning.PointInTime", "Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch"),
			fields.Requires("Versioning.AllMarkers", "Versioning.Enable"),
			fields.Excludes("Versioning.PointInTime",
				"Delete.Enable", "Check.HeadEachTarget", "Check.Mode=size", "Check.Mode=mtime-and-size", "Check.Mode=etag",
				"Check.Mode=mtime-and-etag", "Check.Mode=mtime-and-checksum",
				"Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch", "Tagging.SyncLatest"),
			fields.Excludes("Condition.IfNoneMatch", "Condition.IfMatch"),
			fields.Requires("Condition.CopySourceIfMatch", "ServerSideCopy"),
			fields.Excludes("AWS.AnonymousSource",
				"Source.Profile", "Source.AccessKey", "Source.SecretKey", "Source.SessionToken", "Source.Credentials", "Source.RequestPayer", "ServerSideCopy"),
			// A report does not transfer, and compares everything by content.
			fields.Excludes("Report.Status",
				"DryRun", "Delete.Enable", "Check.HeadEachTarget", "Tagging.SyncLatest", "Check.Mode=overwrite", "Check.NoTargetListing",
				"Check.Mode=size", "Check.Mode=mtime-and-size", "Check.Mode=mtime-and-etag", "Check.Mode=mtime-and-checksum"),
			fields.Requires("Report.Metadata", "Report.Status"),
			fields.Requires("Report.Tagging", "Report.Status"),
			fields.Excludes("Transfer.AutoChunkSize", "Transfer.Threshold", "Transfer.ChunkSize"),
			fields.Excludes("Tagging.Set", "Tagging.Disable", "Tagging.SyncLatest"),
			fields.Excludes("Tagging.SyncLatest", "Tagging.Disable"),
			// One key cannot encrypt what another one does. The source may be
			// encrypted in any way.
			fields.Excludes("Encryption.TargetCustomer.Algorithm", "Encryption.SSE", "Encryption.KMSKeyID"),
			fields.Requires("Verify.Checksum", "Verify.Algorithm"),
		})
}

func credentialRules(side string) []fields.Rule {
	return []fields.Rule{
		fields.Excludes(side+"Profile", side+"AccessKey", side+"SecretKey", side+"SessionToken"),
		fields.Excludes(side+"Credentials", side+"Profile", side+"AccessKey", side+"SecretKey", side+"SessionToken"),
		fields.Excludes(side+"Transport", "AWS.HTTPSProxy", "Timeout.Connect"),
		fields.Requires(side+"AccessKey", side+"SecretKey"),
		fields.Requires(side+"SecretKey", side+"AccessKey"),
		fields.Requires(side+"SessionToken", side+"AccessKey"),
		// Acceleration has a host of its own, which is addressed by its name:
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html
		fields.Excludes(side+"Accelerate", side+"EndpointURL", side+"PathStyle"),
	}
}

func customerKeyRules(key string) []fields.Rule {
	return []fields.Rule{
		fields.Requires(key+"Algorithm", key+"Key"),
		fields.Requires(key+"Key", key+"KeyMD5"),
		fields.Requires(key+"KeyMD5", key+"Algorithm"),
	}
}

// rules checks given settings against each other.
func (v *validator) rules() {
	for r, other := range fields.Broken(v.Config, rules(), v.given) {
		v.add2(r.Setting, r.Verb, other)
	}
	k := &v.Check
	if v.given("Check.ReadBoth") && !k.Mode.Contents() && !v.Report.Status {
		v.add2("Check.ReadBoth", "needs a comparison of contents, as by", "Check.Mode=etag")
	}
	if v.given("Check.Algorithm") && !k.Mode.Checksums() {
		v.add2("Check.Algorithm", "needs a comparison of checksums, as by", "Check.Mode=checksum")
	}
	if v.given("Condition.IfMatch") && !k.listsTarget() && !k.HeadEachTarget {
		v.add2("Condition.IfMatch", "needs an ETag to compare with, so that without a listing of the target it requires", "Check.HeadEachTarget")
	}
	if k.NoTargetListing && !k.HeadEachTarget && k.Mode != CheckChecksum {
		v.add2("Check.NoTargetListing", "together with a comparison requires", "Check.HeadEachTarget")
	}
}
