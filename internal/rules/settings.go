package rules

import (
	"slices"

	"s3sync/internal/fields"
)

// combinations returns which settings exclude and which require each other, except the modes
// of comparison. Exclusion works both ways and is listed once.
func combinations() []fields.Rule {
	return slices.Concat(
		credentialRules("Source."), credentialRules("Target."),
		customerKeyRules("Encryption.SourceCustomer."), customerKeyRules("Encryption.TargetCustomer."),
		fields.AllRequire("Delete.Enable", "Delete.Excluded", "Delete.Max", "Delete.MaxPercent",
			"Delete.AllowEmptySource", "Delete.AllowPartialPrefix", "Delete.AllowOverlap", "Delete.ListIsComplete"),
		[]fields.Rule{
			fields.Excludes("Versioning.Enable",
				"Check.Mode", "Check.NoTargetListing", "Check.HeadEachTarget", "Tagging.SyncLatest", "Delete.Enable", "Report.Status",
				"Versioning.PointInTime", "Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch"),
			fields.Requires("Versioning.AllMarkers", "Versioning.Enable"),
			fields.Excludes("Versioning.PointInTime",
				"Delete.Enable", "Check.HeadEachTarget", "Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch", "Tagging.SyncLatest"),
			fields.Excludes("Condition.IfNoneMatch", "Condition.IfMatch"),
			fields.Excludes("Resume.Disable", "Resume.MaxAge", "Resume.AbortOnInterrupt"),
			fields.Excludes("Resume.Records", "State.Dir"),
			// What is left counts as failed, a history needs each version whole, and a trash takes
			// what is overwritten.
			fields.Excludes("Transfer.PartsOf", "FailFast", "Versioning.Enable", "Trash.URL", "Trash.Store"),
			fields.Requires("Condition.CopySourceIfMatch", "ServerSideCopy"),
			fields.Excludes("AWS.AnonymousSource",
				"Source.Profile", "Source.AccessKey", "Source.SecretKey", "Source.SessionToken", "Source.Credentials", "Source.RequestPayer", "ServerSideCopy"),
			// A report transfers nothing, and compares everything by content.
			fields.Excludes("Report.Status",
				"DryRun", "Delete.Enable", "Check.HeadEachTarget", "Tagging.SyncLatest", "Check.NoTargetListing"),
			// A report writes nothing, and versions replace nothing. An inventory does not
			// tell of objects that came since, which would be replaced and not kept.
			fields.Excludes("Trash.URL", "Report.Status", "Versioning.Enable", "Target.Inventory"),
			fields.Excludes("Trash.Store", "Report.Status", "Versioning.Enable", "Target.Inventory"),
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

// bound lists the fields that must not be dropped: without them the run would
// write, overwrite or delete more, or write something else.
func bound() []string {
	return []string{
		"Condition.IfMatch", "Condition.IfNoneMatch", "Condition.CopySourceIfMatch",
		"Versioning.Enable", "Versioning.PointInTime", "Filter.IncludeMetadata", "Filter.IncludeTags", "Trash.URL",
	}
}

// notLocal lists fields without meaning on a local side. Region is not among them:
// it is harmless, and environments set it globally.
func notLocal(side, key string) []string {
	return []string{
		side + "Profile", side + "AccessKey", side + "SecretKey", side + "SessionToken", side + "EndpointURL", side + "Credentials", side + "Transport",
		side + "Accelerate", side + "RequestPayer", side + "PathStyle", side + "Inventory", key + "Algorithm", key + "Key", key + "KeyMD5",
	}
}

// betweenBuckets lists the fields that need S3 on both sides.
func betweenBuckets() []string {
	return []string{
		"ServerSideCopy", "Versioning.Enable", "Tagging.SyncLatest", "Report.Metadata", "Report.Tagging",
		"Metadata.NoSystem", "Metadata.NoUser", "Condition.CopySourceIfMatch",
	}
}

// contentFilters lists filters of properties that files do not have. The content types
// of files are guessed from their names.
func contentFilters() []string {
	return []string{"Filter.IncludeMetadata", "Filter.ExcludeMetadata", "Filter.IncludeTags", "Filter.ExcludeTags"}
}

// upload lists the fields that say how objects are written to S3.
func upload() []string {
	return []string{
		"Metadata.CacheControl", "Metadata.ContentDisposition", "Metadata.ContentEncoding", "Metadata.ContentLanguage", "Metadata.ContentType",
		"Metadata.Expires", "Metadata.User", "Metadata.WebsiteRedirect", "Metadata.StorageClass", "Metadata.ACL", "Metadata.PutLastModified",
		"Tagging.Set", "Tagging.Disable", "Encryption.SSE", "Encryption.KMSKeyID",
		"Verify.Algorithm", "Verify.FullObject", "AWS.UnsignedPayload", "AWS.NoContentMD5",
		"Condition.IfMatch", "Condition.IfNoneMatch",
	}
}

// notInDirectoryBuckets lists the settings of a side that directory buckets do not support.
func notInDirectoryBuckets(side, key string) []string {
	return []string{side + "Accelerate", side + "RequestPayer", side + "PathStyle", side + "Inventory", key + "Key"}
}
