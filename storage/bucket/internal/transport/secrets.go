package transport

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"s3sync/storage/bucket/internal/failure"
)

// masked replaces secrets in texts.
const masked = "(secret)"

const (
	// leastSecret is the smallest length of a secret that is masked, except for those
	// that NewSecrets is given. Shorter texts are part of ordinary words.
	leastSecret = 6
	// maxCredentials is how many credentials are remembered. Requests that are still
	// running may be signed with older ones.
	maxCredentials = 8
)

// Secrets are the texts that no message may show. Some servers repeat what they were
// sent. Its methods may be called concurrently.
type Secrets struct {
	signature *regexp.Regexp
	fixed     []string

	mu       sync.RWMutex
	seen     []credential // the oldest first
	replacer *strings.Replacer
}

// NewSecrets returns Secrets of the given texts and of the passwords of proxies, also
// those in the environment.
func NewSecrets(httpsProxy string, texts ...string) *Secrets {
	s := &Secrets{
		// A signature of version 4 in hexadecimal digits, in a header, a URL, or a text of
		// the server.
		signature: regexp.MustCompile(`(?i)(signature\W{0,12})[0-9a-f]{40,}`),
		fixed:     slices.Clone(texts),
	}
	for _, proxy := range append(proxiesOfEnvironment(), httpsProxy) {
		u, err := url.Parse(proxy)
		if err != nil || u.User == nil {
			continue
		}
		if password, ok := u.User.Password(); ok {
			s.fixed = append(s.fixed, long(password), base64.StdEncoding.EncodeToString([]byte(u.User.Username()+":"+password)))
		}
	}
	s.replacer = s.replacing()
	return s
}

// long returns text, or nothing if it is shorter than leastSecret.
func long(text string) string {
	if len(text) < leastSecret {
		return ""
	}
	return text
}

// A credential is a secret key and a session token.
type credential struct{ key, token string }

// Add remembers the secret key and the session token that requests are signed with.
func (s *Secrets) Add(secretKey, sessionToken string) {
	c := credential{secretKey, sessionToken}
	s.mu.RLock()
	known := slices.Contains(s.seen, c)
	s.mu.RUnlock()
	if known {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen = append(s.seen, c)
	s.seen = s.seen[max(0, len(s.seen)-maxCredentials):]
	s.replacer = s.replacing()
}

// replacing makes the replacer of all known secrets.
func (s *Secrets) replacing() *strings.Replacer {
	all := slices.Clone(s.fixed)
	for _, c := range s.seen {
		all = append(all, long(c.key), long(c.token))
	}
	for _, text := range slices.Clone(all) {
		all = append(all, url.QueryEscape(text), url.PathEscape(text))
	}
	// A secret may begin with another one.
	slices.SortStableFunc(all, func(a, b string) int { return len(b) - len(a) })
	var pairs []string
	for _, text := range all {
		if text != "" {
			pairs = append(pairs, text, masked)
		}
	}
	return strings.NewReplacer(pairs...)
}

// Mask returns text without secrets.
func (s *Secrets) Mask(text string) string {
	s.mu.RLock()
	replacer := s.replacer
	s.mu.RUnlock()
	return s.signature.ReplaceAllString(replacer.Replace(text), "${1}"+masked)
}

// Unsigned returns text without the signature of a request.
func Unsigned(req *http.Request, text string) string {
	if req == nil {
		return text
	}
	_, signature, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
	if signature == "" {
		return text
	}
	return strings.ReplaceAll(text, signature, masked)
}

// Hide returns a failure without secrets in its text.
func (s *Secrets) Hide(err error) error {
	f, ok := err.(*failure.Error) //nolint:errorlint // what is wrapped has a text of its own
	if !ok {
		return err
	}
	shown := *f
	shown.Text = s.Mask(f.Text)
	return &shown
}
