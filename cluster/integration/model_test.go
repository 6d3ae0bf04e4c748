package integration_test

import (
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// A model is an S3 server in this process whose objects are made up: an object holds its
// key, or before it was brought up to date "old " and its key. So 200,000 objects take some
// bytes each, and the model knows what is right. It counts what it is asked, and notes as a
// fault what must never happen. It checks no signatures.
type model struct {
	URL string
	// delay is that of each answer, and perPrefix how many requests a second a bucket
	// answers for each prefix of one level: 0 is any number.
	delay     time.Duration
	perPrefix float64
	// refuse, if set, answers a request instead of the model. It must be set before requests.
	refuse func(w http.ResponseWriter, r *http.Request) bool

	keys []string // in order: no other key can be in a bucket

	mu      sync.Mutex
	buckets map[string][]state // by number of the key
	limits  map[string]*tokens // by bucket and prefix
	waiting map[int64]chan struct{}
	counts
	faults []string
}

// A state is what a bucket has of a key.
type state byte

const (
	absent state = iota
	old
	current
)

// counts are those of requests that were answered.
type counts struct {
	Listed   int64 // keys in pages of listings
	Puts     int64
	Again    int64 // puts of what was there already
	Deleted  int64 // keys
	SlowDown int64
	Began    time.Time // of the first put
	Ended    time.Time // of the last one
}

const modelPage = 1000

// newModel starts a model with n keys in 16 prefixes. is says what a bucket has of key i.
func newModel(t *testing.T, n int, is map[string]func(i int) state) *model {
	t.Helper()
	m := &model{buckets: map[string][]state{}, limits: map[string]*tokens{}, waiting: map[int64]chan struct{}{}}
	for i := range n {
		m.keys = append(m.keys, fmt.Sprintf("%02d/%07d", i*16/n, i))
	}
	for name, of := range is {
		m.buckets[name] = make([]state, n)
		for i := range n {
			m.buckets[name][i] = of(i)
		}
	}
	server := httptest.NewServer(m)
	t.Cleanup(server.Close)
	m.URL = server.URL
	return m
}

// now returns the counts.
func (m *model) now() counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.counts
}

// listed returns a channel that is closed when so many keys were listed since the model
// started.
func (m *model) listed(n int64) <-chan struct{} {
	m.mu.Lock()
	defer m.mu.Unlock()
	c := make(chan struct{})
	if m.Listed >= n {
		close(c)
	} else {
		m.waiting[n] = c
	}
	return c
}

// count counts the keys of a page.
func (m *model) count(keys int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.Listed += int64(keys)
	for n, c := range m.waiting {
		if m.Listed >= n {
			close(c)
			delete(m.waiting, n)
		}
	}
}

// same checks that a bucket has what another one has, and that nothing happened that must
// not.
func (m *model) same(t *testing.T, source, target string) {
	t.Helper()
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, fault := range m.faults {
		t.Error(fault)
	}
	for i, key := range m.keys {
		if m.buckets[source][i] != m.buckets[target][i] {
			t.Errorf("%s has %q in state %d, and %s in state %d", source, key, m.buckets[source][i], target, m.buckets[target][i])
			return
		}
	}
}

// holds counts the keys of a bucket.
func (m *model) holds(bucket string) (n int64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, s := range m.buckets[bucket] {
		if s != absent {
			n++
		}
	}
	return n
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if m.delay > 0 {
		time.Sleep(m.delay)
	}
	body, err := io.ReadAll(r.Body)
	if err != nil || m.refuse != nil && m.refuse(w, r) {
		return
	}
	name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	m.mu.Lock()
	bucket, query := m.buckets[name], r.URL.Query()
	m.mu.Unlock()
	i, known := slices.BinarySearch(m.keys, key)
	switch {
	case bucket == nil:
		refuse(w, http.StatusNotFound, "NoSuchBucket")
	case key == "" && r.Method == http.MethodGet && query.Get("list-type") == "2" && query.Get("delimiter") == "":
		m.list(w, bucket, query)
	case key == "" && r.Method == http.MethodGet && query.Has("versioning"):
		_, _ = io.WriteString(w, xml.Header+"<VersioningConfiguration/>")
	case key == "" && r.Method == http.MethodPost && query.Has("delete"):
		m.delete(w, name, body)
	case key != "" && r.Method == http.MethodGet && query.Has("tagging"):
		_, _ = io.WriteString(w, xml.Header+"<Tagging><TagSet/></Tagging>")
	case key == "" || r.URL.RawQuery != "" && !strings.HasPrefix(r.URL.RawQuery, "x-id="):
		refuse(w, http.StatusNotImplemented, "NotImplemented")
	case !m.take(name, key):
		refuse(w, http.StatusServiceUnavailable, "SlowDown")
	case r.Method == http.MethodPut:
		m.put(w, name, i, known, string(body))
	case r.Method == http.MethodDelete:
		m.remove(name, key)
		w.WriteHeader(http.StatusNoContent)
	case !known || m.of(bucket, i) == absent:
		refuse(w, http.StatusNotFound, "NoSuchKey")
	case r.Method == http.MethodGet, r.Method == http.MethodHead:
		text := m.content(m.of(bucket, i), i)
		w.Header().Set("ETag", etag(text))
		http.ServeContent(w, r, "", age(m.of(bucket, i)), strings.NewReader(text))
	default:
		refuse(w, http.StatusNotImplemented, "NotImplemented")
	}
}

