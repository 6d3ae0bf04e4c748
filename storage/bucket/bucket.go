// Package bucket is a [storage.Store] of the objects below a prefix of an S3
// bucket: of AWS, or of another server that speaks the protocol.
//
// It is the only package that knows the AWS SDK. Nothing of it shows: errors
// are told in the words of package storage, once, in errors.go. The few requests
// that are made for every object stand together in calls.go.
//
// What the requests carry lets the server refuse damaged data: uploads have
// Content-MD5, a signed SHA-256 of their payload and the additional checksum that
// the object is to have, all computed by the caller and only once. Additional
// checksums go by headers of ours, in checksum.go: the SDK computes and verifies
// none, and need not know their algorithms. Reads after the first one name the
// ETag of the first, so that an object is never put together from two.
//
// Encryption goes by headers, too, which encryption.go adds to every request
// that takes them. A server that does not say that it used the key that was
// asked for is not written to any more.
//
// Directory buckets (S3 Express One Zone) differ in their sessions (session.go),
// their listings (list.go), and ETags that are no digests.
package bucket

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"s3sync/storage"
)

// Limits of S3.
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/qfacts.html
// https://docs.aws.amazon.com/AmazonS3/latest/userguide/object-keys.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
const (
	maxParts    = 10_000
	maxKey      = 1024 // bytes
	deleteBatch = 1000
	maxPage     = 1000
)

// Options say which bucket is opened and how requests to it are made. Only
// Bucket is needed; zero values stand for what the AWS SDK does by default, as
// far as nothing else is said.
type Options struct {
	// Bucket is a name or the ARN of an access point, Prefix what all keys
	// begin with: see ParseURL.
	Bucket, Prefix string
	// single, if set, is the name of the only object: see Single.
	single string

	// Anonymous leaves requests unsigned and looks for no credentials. Else these
	// are those that Credentials returns, the static keys if AccessKey is set, else those of the profile if there is
	// one, else what the default chain of the SDK finds.
	Anonymous    bool
	Profile      string
	AccessKey    string
	SecretKey    string // secret
	SessionToken string // secret
	// Credentials, if set, is called for the first request, and again shortly before
	// what it returned ends. Calls do not overlap. ctx has the values of a request but
	// does not end with it.
	Credentials func(ctx context.Context) (Credentials, error)
	// Region goes before that of Profile, and this before AWS_REGION.
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
	// are its own business then; all other limits hold. The store does not close it.
	Transport http.RoundTripper
	// ParallelListing lists the prefixes of a directory bucket at the same time.
	ParallelListing bool
	// MaxKeys is the page size of listings; 0 is 1,000.
	MaxKeys int
	// UnsignedPayload leaves the payload of uploads out of the signature.
	UnsignedPayload bool
	// NoContentMD5 sends uploads without Content-MD5.
	NoContentMD5 bool
	// Trace, if set, is told of every request at level debug.
	Trace *slog.Logger

	// Notice, if set, is told what the user should know of the server, each text
	// once. It may be called from any goroutine while another method runs.
	Notice func(storage.Notice)

	// MaxAttempts bounds the attempts of each request; at least 1 is made.
	MaxAttempts int
	// InitialBackoff is the pause after the first attempt. It doubles.
	InitialBackoff time.Duration

	OperationTimeout time.Duration // of a call with its attempts; 0 is none
	AttemptTimeout   time.Duration // of a request until its answer begins; 0 is none
	ConnectTimeout   time.Duration // 0 is 3.1 s
	// ReadTimeout ends the wait for an answer once the request was sent. Where the
	// server works before it answers the wait is 15 times as long, up to 15 minutes.
	// 0 never ends it.
	ReadTimeout time.Duration
	// StallTimeout ends transfers of a body that make no progress, as ReadTimeout
	// does for an answer if it is shorter; 0 never does.
	StallTimeout time.Duration

	// MaxConns is how many requests will be made at once: so many connections
	// are kept open.
	MaxConns int
	// ReceiveLimit and SendLimit, if set, bound the bytes of object data.
	ReceiveLimit, SendLimit Limiter
}

