package server

import (
	"bytes"
	"encoding/xml"
	"net/url"
	"strconv"
	"strings"

	"s3sync/internal/bench/internal/madeup"
)

// A page is one page of a listing. Every entry is a key or a common prefix.
type page struct {
	objects  []int // numbers
	prefixes []string
	// next is the last entry if there are more.
	next string
}

// page makes the page that begins after a key or common prefix.
func (b *bucket) page(prefix, delimiter, after string, size int) (p page) {
	b.mu.RLock()
	defer b.mu.RUnlock()
	from, to := b.Search(prefix), b.Search(prefix+"\xff") // no key has this byte
	switch {
	case delimiter != "" && strings.HasSuffix(after, delimiter):
		from = max(from, b.Search(after+"\xff"))
	case after != "":
		from = max(from, b.Search(after+"\x00"))
	}
	var buf [32]byte
	last := ""
	for i := from; i < to; i++ {
		if b.isDeleted(i) {
			continue
		}
		if len(p.objects)+len(p.prefixes) == size {
			p.next = last
			break
		}
		key := b.AppendKey(buf[:0], i)
		if delimiter != "" {
			if at := strings.Index(string(key[len(prefix):]), delimiter); at >= 0 {
				last = string(key[:len(prefix)+at+len(delimiter)])
				p.prefixes = append(p.prefixes, last)
				i = b.Search(last+"\xff") - 1
				continue
			}
		}
		p.objects = append(p.objects, i)
		if len(p.objects)+len(p.prefixes) == size {
			last = string(key)
		}
	}
	return p
}

// encoder returns how the answer to a request writes keys.
func encoder(r *request) (encode func(string) string, element string) {
	if kind, _ := r.parameter("encoding-type"); kind == "url" {
		return func(s string) string { return strings.ReplaceAll(url.QueryEscape(s), "%2F", "/") }, "<EncodingType>url</EncodingType>"
	}
	return func(s string) string {
		var text strings.Builder
		_ = xml.EscapeText(&text, []byte(s)) // a Builder does not fail
		return text.String()
	}, ""
}

func (r *request) pageSize() int {
	text, _ := r.parameter("max-keys")
	n, err := strconv.Atoi(text)
	if err != nil {
		return madeup.MaxKeys
	}
	return min(max(n, 0), madeup.MaxKeys)
}

// list answers ListObjectsV2. A token is the last entry of the page before.
func (c *conversation) list(b *bucket) error {
	r := &c.request
	prefix, _ := r.parameter("prefix")
	delimiter, _ := r.parameter("delimiter")
	after, ok := r.parameter("continuation-token")
	if !ok {
		after, _ = r.parameter("start-after")
	}
	size := r.pageSize()
	p := b.page(prefix, delimiter, after, size)
	encode, encoding := encoder(r)

	var out bytes.Buffer
	out.Grow(300 * (len(p.objects) + 2))
	out.WriteString(xml.Header + `<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>` + r.bucket + "</Name>" + encoding +
		"<Prefix>" + encode(prefix) + "</Prefix>")
	if delimiter != "" {
		out.WriteString("<Delimiter>" + encode(delimiter) + "</Delimiter>")
	}
	if p.next != "" {
		out.WriteString("<NextContinuationToken>" + p.next + "</NextContinuationToken>")
	}
	out.WriteString("<KeyCount>" + strconv.Itoa(len(p.objects)+len(p.prefixes)) + "</KeyCount><MaxKeys>" + strconv.Itoa(size) +
		"</MaxKeys><IsTruncated>" + strconv.FormatBool(p.next != "") + "</IsTruncated>")
	c.entries(&out, b, p, "<Contents><Key>", "", "</Contents>")
	for _, prefix := range p.prefixes {
		out.WriteString("<CommonPrefixes><Prefix>" + encode(prefix) + "</Prefix></CommonPrefixes>")
	}
	out.WriteString("</ListBucketResult>")
	return c.document(out.Bytes())
}

// entries writes the objects of a page. Their keys need no escapes.
func (c *conversation) entries(out *bytes.Buffer, b *bucket, p page, begin, middle, end string) {
	for _, i := range p.objects {
		line := append(out.AvailableBuffer(), begin...)
		line = b.AppendKey(line, i)
		line = append(append(line, "</Key>"...), middle...)
		line = append(line, "<LastModified>2024-01-01T00:00:00.000Z</LastModified><ETag>&quot;"...) // madeup.ModTime
		line = append(line, c.etags.Of(i, b.Size)...)
		line = append(line, "&quot;</ETag><Size>"...)
		line = strconv.AppendInt(line, b.Size, 10)
		line = append(append(line, "</Size><StorageClass>STANDARD</StorageClass>"...), end...)
		out.Write(line)
	}
}

// versionID is the ID of the only version that each object has.
const versionID = "UjGxFyPJmSWWZDVtgsDbdHgzFcRZtrDk"

// listVersions answers ListObjectVersions.
func (c *conversation) listVersions(b *bucket) error {
	r := &c.request
	prefix, _ := r.parameter("prefix")
	delimiter, _ := r.parameter("delimiter")
	after, _ := r.parameter("key-marker")
	p := b.page(prefix, delimiter, after, r.pageSize())
	encode, encoding := encoder(r)

	var out bytes.Buffer
	out.Grow(400 * (len(p.objects) + 2))
	out.WriteString(xml.Header + `<ListVersionsResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/"><Name>` + r.bucket + "</Name>" + encoding +
		"<Prefix>" + encode(prefix) + "</Prefix>")
	if p.next != "" {
		out.WriteString("<NextKeyMarker>" + encode(p.next) + "</NextKeyMarker>")
		if len(p.prefixes) == 0 {
			out.WriteString("<NextVersionIdMarker>" + versionID + "</NextVersionIdMarker>")
		}
	}
	out.WriteString("<MaxKeys>1000</MaxKeys><IsTruncated>" + strconv.FormatBool(p.next != "") + "</IsTruncated>")
	c.entries(&out, b, p, "<Version><Key>", "<VersionId>"+versionID+"</VersionId><IsLatest>true</IsLatest>", "</Version>")
	for _, prefix := range p.prefixes {
		out.WriteString("<CommonPrefixes><Prefix>" + encode(prefix) + "</Prefix></CommonPrefixes>")
	}
	out.WriteString("</ListVersionsResult>")
	return c.document(out.Bytes())
}
