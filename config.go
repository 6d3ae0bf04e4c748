package s3sync

import (
	"context"
	"log/slog"
	"net/http"
	"time"

	"s3sync/internal/fields"
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
// Every field has an option of the command of the same meaning, and the other
// way round: see docs/options.md.
type Config struct { //nolint:recvcheck // MarshalJSON is that of a Config, too
	Source, Target Endpoint

	// DryRun reports what would be done and writes nothing of any kind.
	DryRun bool
	// ServerSideCopy lets the server copy between two S3 sides, which have to be on
	// the same one, or of AWS. Copies have the parts of their sources, whatever
	// Transfer says, and are proved by what the server tells of both.
	ServerSideCopy bool
	// Range limits the run to a part of the relative key space. What lies outside is
	// neither listed nor touched. It does not go with Delete if the target is a
	// directory.
	Range storage.Range

	AWS        AWS
	Filter     Filter
	Check      Check
	Verify     Verify
	Transfer   Transfer
	Metadata   Metadata
	Tagging    Tagging
	Versioning Versioning
	Condition  Condition
	Encryption Encryption
	Delete     Delete
	Report     Reporting
	Retry      Retry
	Timeout    Timeout
	Local      Local

	// WarnAsError turns warnings about objects that were left out into errors.
	WarnAsError bool
	// FailFast stops the run at the first object that fails.
	FailFast bool
	// IgnoreArchived leaves archived objects out without a warning.
	IgnoreArchived bool

	// OnEvent, if set, receives every event, in order and from one goroutine.
	// The run waits for it: it should return soon.
	OnEvent func(Event)
	// Preprocess, if set, may change what an object is written with, right before
	// it is sent to a bucket; it is not called in a dry run. [ErrSkip] leaves the
	// object out, and any other error ends the run. Calls do not overlap, so that
	// transfers wait for it. It is called again if an object is begun anew.
	Preprocess func(ctx context.Context, source *storage.Info, upload *Upload) error
	// Logger, if set, receives the log of the run: see docs/logging.md for its
	// messages and fields. Nothing secret is written to it.
	Logger *slog.Logger
}

// An Endpoint is one side of a run and how to reach it.
type Endpoint struct {
	// URL is s3://bucket[/prefix] or a path of the file system.
	URL string
	// Store, if set, is used instead of what URL names. Sync does not close it.
	Store storage.Store

	Profile      string // named profile of the AWS configuration files
	AccessKey    string
	SecretKey    string `secret:"true"`
	SessionToken string `secret:"true"`
	// Credentials, if set, is asked for keys instead: for the first request, and again
	// shortly before those it returned end. Calls do not overlap. Its ctx does not end
	// with the run, so a function that asks another server has to bound that.
	Credentials func(ctx context.Context) (Credentials, error)
	Region      string
	EndpointURL string
	// Transport, if set, sends the requests to the bucket, but not those for
	// credentials; it is the place for a proxy, an own certificate authority or
	// tracing. All time-outs but Connect, the bandwidth limit and the end of transfers
	// that stand still hold as without it. It must not follow redirects, and Sync does
	// not close it.
	Transport http.RoundTripper

	Accelerate   bool // S3 Transfer Acceleration
	RequestPayer bool // the requester pays
	PathStyle    bool // bucket in the path instead of the host name
}

// Credentials sign the requests of one side. Expires is when they end; the zero time
// is never, and lets them be asked for only once.
type Credentials = bucket.Credentials

// AWS names the configuration files that a named profile is looked up in, and
// how requests are made on both sides.
type AWS struct {
	ConfigFile      string
	CredentialsFile string
	// HTTPSProxy is the proxy for https requests: http(s)://user:password@host:port.
	// Empty takes the usual environment variables.
	HTTPSProxy string `secret:"true"`
	// AnonymousSource leaves requests to the source unsigned.
	AnonymousSource bool
	// MaxKeys is the page size of listings.
	MaxKeys int
	// UnsignedPayload sends uploads without the SHA-256 of the payload in the signature.
	UnsignedPayload bool
	// NoContentMD5 sends uploads without Content-MD5. It turns the ETag
	// verification of uploads off.
	NoContentMD5 bool
	// NoStallProtection lets a transfer stand still for ever.
	NoStallProtection bool
	// ParallelDirectoryListing lists the prefixes of a directory bucket at once. A
	// listing then also names prefixes of unfinished uploads, which costs requests.
	ParallelDirectoryListing bool
	// Trace logs the requests of the AWS SDK to Logger.
	Trace bool
}

// Filter selects source objects. The zero value of a field selects all. A
// target object whose source counterpart is filtered out is left alone.
type Filter struct {
	ModifiedBefore time.Time // strictly before
	ModifiedAfter  time.Time // at or after
	SmallerThan    *int64    `unit:"bytes"` // strictly smaller
	LargerThan     *int64    `unit:"bytes"` // larger or equal
	// Include is found in the key. If it begins with ^ and literal text, only keys
	// that begin so are listed, except with Delete, which looks for orphans everywhere.
	Include Matcher
	Exclude Matcher // not found in it

	// What follows is not in a listing: it costs a request for each object that is
	// to be transferred, and one more where tags are asked for and there are any. An
	// object without metadata or tags has none that could match. Metadata is
	// written name=value,name=value, and tags name=value&name=value, in order of
	// the names, percent-encoded but for the names of metadata.
	IncludeContentType Matcher
	ExcludeContentType Matcher
	IncludeMetadata    Matcher
	ExcludeMetadata    Matcher
	IncludeTags        Matcher
	ExcludeTags        Matcher

	// Func, if set, is asked last of what a listing tells: false leaves the object
	// out, and an error ends the run. Calls do not overlap, and the listing waits.
	Func func(storage.Object) (bool, error)
}

// A Matcher is found in a text or not. A [*Regexp] is one, and a regexp.Regexp of the
// standard library another. A Matcher of any other type works, but such a Config cannot be
// written as JSON, and an Include of it does not shorten a listing.
type Matcher = pattern.Matcher

// A Regexp is a regular expression in the syntax of Rust's crate regex, with Unicode
// in \w, \d, \s and \b and set operations in classes. Look-around, back-references,
// atomic groups and possessive repetitions may be added: those give up linear time.
type Regexp = pattern.Regexp

// CompileRegexp compiles a regular expression. Its error says what is wrong with it,
// and at which character.
func CompileRegexp(text string) (*Regexp, error) { return pattern.Compile(text) }

// Verify selects the evidence that what arrived is what was sent.
type Verify struct {
	// ETag compares ETags with the MD5 digests of the bytes that passed.
	ETag bool
	// Multipart does so for objects written in parts, too.
	Multipart bool
	// Algorithm is the additional checksum of uploads.
	Algorithm string
	// FullObject computes it over whole objects, not over part checksums. It does
	// nothing without Algorithm.
	FullObject bool
	// ReadChecksum verifies the additional checksum of source objects.
	ReadChecksum bool
	// Checksum compares the additional checksums of uploads with what the
	// target answers.
	Checksum bool
	// NoExpressChecksum leaves out the CRC64NVME that proves objects of
	// directory buckets: it is neither written there nor read from there.
	NoExpressChecksum bool
}

// Transfer bounds how much runs at once and how objects are cut into parts.
type Transfer struct {
	Workers       int // objects at once
	ParallelParts int // parts at once, of all objects together
	// MaxMemory bounds the buffers of object data in bytes. 0 is 256 MiB, or
	// two parts or an object below Threshold where that is more.
	MaxMemory int64 `unit:"bytes"`

	Threshold int64 `unit:"bytes"` // an object of this size or more goes in parts
	ChunkSize int64 `unit:"bytes"` // of a part
	// AutoChunkSize cuts target objects as their sources are.
	AutoChunkSize bool

	ObjectsPerSecond int   // 0 is no limit
	BytesPerSecond   int64 `unit:"bytes"` // in each direction; 0 is no limit
}

// Metadata replaces what written objects carry. A nil or empty field keeps what
// the source has.
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
	// NoSystem and NoUser leave out what the source has: the headers above and the
	// redirect, or the user metadata.
	NoSystem bool
	NoUser   bool
}

