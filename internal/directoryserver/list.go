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

// maxKeys is the largest number of keys in one page.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_ListObjectsV2.html
const maxKeys = 1000

// list responds with a page of a listing in the order of the keys' hashes. A token is
// the hash of the last key of the previous page. With a delimiter it also names the
// prefixes of uploads that are not complete.
func (s *Server) list(r *request) error {
	query := r.URL.Query()
	prefix := query.Get("prefix")
	switch {
	case prefix != "" && !strings.HasSuffix(prefix, "/"):
		return refuse(http.StatusBadRequest, "InvalidRequest", "A prefix must end in a slash.")
	case query.Has("delimiter") && query.Get("delimiter") != "/":
		return refuse(http.StatusBadRequest, "InvalidRequest", "The only delimiter is a slash.")
	}
	size := maxKeys
	if text := query.Get("max-keys"); text != "" {
		n, err := strconv.Atoi(text)
		if err != nil || n < 1 {
			return refuse(http.StatusBadRequest, "InvalidArgument", "max-keys")
		}
		size = min(n, maxKeys)
	}
	entries := r.bucket.entries(prefix, query.Has("delimiter"))
	entries = slices.DeleteFunc(entries, func(e entry) bool { return e.hash <= query.Get("continuation-token") })
	slices.SortFunc(entries, func(a, b entry) int { return strings.Compare(a.hash, b.hash) })
	var b strings.Builder
	truncated := len(entries) > size
	if truncated {
		entries = entries[:size]
		fmt.Fprintf(&b, "<NextContinuationToken>%s</NextContinuationToken>", entries[size-1].hash)
	}
	for _, e := range entries {
		o := e.object
		if o == nil {
			fmt.Fprintf(&b, "<CommonPrefixes><Prefix>%s</Prefix></CommonPrefixes>", text(e.key))
			continue
		}
		fmt.Fprintf(&b, "<Contents><Key>%s</Key><LastModified>%s</LastModified><ETag>&quot;%s&quot;</ETag><Size>%d</Size>"+
			"<StorageClass>EXPRESS_ONEZONE</StorageClass></Contents>", text(e.key), stamp(o.modTime), o.etag, len(o.data))
	}
	return r.document("<ListBucketResult><Prefix>%s</Prefix><KeyCount>%d</KeyCount><MaxKeys>%d</MaxKeys><IsTruncated>%v</IsTruncated>%s</ListBucketResult>",
		text(prefix), len(entries), size, truncated, b.String())
}

// An entry of a listing is an object, or a common prefix of several keys.
type entry struct {
	key    string
	hash   string
	object *object // nil for a prefix
}

// entries returns the entries of a listing below a prefix.
func (b *bucket) entries(prefix string, delimited bool) []entry {
	var entries []entry
	seen := map[string]bool{}
	add := func(key string, o *object) {
		rest, ok := strings.CutPrefix(key, prefix)
		i := strings.Index(rest, "/")
		switch {
		case !ok:
		case delimited && i >= 0:
			common := key[:len(prefix)+i+1]
			if !seen[common] {
				seen[common] = true
				entries = append(entries, entry{common, hashOf(common), nil})
			}
		case o != nil:
			entries = append(entries, entry{key, hashOf(key), o})
		}
	}
	for key, o := range b.objects {
		add(key, o)
	}
	for _, u := range b.uploads {
		add(u.key, nil)
	}
	return entries
}

func hashOf(key string) string {
	sum := sha256.Sum256([]byte(key))
	return hex.EncodeToString(sum[:])
}
