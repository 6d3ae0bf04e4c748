// Package bucket is a [storage.Store] of the objects below a prefix of an S3
// bucket: of AWS, or of another server that speaks the protocol.
//
// Package internal/wire makes the requests. It alone knows the AWS SDK. This package
// decides what is requested and what follows from the answers. Store is made of small
// types, each for one purpose: objects (looking at single objects), writing, copying,
// removal, tags, and listing.Bucket.
//
// Reads after the first one require the ETag of the first. So an object is never put
// together from two. If a server does not confirm the requested encryption key, nothing
// more is written to it.
//
// Directory buckets (S3 Express One Zone) differ in their sessions, their listings,
// and ETags that are no digests.
package bucket

import (
	"context"
	"iter"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/account"
	"s3sync/storage/bucket/internal/address"
	"s3sync/storage/bucket/internal/failure"
	"s3sync/storage/bucket/internal/listing"
	"s3sync/storage/bucket/internal/objects"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/server"
	"s3sync/storage/bucket/internal/transport"
	"s3sync/storage/bucket/internal/wire"
)

// maxPage is how many entries S3 puts on a page of a listing.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
const maxPage = 1000

// Options say which bucket is opened and how requests to it are made. Only Bucket is
// required. Unless a field says otherwise, its zero value is the default of the AWS SDK.
type Options struct {
	// Bucket is a name or the ARN of an access point. All keys begin with Prefix.
	// See ParseURL.
	Bucket, Prefix string

	// Anonymous leaves requests unsigned and looks for no credentials. Otherwise the
	// credentials are the first of these that is set: the result of Credentials, the
	// static keys, the profile, the default chain of the SDK.
	Anonymous    bool
	Profile      string
	AccessKey    string
	SecretKey    string // secret
	SessionToken string // secret
	// Credentials, if set, is called for the first request, and again shortly before
	// what it returned ends. Calls do not overlap. ctx has the values of a request but
	// does not end with it.
	Credentials func(ctx context.Context) (Credentials, error)
	// Region wins over the region of Profile, and that wins over AWS_REGION.
	Region      string
	EndpointURL string // http(s)://host[:port]

	Accelerate   bool
	RequestPayer bool
	PathStyle    bool

	// Encryption is how objects are written, and with which key read.
	Encryption Encryption

	// ConfigFile and CredentialsFile replace the files of the AWS configuration.
	ConfigFile      string
	CredentialsFile string
	// HTTPSProxy is the proxy for https requests; empty takes the environment's.
	HTTPSProxy string
	// Transport, if set, sends the requests to the bucket, but not those for
	// credentials. It must not follow redirects. HTTPSProxy, ConnectTimeout and MaxConns
	// do not apply to it. All other limits do. The store does not close it.
	Transport http.RoundTripper
	// ParallelListings is how many requests of one listing may be made at the same time; 0
	// and 1 list page by page. FanOut lists the prefixes of a directory bucket at the same
	// time, too.
	ParallelListings int
	FanOut           bool
	// MaxKeys is the page size of listings; 0 is 1,000.
	MaxKeys int
	// UnsignedPayload leaves the payload of uploads out of the signature.
	UnsignedPayload bool
	// NoContentMD5 sends uploads without Content-MD5.
	NoContentMD5 bool
	// Trace, if set, logs every request at level debug.
	Trace *slog.Logger

	// Notice, if set, receives what the user should know about the server, each text
	// once. It may be called from any goroutine while another method runs.
	Notice func(storage.Notice)

	// MaxAttempts bounds the attempts of each request; at least 1 is made.
	MaxAttempts int
	// InitialBackoff is the longest pause after the first attempt. It doubles, up to 20 s.
	// Pauses are longer where many requests are retried, or where the server asks for it.
	InitialBackoff time.Duration

	OperationTimeout time.Duration // of a call with its attempts; 0 is none
	AttemptTimeout   time.Duration // of a request until its answer begins; 0 is none
	ConnectTimeout   time.Duration // 0 is 3.1 s
	// ReadTimeout ends the wait for an answer after the request was sent. For requests
	// that take the server some time, it is 15 times as long, up to 15 minutes.
	// 0 never ends the wait.
	ReadTimeout time.Duration
	// StallTimeout ends transfers of a body that make no progress, as ReadTimeout
	// does for an answer if it is shorter; 0 never does.
	StallTimeout time.Duration

	// MaxConns is the number of idle connections that are kept open. It should be the
	// number of requests that are made at the same time.
	MaxConns int
	// ReceiveLimit and SendLimit, if set, bound the bytes of object data.
	ReceiveLimit, SendLimit Limiter
}

// Credentials sign requests.
type Credentials struct {
	AccessKey    string
	SecretKey    string // secret
	SessionToken string // secret; empty for permanent keys
	// Expires is when they end; the zero time is never.
	Expires time.Time
}

// A Limiter bounds a stream of bytes. WaitN returns when n more may pass.
type Limiter interface {
	WaitN(ctx context.Context, n int) error
}

