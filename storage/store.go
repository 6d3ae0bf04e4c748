// Package storage defines objects, what stores can do, and the kinds of their
// failures. It imports only the standard library, so that every other package may
// import it.
//
// The implementations are [s3sync/storage/bucket] for S3, [s3sync/storage/dir] for
// directories, and [s3sync/storage/mem], which keeps objects in memory. Until version 1.0
// the interfaces may still change.
package storage

import (
	"context"
	"io"
	"iter"
	"time"
)

// A Store is a flat set of objects under keys: a bucket below a prefix, or a
// directory. All keys are relative to that prefix or directory, separated by
// '/', and compared as bytes.
//
// The methods may be called concurrently. A method whose context is cancelled
// returns its error and changes nothing that was not already under way.
// Failures on a key are an [*Error]; see the sentinels beside it.
type Store interface {
	// Caps returns what the store can do. The result never changes.
	Caps() Caps

	// List yields every object of a range in ascending byte order of the key
	// (in any order if Caps().Ordered is false). It returns a single-use
	// iterator. It stops after it yields a non-nil error. The objects that it yielded
	// before are not all objects of the range then.
	List(ctx context.Context, opts ListOptions) iter.Seq2[Object, error]

	// Stat describes one object without reading it.
	// A missing object is fs.ErrNotExist.
	Stat(ctx context.Context, key string, opts StatOptions) (Info, error)

	// Open starts to read one object. The caller closes the Reader.
	Open(ctx context.Context, key string, opts OpenOptions) (Reader, error)

	// Put writes a whole object at once, replacing what was there. The object
	// is visible whole or not at all.
	Put(ctx context.Context, key string, b Block, opts WriteOptions) (Info, error)

	// Create starts to write an object part by part. The caller ends it by
	// Commit or Abort; until Commit returns nothing is visible under key.
	Create(ctx context.Context, key string, opts WriteOptions) (Writer, error)

	// Delete removes objects and returns one error for each, in their order:
	// nil where the object is gone, also when it was not there before. Callers
	// pass at most Caps().DeleteBatch objects. A store that keeps versions adds a
	// delete marker and destroys nothing.
	Delete(ctx context.Context, objects []Object, opts DeleteOptions) []error

	// Close releases what the store holds. No other method may follow.
	Close() error
}

// Caps is what a store can do, asked once at the start of a run.
type Caps struct {
	// Ordered: List yields in ascending byte order of the key.
	Ordered bool
	// Files: the objects are files. They have no ETags, and change in place
	// while they are read.
	Files bool
	// WantMD5 and WantSHA256: blocks written here should carry the digest,
	// because the store sends it along so that the server can refuse damage.
	WantMD5, WantSHA256 bool
	// Streams: blocks may come as a Stream.
	Streams bool
	// DeleteBatch is the largest number of objects one Delete call takes.
	DeleteBatch int
	// MaxParts bounds the parts of a Writer; 0 is no bound.
	MaxParts int
	// MaxCopy is how many bytes a Copier copies at once; 0 if the store is none.
	MaxCopy int64
	// DefaultChecksum is the additional checksum that objects here get if no other one is
	// asked for, because their ETags verify nothing. It is empty if ETags verify objects.
	DefaultChecksum ChecksumAlgorithm
	// Tags: objects have tags. The store is a Tagger, and writes WriteOptions.Tags.
	Tags bool
	// StorageClasses: objects keep the Attributes.StorageClass that they are written with.
	StorageClasses bool
	// Metered: the bytes of objects pass a connection, and the Meter of the context counts
	// them: those that ReadAt receives, and those of a Block in Put and WritePart while they
	// are sent. Small blocks may be left to whoever sets the Meter when they arrived.
	Metered bool
}

// An Object is what a listing returns for one key.
type Object struct {
	Key     string
	Size    int64     // bytes
	ModTime time.Time // LastModified of an S3 object, mtime of a file
	// ETag without quotes; empty where the store has none.
	ETag string
	// VersionID names one version in a bucket with versioning, else empty.
	VersionID string
	// Latest, in a listing of versions: it is the current one of its key.
	Latest bool
	// DeleteMarker: the version marks a deletion and has no data.
	DeleteMarker bool
	// Archived: its bytes must be restored before they can be read. A listing or a HEAD
	// said so for certain.
	Archived bool
	// MaybeArchived: its storage class is one of archives, and it is not known whether
	// its bytes can be read. A restored copy may exist, and some servers only keep the
	// name of the class. Only reading it shows that.
	MaybeArchived bool
	// File identifies a file in its current state. Not every store of files sets it.
	File FileID
}

