package s3sync

import (
	"fmt"
	"slices"
	"strings"

	"s3sync/internal/fields"
)

// A rule says what one given setting excludes or requires. A setting is the path
// of a field, or "path=value" for one value of it.
type rule struct {
	setting, verb string
	others        []string
}

const (
	conflicts = "cannot be combined with"
	needs     = "requires"
)

// rules lists which settings exclude and which require each other. Exclusion
// works both ways and stands here once.
func rules() []rule {
	return slices.Concat(
		credentialRules("Source."), credentialRules("Target."),
		customerKeyRules("Encryption.SourceCustomer."), customerKeyRules("Encryption.TargetCustomer."),
		[]rule{
			{"Check.Mode=etag", conflicts, []string{"Encryption.SourceCustomer.Key", "Encryption.TargetCustomer.Key"}},
			{"Check.Mode=mtime-and-etag", conflicts, []string{"Encryption.SourceCustomer.Key", "Encryption.TargetCustomer.Key"}},
			{"Check.Mode=checksum", needs, []string{"Check.Algorithm"}},
			{"Check.Mode=mtime-and-checksum", needs, []string{"Check.Algorithm"}},
			{"Check.NoTargetListing", conflicts, []string{
				"Check.Mode=overwrite", "Check.Mode=mtime-and-size", "Check.Mode=mtime-and-etag", "Check.Mode=mtime-and-checksum",
			}},
			{"Versioning.Enable", conflicts, []string{
				"Check.Mode", "Check.NoTargetListing", "Check.HeadEachTarget", "Tagging.SyncLatest", "Delete.Enable", "Report.Status",
				"Versioning.PointInTime", "Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch",
			}},
			{"Versioning.AllMarkers", needs, []string{"Versioning.Enable"}},
			{"Versioning.PointInTime", conflicts, []string{
				"Delete.Enable", "Check.HeadEachTarget", "Check.Mode=size", "Check.Mode=mtime-and-size", "Check.Mode=etag",
				"Check.Mode=mtime-and-etag", "Check.Mode=mtime-and-checksum",
				"Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch", "Tagging.SyncLatest",
			}},
			{"Condition.IfNoneMatch", conflicts, []string{"Condition.IfMatch"}},
			{"Condition.CopySourceIfMatch", needs, []string{"ServerSideCopy"}},
			{"AWS.AnonymousSource", conflicts, []string{
				"Source.Profile", "Source.AccessKey", "Source.SecretKey", "Source.SessionToken", "Source.Credentials", "Source.RequestPayer", "ServerSideCopy",
			}},
			// A report does not transfer, and compares everything by content.
			{"Report.Status", conflicts, []string{
				"DryRun", "Delete.Enable", "Check.HeadEachTarget", "Tagging.SyncLatest", "Check.Mode=overwrite", "Check.NoTargetListing",
				"Check.Mode=size", "Check.Mode=mtime-and-size", "Check.Mode=mtime-and-etag", "Check.Mode=mtime-and-checksum",
			}},
			{"Report.Metadata", needs, []string{"Report.Status"}},
			{"Report.Tagging", needs, []string{"Report.Status"}},
			{"Transfer.AutoChunkSize", conflicts, []string{"Transfer.Threshold", "Transfer.ChunkSize"}},
			{"Tagging.Set", conflicts, []string{"Tagging.Disable", "Tagging.SyncLatest"}},
			{"Tagging.SyncLatest", conflicts, []string{"Tagging.Disable"}},
			// One key cannot encrypt what another one does. The source may be
			// encrypted in any way.
			{"Encryption.TargetCustomer.Algorithm", conflicts, []string{"Encryption.SSE", "Encryption.KMSKeyID"}},
			{"Delete.Excluded", needs, []string{"Delete.Enable"}},
			{"Delete.Max", needs, []string{"Delete.Enable"}},
			{"Delete.MaxPercent", needs, []string{"Delete.Enable"}},
			{"Delete.AllowEmptySource", needs, []string{"Delete.Enable"}},
			{"Delete.AllowPartialPrefix", needs, []string{"Delete.Enable"}},
			{"Delete.AllowOverlap", needs, []string{"Delete.Enable"}},
			{"Verify.Checksum", needs, []string{"Verify.Algorithm"}},
		})
}

func credentialRules(side string) []rule {
	return []rule{
		{side + "Profile", conflicts, []string{side + "AccessKey", side + "SecretKey", side + "SessionToken"}},
		{side + "Credentials", conflicts, []string{side + "Profile", side + "AccessKey", side + "SecretKey", side + "SessionToken"}},
		{side + "Transport", conflicts, []string{"AWS.HTTPSProxy", "Timeout.Connect"}},
		{side + "AccessKey", needs, []string{side + "SecretKey"}},
		{side + "SecretKey", needs, []string{side + "AccessKey"}},
		{side + "SessionToken", needs, []string{side + "AccessKey"}},
		// Acceleration has a host of its own, which is addressed by its name:
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/transfer-acceleration.html
		{side + "Accelerate", conflicts, []string{side + "EndpointURL", side + "PathStyle"}},
	}
}

func customerKeyRules(key string) []rule {
	return []rule{
		{key + "Algorithm", needs, []string{key + "Key"}},
		{key + "Key", needs, []string{key + "KeyMD5"}},
		{key + "KeyMD5", needs, []string{key + "Algorithm"}},
	}
}

// has reports whether a setting was given: a field, or a value of it.
func (v *validator) has(setting string) bool {
	path, value, one := strings.Cut(setting, "=")
	return v.given(path) && (!one || fmt.Sprint(fields.At(v.Config, path).Value) == value)
}

// rules checks given settings against each other.
func (v *validator) rules() {
	for _, r := range rules() {
		if !v.has(r.setting) {
			continue
		}
		for _, other := range r.others {
			if v.has(other) == (r.verb == conflicts) {
				v.add2(r.setting, r.verb, other)
			}
		}
	}
	k := &v.Check
	algorithm, digests := k.digests()
	if v.given("Check.ReadBoth") && !digests && !v.Report.Status {
		v.add2("Check.ReadBoth", "needs a comparison of contents, as by", "Check.Mode=etag")
	}
	if v.given("Check.Algorithm") && algorithm == "" {
		v.add2("Check.Algorithm", "needs a comparison of checksums, as by", "Check.Mode=checksum")
	}
	if v.given("Condition.IfMatch") && !k.listsTarget() && !k.HeadEachTarget {
		v.add2("Condition.IfMatch", "needs an ETag to compare with, so that without a listing of the target it requires", "Check.HeadEachTarget")
	}
	if k.NoTargetListing && !k.HeadEachTarget && k.Mode != CheckChecksum {
		v.add2("Check.NoTargetListing", "together with a comparison requires", "Check.HeadEachTarget")
	}
}
