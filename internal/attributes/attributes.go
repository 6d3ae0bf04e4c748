// Package attributes decides what an object is written with besides its bytes:
// headers, user metadata, storage class, ACL, tags and conditions. It also compares
// and sets the tags of objects that need no transfer.
package attributes

import (
	"context"
	"maps"
	"strings"
	"sync"
	"time"

	"s3sync/internal/mime"
	"s3sync/internal/plan"
	"s3sync/internal/side"
	"s3sync/storage"
)

// Options say what objects are written with.
type Options struct {
	// Replace replaces attributes of the source. An empty field keeps the attribute of
	// the source. Metadata replaces all user metadata; its names may be in any case.
	Replace storage.Attributes
	// NoSystem drops the headers and the website redirect of the source. NoUser drops
	// its user metadata.
	NoSystem, NoUser bool
	// NoGuessType leaves the Content-Type of files to the server.
	NoGuessType bool
	// ACL is a canned ACL; empty leaves it to the bucket.
	ACL string
	// OriginTime writes the source's time of modification to the user metadata.
	OriginTime bool
	// Versions says that objects are versions. The user metadata of each one then
	// names the version of the source, and no store repeats a write by itself.
	Versions bool

	// NoTags writes objects without tags. Tags, if not nil, replaces those of the
	// source. SyncTags says that the user asked for tags, so that a source without
	// tags is an error.
	NoTags   bool
	Tags     map[string]string
	SyncTags bool

	// NeedTags makes it an error if tags cannot be read although the server knows tags. No
	// object is taken for one without tags before the server is known to count them.
	NeedTags bool

	// Preprocess, if not nil, may change what an object is written with. It is called
	// from many goroutines, but never by two at once.
	Preprocess func(ctx context.Context, source *storage.Info, u *Upload) error
	// Warn, if not nil, receives warnings about the whole run: tags are lost, and why.
	// The objects are written nevertheless. Warn is called rarely, from the goroutine
	// of any caller.
	Warn func(error)
}

// A Builder decides what objects are written with. Its methods may be called
// concurrently.
type Builder struct {
	opts           Options
	source, target *side.Side
	tagger         storage.Tagger // of the source; nil if its objects have no tags
	counts         tagCounts
	preprocessing  sync.Mutex // held during Options.Preprocess
}

// New returns a Builder for objects of source that are written to target.
func New(opts Options, source, target *side.Side) *Builder {
	lower := make(map[string]string, len(opts.Replace.Metadata))
	for name, value := range opts.Replace.Metadata {
		lower[strings.ToLower(name)] = value // as S3 does
	}
	opts.Replace.Metadata = lower
	b := &Builder{opts: opts, source: source, target: target, counts: tagCounts{each: opts.NeedTags}}
	b.tagger, _ = source.Tagger()
	return b
}

// WriteOptions returns what the source object that info describes is written with.
// Every way of writing an object uses it, so that an object gets the same in one
// piece, in parts, and in a copy on the server. The additional checksum is not
// included. The error is ErrSkip, a *CallbackError, or the error of a request for
// tags. WriteOptions does not change or keep anything of a and info.
func (b *Builder) WriteOptions(ctx context.Context, a *plan.Action, info *storage.Info) (opts storage.WriteOptions, err error) {
	opts = storage.WriteOptions{Attributes: b.attributes(a.Key(), info), Size: info.Size, ModTime: info.ModTime}
	if b.target.Caps.Files {
		return opts, nil
	}
	opts.ACL = b.opts.ACL
	if opts.Tags, err = b.tagsToWrite(ctx, a.Key(), info); err != nil {
		return opts, err
	}
	opts.IfMatch, opts.IfAbsent = a.Guard.TargetETag, a.Guard.TargetAbsent
	if a.Guard.SourceUnchanged {
		opts.CopyIfMatch = info.ETag
		// Listings report other ETags for objects that are encrypted with a customer
		// key.
		if listed := a.Source.ETag; listed != "" && !info.ETagNotDigest {
			opts.CopyIfMatch = listed
		}
	}
	tags, class, redirect := opts.Tags, opts.StorageClass, opts.WebsiteRedirect
	if b.opts.Preprocess != nil {
		err = b.preprocess(ctx, a, info, &opts)
	}
	opts.Inherited = storage.Inherited{
		Conditions:      a.Guard.Optional,
		Tags:            b.opts.Tags == nil && !b.opts.SyncTags && maps.Equal(tags, opts.Tags),
		StorageClass:    b.opts.Replace.StorageClass == "" && class == opts.StorageClass,
		WebsiteRedirect: b.opts.Replace.WebsiteRedirect == "" && redirect == opts.WebsiteRedirect,
	}
	if b.opts.Versions {
		addOrigin(&a.Source, &opts)
	}
	return opts, err
}

