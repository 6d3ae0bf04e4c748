package s3sync

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"time"

	"s3sync/internal/fields"
	"s3sync/internal/glob"
	"s3sync/internal/pattern"
	"s3sync/storage"
	"s3sync/storage/bucket"
)

// Sizes in bytes.
const (
	KiB = 1 << 10
	MiB = 1 << 20
	GiB = 1 << 30
)

// A Config says what one run does. Start from [DefaultConfig], set Source and
// Target, change what differs, and call [Sync]. The zero Config is not valid.
//
// Each setting of the command is a field. Store, Credentials, Transport, Range and callbacks are for programs only.
type Config struct { //nolint:recvcheck // MarshalJSON is that of a Config, too
	Source, Target Endpoint

	// DryRun reports what would be done and writes nothing of any kind.
	DryRun bool
	// ServerSideCopy lets the server copy between two S3 sides, which must be on the
	// same server or both on AWS. Copies have the parts of their sources, whatever
	// Transfer says. They are verified by what the server reports about both objects.
	ServerSideCopy bool
	// Range limits the run to a range of relative keys. Keys outside of it are neither
	// listed nor changed. It cannot be combined with Delete if the target is a
	// directory.
	Range storage.Range

	AWS        AWS
	Filter     Filter
	Check      Check
	Verify     Verify
	Transfer   Transfer
	State      State
	Resume     Resume
	Metadata   Metadata
	Tagging    Tagging
	Versioning Versioning
	Condition  Condition
	Encryption Encryption
	Delete     Delete
	Trash      Trash
	Report     Reporting
	Retry      Retry
	Timeout    Timeout
	Local      Local

	// WarnAsError turns warnings about skipped objects into errors.
	WarnAsError bool
	// FailFast stops the run at the first object that fails.
	FailFast bool
	// IgnoreArchived skips archived objects without a warning.
	IgnoreArchived bool

	// OnEvent, if set, receives every event, in order and from one goroutine. The run
	// waits for it, so it should return soon.
	OnEvent func(Event)
	// OnProgress, if set, is told four times a second, and at the end, how far the run is.
	OnProgress func(Progress)
	// Preprocess, if set, may change what an object is written with, right before the
	// object is sent to a bucket. A dry run does not call it. [ErrSkip] skips the
	// object, and any other error ends the run. Calls do not overlap, so transfers wait
	// for it. It is called again if an object begins again.
	Preprocess func(ctx context.Context, source *storage.Info, upload *Upload) error
	// Stdin is read for a list that is called "-": see Filter.FilesFrom.
	Stdin io.Reader
	// Logger, if set, receives the log of the run: see docs/logging.md for its messages
	// and fields. It never receives secrets.
	Logger *slog.Logger
}

// An Endpoint is one side of a run and how to reach it.
type Endpoint struct {
	// URL is s3://bucket[/prefix] or a path of the file system.
	URL string
	// Store, if set, is used instead of URL. Sync does not close it.
	Store storage.Store

	Profile      string // named profile of the AWS configuration files
	AccessKey    string
	SecretKey    string `secret:"true"`
	SessionToken string `secret:"true"`
	// Credentials, if set, returns the keys instead: for the first request, and again
	// shortly before its keys expire. Calls do not overlap. Its ctx does not end with
	// the run, so the function must limit its own waiting.
	Credentials func(ctx context.Context) (Credentials, error)
	Region      string
	EndpointURL string
	// Transport, if set, sends the requests to the bucket, but not those for
	// credentials. Use it for a proxy, a private certificate authority or tracing. The
	// bandwidth limit, the detection of stalled transfers and all time-outs except
	// Connect still apply. It must not follow redirects. Sync does not close it.
	Transport http.RoundTripper

	Accelerate   bool // S3 Transfer Acceleration
	RequestPayer bool // the requester pays
	PathStyle    bool // bucket in the path instead of the host name

	// Inventory is the URL of the manifest.json of an S3 Inventory of the bucket. The
	// objects in it take the place of a listing, as they were when it was made. It is read
	// with the credentials of this side.
	Inventory string
}

