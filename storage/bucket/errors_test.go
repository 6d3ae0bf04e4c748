package bucket_test

import (
	"bytes"
	"errors"
	"io/fs"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// kinds are all kinds that a store gives to its errors.
func kinds() []error {
	return []error{
		fs.ErrNotExist, fs.ErrPermission, storage.ErrPrecondition, storage.ErrArchived, storage.ErrThrottled,
		storage.ErrTransient, storage.ErrChanged, storage.ErrMismatch, storage.ErrUnstorable, storage.ErrUnusable,
		storage.ErrNoBucket, storage.ErrCredentials, storage.ErrFull,
	}
}

// wantKind fails the test if err is not of that kind, and of what that kind is in
// turn, alone; nil is no kind.
func wantKind(t *testing.T, err, want error) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want %v", want)
	}
	for _, kind := range kinds() {
		if got := errors.Is(err, kind); got != errors.Is(want, kind) {
			t.Errorf("errors.Is(%q, %q) = %v", err, kind, got)
		}
	}
	if e, ok := errors.AsType[*storage.Error](err); !ok || e.Err == nil {
		t.Errorf("%T is not a *storage.Error: %v", err, err)
	}
	noise := []string{
		"operation error", "StatusCode", "RequestID", "REQ-ID", "response error", "send failed", "https response",
		"very-secret", "X-Amz", "Signature=", "exceeded maximum", "\n",
	}
	for _, n := range noise {
		if strings.Contains(err.Error(), n) {
			t.Errorf("the message holds %q: %s", n, err)
		}
	}
}

func TestErrorsOfServer(t *testing.T) {
	tests := map[string]struct {
		status int
		code   string
		want   error
		text   string
	}{
		"no such key":          {404, "NoSuchKey", fs.ErrNotExist, `open "k": NoSuchKey: The message`},
		"no such version":      {404, "NoSuchVersion", fs.ErrNotExist, ""},
		"access denied":        {403, "AccessDenied", fs.ErrPermission, `open "k": AccessDenied: The message`},
		"other 403":            {403, "Whatever", fs.ErrPermission, "Whatever"},
		"other 404":            {404, "Whatever", fs.ErrNotExist, ""},
		"no such bucket":       {404, "NoSuchBucket", storage.ErrNoBucket, `NoSuchBucket: The message (check the name "b", or create the bucket first)`},
		"unknown key id":       {403, "InvalidAccessKeyId", storage.ErrCredentials, "check the access key, the secret key"},
		"wrong signature":      {403, "SignatureDoesNotMatch", storage.ErrCredentials, "the secret key is another one"},
		"expired token":        {400, "ExpiredToken", storage.ErrCredentials, "get new credentials"},
		"invalid token":        {400, "InvalidToken", storage.ErrCredentials, ""},
		"unknown user":         {404, "XAdminUserNotFound", storage.ErrCredentials, ""},
		"all access disabled":  {403, "AllAccessDisabled", storage.ErrUnusable, `the bucket "b"`},
		"invalid bucket name":  {400, "InvalidBucketName", storage.ErrNoBucket, `check the name "b"`},
		"refresh the token":    {400, "TokenRefreshRequired", storage.ErrCredentials, "get new credentials"},
		"no account":           {403, "NotSignedUp", storage.ErrUnusable, ""},
		"quota exceeded":       {403, "QuotaExceeded", storage.ErrFull, ""},
		"storage full":         {507, "XMinioStorageFull", storage.ErrFull, ""},
		"other 507":            {507, "Whatever", storage.ErrFull, ""},
		"slow down":            {503, "SlowDown", storage.ErrThrottled, ""},
		"other 503":            {503, "Whatever", storage.ErrThrottled, ""},
		"throttled":            {429, "TooManyRequests", storage.ErrThrottled, ""},
		"other 429":            {429, "Whatever", storage.ErrThrottled, ""},
		"internal error":       {500, "InternalError", storage.ErrTransient, ""},
		"other 500":            {500, "Whatever", storage.ErrTransient, ""},
		"bad gateway":          {502, "", storage.ErrTransient, "502 Bad Gateway"},
		"request timeout":      {400, "RequestTimeout", storage.ErrTransient, ""},
		"conflict":             {409, "OperationAborted", storage.ErrTransient, ""},
		"being set up":         {307, "TemporaryRedirect", storage.ErrTransient, ""},
		"bad digest":           {400, "BadDigest", storage.ErrMismatch, ""},
		"wrong sha256":         {400, "XAmzContentSHA256Mismatch", storage.ErrMismatch, ""},
		"wrong checksum":       {400, "XAmzContentChecksumMismatch", storage.ErrMismatch, ""},
		"invalid digest":       {400, "InvalidDigest", storage.ErrMismatch, ""},
		"precondition":         {412, "PreconditionFailed", storage.ErrPrecondition, ""},
		"archived":             {403, "InvalidObjectState", storage.ErrArchived, "restore the object first"},
		"key too long":         {400, "KeyTooLongError", storage.ErrUnstorable, ""},
		"parent is an object":  {400, "XMinioParentIsObject", storage.ErrUnstorable, ""},
		"file in the way":      {409, "ObjectParentIsFile", storage.ErrUnstorable, ""},
		"not implemented":      {501, "NotImplemented", nil, "NotImplemented"},
		"malformed":            {400, "MalformedXML", nil, "MalformedXML: The message"},
		"upload is gone":       {404, "NoSuchUpload", nil, ""},
		"teapot":               {418, "", nil, "418"},
		"wrong clock":          {403, "RequestTimeTooSkewed", storage.ErrUnusable, "clock"},
		"unauthorized":         {401, "", storage.ErrCredentials, ""},
		"proxy authentication": {407, "", storage.ErrUnusable, ""},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
				if tt.code == "" {
					w.WriteHeader(tt.status)
					return
				}
				refuse(w, tt.status, tt.code)
			})
			_, err := open(t, f.options()).Open(t.Context(), "k", storage.OpenOptions{})
			wantKind(t, err, tt.want)
			if !strings.Contains(err.Error(), tt.text) {
				t.Errorf("message %q does not hold %q", err, tt.text)
			}
		})
	}
}