// Info is what a Stat, an Open or a write returns for one object.
type Info struct {
	Object
	// ETagNotDigest: the ETag is no digest of the content, because the server
	// encrypts with KMS or a customer key or derives ETags in its own way.
	ETagNotDigest bool
	// Directory: the key names a directory in the file system.
	Directory bool
	// Checksums are the additional checksums that the store returned.
	Checksums []Checksum
	// Parts are the sizes of the parts in which the object was written, in
	// order, if they were asked for and the store knows them.
	Parts []int64
	// TagCount is how many tags the object has. It is also 0 if the store does not say.
	// S3 does not say so without the permission to read tags.
	TagCount int
	Attributes
}

// Attributes travel with an object's bytes from one store to another. A store
// without a place for them drops them.
type Attributes struct {
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	ContentType        string
	// Expires as the store gave it: S3 keeps any text.
	Expires string
	// Metadata is user metadata: lower-case names without the x-amz-meta- prefix.
	Metadata map[string]string
	// WebsiteRedirect is where a website sends those who ask for the object.
	WebsiteRedirect string
	// StorageClass is as S3 names it; empty is STANDARD.
	StorageClass string
}

// A Notice is a message of a store about itself, not about one object. For example, a
// server lacks a call.
type Notice struct {
	// Warning: something that was asked for is not done. Otherwise the notice is
	// only worth knowing.
	Warning bool
	// Text is one sentence for the user. Settings are the settings that it names, as
	// the paths of their fields in s3sync.Config.
	Text     string
	Settings []string
}

// ListOptions adjust a listing.
type ListOptions struct {
	Range
	// Problem, if set, is called with what exists, or may exist, and could not be listed.
	// The listing goes on. Problem is called while the consumer waits for the next element,
	// only in the consumer's goroutine, and before the sequence ends.
	Problem func(Problem)
	// Asked, if set, may be called when the first request of the listing is under way, before
	// the sequence waits for the answer: the consumer can begin something else meanwhile. It
	// is called as Problem is. If it returns false, the sequence ends.
	Asked func() bool
	// Skip, if set, reports that no object is wanted whose key begins with prefix, which
	// ends in a slash. The store may leave such objects out, and what is there is then
	// not looked at and never a Problem. Skip is called like Problem, and may be called
	// for a prefix again, with another result.
	Skip func(prefix string) bool
}

// A Problem is what a listing could not turn into objects.
type Problem struct {
	// Key bounds what the listing lacks: at most the object of that key and
	// objects below Key + "/". Nothing may be deleted there for being absent from
	// the listing. An empty Key bounds nothing: the listing is not complete, and
	// nothing at all may be deleted for being absent from it.
	Key string
	// Err says what could not be listed and why.
	Err error
}

// StatOptions adjust a Stat.
type StatOptions struct {
	// VersionID describes that version; empty describes the current one.
	VersionID string
	// Checksums asks for Info.Checksums.
	Checksums bool
	// Parts asks for Info.Parts.
	Parts PartsQuery
	// Listed is that of OpenOptions.
	Listed *Object
}

// A PartsQuery says how the parts of an object are to be found out.
type PartsQuery int

const (
	// NoParts asks for nothing.
	NoParts PartsQuery = iota
	// InferParts concludes them from the first one where that is possible.
	InferParts
	// ExactParts asks for each of them.
	ExactParts
)

// OpenOptions adjust an Open.
type OpenOptions struct {
	// Checksums asks for what Reader.Checksums returns.
	Checksums bool
	// VersionID reads that version; empty reads the current one.
	VersionID string
	// First, if positive, is how many bytes the first ReadAt will ask for at
	// offset 0: the store may fetch no more than that with its first request.
	First int64
	// Listed, if set, is what a listing returned for the object. If an answer contradicts
	// it, the store makes sure that the answer is right. It is valid during the call.
	Listed *Object
}