// Tagging selects the tags of written objects.
type Tagging struct {
	// Set gives every object these URL-encoded tags. The target must keep tags.
	Set        string
	Disable    bool
	SyncLatest bool
}

// Versioning selects versions of source objects.
type Versioning struct {
	// Enable syncs all versions between buckets that keep them, oldest first, and
	// the delete marker of what is deleted now.
	Enable bool
	// AllMarkers also syncs the delete markers between versions.
	AllMarkers bool
	// PointInTime, if set, takes each object of the source as it was then.
	PointInTime time.Time
}

// Condition makes writes depend on what is there. An object whose condition does
// not hold is left out with a warning.
type Condition struct {
	// IfMatch writes and deletes only what still is as it was compared.
	IfMatch bool
	// IfNoneMatch writes only what the target does not have.
	IfNoneMatch bool
	// CopySourceIfMatch lets the server copy only what still is as it was seen.
	CopySourceIfMatch bool
}

// Encryption is the server-side encryption of objects.
type Encryption struct {
	SSE            string
	KMSKeyID       string `secret:"true"`
	SourceCustomer CustomerKey
	TargetCustomer CustomerKey
}

// A CustomerKey encrypts objects with a key that the server does not keep (SSE-C).
type CustomerKey struct {
	Algorithm string
	Key       string `secret:"true"` // base64
	KeyMD5    string // base64
}

