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
// hexadecimal digits.
func (b *Bucket) list(w http.ResponseWriter, query url.Values) {
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
	token := ""
	if end < to && end > from {
		token = hex.EncodeToString([]byte(b.Key(end - 1)))
	}
	b.page(w, query, from, max(from, end), end < to, token)
}

// search returns the number of the first object whose key satisfies reached. All later
// keys must satisfy it, too.
func (b *Bucket) search(reached func(key string) bool) int {
	return sort.Search(b.Objects, func(i int) bool { return reached(b.Key(i)) })
}

// position returns the number of the first object that a request asks for.
func (b *Bucket) position(query url.Values) (int, error) {
	after := query.Get("start-after")
	if token := query.Get("continuation-token"); token != "" {
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

// encode is the form that keys have with encoding-type=url.
func encode(key string) string { return strings.ReplaceAll(url.QueryEscape(key), "%2F", "/") }

// page writes objects [from, end).
func (b *Bucket) page(w http.ResponseWriter, query url.Values, from, end int, truncated bool, token string) {
	w.Header().Set("Content-Type", "application/xml")
	var next string
	if token != "" {
		next = "<NextContinuationToken>" + token + "</NextContinuationToken>"
	}
	_, _ = fmt.Fprintf(w, "%s<ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType><Prefix>%s</Prefix>"+
		"<KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys><IsTruncated>%t</IsTruncated>%s",
		xml.Header, encode(query.Get("prefix")), end-from, maxKeys, truncated, next)
	modified := modTime().Format(time.RFC3339Nano)
	var line []byte
	for i := from; i < end; i++ {
		line = append(line[:0], "<Contents><Key>"...)
		line = append(line, encode(b.Key(i))...)
		line = append(line, "</Key><LastModified>"...)
		line = append(line, modified...)
		line = append(line, "</LastModified><ETag>&quot;"+etag+"&quot;</ETag><Size>0</Size><StorageClass>STANDARD</StorageClass></Contents>"...)
		_, _ = w.Write(line) // an error means that the client left
	}
	_, _ = w.Write([]byte("</ListBucketResult>"))
}
