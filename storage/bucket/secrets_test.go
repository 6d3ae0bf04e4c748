package bucket_test

import (
	"bytes"
	"encoding/base64"
	"encoding/xml"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"s3sync/storage"
	"s3sync/storage/bucket"
)

// An echoServer repeats all that it was sent in its messages, bodies and request
// ids.
type echoServer struct {
	mu         sync.Mutex
	signatures []string
}

const sessionToken = "token-of-a-session"

// text is what it tells of a request.
func (e *echoServer) text(r *http.Request) string {
	_, signature, _ := strings.Cut(r.Header.Get("Authorization"), "Signature=")
	e.mu.Lock()
	e.signatures = append(e.signatures, signature)
	e.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "you sent %s ", signature)
	for name, values := range r.Header {
		fmt.Fprintf(&b, "%s: %s; ", name, strings.Join(values, ","))
	}
	return b.String()
}

func (e *echoServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	text := e.text(r)
	w.Header().Set("X-Amz-Request-Id", text)
	var escaped strings.Builder
	_ = xml.EscapeText(&escaped, []byte(text))
	failed := fmt.Sprintf("<Code>Odd</Code><Message>%s</Message>", escaped.String())
	switch q := r.URL.Query(); {
	case q.Has("uploads"):
		fmt.Fprintf(w, "<InitiateMultipartUploadResult><UploadId>u</UploadId></InitiateMultipartUploadResult>")
	case q.Has("partNumber"):
		w.Header().Set("ETag", `"`+etag+`"`)
	case q.Has("uploadId") && r.Method == http.MethodPost:
		fmt.Fprintf(w, "<Error>%s</Error>", failed)
	case q.Has("session"):
		fmt.Fprintf(w, "<CreateSessionResult><Credentials><AccessKeyId>AK</AccessKeyId><SecretAccessKey>session-secret</SecretAccessKey>"+
			"<SessionToken>%s</SessionToken><Expiration>2999-01-01T00:00:00Z</Expiration></Credentials></CreateSessionResult>", sessionToken)
	case q.Has("delete"):
		fmt.Fprintf(w, "<DeleteResult><Error><Key>k</Key>%s</Error></DeleteResult>", failed)
	case q.Has("list-type"):
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "<html>%s</html>", text)
	default:
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, "<Error>%s</Error>", failed)
	}
}

// TestEchoedSecrets: what a server repeats of credentials and signatures is in no
// message and no trace, wherever the credentials come from.
func TestEchoedSecrets(t *testing.T) {
	const (
		secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
		token     = "IQoJb3JpZ2luX2VjEOb//////////wEaCXVzLWVhc3QtMSJHMEUCIQ=="
	)
	dir := t.TempDir()
	profile := filepath.Join(dir, "credentials")
	process := filepath.Join(dir, "process.json")
	for name, text := range map[string]string{
		profile: "[p]\naws_access_key_id = AKTEST\naws_secret_access_key = " + secretKey + "\naws_session_token = " + token + "\n" +
			"[process]\ncredential_process = cat " + process + "\n",
		process: `{"Version":1,"AccessKeyId":"AKTEST","SecretAccessKey":"` + secretKey + `","SessionToken":"` + token + `"}`,
	} {
		if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, tt := range map[string]struct {
		env    map[string]string
		change func(*bucket.Options)
	}{
		"options": {nil, func(o *bucket.Options) { o.AccessKey, o.SecretKey, o.SessionToken = "AKTEST", secretKey, token }},
		"environment": {
			map[string]string{"AWS_ACCESS_KEY_ID": "AKTEST", "AWS_SECRET_ACCESS_KEY": secretKey, "AWS_SESSION_TOKEN": token}, nil,
		},
		"profile": {nil, func(o *bucket.Options) { o.CredentialsFile, o.Profile = profile, "p" }},
		"process": {nil, func(o *bucket.Options) { o.CredentialsFile, o.Profile = profile, "process" }},
	} {
		t.Run(name, func(t *testing.T) {
			for name, value := range tt.env {
				t.Setenv(name, value)
			}
			server := &echoServer{}
			f := newFake(t, server.ServeHTTP)
			var log bytes.Buffer
			opts := f.options()
			opts.AccessKey, opts.SecretKey = "", ""
			opts.Trace = slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))
			if tt.change != nil {
				tt.change(&opts)
			}
			s := open(t, opts)
			shown := messagesOf(t, s)
			shown = append(shown, log.String())
			for _, text := range shown {
				for _, secret := range append(server.signatures, secretKey, token, secretKey[:20], token[:20]) {
					if secret != "" && strings.Contains(text, secret) {
						t.Errorf("%q is in %s", secret, text)
					}
				}
			}
			if !strings.Contains(strings.Join(shown, ""), "(secret)") {
				t.Errorf("nothing was masked: %q", shown)
			}
		})
	}
}

// messagesOf are the messages of requests of all kinds.
func messagesOf(t *testing.T, s *bucket.Store) []string {
	t.Helper()
	var texts []string
	add := func(err error) {
		if err == nil {
			t.Error("no error")
			return
		}
		texts = append(texts, err.Error())
	}
	_, err := s.Open(t.Context(), "k", storage.OpenOptions{})
	add(err)
	add(put(t, s, "k"))
	_, err = keysOf(t.Context(), s, storage.Range{})
	add(err)
	_, err = s.Tags(t.Context(), "k", "")
	add(err)
	u, err := s.Create(t.Context(), "k", storage.WriteOptions{Size: 4})
	if err != nil {
		t.Fatal(err)
	}
	if err := u.WritePart(t.Context(), 1, 0, storage.Block{Data: []byte("data")}); err != nil {
		t.Fatal(err)
	}
	_, err = u.Commit(t.Context())
	add(err)
	add(s.Delete(t.Context(), objectsOf("k", "l"), storage.DeleteOptions{})[0])
	return texts
}

// TestEchoedSession: the credentials of a session are as secret as others.
func TestEchoedSession(t *testing.T) {
	server := &echoServer{}
	f := newFake(t, server.ServeHTTP)
	opts := f.options()
	opts.Bucket = directoryBucket
	s := open(t, opts)
	_, err := s.Open(t.Context(), "k", storage.OpenOptions{})
	if err == nil || !strings.Contains(err.Error(), "(secret)") || strings.Contains(err.Error(), sessionToken) {
		t.Errorf("the token is in %v", err)
	}
}

// TestEchoedProxyPassword: a proxy may repeat what it was sent.
func TestEchoedProxyPassword(t *testing.T) {
	server := &echoServer{}
	f := newFake(t, server.ServeHTTP)
	t.Setenv("ALL_PROXY", strings.Replace(f.URL, "://", "://user:pass%3Aword@", 1))
	opts := f.options()
	opts.EndpointURL = "http://s3.example.com"
	err := put(t, open(t, opts), "k")
	basic := base64.StdEncoding.EncodeToString([]byte("user:pass:word"))
	if err == nil || !strings.Contains(err.Error(), "(secret)") || strings.Contains(err.Error(), basic) {
		t.Errorf("the password is in %v", err)
	}
}
