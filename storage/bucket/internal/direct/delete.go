package direct

import (
	"context"
	"crypto/md5"
	"encoding/base64"
	"fmt"
	"net/http"
	"unicode/utf8"

	"s3sync/internal/checksum"
	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// DeleteObjects removes objects with one request.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html
func (c *Client) DeleteObjects(ctx context.Context, keys []string) ([]request.Deletion, error) {
	b := storage.Block{Data: deletionOf(keys)}
	k := c.start("DeleteObjects", http.MethodPost, "", "delete=", (&request.Dialect{}).PayloadHash(b), 4)
	k.carry(b)
	k.set("Content-Type", "application/xml")
	sum := md5.Sum(b.Data)
	k.set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	// Besides, the checksum that took its place.
	k.set("X-Amz-Checksum-Crc32", base64.StdEncoding.EncodeToString(checksum.Digest(checksum.CRC32, b.Data)))
	var deletions []request.Deletion
	err := c.do(ctx, k, func(resp *http.Response) (err error) {
		deletions, err = c.deletionsIn(resp)
		return err
	})
	return deletions, err
}

// deletionOf is the document that names keys. The answer is to name all of them: otherwise a
// missing key would have to count as deleted.
func deletionOf(keys []string) []byte {
	size := 100
	for _, key := range keys {
		size += len(key) + len("<Object><Key></Key></Object>")
	}
	b := append(make([]byte, 0, size), `<Delete xmlns="http://s3.amazonaws.com/doc/2006-03-01/">`...)
	for _, key := range keys {
		b = append(b, "<Object><Key>"...)
		b = appendXML(b, key)
		b = append(b, "</Key></Object>"...)
	}
	return append(b, "</Delete>"...)
}

// appendXML appends a text to a document. Ends of lines are escaped in all their forms:
// otherwise a parser would make others of them. What XML cannot hold becomes U+FFFD; callers
// remove such keys in another way.
// https://www.w3.org/TR/xml11/#sec-line-ends
// https://www.w3.org/TR/xml/#charsets
func appendXML(b []byte, text string) []byte {
	for _, r := range text {
		switch {
		case r == '&':
			b = append(b, "&amp;"...)
		case r == '<':
			b = append(b, "&lt;"...)
		case r == '>':
			b = append(b, "&gt;"...)
		case r == '"', r == '\'':
			b = fmt.Appendf(b, "&#%d;", r)
		case r == '\t', r == '\n', r == '\r', r == '\u0085', r == '\u2028':
			b = fmt.Appendf(b, "&#x%X;", r)
		case r < ' ', r == '\uFFFE', r == '\uFFFF':
			b = utf8.AppendRune(b, utf8.RuneError)
		default: // what is no UTF-8 is U+FFFD already
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// deletionsIn reads the answer to DeleteObjects.
func (c *Client) deletionsIn(resp *http.Response) ([]request.Deletion, error) {
	said, err := parsed(resp, c.pages.Deletions)
	if err != nil {
		return nil, err
	}
	deletions := make([]request.Deletion, len(said))
	for i, d := range said {
		deletions[i].Key = d.Key
		if d.Refused {
			deletions[i].Err = c.opts.Translator.OfDeletion(d.Code, d.Message, resp.Request)
		}
	}
	return deletions, nil
}