// TestErrorsWithoutBody: answers to HEAD have only a status.
func TestErrorsWithoutBody(t *testing.T) {
	for status, want := range map[int]error{
		301: storage.ErrUnusable,
		400: nil,
		403: fs.ErrPermission,
		404: fs.ErrNotExist,
		412: storage.ErrPrecondition,
		500: storage.ErrTransient,
		503: storage.ErrThrottled,
	} {
		t.Run(http.StatusText(status), func(t *testing.T) {
			f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(status) })
			_, err := open(t, f.options()).Stat(t.Context(), "k", storage.StatOptions{})
			wantKind(t, err, want)
		})
	}
}

func TestErrorOfDeletedVersion(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Amz-Delete-Marker", "true")
		refuse(w, 405, "MethodNotAllowed")
	})
	_, err := open(t, f.options()).Open(t.Context(), "k", storage.OpenOptions{VersionID: "v"})
	wantKind(t, err, fs.ErrNotExist)
}

func TestErrorNamesRegion(t *testing.T) {
	for name, tt := range map[string]struct {
		handle http.HandlerFunc
		want   string
	}{
		"header": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("X-Amz-Bucket-Region", "ap-test-2")
				refuse(w, 301, "PermanentRedirect")
			},
			`PermanentRedirect: bucket "b" is not in region "eu-test-1": set the region to "ap-test-2"`,
		},
		"message": {
			func(w http.ResponseWriter, _ *http.Request) {
				w.WriteHeader(400)
				_, _ = w.Write([]byte(`<Error><Code>AuthorizationHeaderMalformed</Code><Message>The authorization header is malformed;` +
					` the region 'eu-test-1' is wrong; expecting 'ap-test-2'</Message></Error>`))
			},
			`set the region to "ap-test-2"`,
		},
		"unknown": {
			func(w http.ResponseWriter, _ *http.Request) { refuse(w, 301, "PermanentRedirect") },
			`bucket "b" is not in region "eu-test-1": set the region of the bucket`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			f := newFake(t, tt.handle)
			err := put(t, open(t, f.options()), "k")
			wantKind(t, err, storage.ErrUnusable)
			if !strings.Contains(err.Error(), tt.want) {
				t.Errorf("message %q does not hold %q", err, tt.want)
			}
		})
	}
}

// TestErrorIsOneLine: a server cannot fill the screen.
func TestErrorIsOneLine(t *testing.T) {
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(400)
		_, _ = w.Write([]byte("<Error><Code>Odd</Code><Message>" + strings.Repeat("a\nlong  story ", 200) + "</Message></Error>"))
	})
	err := put(t, open(t, f.options()), "k")
	wantKind(t, err, nil)
	if len(err.Error()) > 600 {
		t.Errorf("%d bytes of message", len(err.Error()))
	}
}

func TestTraceHoldsNoSecrets(t *testing.T) {
	var out bytes.Buffer
	f := newFake(t, func(w http.ResponseWriter, _ *http.Request) { refuse(w, 403, "AccessDenied") })
	opts := f.options()
	opts.SessionToken = "secret-token"
	opts.Trace = slog.New(slog.NewTextHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug}))
	if err := put(t, open(t, opts), "some key"); err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{"operation=PutObject", "status=403", "some key", "method=PUT"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("trace lacks %q: %s", want, out.String())
		}
	}
	for _, secret := range []string{"very-secret", "secret-token", "Signature", "AKTEST"} {
		if strings.Contains(out.String(), secret) {
			t.Errorf("trace holds %q: %s", secret, out.String())
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	good := bucket.Options{Bucket: "b", AccessKey: "a", SecretKey: "s", Region: "r"}
	for name, change := range map[string]func(*bucket.Options){
		"no bucket":             func(o *bucket.Options) { o.Bucket = "" },
		"no region":             func(o *bucket.Options) { o.Region = "" },
		"endpoint without host": func(o *bucket.Options) { o.EndpointURL = "https://" },
		"endpoint of no scheme": func(o *bucket.Options) { o.EndpointURL = "localhost:9000" },
		"endpoint with secret":  func(o *bucket.Options) { o.EndpointURL = "https://u:very-secret@host" },
		"proxy of no form":      func(o *bucket.Options) { o.HTTPSProxy = "http://u:very-secret@:x:y" },
		"profile":               func(o *bucket.Options) { o.AccessKey, o.Profile = "", "nobody" },
		"config file":           func(o *bucket.Options) { o.ConfigFile = "/does/not/exist" },
		"credentials":           func(o *bucket.Options) { o.AccessKey = "" },
	} {
		t.Run(name, func(t *testing.T) {
			opts := good
			change(&opts)
			s, err := bucket.Open(t.Context(), opts)
			if err == nil {
				t.Fatal("no error", s.Close())
			}
			if !errors.Is(err, storage.ErrUnusable) {
				t.Errorf("%v is not storage.ErrUnusable", err)
			}
			if errors.Is(err, storage.ErrCredentials) != (name == "credentials") || errors.Is(err, storage.ErrNoBucket) {
				t.Errorf("%v is of another kind", err)
			}
			if strings.Contains(err.Error(), "very-secret") || strings.Contains(err.Error(), "operation error") {
				t.Errorf("message %q", err)
			}
			t.Log(err)
		})
	}
}
