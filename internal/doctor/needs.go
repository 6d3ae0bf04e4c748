package doctor

import (
	"maps"
	"slices"

	"s3sync"
	"s3sync/internal/location"
	"s3sync/internal/trash"
	"s3sync/storage/bucket"
)

// The S3 actions that runs need. An action is the permission of one or more requests.
// https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
const (
	listBucket       = "s3:ListBucket"
	listVersions     = "s3:ListBucketVersions"
	getVersioning    = "s3:GetBucketVersioning"
	getObject        = "s3:GetObject"
	getVersion       = "s3:GetObjectVersion"
	getTags          = "s3:GetObjectTagging"
	getVersionTags   = "s3:GetObjectVersionTagging"
	putObject        = "s3:PutObject"
	putTags          = "s3:PutObjectTagging"
	deleteTags       = "s3:DeleteObjectTagging"
	putACL           = "s3:PutObjectAcl"
	deleteObject     = "s3:DeleteObject"
	abortUpload      = "s3:AbortMultipartUpload"
	listParts        = "s3:ListMultipartUploadParts"
	listUploads      = "s3:ListBucketMultipartUploads"
	createSession    = "s3express:CreateSession"
	kmsDecrypt       = "kms:Decrypt"
	kmsGenerate      = "kms:GenerateDataKey"
	getLock          = "s3:GetBucketObjectLockConfiguration" // no run needs it
	actionOfBuckets  = "bucket"
	actionOfObjects  = "objects"
	actionOfKeys     = "keys" // of KMS
	actionOfSessions = "sessions"
)

// kindOf returns what an action is about.
func kindOf(action string) string {
	switch action {
	case listBucket, listVersions, getVersioning, getLock, listUploads:
		return actionOfBuckets
	case createSession:
		return actionOfSessions
	case kmsDecrypt, kmsGenerate:
		return actionOfKeys
	}
	return actionOfObjects
}

// needs are the actions that a run needs on one side. They are the one place that says so:
// the policy and the verdicts follow from them.
type needs map[string]bool

func (n needs) has(action string) bool {
	// A directory bucket has one permission for all requests.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-authenticating-authorizing.html
	return n[action] || n[createSession]
}

func (n needs) add(needed bool, actions ...string) {
	for _, a := range actions {
		if needed {
			n[a] = true
		}
	}
}

// sorted returns the actions about something.
func (n needs) sorted(kind string) []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(n)), func(a string) bool { return kindOf(a) != kind })
}

// A plan is what a Config asks of both sides. The sides that are no buckets need nothing.
type plan struct {
	*s3sync.Config

	source, target location.Location
	trash          location.Location // the zero one without a trash
}

// planOf returns the plan of a valid Config whose sides are given by URLs.
func planOf(cfg *s3sync.Config) (plan, error) {
	source, err := location.Parse(cfg.Source.URL)
	if err != nil {
		return plan{}, err
	}
	target, err := location.Parse(cfg.Target.URL)
	p := plan{Config: cfg, source: source, target: target}
	if err == nil && cfg.Trash.URL != "" {
		p.trash, err = location.Parse(trash.Folder(cfg.Trash.URL))
	}
	return p, err
}

// keeps reports whether the run keeps old objects in a bucket.
func (p plan) keeps() bool { return p.writes() && p.trash.Bucket != "" }

// writes reports whether the run changes the target.
func (p plan) writes() bool { return !p.DryRun && !p.Report.Status }

// versions reports whether the run lists the versions of the source.
func (p plan) versions() bool { return p.Versioning.Enable || !p.Versioning.PointInTime.IsZero() }

// listsTarget reports whether the run lists the target.
func (p plan) listsTarget() bool {
	all := p.Check.Mode == s3sync.CheckOverwrite || p.Check.Mode == s3sync.CheckNewer && !p.Versioning.PointInTime.IsZero()
	return p.Delete.Enable || p.Versioning.Enable || !all && !p.Check.NoTargetListing
}