// Encryption says how the server encrypts what is written. The zero Encryption
// leaves that to the bucket.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/UsingEncryption.html
type Encryption struct {
	// SSE is "AES256", "aws:kms" or "aws:kms:dsse".
	SSE string
	// KMSKeyID is for aws:kms and aws:kms:dsse; empty takes the key of the account.
	KMSKeyID string // secret
	// Customer is the key of what is written and read. It goes without SSE.
	Customer CustomerKey
}

// A CustomerKey encrypts objects with a key that the server does not keep (SSE-C).
// Every request that writes or reads such an object has to bring it along, over
// TLS. The zero CustomerKey is none.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/ServerSideEncryptionCustomerKeys.html
type CustomerKey struct {
	Algorithm string // "AES256", also if it is empty
	Key       string // base64 of 32 bytes; secret
	KeyMD5    string // base64 of its MD5 digest; empty lets it be computed
}

// requests are the options of requests.
func (o *Options) requests() wire.Options {
	var credentials func(context.Context) (account.Credentials, error)
	if o.Credentials != nil {
		credentials = func(ctx context.Context) (account.Credentials, error) {
			c, err := o.Credentials(ctx)
			return account.Credentials(c), err
		}
	}
	return wire.Options{
		Bucket: o.Bucket,
		Account: account.Options{
			Anonymous: o.Anonymous, Profile: o.Profile,
			Credentials: credentials, AccessKey: o.AccessKey, SecretKey: o.SecretKey, SessionToken: o.SessionToken,
			ConfigFile: o.ConfigFile, CredentialsFile: o.CredentialsFile, Region: o.Region,
		},
		EndpointURL:      o.EndpointURL,
		Accelerate:       o.Accelerate,
		RequestPayer:     o.RequestPayer,
		PathStyle:        o.PathStyle,
		UnsignedPayload:  o.UnsignedPayload,
		NoContentMD5:     o.NoContentMD5,
		Encryption:       request.Encryption{SSE: o.Encryption.SSE, KMSKeyID: o.Encryption.KMSKeyID, Customer: request.CustomerKey(o.Encryption.Customer)},
		MaxAttempts:      o.MaxAttempts,
		InitialBackoff:   o.InitialBackoff,
		OperationTimeout: o.OperationTimeout,
		Transport: transport.Options{
			Given: o.Transport, HTTPSProxy: o.HTTPSProxy, ConnectTimeout: o.ConnectTimeout, AttemptTimeout: o.AttemptTimeout,
			ReadTimeout: o.ReadTimeout, StallTimeout: o.StallTimeout, MaxConns: o.MaxConns,
			Receive: o.ReceiveLimit, Send: o.SendLimit, PageSize: o.MaxKeys, Trace: o.Trace,
		},
	}
}

// A Store is the objects of a bucket whose keys begin with a prefix.
type Store struct {
	access  *objects.Access
	opts    Options
	known   *knowledge
	objects *objects.Objects
	writing *writing
	tags    *tags
	listing *listing.Bucket
}

// knowledge is what a store has learnt from its writes. Stores of one bucket that were
// derived from each other share it.
type knowledge struct {
	uncertain uncertainWrites
	tagging   tagging
	observers observers
}

var _ storage.Store = (*Store)(nil)

// Open prepares for requests to a bucket. It reads configuration files and gets
// credentials, but sends no request to the bucket. So the first listing reports a
// missing bucket. The errors of Open are storage.ErrUnusable, also if no region is known.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if opts.Bucket == "" {
		return nil, failure.Unusable("no bucket is named")
	}
	if opts.EndpointURL != "" {
		u, err := url.Parse(opts.EndpointURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			return nil, failure.Unusable("the endpoint URL is not of the form http(s)://host[:port]")
		}
	}
	if opts.MaxKeys <= 0 {
		opts.MaxKeys = maxPage
	}
	known, learnt := server.New(opts.Notice), new(knowledge)
	requests := opts.requests()
	requests.Notice, requests.Transport.Observe = known.Notice, learnt.observers.tell
	w, err := wire.Open(ctx, requests)
	if err != nil {
		return nil, err
	}
	a := objects.Access{
		Wire: w, Server: known, Bucket: opts.Bucket, Directory: address.IsDirectory(opts.Bucket),
		Prefix: opts.Prefix,
	}
	return newStore(a, opts, learnt), nil
}

// newStore puts a store together.
func newStore(a objects.Access, opts Options, known *knowledge) *Store {
	s := &Store{access: &a, opts: opts, known: known}
	s.listing = &listing.Bucket{
		Wire: a.Wire, Server: a.Server, Prefix: a.Prefix, Directory: a.Directory, InParallel: opts.FanOut, PageSize: opts.MaxKeys,
		Listers: opts.ParallelListings,
	}
	s.objects = &objects.Objects{Access: s.access, Listing: s.listing}
	s.tags = &tags{Objects: s.objects, known: &known.tagging}
	s.writing = &writing{Objects: s.objects, tags: s.tags, uncertain: &known.uncertain, asks: demands{
		encryption: opts.Encryption.SSE != "", customerKey: opts.Encryption.Customer.Key != "", requesterPays: opts.RequestPayer,
	}}
	return s
}

