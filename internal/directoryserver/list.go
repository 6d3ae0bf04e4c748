package directoryserver

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
)

// maxKeys is the most that one page has.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
const maxKeys = 1000

// list answers with a page of a listing in the order of the keys' hashes. A token
// is the hash of the last key of the page before.
func (s *Server) list(r *request) error {
	query := r.URL.Query()
	prefix := query.Get("prefix")
	switch {
	case prefix != "" && !strings.HasSuffix(prefix, "/"):
		return refuse(http.StatusBadRequest, "InvalidRequest", "A prefix must end in a slash.")
	case query.Has("delimiter"):
		return refuse(http.StatusNotImplemented, "NotImplemented", "no delimiters here")
	}
	size := maxKeys
	if text := query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return refuse(http.StatusBadRequest, "InvalidArgument", "max-keys")
		}
		size = min(n, maxKeys)
	}
	hashes := map[string]string{} // of keys
	var keys []string
	for key := range r.bucket.objects {
		hash := hashOf(key)
		if strings.HasPrefix(key, prefix) && hash > query.Get("continuation-token") {
			keys = append(keys, key)
			hashes[key] = hash
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return strings.Compare(hashes[a], hashes[b]) })
	var b strings.Builder
	truncated := len(keys) > size
	if truncated {
		keys = keys[:size]
		fmt.Fprintf(&b, "<NextContinuationToken>%s</NextContinuationToken>", hashes[keys[size-1]])
	}
	for _, key := range keys {
		o := r.bucket.objects[key]
		fmt.Fprintf(&b, "<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag><Size>%d</Size>"+
			"<StorageClass>EXPRESS_ONEZONE</StorageClass></Contents>", text(key), stamp(o.modTime), o.etag, len(o.data))
	}
	return r.document("<ListBucketResult><Prefix>%s</Prefix><KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys><IsTruncated>%v</IsTruncated>%s</ListBucketResult>",
		text(prefix), len(keys), size, truncated, b.String())
}

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
