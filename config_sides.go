package s3sync

import (
	"errors"
	"io/fs"
	"os"
	"slices"
	"strings"
	"time"

	"s3sync/internal/checksum"
	"s3sync/storage/bucket"
)

// sides checks what does not go with the kind of a side. A side with a Store of
// its own or a faulty URL is left out.
func (v *validator) sides() {
	e := &v.Encryption
	if v.source != nil && v.target != nil && v.source.local() && v.target.local() {
		v.add2(&v.Source.URL, "is a local path, and so is", &v.Target.URL)
		return
	}
	if v.source != nil && v.source.local() {
		v.misfits("cannot be used with a local source", localFields(&v.Source, &e.SourceCustomer),
			[]any{&v.Verify.ReadChecksum, &v.Versioning.PointInTime, &v.AWS.AnonymousSource}, contentFilters(v.Config), betweenBuckets(v.Config))
		if v.given(&v.Transfer.AutoChunkSize) && !v.given(&v.Check.ETag) && !v.given(&v.Check.MtimeAndETag) {
			v.misfits("cannot be used with a local source, whose files are in no parts", []any{&v.Transfer.AutoChunkSize})
		}
	}
	if v.source != nil && !v.source.local() {
		v.misfits("cannot be used with an S3 source", []any{&v.Local.IgnoreSymlinks, &v.Metadata.NoGuessType})
	}
	if v.target != nil && v.target.local() {
		v.misfits("cannot be used with a local target", localFields(&v.Target, &e.TargetCustomer),
			uploadFields(v.Config), betweenBuckets(v.Config))
	}
	if v.target != nil && !v.target.local() {
		v.misfits("cannot be used with an S3 target", []any{&v.Local.Fsync})
	}
	if v.Versioning.PointInTime.After(time.Now()) {
		v.add(&v.Versioning.PointInTime, "must not be in the future")
	}
	v.encryption()
	v.accessPoint(&v.Source, v.source)
	v.accessPoint(&v.Target, v.target)
	v.directoryBuckets()
	v.overlap()
}

func (v *validator) refuse(reason string, fields ...[]any) {
	for _, field := range slices.Concat(fields...) {
		if v.given(field) {
			v.add(field, "%s", reason)
		}
	}
}

// misfits refuses fields that have no meaning in the direction of the run. Those
// that bound what is written say so also where they cannot be obeyed, so that
// nobody may leave them out.
func (v *validator) misfits(reason string, fields ...[]any) {
	for _, field := range slices.Concat(fields...) {
		if v.given(field) {
			fault := v.fault(field, nil, reason)
			fault.Misfit = !slices.Contains(boundsOf(v.Config), field)
			v.faults = append(v.faults, fault)
		}
	}
}

// boundsOf lists the fields without which more would be written, overwritten or
// deleted, or something else written.
func boundsOf(c *Config) []any {
	return []any{
		&c.Condition.IfMatch, &c.Condition.IfNoneMatch, &c.Condition.CopySourceIfMatch,
		&c.Versioning.Enable, &c.Versioning.PointInTime, &c.Filter.IncludeMetadata, &c.Filter.IncludeTags,
	}
}

// localFields mean nothing on a local side. A region is not among them: it does
// no harm, and environments set it for everything.
func localFields(e *Endpoint, k *CustomerKey) []any {
	return []any{
		&e.Profile, &e.AccessKey, &e.SecretKey, &e.SessionToken, &e.EndpointURL,
		&e.Accelerate, &e.RequestPayer, &k.Algorithm, &k.Key, &k.KeyMD5,
	}
}

// betweenBuckets lists what needs S3 on both sides.
func betweenBuckets(c *Config) []any {
	return []any{
		&c.ServerSideCopy, &c.Versioning.Enable, &c.Tagging.SyncLatest, &c.Report.Metadata, &c.Report.Tagging,
		&c.Metadata.NoSystem, &c.Metadata.NoUser, &c.Condition.CopySourceIfMatch,
	}
}

// contentFilters need what files do not have. Their content types are guessed
// from their names.
func contentFilters(c *Config) []any {
	f := &c.Filter
	return []any{&f.IncludeMetadata, &f.ExcludeMetadata, &f.IncludeTags, &f.ExcludeTags}
}

// uploadFields say how objects are written to S3.
func uploadFields(c *Config) []any {
	m := &c.Metadata
	return []any{
		&m.CacheControl, &m.ContentDisposition, &m.ContentEncoding, &m.ContentLanguage, &m.ContentType,
		&m.Expires, &m.User, &m.WebsiteRedirect, &m.StorageClass, &m.ACL, &m.PutLastModified,
		&c.Tagging.Set, &c.Tagging.Disable, &c.Encryption.SSE, &c.Encryption.KMSKeyID,
		&c.Verify.Algorithm, &c.Verify.FullObject, &c.AWS.UnsignedPayload, &c.AWS.NoContentMD5,
		&c.Condition.IfMatch, &c.Condition.IfNoneMatch,
	}
}

// accessPoint refuses what an ARN leaves no room for: it has a host name of its
// own, which its region, account and name make up.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/access-points-naming.html
func (v *validator) accessPoint(e *Endpoint, l *location) {
	if l != nil && bucket.IsAccessPoint(l.bucket) {
		v.refuse("cannot be used with the ARN of an access point, which has a host name of its own",
			[]any{&e.EndpointURL, &e.PathStyle, &e.Accelerate})
	}
}

func (v *validator) encryption() {
	kms := strings.HasPrefix(v.Encryption.SSE, "aws:kms")
	if v.given(&v.Encryption.KMSKeyID) && !kms {
		v.add2(&v.Encryption.KMSKeyID, "requires aws:kms or aws:kms:dsse as", &v.Encryption.SSE)
	}
	for _, check := range []any{&v.Check.ETag, &v.Check.MtimeAndETag} {
		if kms && v.given(check) {
			v.add2(check, "cannot be combined with KMS, whose ETags are not digests:", &v.Encryption.SSE)
		}
	}
	// https://docs.aws.amazon.com/AmazonS3/latest/userguide/checking-object-integrity-upload.html
	a := checksum.Algorithm(v.Verify.Algorithm)
	if a != "" && !checksum.Allows(a, checksum.FullObject) && v.given(&v.Verify.FullObject) {
		v.add2(&v.Verify.FullObject, "needs CRC32, CRC32C or CRC64NVME as", &v.Verify.Algorithm)
	}
}

// disk checks that local paths are there and of the right kind.
func (v *validator) disk() {
	if v.source != nil && v.source.local() {
		info, err := os.Stat(v.source.path)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			v.add(&v.Source.URL, "%q does not exist", v.source.path)
		case err != nil:
			v.add(&v.Source.URL, "%q cannot be looked at: %v", v.source.path, cause(err))
		case !info.IsDir() && !info.Mode().IsRegular():
			v.add(&v.Source.URL, "%q is neither a directory nor a regular file", v.source.path)
		case !info.IsDir() && v.Delete.Enable:
			v.add2(&v.Source.URL, "must be a directory to be combined with", &v.Delete.Enable)
		}
	}
	// One object can go to a file, but whether the source is one is not known yet.
	if err := v.targetFault(v.source != nil && mayBeSingle(*v.source)); v.target != nil && err != nil {
		v.faults = append(v.faults, err)
	}
}

// cause is what an error of package os says besides the path.
func cause(err error) error {
	if path, ok := errors.AsType[*fs.PathError](err); ok {
		return path.Err
	}
	return err
}
