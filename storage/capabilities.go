package storage

import (
	"context"
	"iter"
	"time"
)

// A capability is an interface that only some stores implement. Ask for it with As.

// A Decorator is a Store that adds something to another one, which it holds. What
// Unwrap returns is asked for the capabilities that the decorator does not have.
//
// So a decorator that changes what a capability speaks of must implement that
// capability, too: one that changes keys, for example, must change them in Tags and
// SetTags as well, or callers would reach other objects of the store inside. One
// that cannot do so has no Unwrap, and with that none of the capabilities inside.
type Decorator interface {
	Store
	Unwrap() Store
}

// As returns s as a T, which is a capability or the type of a store: s itself if it
// is one, or else the first of the stores that it decorates. So the capability of an
// outer decorator wins. It returns false if there is none.
func As[T any](s Store) (T, bool) {
	for {
		if t, ok := s.(T); ok {
			return t, true
		}
		d, ok := s.(Decorator)
		if !ok {
			var none T
			return none, false
		}
		s = d.Unwrap()
	}
}

// A KeyMapper is a Store that holds some keys under another name.
type KeyMapper interface {
	// MapKey returns the key under which List will yield an object that is written as
	// key. It fails with ErrUnstorable if the object cannot be written. If the returned
	// key is not empty then, List would yield it for an object that somebody else wrote
	// as key.
	MapKey(key string) (string, error)
	// MappedInto returns the ranges outside of r that can hold keys which MapKey maps into
	// r, also with an error. They ascend and do not overlap. A caller that lists r and
	// these ranges, and skips the keys that are mapped elsewhere, gets every key whose
	// object List would yield in r.
	MappedInto(r Range) []Range
}

// A Located store is at a place that can be unmounted, renamed or replaced while it is
// used.
type Located interface {
	// StillThere fails if the place does not hold any more what was opened. Listings
	// since then may be incomplete.
	StillThere(ctx context.Context) error
}

// A Tagger is a Store whose objects have tags.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-tagging.html
type Tagger interface {
	// Tags returns the tags of an object, or of one version of it. It fails with
	// errors.ErrUnsupported if the server of the store knows no tags; so does SetTags.
	Tags(ctx context.Context, key, versionID string) (map[string]string, error)
	// SetTags replaces the tags of the current version; no tags removes them.
	SetTags(ctx context.Context, key string, tags map[string]string) error
}

// A Versioner is a Store that can keep every version of an object.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/Versioning.html
type Versioner interface {
	// Versioning reports whether versions are kept of what is written now.
	Versioning(ctx context.Context) (bool, error)
	// Versions yields every version and delete marker of a range in ascending byte order
	// of the key, and those of one key from the newest to the oldest. Their times do not
	// show that order, because several can have the same time. Versions is otherwise like
	// List.
	Versions(ctx context.Context, opts ListOptions) iter.Seq2[Object, error]
}

// A Copier is a Store that makes objects of those of another Store without their
// bytes passing through this program.
type Copier interface {
	// Copies reports whether objects of from can be copied here. from may be decorated:
	// a Copier uses As to find the store that it knows.
	Copies(from Store) bool
	// Copy is a Put of the object that from names, of at most Caps().MaxCopy bytes. It
	// fails with ErrChanged if another object has replaced that one. opts replace the
	// attributes of the object. The server computes the additional checksum, because no
	// block carries it.
	Copy(ctx context.Context, key string, from CopySource, opts WriteOptions) (Info, error)
	// CreateCopy is a Create of an object that is copied part by part.
	CreateCopy(ctx context.Context, key string, from CopySource, opts WriteOptions) (CopyWriter, error)
}

// A CopySource names the object that a Copier copies, as a Stat described it.
type CopySource struct {
	// Store holds the object, under Key. Copier.Copies said yes to it.
	Store Store
	Key   string
	// VersionID is the version that is copied; empty where no versions are kept.
	VersionID string
	// Current: nobody asked for this version. It is the version that the Stat of the
	// current object returned. A Copier without the permission to read versions then
	// copies the current object. The ETag shows that it is the same.
	Current bool
	// ETag is that of the object. If it has another one, ErrChanged is returned.
	ETag string
	Size int64 // bytes
	// ETagNotDigest is that of Info.
	ETagNotDigest bool
}