// Delete removes target objects that the source does not have. Nothing is
// removed unless both listings were complete and every transfer succeeded. The
// object whose key is the prefix itself and folder markers, which are empty and
// whose keys end in a slash, always stay. What looks like a mistake is refused
// with [ErrDeleteRefused].
type Delete struct {
	Enable bool
	// Excluded also removes target objects that Filter.Exclude matches.
	Excluded bool
	// Max is how many objects are removed at most; 0 is no bound.
	Max int64
	// MaxPercent refuses to remove anything if more than 100 objects and more than
	// so many percent of what the target holds would go, whatever Max is; 100 never
	// refuses.
	MaxPercent int
	// AllowEmptySource permits to remove objects although the source has none.
	AllowEmptySource bool
	// AllowPartialPrefix permits to remove objects below a prefix that does not end
	// in a slash although the target has keys that continue it in another way:
	// "photos-old/a" for "photos".
	AllowPartialPrefix bool
	// AllowOverlap says that two buckets of one name whose keys overlap are two.
	// Without it the source is asked, and if it cannot be asked nothing is removed.
	AllowOverlap bool
}

// Reporting makes the run a report: nothing is written, and every source object
// is compared with the target whatever its time of modification. It is compared
// by ETag, or by additional checksum if Check.Mode is CheckChecksum. What could not be
// looked at is an error, as with WarnAsError.
type Reporting struct {
	// Status reports of each object whether the target has the same.
	Status bool
	// Metadata also compares headers and user metadata, and Tagging tags, between
	// buckets. Each costs up to two requests per object.
	Metadata bool
	Tagging  bool
}

// Retry bounds repetitions: MaxAttempts of each request, and ForceCount more of
// what still failed for a reason that may pass.
type Retry struct {
	MaxAttempts    int
	InitialBackoff time.Duration
	ForceCount     int
	ForceInterval  time.Duration
}

// Timeout bounds waiting. 0 is no bound, except Connect, where it is 3.1 s.
// DefaultConfig has one minute for Read.
type Timeout struct {
	Operation time.Duration // one call with its retries
	Attempt   time.Duration // one request
	Connect   time.Duration
	// Read bounds the wait for the first byte of an answer, once the request was
	// sent. Where the server works before it answers (copies, and completing an
	// upload) the wait is 15 times as long, up to 15 minutes. If it is shorter than
	// the time after which a transfer counts as stalled it takes its place.
	Read time.Duration
}

// Local adjusts how directories are read and written.
type Local struct {
	IgnoreSymlinks bool
	// Fsync makes each file durable before it counts as transferred.
	Fsync bool
}

// DefaultConfig returns the settings that hold where nothing else is said.
func DefaultConfig() *Config {
	return &Config{
		AWS:    AWS{MaxKeys: 1000},
		Verify: Verify{ETag: true, Multipart: true, Checksum: true},
		Transfer: Transfer{
			Workers:       16,
			ParallelParts: 16,
			Threshold:     8 * MiB,
			ChunkSize:     8 * MiB,
		},
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

// MarshalJSON writes c without its secrets, functions, stores, transports and
// logger. The reader has to add those again: secrets are the fields with the tag
// secret:"true". Every other field that is not zero is written under its path, so
// that the form does not depend on what [DefaultConfig] returns. Sizes are text
// such as "8MiB", durations text such as "1m0s", times RFC 3339, and regular
// expressions their text, those of the standard library as {"go": text}.
//
// Text that is not valid UTF-8, such as an odd path of the file system, is an
// error, because JSON cannot hold it.
func (c Config) MarshalJSON() ([]byte, error) { return fields.Marshal(&c, configVersion) }

// UnmarshalJSON sets c to what [Config.MarshalJSON] wrote. Fields that are not
// written keep what c has: secrets, functions, stores, transports and the logger.
// Another version and unknown fields are errors. [Config.Validate] checks the
// values.
func (c *Config) UnmarshalJSON(data []byte) error { return fields.Unmarshal(data, c, configVersion) }