// Credentials sign the requests of one side. Expires is the time at which they expire;
// with the zero time they never expire and are requested only once.
type Credentials = bucket.Credentials

// AWS names the configuration files with the named profiles, and says how requests are
// made on both sides.
type AWS struct {
	ConfigFile      string
	CredentialsFile string
	// HTTPSProxy is the proxy for https requests: http(s)://user:password@host:port. If
	// empty, the usual environment variables apply.
	HTTPSProxy string `secret:"true"`
	// AnonymousSource leaves requests to the source unsigned.
	AnonymousSource bool
	// MaxKeys is the page size of listings.
	MaxKeys int
	// ParallelListings bounds the requests of one listing that are made at the same time.
	// A listing begins with one. They become more while pages take longer to come than to be
	// read, and fewer when the server asks for that. 1 lists page by page.
	ParallelListings int
	// UnsignedPayload sends uploads without the SHA-256 of the payload in the signature.
	UnsignedPayload bool
	// NoContentMD5 sends uploads without Content-MD5. It disables the ETag verification
	// of uploads.
	NoContentMD5 bool
	// NoStallProtection lets a transfer stall forever.
	NoStallProtection bool
	// ParallelDirectoryListing lists the prefixes of a directory bucket in parallel.
	// Such a listing includes prefixes of unfinished uploads, which costs requests.
	ParallelDirectoryListing bool
	// Trace logs the requests to S3 to Logger.
	Trace bool
}

// Filter selects source objects. The zero value of a field selects all of them. A
// target object is kept if its source counterpart is filtered out. Exclude, Globs and
// IgnoreFile also keep target-only objects, unless Delete.Excluded is set.
type Filter struct {
	ModifiedBefore time.Time // strictly before
	ModifiedAfter  time.Time // at or after
	SmallerThan    *int64    `unit:"bytes"` // strictly smaller
	LargerThan     *int64    `unit:"bytes"` // larger or equal
	// Include must match the key. If it begins with ^ and literal text, only keys with
	// that prefix are listed, except with Delete, which needs all keys of the target.
	Include Matcher
	Exclude Matcher // must not match the key
	// Globs include and exclude keys. Of those that match a key the last one decides; a
	// key that none matches is included. So the first one must exclude. If Globs exclude
	// everything below a directory, it is not read, and if all keys that they include
	// have a prefix, only keys with that prefix are listed.
	Globs []GlobRule
	// IgnoreFile is the name of files in the directories of a local source that exclude
	// keys, by the rules of gitignore. What an ignore file excludes is not read.
	IgnoreFile string
	// FilesFrom is a file with the keys to sync, one a line, relative to the source; "-" is
	// Stdin. Nothing else is looked at. FilesFrom0 is one whose keys end with a NUL byte.
	FilesFrom, FilesFrom0 string

	// Listings do not contain the following properties. They cost a request for each
	// object to be transferred, and one more if tags are needed and exist. An object
	// without metadata or tags is never matched. Metadata has the form
	// name=value,name=value, and tags name=value&name=value, in order of the names.
	// Both are percent-encoded, except the names of metadata.
	IncludeContentType Matcher
	ExcludeContentType Matcher
	IncludeMetadata    Matcher
	ExcludeMetadata    Matcher
	IncludeTags        Matcher
	ExcludeTags        Matcher

	// Func, if set, is the last filter of listed properties: false skips the object,
	// and an error ends the run. Calls do not overlap, and the listing waits.
	Func func(storage.Object) (bool, error)
}

// A Matcher matches texts. A [*Regexp] is one, and so are a regexp.Regexp of the standard
// library, and [AnyOf] several Matchers. Other types work, but such a Config cannot be
// written as JSON, and such an Include does not shorten a listing.
type Matcher = pattern.Matcher

// AnyOf returns the Matcher of what at least one of some Matchers matches.
func AnyOf(matchers ...Matcher) Matcher { return pattern.AnyOf(matchers...) }