// A CopyWriter takes the parts of one object from another.
type CopyWriter interface {
	// CopyPart makes part number n, counted from 1, of size bytes from off. It may be
	// called concurrently for different parts, and fails as Copy does.
	CopyPart(ctx context.Context, n int, off, size int64) error
	// Commit and Abort are those of a Writer.
	Commit(ctx context.Context) (Info, error)
	Abort(ctx context.Context) error
}

// A Keeper is a Store of files that takes in files of another one as they are, with their
// permissions and times.
type Keeper interface {
	// Keeps reports whether files of from can be taken in. from may be decorated.
	Keeps(from Store) bool
	// Keep makes key the file that from has under fromKey, which stays where it is. Where
	// the file system allows it, the file only gets another name; otherwise it is copied,
	// and the copy is read again before it is published. A missing file is fs.ErrNotExist.
	// If opts.IfAbsent is set, Keep fails with ErrPrecondition if there is another file
	// under key. Nothing else in opts counts.
	Keep(ctx context.Context, key string, from Store, fromKey string, opts WriteOptions) (Info, error)
	// Append adds data to the end of a file, which it makes if it is missing. When it
	// returns, the data is durable, and so is every name that Keep made before, if the store
	// makes its files durable. Calls for one key do not overlap.
	Append(ctx context.Context, key string, data []byte) error
	// Prune removes the directory of a key that ends in a slash, with the directories in
	// it, if there is no file in them. It leaves every directory that has one.
	Prune(ctx context.Context, key string) error
}

// A Locator is a Store that knows where its objects are. So it can be found out whether
// two stores hold the same objects.
type Locator interface {
	Location() Location
	// FullKey returns the key in the container of the object under a key of the
	// store. For a directory it is the path of the file.
	FullKey(key string) string
	// StatFull describes the current object under a full key of the container,
	// whatever the prefix of the store is. A missing object is fs.ErrNotExist.
	StatFull(ctx context.Context, full string) (Object, error)
}

// A Location is where the objects of a store are: those of a container of a server
// whose full keys begin with a prefix, or the files below a directory.
type Location struct {
	// Directory is the path of a directory. The other fields are empty then.
	Directory string
	// Server names a server in one form. Equal names are one server. Different names may
	// also be one server.
	Server string
	// Container is the name of a bucket, or of an access point if Alias is set. An
	// access point is another name of some bucket.
	Container string
	Alias     bool
	// Prefix is what the full keys of the objects begin with.
	Prefix string
}

// A Waiter is a Store that can report what it waits for.
type Waiter interface {
	// Waiting returns how long nothing was received or sent, and what the store waits for,
	// as a text that can follow "waiting for". The text is empty if the store waits for
	// nothing outside of this program. Waiting may be called at any time.
	Waiting() (quiet time.Duration, what string)
}

// An Observable is a Store that tells of its requests to a server, so that a caller can
// adapt how much is asked of it.
type Observable interface {
	// Observe lets f be told of every request when its answer has begun or it has failed,
	// until stop is called. f is called concurrently and must not wait. Stop does not wait
	// for calls that have begun.
	Observe(f func(Request)) (stop func())
}

// A Request is what a request tells of the load of a server.
type Request struct {
	Kind RequestKind
	// Operation is the name of the S3 operation. Status is that of the answer, 0 if there
	// was none.
	Operation string
	Status    int
	// Again: another request for the same was made before. Hedge: that one did not fail,
	// but its answer is late.
	Again, Hedge bool
	// Began is when it was sent, and FirstByte the time until its answer began, or until it
	// failed.
	Began     time.Time
	FirstByte time.Duration
	// Throttled: the server asks for fewer requests, and to wait for RetryAfter if that is
	// not 0. Unanswered: there was no answer, and the caller did not cancel the request.
	Throttled, Unanswered bool
	RetryAfter            time.Duration
}

// A RequestKind is what a request is for.
type RequestKind int

// The kinds of requests.
const (
	ObjectRequest RequestKind = iota // anything about one object
	PartRequest                      // the bytes of a part of an object
	ListRequest                      // a page of a listing
	DeleteRequest                    // the removal of objects
)