// attributes returns the attributes of the options, or else those of the source.
func (b *Builder) attributes(key string, info *storage.Info) storage.Attributes {
	a, r := info.Attributes, &b.opts.Replace
	if b.source.Caps.Files {
		a.ContentType = b.ContentType(key)
	}
	if b.opts.NoSystem {
		a = storage.Attributes{StorageClass: a.StorageClass}
	}
	replace(&a.CacheControl, r.CacheControl)
	replace(&a.ContentDisposition, r.ContentDisposition)
	replace(&a.ContentEncoding, r.ContentEncoding)
	replace(&a.ContentLanguage, r.ContentLanguage)
	replace(&a.ContentType, r.ContentType)
	replace(&a.Expires, r.Expires)
	replace(&a.WebsiteRedirect, r.WebsiteRedirect)
	a.StorageClass = b.storageClass(a.StorageClass)
	a.Metadata = b.userMetadata(info)
	return a
}

func replace(attribute *string, option string) {
	if option != "" {
		*attribute = option
	}
}

// userMetadata returns the user metadata of the options, or else that of the source,
// with what the sync adds. It returns nil if there is none and the callback cannot add
// some.
func (b *Builder) userMetadata(info *storage.Info) map[string]string {
	from := b.opts.Replace.Metadata
	if len(from) == 0 && !b.opts.NoUser {
		from = info.Metadata
	}
	if len(from) == 0 && b.opts.Preprocess == nil && !b.opts.OriginTime {
		return nil
	}
	metadata := make(map[string]string, len(from)+1)
	maps.Copy(metadata, from)
	if b.opts.OriginTime {
		SetMark(metadata, OriginLastModified, wholeSeconds(info.ModTime))
	}
	return metadata
}

// storageClass returns the class of the option, or else that of the source. It returns
// nothing if the target keeps no classes, or if only special buckets have the class.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html (x-amz-storage-class)
func (b *Builder) storageClass(ofSource string) string {
	switch {
	case b.opts.Replace.StorageClass != "":
		return b.opts.Replace.StorageClass
	case ofSource == "", ofSource == "EXPRESS_ONEZONE", ofSource == "OUTPOSTS", ofSource == "SNOW",
		strings.HasPrefix(ofSource, "FSX_"), !b.target.Caps.StorageClasses:
		return ""
	}
	return ofSource
}

// addOrigin writes the ID and the time of the source version to the metadata of a
// version. A later run recognizes the version by them.
func addOrigin(source *storage.Object, opts *storage.WriteOptions) {
	if opts.Metadata == nil {
		opts.Metadata = make(map[string]string, 2)
	}
	SetMark(opts.Metadata, OriginVersionID, source.VersionID)
	SetMark(opts.Metadata, OriginLastModified, wholeSeconds(source.ModTime))
	opts.Once = true
}

// ContentType returns the Content-Type of a file, guessed by its name. It is empty if
// the server is to guess it, and for everything that is not a file.
func (b *Builder) ContentType(key string) string {
	if !b.source.Caps.Files || b.opts.NoGuessType {
		return ""
	}
	return mime.TypeOf(key)
}

// HTTPDate formats a time as RFC 9110, section 5.6.7, defines it. This is the form of
// storage.Attributes.Expires. The zero time gives an empty text.
func HTTPDate(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("Mon, 02 Jan 2006 15:04:05 GMT")
}

// wholeSeconds formats a time for metadata: RFC 3339 in UTC with a numeric offset.
func wholeSeconds(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05-07:00") }

// StorageClasses returns the storage classes of S3.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_PutObject.html
func StorageClasses() []string {
	return []string{
		"STANDARD", "REDUCED_REDUNDANCY", "STANDARD_IA", "ONEZONE_IA", "INTELLIGENT_TIERING",
		"GLACIER", "DEEP_ARCHIVE", "GLACIER_IR", "EXPRESS_ONEZONE", "OUTPOSTS", "SNOW",
		"FSX_OPENZFS", "FSX_ONTAP",
	}
}

// ACLs returns the canned ACLs of S3.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#canned-acl
func ACLs() []string {
	return []string{
		"private", "public-read", "public-read-write", "authenticated-read",
		"aws-exec-read", "bucket-owner-read", "bucket-owner-full-control",
	}
}