// A GlobRule includes or excludes the keys that match a pattern. Its Pattern is one of
// gitignore, with {a,b} besides: docs/filters.md has all of it. Its text is "+ PATTERN"
// or "- PATTERN".
type GlobRule = glob.Rule

// A Regexp is a regular expression in the syntax of Rust's crate regex, with Unicode in
// \w, \d, \s and \b and set operations in classes. It may also use look-around,
// back-references, atomic groups and possessive repetitions, which do not match in
// linear time.
type Regexp = pattern.Regexp

// CompileRegexp compiles a regular expression. Its error says what is wrong and at
// which character.
func CompileRegexp(text string) (*Regexp, error) { return pattern.Compile(text) }

// Verify selects how it is verified that what arrived is what was sent.
type Verify struct {
	// ETag compares ETags with the MD5 digests of the bytes that passed.
	ETag bool
	// Multipart extends ETag to objects written in parts.
	Multipart bool
	// Algorithm is the additional checksum of uploads.
	Algorithm string
	// FullObject computes Algorithm over whole objects, not over part checksums. It has
	// no effect without Algorithm.
	FullObject bool
	// ReadChecksum verifies the additional checksum of source objects.
	ReadChecksum bool
	// Checksum compares the additional checksums of uploads with the target's response.
	Checksum bool
	// NoExpressChecksum disables the CRC64NVME that verifies objects of directory
	// buckets: it is neither written there nor read from there.
	NoExpressChecksum bool
}

// Metadata replaces the attributes of written objects. A nil or empty field keeps those
// of the source.
type Metadata struct {
	CacheControl       string
	ContentDisposition string
	ContentEncoding    string
	ContentLanguage    string
	ContentType        string
	Expires            time.Time
	User               map[string]string
	WebsiteRedirect    string
	StorageClass       string
	ACL                string
	// PutLastModified adds the source's time of modification to the metadata.
	PutLastModified bool
	// NoGuessType leaves the Content-Type of local files to the server.
	NoGuessType bool
	// NoSystem and NoUser drop attributes of the source: the headers above and the
	// redirect, or the user metadata.
	NoSystem bool
	NoUser   bool
}

// Tagging selects the tags of written objects.
type Tagging struct {
	// Set sets these URL-encoded tags on every object. The target must support tags.
	Set        string
	Disable    bool
	SyncLatest bool
}

// Versioning selects versions of source objects.
type Versioning struct {
	// Enable syncs all versions between buckets with versioning, oldest first, and the
	// delete marker of each key that is deleted now.
	Enable bool
	// AllMarkers also syncs the delete markers between versions.
	AllMarkers bool
	// PointInTime, if set, syncs the source as it was then.
	PointInTime time.Time
}

// Condition makes writes depend on the current target. An object whose condition does
// not hold is skipped with a warning.
type Condition struct {
	// IfMatch writes and deletes only objects that have not changed since the
	// comparison.
	IfMatch bool
	// IfNoneMatch writes only objects that the target does not have.
	IfNoneMatch bool
	// CopySourceIfMatch lets the server copy only objects that have not changed.
	CopySourceIfMatch bool
}

// Encryption is the server-side encryption of objects.
type Encryption struct {
	SSE            string
	KMSKeyID       string `secret:"true"`
	SourceCustomer CustomerKey
	TargetCustomer CustomerKey
}

// A CustomerKey encrypts objects with a key that the server does not store (SSE-C).
type CustomerKey struct {
	Algorithm string
	Key       string `secret:"true"` // base64
	KeyMD5    string // base64
}