// Caps tells what S3 can do. Directory buckets list in no order, their ETags verify
// nothing, and they have neither tags nor a choice of storage classes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html (ETag)
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
func (s *Store) Caps() storage.Caps {
	caps := storage.Caps{
		Ordered:     !s.access.Directory,
		WantMD5:     s.access.Wire.SendsMD5(),
		WantSHA256:  !s.opts.UnsignedPayload,
		Streams:     true,
		DeleteBatch: deleteBatch,
		MaxParts:    request.MaxParts,
		MaxCopy:     maxCopy,
		Tags:        !s.access.Directory, StorageClasses: !s.access.Directory,
		Metered: true,
	}
	if s.access.Directory {
		caps.DefaultChecksum = storage.CRC64NVME
	}
	return caps
}

// List yields the objects of a range, in order except in a directory bucket. An
// object whose key equals the prefix has an empty key. The next page is fetched
// while the objects of one are consumed.
//
// The server is not trusted: a listing that is out of order, incomplete, or not
// below the prefix is an error.
func (s *Store) List(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	if s.access.Single != "" {
		return s.listSingle(ctx, opts.Range)
	}
	listing := *s.listing
	listing.Asked = opts.Asked
	return listing.Objects(ctx, opts.Range)
}

// Stat describes an object by its headers. A marker of a deleted object is none.
func (s *Store) Stat(ctx context.Context, key string, opts storage.StatOptions) (storage.Info, error) {
	info, err := s.objects.Stat(ctx, key, opts)
	if err != nil {
		return storage.Info{}, s.access.Fail(ctx, "stat", key, err)
	}
	return info, nil
}

// Open starts to read an object. Its first request brings the beginning along:
// as many bytes as opts.First says, or all.
func (s *Store) Open(ctx context.Context, key string, opts storage.OpenOptions) (storage.Reader, error) {
	r, err := s.objects.Open(ctx, key, opts)
	if err != nil {
		return nil, s.access.Fail(ctx, "open", key, err)
	}
	return r, nil
}

// Put writes an object in one request. The server refuses a body that does not
// match the digests of b.
func (s *Store) Put(ctx context.Context, key string, b storage.Block, opts storage.WriteOptions) (storage.Info, error) {
	info, err := s.writing.putObject(ctx, key, b, opts)
	if err != nil {
		return storage.Info{}, s.access.Fail(ctx, "put", key, err)
	}
	return info, nil
}

// Create begins a multipart upload. If the answer is lost, the upload stays open on the
// server: a listing of uploads does not distinguish it from an upload that another
// program began under the same key, and that one must not be aborted.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_MultipartUpload.html
func (s *Store) Create(ctx context.Context, key string, opts storage.WriteOptions) (storage.Writer, error) {
	w, err := s.writing.create(ctx, key, opts)
	if err != nil {
		return nil, s.access.Fail(ctx, "put", key, err)
	}
	return w, nil
}

// Delete removes objects with one request. An object gets a request of its own if it is
// to be removed only while it has its ETag, if the XML body cannot hold its key, or if
// the server does not know DeleteObjects. In a bucket with versioning Delete adds delete
// markers. It never destroys a version, also if an object names one.
func (s *Store) Delete(ctx context.Context, objects []storage.Object, opts storage.DeleteOptions) []error {
	return removal{s.writing}.remove(ctx, objects, opts)
}

// Close closes idle connections.
func (s *Store) Close() error {
	s.access.Wire.Close()
	return nil
}

var _ storage.Tagger = (*Store)(nil)

// Tags asks for the tags of an object. A directory bucket has none:
// errors.ErrUnsupported.
func (s *Store) Tags(ctx context.Context, key, versionID string) (map[string]string, error) {
	return s.tags.read(ctx, key, versionID)
}

// SetTags replaces the tags of an object.
func (s *Store) SetTags(ctx context.Context, key string, tags map[string]string) error {
	return s.tags.replace(ctx, key, tags)
}

var _ storage.Versioner = (*Store)(nil)

// Versioning reports whether versioning is enabled. It is not if it is suspended.
func (s *Store) Versioning(ctx context.Context) (bool, error) {
	if s.access.Directory {
		return false, nil
	}
	status, err := s.access.Wire.GetBucketVersioning(ctx)
	return status == versioningEnabled, s.access.Fail(ctx, "list", "", err)
}

// Versions yields the versions and delete markers of a range in the order in which
// the server lists them: by key, and those of one key from the newest to the
// oldest. It is checked and fetched ahead as List is.
func (s *Store) Versions(ctx context.Context, opts storage.ListOptions) iter.Seq2[storage.Object, error] {
	if s.access.Single != "" {
		return s.singleVersions(ctx, opts)
	}
	return s.listing.Versions(ctx, opts.Range)
}

var _ storage.Waiter = (*Store)(nil)

// Waiting returns how long the server has been silent, and which requests wait for it.
// A retry does not end the silence.
func (s *Store) Waiting() (quiet time.Duration, what string) { return s.access.Wire.HTTP().Waiting() }
