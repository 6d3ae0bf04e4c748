package floor

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"s3sync/internal/bench/internal/madeup"
)

// An entry is one object or file of a listing.
type entry struct {
	key, etag []byte
	size      int64
}

// A side lists its entries in order, some at a time, and none at the end.
type side interface {
	next() ([]entry, error)
}

func bucketIn(address string) string { return strings.TrimPrefix(address, "s3://") }

// A lister lists a bucket page by page. It looks for the elements that it needs
// and reads nothing else.
type lister struct {
	*client
	token string
	last  bool
}

func (l *lister) next() ([]entry, error) {
	if l.last {
		return nil, nil
	}
	query := "list-type=2"
	if l.token != "" {
		query = "continuation-token=" + strings.ReplaceAll(url.QueryEscape(l.token), "+", "%20") + "&" + query
	}
	document, err := l.read(http.MethodGet, "", query, nil)
	if err != nil {
		return nil, err
	}
	l.token = element(document, "NextContinuationToken")
	l.last = l.token == ""
	page := make([]entry, 0, madeup.MaxKeys)
	for rest := document; ; {
		var e entry
		var text []byte
		if e.key, rest = cut(rest, "<Key>"); e.key == nil {
			return page, nil
		}
		e.etag, rest = cut(rest, "<ETag>&quot;")
		e.etag = bytes.TrimSuffix(e.etag, []byte("&quot;"))
		text, rest = cut(rest, "<Size>")
		if e.size, err = strconv.ParseInt(string(text), 10, 64); err != nil {
			return nil, err
		}
		page = append(page, e)
	}
}

// cut returns the text after a start tag, and what follows it.
func cut(document []byte, tag string) (text, rest []byte) {
	_, rest, ok := bytes.Cut(document, []byte(tag))
	if !ok {
		return nil, nil
	}
	end := bytes.IndexByte(rest, '<')
	return rest[:max(end, 0)], rest[max(end, 0):]
}

// element returns the text of the first element of a name.
func element(document []byte, name string) string {
	text, _ := cut(document, "<"+name+">")
	return string(text)
}

// A tree lists the files below a directory, folder by folder.
type tree struct {
	root    string
	folders []string // relative, the next one first
	started bool
}

func (t *tree) next() ([]entry, error) {
	if !t.started {
		t.started, t.folders = true, []string{""}
	}
	for len(t.folders) > 0 {
		folder := t.folders[0]
		entries, err := os.ReadDir(filepath.Join(t.root, folder))
		if err != nil {
			return nil, err
		}
		var below []string
		var files []entry
		for _, e := range entries {
			name := e.Name()
			if folder != "" {
				name = folder + "/" + name
			}
			if e.IsDir() {
				below = append(below, name)
				continue
			}
			info, err := e.Info()
			if err != nil && !errors.Is(err, fs.ErrNotExist) {
				return nil, err
			}
			files = append(files, entry{key: []byte(name), size: info.Size()})
		}
		t.folders = append(below, t.folders[1:]...)
		if len(files) > 0 {
			return files, nil
		}
	}
	return nil, nil
}

// newSide returns the side of an address.
func newSide(endpoint, address string) (side, error) {
	if !strings.HasPrefix(address, "s3://") {
		return &tree{root: address}, nil
	}
	c, err := newClient(endpoint, bucketIn(address), 1)
	return &lister{client: c}, err
}

// compareSides compares two listings, which are read at the same time. It fails if the
// target lacks an object or has another size. It can delete what only the target has.
func compareSides(endpoint, source, target string, remove bool) error {
	a, err := newSide(endpoint, source)
	if err != nil {
		return err
	}
	b, err := newSide(endpoint, target)
	if err != nil {
		return err
	}
	var extra [][]byte
	bucket, _ := b.(*lister)
	remove = remove && bucket != nil
	left, right := ahead(a), ahead(b)
	for {
		if err := errors.Join(left.fill(), right.fill()); err != nil {
			return err
		}
		l, r := left.entries, right.entries
		switch {
		case len(r) > 0 && (len(l) == 0 || bytes.Compare(r[0].key, l[0].key) < 0):
			extra = append(extra, r[0].key)
			right.entries = r[1:]
		case len(l) == 0:
			if remove && len(extra) > 0 {
				return bucket.remove(extra)
			}
			return nil
		case len(r) == 0 || !bytes.Equal(l[0].key, r[0].key) || l[0].size != r[0].size:
			return fmt.Errorf("%s differs", l[0].key)
		default:
			left.entries, right.entries = l[1:], r[1:]
		}
		if remove && len(extra) == madeup.MaxKeys {
			if err := bucket.remove(extra); err != nil {
				return err
			}
			extra = extra[:0]
		}
	}
}

// A reader reads a side ahead.
type reader struct {
	entries []entry
	pages   chan []entry // closed at the end
	err     error        // to be read after that
}

func ahead(s side) *reader {
	r := &reader{pages: make(chan []entry, 1)}
	go func() { // until the listing or the process ends
		defer close(r.pages)
		for {
			entries, err := s.next()
			if err != nil || len(entries) == 0 {
				r.err = err
				return
			}
			r.pages <- entries
		}
	}()
	return r
}

// fill sees to it that there are entries, unless the listing has ended.
func (r *reader) fill() error {
	for len(r.entries) == 0 {
		entries, ok := <-r.pages
		if !ok {
			return r.err
		}
		r.entries = entries
	}
	return nil
}

// remove deletes objects.
func (l *lister) remove(keys [][]byte) error {
	request := bytes.NewBufferString("<Delete><Quiet>true</Quiet>")
	for _, key := range keys {
		request.WriteString("<Object><Key>")
		request.Write(key)
		request.WriteString("</Key></Object>")
	}
	request.WriteString("</Delete>")
	_, err := l.read(http.MethodPost, "", "delete=", request.Bytes())
	return err
}
