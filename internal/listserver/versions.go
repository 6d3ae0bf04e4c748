package listserver

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

// listVersions answers ListObjectVersions. Every object has the same number of
// versions, which differ in their IDs only.
func (b *Bucket) listVersions(w http.ResponseWriter, query url.Values) {
	size := maxKeys
	if n, err := strconv.Atoi(query.Get("max-keys")); err == nil {
		size = min(max(n, 0), maxKeys)
	}
	prefix := query.Get("prefix")
	from, err := b.versionPosition(query)
	if err != nil {
		fail(w, http.StatusBadRequest, "InvalidArgument")
		return
	}
	from = max(from, b.Versions*b.search(func(key string) bool { return key >= prefix }))
	to := b.Versions * b.search(func(key string) bool { return key > prefix && !strings.HasPrefix(key, prefix) })
	end := max(from, min(from+size, to))

	w.Header().Set("Content-Type", "application/xml")
	var next string
	if end < to && end > from {
		key, id := b.version(end - 1)
		next = "<NextKeyMarker>" + encode(key) + "</NextKeyMarker><NextVersionIdMarker>" + id + "</NextVersionIdMarker>"
	}
	_, _ = fmt.Fprintf(w, "%s<ListVersionsResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><EncodingType>url</EncodingType>"+
		"<MaxKeys>%d</MaxKeys><IsTruncated>%t</IsTruncated>%s", xml.Header, maxKeys, next != "", next)
	modified := modTime().Format(time.RFC3339Nano)
	for i := from; i < end; i++ {
		key, id := b.version(i)
		_, _ = fmt.Fprintf(w, "<Version><Key>%s</Key><VersionId>%s</VersionId><IsLatest>%t</IsLatest><LastModified>%s</LastModified>"+
			"<ETag>&quot;"+etag+"&quot;</ETag><Size>0</Size><StorageClass>STANDARD</StorageClass></Version>",
			encode(key), id, i%b.Versions == 0, modified) // the client's own business if it leaves
	}
	_, _ = w.Write([]byte("</ListVersionsResult>"))
}

// version returns the key and the ID of entry number i of the listing. IDs descend from
// the newest version to the oldest, which is 0.
func (b *Bucket) version(i int) (key, id string) {
	return b.Key(i / b.Versions), strconv.Itoa(b.Versions - 1 - i%b.Versions)
}

// versionPosition returns the number of the first entry that a request asks for.
func (b *Bucket) versionPosition(query url.Values) (int, error) {
	after, id := query.Get("key-marker"), query.Get("version-id-marker")
	switch {
	case after == "":
		return 0, nil
	case id == "":
		return b.Versions * b.search(func(key string) bool { return key > after }), nil
	}
	n, err := strconv.Atoi(id)
	return b.Versions*b.search(func(key string) bool { return key >= after }) + b.Versions - n, err
}