// Delete removes target objects that the source does not have. Nothing is removed
// unless both listings were complete and every transfer succeeded. The object whose key
// is the prefix itself is always kept, and so are folder markers: empty objects whose
// keys end in a slash. A probable mistake is refused with [ErrDeleteRefused].
type Delete struct {
	Enable bool
	// Excluded also removes target objects that Filter.Exclude, Globs or IgnoreFile
	// exclude.
	Excluded bool
	// Max is the maximum number of removed objects; 0 means no limit.
	Max int64
	// MaxPercent refuses to remove anything if more than 100 objects and more than this
	// percentage of the target's objects would be removed, whatever Max is; 100 never
	// refuses.
	MaxPercent int
	// AllowEmptySource allows removals even if the source has no objects.
	AllowEmptySource bool
	// AllowPartialPrefix allows removals below a prefix that does not end in a slash,
	// even if the target has keys that continue the prefix differently: "photos-old/a"
	// for "photos".
	AllowPartialPrefix bool
	// AllowOverlap says that two buckets with the same name and overlapping keys are
	// different. Without it the source is asked; if that fails, nothing is removed.
	AllowOverlap bool
	// ListIsComplete allows removals although a side is not listed, because an inventory or
	// Filter.FilesFrom takes the place of its listing: it says that they name every object.
	// An object that the source has nevertheless is kept with a warning.
	ListIsComplete bool
}

// Reporting turns the run into a report: nothing is written, and every source object is
// compared with the target whatever its time of modification. It is compared by ETag,
// or by additional checksum if Check.Mode is CheckChecksum. If something could not be
// looked at, it is an error, as with WarnAsError.
type Reporting struct {
	// Status reports for each object whether the target has the same content.
	Status bool
	// Metadata also compares headers and user metadata, and Tagging compares tags,
	// between buckets. Each costs up to two requests per object.
	Metadata bool
	Tagging  bool
}

// Retry bounds retries: MaxAttempts of each request, and ForceCount more attempts after
// temporary failures.
type Retry struct {
	MaxAttempts    int
	InitialBackoff time.Duration
	ForceCount     int
	ForceInterval  time.Duration
}

// Timeout bounds waiting. 0 means no limit, except for Connect, where it means 3.1 s.
// DefaultConfig sets Read to one minute.
type Timeout struct {
	Operation time.Duration // one call with its retries
	Attempt   time.Duration // one request
	Connect   time.Duration
	// Read limits the wait for the first byte of a response after the request was sent.
	// If the server must work first (copies, and completing an upload) the limit is 15
	// times as long, up to 15 minutes. If Read is shorter than the time after which a
	// transfer counts as stalled, it replaces that time.
	Read time.Duration
}

// Local adjusts how directories are read and written.
type Local struct {
	IgnoreSymlinks bool
	// Fsync makes each file durable before it counts as transferred.
	Fsync bool
}

// DefaultConfig returns the default settings.
func DefaultConfig() *Config {
	return &Config{
		AWS:    AWS{MaxKeys: 1000, ParallelListings: 32},
		Verify: Verify{ETag: true, Multipart: true, Checksum: true},
		Transfer: Transfer{
			Threshold: 8 * MiB,
			ChunkSize: 8 * MiB,
		},
		Resume: Resume{MaxAge: 7 * 24 * time.Hour},
		Delete: Delete{MaxPercent: 80},
		Retry: Retry{
			MaxAttempts:    10,
			InitialBackoff: 100 * time.Millisecond,
			ForceCount:     5,
			ForceInterval:  time.Second,
		},
		Timeout: Timeout{Read: time.Minute},
	}
}

// configVersion is the version of the written form of a Config.
const configVersion = 1

// MarshalJSON writes c without its secrets, functions, stores, transports and logger.
// The reader must set those again: secrets are the fields with the tag secret:"true".
// Every other field that is not zero is written under its path, so the form does not
// depend on [DefaultConfig]. Sizes are text such as "8MiB", durations text such as
// "1m0s", times RFC 3339, and regular expressions their text, those of the standard
// library as {"go": text}.
//
// Text that is not valid UTF-8, such as an unusual file path, is an error, because JSON
// cannot hold it.
func (c Config) MarshalJSON() ([]byte, error) { return fields.Marshal(&c, configVersion) }

// UnmarshalJSON sets c to the output of [Config.MarshalJSON]. Fields that are not
// written keep their values in c: secrets, functions, stores, transports and the
// logger. Another version and unknown fields are errors. [Config.Validate] checks the
// values.
func (c *Config) UnmarshalJSON(data []byte) error { return fields.Unmarshal(data, c, configVersion) }
