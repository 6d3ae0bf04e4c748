package s3sync

import (
	"fmt"
	"slices"

	"s3sync/internal/fields"
)

// rules returns which settings exclude and which require each other. Exclusion works
// both ways and is listed once.
func rules() []fields.Rule {
	return slices.Concat(
		credentialRules("Source."), credentialRules("Target."),
		customerKeyRules("Encryption.SourceCustomer."), customerKeyRules("Encryption.TargetCustomer."),
		fields.AllRequire("Delete.Enable", "Delete.Excluded", "Delete.Max", "Delete.MaxPercent",
			"Delete.AllowEmptySource", "Delete.AllowPartialPrefix", "Delete.AllowOverlap"),
		modeRules(),
		[]fields.Rule{
			fields.Excludes("Versioning.Enable",
				"Check.Mode", "Check.NoTargetListing", "Check.HeadEachTarget", "Tagging.SyncLatest", "Delete.Enable", "Report.Status",
				"Versioning.PointInTime", "Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch"),
			fields.Requires("Versioning.AllMarkers", "Versioning.Enable"),
			fields.Excludes("Versioning.PointInTime",
				"Delete.Enable", "Check.HeadEachTarget", "Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch", "Tagging.SyncLatest"),
			fields.Excludes("Condition.IfNoneMatch", "Condition.IfMatch"),
			fields.Requires("Condition.CopySourceIfMatch", "ServerSideCopy"),
			fields.Excludes("AWS.AnonymousSource",
				"Source.Profile", "Source.AccessKey", "Source.SecretKey", "Source.SessionToken", "Source.Credentials", "Source.RequestPayer", "ServerSideCopy"),
			// A report transfers nothing, and compares everything by content.
			fields.Excludes("Report.Status",
				"DryRun", "Delete.Enable", "Check.HeadEachTarget", "Tagging.SyncLatest", "Check.NoTargetListing"),
			fields.Requires("Report.Metadata", "Report.Status"),
			fields.Requires("Report.Tagging", "Report.Status"),
			fields.Excludes("Transfer.AutoChunkSize", "Transfer.Threshold", "Transfer.ChunkSize"),
			fields.Excludes("Tagging.Set", "Tagging.Disable", "Tagging.SyncLatest"),
			fields.Excludes("Tagging.SyncLatest", "Tagging.Disable"),
			// One object cannot be encrypted with two keys. The source may be encrypted
			// in any way.
			fields.Excludes("Encryption.TargetCustomer.Algorithm", "Encryption.SSE", "Encryption.KMSKeyID"),
			fields.Requires("Verify.Checksum", "Verify.Algorithm"),
		})
}

// modeRules returns the rules of comparison modes. Most follow from what a mode
// compares. The others list the modes that are compatible with a setting, so a new mode
// is incompatible until it is added here.
func modeRules() []fields.Rule {
	rules := []fields.Rule{
		fields.Excludes("Check.NoTargetListing", modesBut(CheckNewer, CheckSize, CheckETag, CheckChecksum)...),
		fields.Excludes("Versioning.PointInTime", modesBut(CheckNewer, CheckOverwrite, CheckChecksum)...),
		fields.Excludes("Report.Status", modesBut(CheckNewer, CheckETag, CheckChecksum)...),
	}
	for _, mode := range modes(CheckMode.ETags) {
		rules = append(rules, fields.Excludes(mode, "Encryption.SourceCustomer.Key", "Encryption.TargetCustomer.Key"))
	}
	return append(rules, fields.AllRequire("Check.Algorithm", modes(CheckMode.Checksums)...)...)
}

// modes returns the settings of the modes of a kind.
func modes(are func(CheckMode) bool) (settings []string) {
	for m := CheckMode(0); m.Known(); m++ {
		if are(m) {
			settings = append(settings, fmt.Sprint("Check.Mode=", m))
		}
	}
	return settings
}

// modesBut returns the settings of all modes except some.
func modesBut(some ...CheckMode) []string {
	return modes(func(m CheckMode) bool { return !slices.Contains(some, m) })
}

func credentialRules(side string) []fields.Rule {
	return []fields.Rule{
		fields.Excludes(side+"Profile", side+"AccessKey", side+"SecretKey", side+"SessionToken"),
		fields.Excludes(side+"Credentials", side+"Profile", side+"AccessKey", side+"SecretKey", side+"SessionToken"),
		fields.Excludes(side+"Transport", "AWS.HTTPSProxy", "Timeout.Connect"),
		fields.Requires(side+"AccessKey", side+"SecretKey"),
		fields.Requires(side+"SecretKey", side+"AccessKey"),
		fields.Requires(side+"SessionToken", side+"AccessKey"),
		// Acceleration has its own host, which contains the name of the bucket:
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
