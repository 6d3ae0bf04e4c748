// Package rules says which settings of a Config exclude and which require each other, and
// which have no meaning for some kinds of sides. Settings are the paths of their fields.
package rules

import (
	"slices"

	"s3sync/internal/fields"
)

// Settings returns which settings exclude and which require each other, except the modes
// of comparison. Exclusion works both ways and is listed once.
func Settings() []fields.Rule {
	return slices.Concat(
		credentialRules("Source."), credentialRules("Target."),
		customerKeyRules("Encryption.SourceCustomer."), customerKeyRules("Encryption.TargetCustomer."),
		fields.AllRequire("Delete.Enable", "Delete.Excluded", "Delete.Max", "Delete.MaxPercent",
			"Delete.AllowEmptySource", "Delete.AllowPartialPrefix", "Delete.AllowOverlap"),
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

// Bound lists the fields that must not be dropped: without them the run would
// write, overwrite or delete more, or write something else.
func Bound() []string {
	return []string{
		"Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch",
		"Versioning.Enable", "Versioning.PointInTime", "Filter.IncludeMetadata", "Filter.IncludeTags",
	}
}

// NotLocal lists fields without meaning on a local side. Region is not among them:
// it is harmless, and environments set it globally.
func NotLocal(side, key string) []string {
	return []string{
		side + "Profile", side + "AccessKey", side + "SecretKey", side + "SessionToken", side + "EndpointURL", side + "Credentials", side + "Transport",
		side + "Accelerate", side + "RequestPayer", side + "PathStyle", key + "Algorithm", key + "Key", key + "KeyMD5",
	}
}

// BetweenBuckets lists the fields that need S3 on both sides.
func BetweenBuckets() []string {
	return []string{
		"ServerSideCopy", "Versioning.Enable", "Tagging.SyncLatest", "Report.Metadata", "Report.Tagging",
		"Metadata.NoSystem", "Metadata.NoUser", "Condition.CopySourceIfMatch",
	}
}

// ContentFilters lists filters of properties that files do not have. The content types
// of files are guessed from their names.
func ContentFilters() []string {
	return []string{"Filter.IncludeMetadata", "Filter.ExcludeMetadata", "Filter.IncludeTags", "Filter.ExcludeTags"}
}

// Upload lists the fields that say how objects are written to S3.
func Upload() []string {
	return []string{
		"Metadata.CacheControl", "Metadata.ContentDisposition", "Metadata.ContentEncoding", "Metadata.ContentLanguage", "Metadata.ContentType",
		"Metadata.Expires", "Metadata.User", "Metadata.WebsiteRedirect", "Metadata.StorageClass", "Metadata.ACL", "Metadata.PutLastModified",
		"Tagging.Set", "Tagging.Disable", "Encryption.SSE", "Encryption.KMSKeyID",
		"Verify.Algorithm", "Verify.FullObject", "AWS.UnsignedPayload", "AWS.NoContentMD5",
		"Condition.IfMatch", "Condition.IfNoneMatch",
	}
}

// NotInDirectoryBuckets lists the settings of a side that directory buckets do not support.
func NotInDirectoryBuckets(side, key string) []string {
	return []string{side + "Accelerate", side + "RequestPayer", side + "PathStyle", key + "Key"}
}