func (m *model) of(bucket []state, i int) state {
	m.mu.Lock()
	defer m.mu.Unlock()
	return bucket[i]
}

func (m *model) content(s state, i int) string {
	if s == old {
		return "old " + m.keys[i]
	}
	return m.keys[i]
}

func age(s state) time.Time { return time.Date(2024+int(s), 1, 1, 0, 0, 0, 0, time.UTC) }

func etag(text string) string {
	sum := md5.Sum([]byte(text))
	return `"` + hex.EncodeToString(sum[:]) + `"`
}

func refuse(w http.ResponseWriter, status int, code string) {
	w.Header().Set("Content-Type", "application/xml")
	w.WriteHeader(status)
	_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>made up by the model</Message></Error>", code)
}

// list answers ListObjectsV2. A token is the last key of the page before.
func (m *model) list(w http.ResponseWriter, bucket []state, query url.Values) {
	size := modelPage
	if n, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		size = min(max(n, 1), modelPage)
	}
	after := max(query.Get("start-after"), query.Get("continuation-token"))
	i, found := slices.BinarySearch(m.keys, after)
	if found {
		i++
	}
	prefix := query.Get("prefix")
	var page bytes.Buffer
	keys, last, truncated := 0, "", false
	m.mu.Lock()
	for ; i < len(m.keys) && !truncated; i++ {
		key, s := m.keys[i], bucket[i]
		switch {
		case s == absent || !strings.HasPrefix(key, prefix):
		case keys == size:
			truncated = true
		default:
			keys, last = keys+1, key
			text := m.content(s, i)
			_, _ = fmt.Fprintf(&page, "<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>%s</ETag><Size>%d</Size><StorageClass>STANDARD</StorageClass></Contents>",
				url.QueryEscape(key), age(s).Format(time.RFC3339), etag(text), len(text))
		}
	}
	m.mu.Unlock()
	m.count(keys)
	token := ""
	if truncated {
		token = "<NextContinuationToken>" + last + "</NextContinuationToken>"
	}
	_, _ = fmt.Fprintf(w, "%s<ListBucketResult><EncodingType>url</EncodingType><IsTruncated>%t</IsTruncated>%s%s</ListBucketResult>", xml.Header, truncated, token, page.String())
}

// put takes an object, which must be what it is to be.
func (m *model) put(w http.ResponseWriter, bucket string, i int, known bool, text string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if !known || text != m.keys[i] {
		m.faults = append(m.faults, fmt.Sprintf("%d bytes were written that no object has", len(text)))
		refuse(w, http.StatusBadRequest, "InvalidRequest")
		return
	}
	if m.Puts++; m.Puts == 1 {
		m.Began = time.Now()
	}
	m.Ended = time.Now()
	if m.buckets[bucket][i] == current {
		m.Again++
	}
	m.buckets[bucket][i] = current
	w.Header().Set("ETag", etag(text))
}

// delete answers DeleteObjects.
func (m *model) delete(w http.ResponseWriter, bucket string, body []byte) {
	var request struct {
		Object []struct{ Key string }
	}
	if err := xml.Unmarshal(body, &request); err != nil {
		refuse(w, http.StatusBadRequest, "MalformedXML")
		return
	}
	_, _ = io.WriteString(w, xml.Header+"<DeleteResult>")
	for _, o := range request.Object {
		m.remove(bucket, o.Key)
		_, _ = fmt.Fprintf(w, "<Deleted><Key>%s</Key></Deleted>", o.Key)
	}
	_, _ = io.WriteString(w, "</DeleteResult>")
}

// remove deletes a key. What another bucket has up to date must not be deleted.
func (m *model) remove(name, key string) {
	i, known := slices.BinarySearch(m.keys, key)
	m.mu.Lock()
	defer m.mu.Unlock()
	for other, bucket := range m.buckets {
		if known && other != name && bucket[i] == current {
			m.faults = append(m.faults, fmt.Sprintf("%q was deleted in %s, and %s has it", key, name, other))
		}
	}
	if known {
		m.buckets[name][i] = absent
	}
	m.Deleted++
}

// take takes a request of the share of a prefix.
func (m *model) take(bucket, key string) bool {
	if m.perPrefix == 0 {
		return true
	}
	prefix, _, _ := strings.Cut(key, "/")
	m.mu.Lock()
	defer m.mu.Unlock()
	at := bucket + "/" + prefix
	if m.limits[at] == nil {
		m.limits[at] = &tokens{left: m.perPrefix / 4, since: time.Now()}
	}
	ok := m.limits[at].take(m.perPrefix)
	if !ok {
		m.SlowDown++
	}
	return ok
}

// tokens are requests that may still be made: those of a quarter of a second at most.
type tokens struct {
	left  float64
	since time.Time
}

func (k *tokens) take(perSecond float64) bool {
	now := time.Now()
	k.left = min(k.left+now.Sub(k.since).Seconds()*perSecond, perSecond/4)
	k.since = now
	if k.left < 1 {
		return false
	}
	k.left--
	return true
}
