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

// masked stands for what must not be shown.
const masked = "(secret)"

const (
	// leastSecret is the length of what is masked besides what options call secret.
	// Shorter text turns up in ordinary words.
	leastSecret = 6
	// maxCredentials is how many credentials are remembered: requests that are still
	// on their way may be signed with older ones than the last.
	maxCredentials = 8
)

// Secrets are what no message may show: some servers repeat what they were sent.
// Credentials are added as they come. Its methods may be called concurrently.
type Secrets struct {
	signature *regexp.Regexp
	fixed     []string

	mu       sync.RWMutex
	seen     []credential // the oldest first
	replacer *strings.Replacer
}

// NewSecrets returns the given texts and the passwords of proxies, those of the
// environment included.
func NewSecrets(httpsProxy string, texts ...string) *Secrets {
	s := &Secrets{
		// Of the header, of a URL, or of what a server says of either: version 4 in
		// hexadecimal digits.
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

// long is text if it is not too short to be looked for.
func long(text string) string {
	if len(text) < leastSecret {
		return ""
	}
	return text
}

// A credential is what requests are signed with.
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

// replacing makes the replacer of all that is known.
func (s *Secrets) replacing() *strings.Replacer {
	all := slices.Clone(s.fixed)
	for _, c := range s.seen {
		all = append(all, long(c.key), long(c.token))
	}
	for _, text := range slices.Clone(all) {
		all = append(all, url.QueryEscape(text), url.PathEscape(text))
	}
	// One may begin with another.
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

// Unsigned is text without the signature of a request, wherever it stands there.
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

// Hide returns a failure as it may be shown, whatever of an answer went into its text.
func (s *Secrets) Hide(err error) error {
	f, ok := err.(*failure.Error) //nolint:errorlint // what is wrapped has a text of its own
	if !ok {
		return err
	}
	shown := *f
	shown.Text = s.Mask(f.Text)
	return &shown
}
