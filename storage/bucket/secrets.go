package bucket

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
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

// secrets are what no message may show: some servers repeat what they were sent.
// Credentials are added as they come. Its methods may be called concurrently.
type secrets struct {
	signature *regexp.Regexp
	fixed     []string

	mu       sync.RWMutex
	seen     []aws.Credentials // the oldest first
	replacer *strings.Replacer
}

// newSecrets are the secrets among options, and of proxies.
func newSecrets(o *Options, proxies ...string) *secrets {
	s := &secrets{
		// Of the header, of a URL, or of what a server says of either: version 4 in
		// hexadecimal digits.
		signature: regexp.MustCompile(`(?i)(signature\W{0,12})[0-9a-f]{40,}`),
		fixed: []string{
			o.Encryption.Customer.Key, o.Encryption.Customer.KeyMD5, o.Encryption.KMSKeyID, o.SessionToken,
		},
	}
	for _, proxy := range append(proxies, o.HTTPSProxy) {
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

// add remembers credentials that requests are signed with.
func (s *secrets) add(c aws.Credentials) {
	same := func(other aws.Credentials) bool {
		return other.SecretAccessKey == c.SecretAccessKey && other.SessionToken == c.SessionToken
	}
	s.mu.RLock()
	known := slices.ContainsFunc(s.seen, same)
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
func (s *secrets) replacing() *strings.Replacer {
	all := slices.Clone(s.fixed)
	for _, c := range s.seen {
		all = append(all, long(c.SecretAccessKey), long(c.SessionToken))
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

// mask returns text without secrets.
func (s *secrets) mask(text string) string {
	s.mu.RLock()
	replacer := s.replacer
	s.mu.RUnlock()
	return s.signature.ReplaceAllString(replacer.Replace(text), "${1}"+masked)
}

// unsigned is text without the signature of a request, wherever it stands there.
func unsigned(req *http.Request, text string) string {
	if req == nil {
		return text
	}
	_, signature, _ := strings.Cut(req.Header.Get("Authorization"), "Signature=")
	if signature == "" {
		return text
	}
	return strings.ReplaceAll(text, signature, masked)
}

// told is a failure as it may be shown, whatever of an answer went into its text.
func (c *client) told(err error) error {
	f, ok := err.(*failure) //nolint:errorlint // what is wrapped has a text of its own
	if !ok {
		return err
	}
	shown := *f
	shown.text = c.secrets.mask(f.text)
	return &shown
}
