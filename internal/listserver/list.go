package listserver

import (
	"encoding/hex"
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"sort"
	"strconv"
	"strings"
	"time"
)

// maxKeys is the largest number of keys in one page.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
const maxKeys = 1000

// list answers ListObjectsV2. A token is the last key of the previous page in
// hexadecimal digits, or "#" and the number of an object.
func (b *bucket) list(w http.ResponseWriter, query url.Values) {
	size := maxKeys
	if s := query.Get("max-keys"); s != "" {
		n, err := strconv.Atoi(s)
		if err != nil || n < 0 {
			fail(w, http.StatusBadRequest, "InvalidArgument")
			return
		}
		size = min(n, maxKeys)
	}
	if query.Get("delimiter") != "" && b.Objects > 0 {
		fail(w, http.StatusNotImplemented, "NotImplemented")
		return
	}
	prefix := query.Get("prefix")
	from, err := b.position(query)
	if err != nil {
		fail(w, http.StatusBadRequest, "InvalidArgument")
		return
	}
	from = max(from, b.search(func(key string) bool { return key >= prefix }))
	to := b.search(func(key string) bool { return key > prefix && !strings.HasPrefix(key, prefix) })
	end := min(from+size, to)
	hit := b.Fault != NoFault && from <= b.FaultAt && b.FaultAt < end
	if hit && b.Fault == Fail {
		fail(w, http.StatusInternalServerError, "InternalError")
		return
	}
	token := ""
	if end < to && end > from {
		token = hex.EncodeToString([]byte(b.Key(end - 1)))
	}
	truncated := end < to
	if hit && b.Fault == NoToken {
		truncated, token, end = true, "", b.FaultAt+1
	}
	if hit && b.Fault == Loop {
		truncated, token = true, "#"+strconv.Itoa(from)
	}
	b.page(w, query, from, max(from, end), truncated, token)
}

// search returns the number of the first object whose key satisfies reached. All later
// keys must satisfy it, too.
func (b *bucket) search(reached func(key string) bool) int {
	return sort.Search(b.Objects, func(i int) bool { return reached(b.Key(i)) })
}

// position returns the number of the first object that a request asks for.
func (b *bucket) position(query url.Values) (int, error) {
	after := query.Get("start-after")
	if token := query.Get("continuation-token"); token != "" {
		if number, ok := strings.CutPrefix(token, "#"); ok {
			return strconv.Atoi(number)
		}
		key, err := hex.DecodeString(token)
		if err != nil {
			return 0, err
		}
		after = string(key)
	}
	if after == "" {
		return 0, nil
	}
	return b.search(func(key string) bool { return key > after }), nil
}

// page writes objects [from, end).
func (b *bucket) page(w http.ResponseWriter, query url.Values, from, end int, truncated bool, token string) {
	w.Header().Set("Content-Type", "application/xml")
	encode := func(s string) string {
		var text strings.Builder
		_ = xml.EscapeText(&text, []byte(s)) // a strings.Builder does not fail
		return text.String()
	}
	encoding := ""
	if query.Get("encoding-type") == "url" {
		encoding = "<EncodingType>url</EncodingType>"
		encode = func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }
	}
	var next string
	if token != "" {
		next = "<NextContinuationToken>" + token + "</NextContinuationToken>"
	}
	_, _ = fmt.Fprintf(w, "%s<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">%s<Prefix>%s</Prefix>"+
		"<KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys><IsTruncated>%t</IsTruncated>%s",
		xml.Header, encoding, encode(query.Get("prefix")), end-from, maxKeys, truncated, next)
	modified := b.ModTime.UTC().Format(time.RFC3339Nano)
	var line []byte
	for i := from; i < end; i++ {
		key := b.Key(b.shown(i))
		line = append(line[:0], "<Contents><Key>"...)
		line = append(line, encode(key)...)
		line = append(line, "</Key><LastModified>"...)
		line = append(line, modified...)
		line = append(line, "</LastModified><ETag>&quot;"...)
		line = append(line, ETag(key, b.Size)...)
		line = append(line, "&quot;</ETag><Size>"...)
		line = strconv.AppendInt(line, b.Size, 10)
		line = append(line, "</Size><StorageClass>STANDARD</StorageClass></Contents>"...)
		_, _ = w.Write(line) // an error means that the client left
	}
	_, _ = w.Write([]byte("</ListBucketResult>"))
}

// shown returns the number of the object at place i of the listing.
func (b *bucket) shown(i int) int {
	if b.Fault == Disorder && b.FaultAt+1 < b.Objects {
		switch i {
		case b.FaultAt:
			return i + 1
		case b.FaultAt + 1:
			return i - 1
		}
	}
	return i
}