// A Reader reads one object in the state it had when it was opened. ReadAt may
// be called concurrently for different ranges.
type Reader interface {
	// Info describes the object as the answer to Open did, not as a listing did.
	Info() Info

	// ReadAt fills p from offset off, or fails. If the object is no longer the
	// one that was opened it fails with ErrChanged.
	ReadAt(ctx context.Context, p []byte, off int64) error

	// Layout returns the sizes of the parts in which the object was written,
	// in order. It returns nil if the store does not know them.
	Layout(ctx context.Context, query PartsQuery) ([]int64, error)

	// Checksums returns the additional checksums of the object, which may take a
	// request if the first one was for a range. OpenOptions must have asked for
	// them.
	Checksums(ctx context.Context) ([]Checksum, error)

	// Check fails with ErrChanged if the object changed since Open, where
	// reading alone does not show it.
	Check(ctx context.Context) error

	Close() error
}

// A Block is a run of bytes of an object with its digests. A digest that was not computed
// is nil. The bytes and digests belong to the caller, who uses their memory again after
// the call.
type Block struct {
	Data []byte
	// Stream, if set, gives the bytes instead of Data: Size of them, once. Their
	// digests are not known in advance. Only for stores whose Caps say Streams.
	Stream io.Reader
	Size   int64
	MD5    []byte // 16 bytes
	SHA256 []byte // 32 bytes
	// Checksum is the digest of WriteOptions.Checksum.
	Checksum []byte
}

// WriteOptions say what is written besides the bytes.
type WriteOptions struct {
	Attributes
	// Size is the object's whole size in bytes.
	Size int64
	// ModTime is stamped on files; S3 sets its own.
	ModTime time.Time
	// Checksum is the additional checksum that the store is to keep. Value is
	// empty; Type matters for objects written in parts. Blocks carry its digest.
	Checksum Checksum
	// Tags are those of the new object.
	Tags map[string]string
	// ACL is a canned ACL; empty leaves it to the bucket.
	ACL string
	// Inherited says which of these options come from the source object and were not asked
	// for. If the server of the store does not know one of these, the store writes the
	// object without it and sends a Notice once.
	Inherited Inherited
	// IfMatch lets the write fail with ErrPrecondition unless the object under the key has
	// this ETag. IfAbsent lets it fail if there is an object. Both are checked when the
	// object is published, not when its writing begins.
	IfMatch  string
	IfAbsent bool
	// Once: the store does not retry a request that got no answer. The request may have
	// been carried out, and a retry would make a second version.
	Once bool
	// CopyIfMatch lets a Copier fail with ErrPrecondition unless the object that is copied
	// has this ETag.
	CopyIfMatch string
}

// Inherited are parts of WriteOptions. Conditions are IfMatch and IfAbsent: a store whose
// server does not know them may look at the object right before the write in their place.
type Inherited struct{ Tags, StorageClass, WebsiteRedirect, Conditions bool }

// DeleteOptions adjust a Delete.
type DeleteOptions struct {
	// IfMatch removes each object only while it has the ETag of its Object, and
	// fails with ErrPrecondition otherwise.
	IfMatch bool
	// Once is that of WriteOptions: a retry could make a second delete marker.
	Once bool
	// If Stop is set and closed, the store begins no further request. Objects whose request
	// was not begun fail with ErrNotBegun. Requests that were begun go on, so that the
	// caller learns which objects are deleted.
	Stop <-chan struct{}
}

// Stopped reports whether no further request may be begun.
func (o *DeleteOptions) Stopped() bool {
	select {
	case <-o.Stop:
		return true
	default:
		return false
	}
}

// A Writer takes the parts of one object. WritePart may be called concurrently
// for different parts.
type Writer interface {
	// WritePart writes part number n, counted from 1, which begins at byte off
	// of the object. Writing a part again replaces it.
	WritePart(ctx context.Context, n int, off int64, b Block) error

	// Commit publishes the object. The caller has checked the bytes by then.
	Commit(ctx context.Context) (Info, error)

	// Abort removes what was written. It works also after a failed Commit, and
	// callers give it a context of its own: theirs may be cancelled.
	Abort(ctx context.Context) error
}