// A Store is the objects of a bucket whose keys begin with a prefix.
type Store struct {
	opts      Options
	sdk       *s3.Client
	client    *client
	payer     types.RequestPayer
	directory bool // a directory bucket
	*seen

	maxEmptyPages int
}

// seen is what a store has learnt of its server. The stores of one bucket that are
// made of each other share it.
type seen struct {
	doubts   doubts
	features features
	tagging  tagging
	noticed  sync.Map // texts of notices that were told
}

// notice tells the user something of the server, once.
func (s *Store) notice(n storage.Notice) {
	if s.opts.Notice == nil {
		return
	}
	if _, told := s.noticed.LoadOrStore(n.Text, true); !told {
		s.opts.Notice(n)
	}
}

var _ storage.Store = (*Store)(nil)

// Open prepares for requests to a bucket. It reads configuration files and gets
// credentials, but asks the bucket nothing: a bucket that does not exist shows
// at the first listing. Its errors are storage.ErrUnusable; that no region is
// known is one of them.
func Open(ctx context.Context, opts Options) (*Store, error) {
	if opts.Bucket == "" {
		return nil, unusable("no bucket is named")
	}
	if opts.EndpointURL != "" {
		u, err := url.Parse(opts.EndpointURL)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || u.User != nil {
			return nil, unusable("the endpoint URL is not of the form http(s)://host[:port]")
		}
	}
	if err := opts.Encryption.complete(); err != nil {
		return nil, err
	}
	if opts.MaxKeys <= 0 {
		opts.MaxKeys = maxPage
	}
	sdk, client, err := connect(ctx, &opts)
	if err != nil {
		return nil, fmt.Errorf("bucket %s: %w", opts.Bucket, err)
	}
	s := &Store{opts: opts, sdk: sdk, client: client, directory: IsDirectory(opts.Bucket), seen: &seen{}, maxEmptyPages: maxEmptyPages}
	if opts.RequestPayer {
		s.payer = types.RequestPayerRequester
	}
	return s, nil
}

// Caps tells what S3 can do. Directory buckets list in no order, their ETags prove
// nothing, and they have neither tags nor a choice of storage classes.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_Object.html (ETag)
func (s *Store) Caps() storage.Caps {
	caps := storage.Caps{
		Ordered:     !s.directory,
		WantMD5:     s.sendsMD5(),
		WantSHA256:  !s.opts.UnsignedPayload,
		Streams:     true,
		DeleteBatch: deleteBatch,
		MaxParts:    maxParts,
		MaxCopy:     maxCopy,
		// https://docs.aws.amazon.com/AmazonS3/latest/userguide/s3-express-differences.html
		Tags: !s.directory, StorageClasses: !s.directory,
	}
	if s.directory {
		caps.DefaultChecksum = storage.CRC64NVME
	}
	return caps
}

// sendsMD5: directory buckets know no Content-MD5, and their ETags are not MD5.
func (s *Store) sendsMD5() bool { return !s.opts.NoContentMD5 && !s.directory }

// Close closes idle connections.
func (s *Store) Close() error {
	s.client.transport.CloseIdleConnections()
	return nil
}

// full is the key in the bucket.
func (s *Store) full(key string) string {
	if s.opts.single != "" {
		return s.opts.Prefix // see checkSingle
	}
	return s.opts.Prefix + key
}

// checkKey refuses keys that S3 cannot hold before they are sent, because the
// answers of servers differ.
func (s *Store) checkKey(key string) error {
	if err := s.checkSingle(key); err != nil {
		return err
	}
	full := s.full(key)
	var why string
	switch {
	case full == "":
		why = "it is empty"
	case len(full) > maxKey:
		why = fmt.Sprintf("with the prefix it has %d bytes, and S3 allows %d", len(full), maxKey)
	case !utf8.ValidString(full):
		why = "it is not valid UTF-8"
	default:
		return nil
	}
	return &failure{kind: storage.ErrUnstorable, text: "key cannot be stored in S3: " + why}
}

// limited bounds a call by the operation time-out.
func (s *Store) limited(ctx context.Context) (context.Context, context.CancelFunc) {
	if s.opts.OperationTimeout <= 0 {
		return ctx, func() {}
	}
	return context.WithTimeout(ctx, s.opts.OperationTimeout)
}
