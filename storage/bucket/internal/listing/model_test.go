package listing

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
	"s3sync/storage/bucket/internal/server"
)

// A model is a server that keeps its bucket in memory.
type model struct {
	delay time.Duration // of each page
	// ignoresAfter: it begins each listing at the first key.
	ignoresAfter bool
	// skips is how many keys it leaves out where a listing begins behind a key.
	skips int
	// forgets: it continues a listing that began behind a key at the first key.
	forgets bool
	// onePage: it says of a listing that began behind a key that its first page is the last.
	onePage bool
	// promises: each page with keys says that more follow, so the last page is empty.
	promises bool
	// bears, if set, is how many requests it carries out at once. It refuses others, and a
	// client makes tries of each.
	bears, tries int
	// late, if set, is a further delay of a request.
	late func(r request.ListRequest) time.Duration
	// fail, if set, decides about each request.
	fail func(n int, r request.ListRequest) error
	// change, if set, is called before each request, and may change the keys.
	change func(n int, keys []string) []string

	mu       sync.Mutex
	keys     []string // sorted
	requests int
	// throttled counts the refusals of requests of which there were too many.
	throttled int64
	// now are the requests that are carried out, asked those that clients wait for, and
	// most how many of these there were at most, since it was set to 0.
	now, asked, most int
}

// limit is how many keys a page has at most.
const limit = 1000

func (m *model) ListObjectsV2(ctx context.Context, r request.ListRequest) (p request.ListPage, err error) {
	err = m.answer(ctx, r, func() { p = m.page(r) })
	return p, err
}

// answer makes an answer after the delay, or fails.
func (m *model) answer(ctx context.Context, r request.ListRequest, answer func()) error {
	if err := m.enter(); err != nil {
		return err
	}
	defer m.leave()
	m.mu.Lock()
	n := m.requests
	m.requests++
	delay := m.delay
	if m.late != nil {
		delay += m.late(r)
	}
	m.mu.Unlock()
	select {
	case <-time.After(delay):
	case <-ctx.Done():
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if err := ctx.Err(); err != nil {
		return err
	}
	if m.fail != nil {
		if err := m.fail(n, r); err != nil {
			return err
		}
	}
	if m.change != nil {
		m.keys = m.change(n, m.keys)
	}
	answer()
	return nil
}

// enter waits until the server carries out a request, as a client does that makes it again.
func (m *model) enter() error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.asked++
	m.most = max(m.most, m.asked)
	for try := 1; m.bears > 0 && m.now >= m.bears; try++ {
		m.requests++
		m.throttled++
		if try == m.tries {
			m.asked--
			return storage.ErrThrottled
		}
		m.mu.Unlock()
		time.Sleep(10 * time.Millisecond << min(try, 6))
		m.mu.Lock()
	}
	m.now++
	return nil
}

func (m *model) leave() {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.now--
	m.asked--
}

// inside begins the tokens of listings that began behind a key.
const inside = "inside, "

func (m *model) page(r request.ListRequest) (p request.ListPage) {
	begin, after, _ := strings.Cut(r.Token, "behind ")
	skips := 0
	switch {
	case begin == inside && m.forgets:
		after = ""
	case r.Token != "":
	case r.After != "" && !m.ignoresAfter:
		begin, after, skips = inside, r.After, m.skips
	}
	i, found := slices.BinarySearch(m.keys, max(after, r.Prefix))
	if found && after >= r.Prefix && after != "" {
		i++
	}
	i += skips
	p.Objects = make([]storage.Object, 0, min(r.MaxKeys, limit, max(len(m.keys)-i, 0)))
	for ; i < len(m.keys) && strings.HasPrefix(m.keys[i], r.Prefix); i++ {
		if len(p.Objects) == min(r.MaxKeys, limit) {
			p.Truncated = true
			break
		}
		p.Objects = append(p.Objects, storage.Object{Key: m.keys[i], Size: 1, ETag: etag})
	}
	if n := len(p.Objects); n > 0 && (p.Truncated || m.promises) {
		p.Truncated, p.Token = true, begin+"behind "+p.Objects[n-1].Key
	}
	if m.onePage && r.After != "" {
		p.Truncated, p.Token = false, ""
	}
	return p
}

const etag = "d41d8cd98f00b204e9800998ecf8427e"

// ListObjectVersions lists one to three versions of each key.
func (m *model) ListObjectVersions(ctx context.Context, r request.VersionsRequest) (p request.VersionsPage, err error) {
	err = m.answer(ctx, request.ListRequest{After: r.From.Key}, func() {
		after := r.From.Key
		if m.ignoresAfter && r.From.VersionID == "" {
			after = ""
		}
		from, _ := slices.BinarySearch(m.keys, after)
		for _, key := range m.keys[from:] {
			for _, v := range versionsOf(key) {
				switch {
				case !strings.HasPrefix(key, r.Prefix), key < after, after != "" && key == after && (r.From.VersionID == "" || v.VersionID >= r.From.VersionID):
				case len(p.Versions) == min(r.MaxKeys, limit):
					last := p.Versions[len(p.Versions)-1]
					p.Truncated, p.Next = !m.onePage || r.From.VersionID != "" || r.From.Key == "", request.VersionMarker{Key: last.Key, VersionID: last.VersionID}
					return
				default:
					p.Versions = append(p.Versions, v)
				}
			}
		}
	})
	return p, err
}

func versionsOf(key string) (all []storage.Object) {
	for n := len(key)%3 + 1; n > 0; n-- {
		all = append(all, storage.Object{Key: key, Size: 1, ETag: etag, VersionID: fmt.Sprint(n), Latest: n == len(key)%3+1})
	}
	return all
}

func (m *model) Throttled() int64 {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.throttled
}

func (m *model) Fail(_ context.Context, _, _ string, err error) error { return err }

func (m *model) bucket(prefix string, listers int) *Bucket {
	return &Bucket{Wire: m, Server: server.New(nil), Prefix: prefix, PageSize: limit, Listers: listers}
}

func collect(seq func(func(storage.Object, error) bool)) (keys []string, err error) {
	for o, err := range seq {
		if err != nil {
			return keys, err
		}
		keys = append(keys, o.Key)
	}
	return keys, nil
}

func same(t *testing.T, got, want []string) {
	t.Helper()
	if slices.Equal(got, want) {
		return
	}
	i := 0
	for i < min(len(got), len(want)) && got[i] == want[i] {
		i++
	}
	t.Errorf("%d keys, want %d; the first difference is at %d: %q, want %q", len(got), len(want), i,
		fmt.Sprintf("%.100s", got[min(i, len(got)):min(i+1, len(got))]), fmt.Sprintf("%.100s", want[min(i, len(want)):min(i+1, len(want))]))
}