// looks reports whether the run looks at single objects of both sides to compare them.
func (p plan) looks() bool {
	return p.Report.Status || p.Check.Mode.Contents() || p.Check.HeadEachTarget || p.Check.NoTargetListing
}

// filtersTags and filtersContents report whether filters ask for single source objects.
func (p plan) filtersTags() bool { return p.Filter.IncludeTags != nil || p.Filter.ExcludeTags != nil }

func (p plan) filtersContents() bool {
	f := &p.Filter
	return p.filtersTags() || f.IncludeMetadata != nil || f.ExcludeMetadata != nil || f.IncludeContentType != nil || f.ExcludeContentType != nil
}

// copiesTags reports whether objects are written with the tags of their sources.
func (p plan) copiesTags() bool {
	return !p.source.Local() && hasTags(p.source) && hasTags(p.target) && !p.Tagging.Disable && p.Tagging.Set == ""
}

// hasTags reports whether the objects of a side can have tags.
func hasTags(l location.Location) bool { return !l.Local() && !bucket.IsDirectory(l.Bucket) }

// needsTags reports whether the run does not do without tags.
func (p plan) needsTags() bool {
	return p.Tagging.SyncLatest || p.Report.Tagging || p.filtersTags()
}

// ofSource returns what the run needs of a source bucket.
func (p plan) ofSource() needs {
	n := needs{}
	switch {
	case p.source.Local():
		return n
	case bucket.IsDirectory(p.source.Bucket):
		n.add(true, createSession)
		return n
	}
	reads := p.writes() || p.looks() || p.filtersContents()
	tags := p.needsTags() || p.writes() && p.copiesTags()
	n.add(true, listBucket)
	n.add(p.versions(), listVersions, getVersioning)
	n.add(reads, getObject)
	n.add(reads && p.versions(), getVersion)
	n.add(tags, getTags)
	n.add(tags && p.versions(), getVersionTags)
	return n
}

// ofTarget returns what the run needs of a target bucket.
func (p plan) ofTarget() needs {
	n := needs{}
	switch {
	case p.target.Local():
		return n
	case bucket.IsDirectory(p.target.Bucket):
		n.add(true, createSession)
		n.add(p.writes() && p.Encryption.SSE != "" && p.Encryption.SSE != "AES256", kmsGenerate, kmsDecrypt)
		return n
	}
	writes, versions := p.writes(), p.Versioning.Enable
	// Without the permission to list, a HEAD of a missing object is refused.
	n.add(p.listsTarget() || p.looks(), listBucket)
	n.add(versions, listVersions, getVersioning)
	// A HEAD finds out what became of a write without an answer, and what a copy holds.
	n.add(writes || p.looks(), getObject)
	n.add(versions, getVersion)
	n.add(writes, putObject, abortUpload)
	// What an earlier run did not finish is continued, or looked for if the run was killed
	// before it knew the name of an upload.
	n.add(writes && p.State.Dir != "", listParts, listUploads)
	n.add(writes && (p.Tagging.Set != "" || p.copiesTags()), putTags)
	n.add(writes && p.Tagging.SyncLatest, putTags, deleteTags)
	n.add(p.Tagging.SyncLatest || p.Report.Tagging, getTags)
	n.add(p.keeps(), getVersioning, getTags) // old objects are copied with their tags, if there are no versions
	n.add(writes && p.Metadata.ACL != "", putACL)
	n.add(writes && (p.Delete.Enable || versions), deleteObject)
	// Parts are encrypted with the data key, which is decrypted for each further part.
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/mpuoverview.html#mpuAndPermissions
	n.add(writes && p.Encryption.SSE != "" && p.Encryption.SSE != "AES256", kmsGenerate, kmsDecrypt)
	return n
}

// ofTrash returns what the run needs of the bucket of its trash.
func (p plan) ofTrash() needs {
	n := needs{}
	n.add(p.keeps(), getObject, putObject, putTags, abortUpload)
	n.add(p.keeps() && p.Trash.Keep > 0, listBucket, deleteObject)
	return n
}
