package integration_test

import (
	"bytes"
	"maps"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"s3sync"
	"s3sync/internal/faultproxy"
	"s3sync/internal/s3server"
)

// Servers that mix up their data or report wrong digests. No real server does that, so
// an unchecked server is put before them. Objects whose names begin with "one" are sent
// in one piece, those with "two" in two parts of 5 MiB.

// A lie is a wrong response about one object, and what s3sync must report about it.
type lie struct {
	changeBody   func(r *http.Request, body []byte) []byte
	changeAnswer func(r *http.Request, h http.Header, body []byte) []byte
	cause        string
	// published: the server has the object, right or wrong, and that cannot be undone.
	published bool
}

// isFirstPart and isSecondPart report which part or range a request is for.
func isFirstPart(r *http.Request) bool {
	return r.URL.Query().Get("partNumber") == "1" || strings.HasPrefix(r.Header.Get("Range"), "bytes=0-")
}

func isSecondPart(r *http.Request) bool {
	return r.URL.Query().Get("partNumber") == "2" || strings.HasPrefix(r.Header.Get("Range"), "bytes=5242880-")
}

func completesUpload(r *http.Request) bool {
	return r.Method == http.MethodPost && r.URL.Query().Has("uploadId")
}

// repeatFirstHalf replaces the second half of the bytes by the first one.
func repeatFirstHalf(body []byte) []byte {
	half := bytes.Clone(body)
	copy(half[len(half)/2:], body)
	return half
}

const wrongCRC = "AAAAAA=="

// changeChecksum sends another CRC32, in a header or a document.
func changeChecksum(h http.Header, body []byte) []byte {
	const name = "X-Amz-Checksum-Crc32"
	element := regexp.MustCompile(`<ChecksumCRC32>[^<]*`)
	if value := h.Get(name); value != "" {
		_, parts, found := strings.Cut(value, "-")
		if found {
			parts = "-" + parts
		}
		h.Set(name, wrongCRC+parts)
	}
	return element.ReplaceAll(body, []byte("<ChecksumCRC32>"+wrongCRC+"-2"))
}

// readLies are lies in responses to reads.
func readLies(content map[string][]byte) map[string]lie {
	const etag, sum = "does not match its digest: the source's ETag", "does not match its digest: the source's CRC32 checksum"
	tellsSum := func(_ *http.Request, h http.Header, body []byte) []byte { return changeChecksum(h, body) }
	return map[string]lie{
		"one-duplicated": {cause: etag, changeAnswer: func(r *http.Request, _ http.Header, body []byte) []byte {
			if r.Method == http.MethodGet && !r.URL.Query().Has("tagging") {
				return repeatFirstHalf(body)
			}
			return body
		}},
		"two-duplicated": {cause: etag, changeAnswer: func(r *http.Request, _ http.Header, body []byte) []byte {
			if r.Method == http.MethodGet && isSecondPart(r) {
				return content["two-duplicated"][:len(body)]
			}
			return body
		}},
		"two-swapped": {cause: etag, changeAnswer: func(r *http.Request, _ http.Header, body []byte) []byte {
			switch data := content["two-swapped"]; {
			case r.Method == http.MethodGet && isFirstPart(r):
				return data[len(data)/2:]
			case r.Method == http.MethodGet && isSecondPart(r):
				return data[:len(data)/2]
			}
			return body
		}},
		"one-checksum": {cause: sum, changeAnswer: tellsSum},
		"two-checksum": {cause: sum, changeAnswer: tellsSum},
	}
}

// writeLies are lies in responses to writes.
func writeLies(content map[string][]byte) map[string]lie {
	const part = "the server has the CRC32 checksum"
	return map[string]lie{
		"one-truncated": {cause: "the target's ETag", published: true, changeBody: func(r *http.Request, body []byte) []byte {
			return body[:len(body)/2]
		}},
		"two-truncated": {cause: part, changeBody: func(r *http.Request, body []byte) []byte {
			if isSecondPart(r) {
				return body[:len(body)/2]
			}
			return body
		}},
		"one-duplicated": {cause: "the target's ETag", published: true, changeBody: func(_ *http.Request, body []byte) []byte {
			return repeatFirstHalf(body)
		}},
		"two-duplicated": {cause: part, changeBody: func(r *http.Request, body []byte) []byte {
			if isSecondPart(r) {
				return content["two-duplicated"][:len(body)]
			}
			return body
		}},
		"two-swapped": {cause: part, changeBody: func(r *http.Request, body []byte) []byte {
			switch data := content["two-swapped"]; {
			case isFirstPart(r):
				return data[len(data)/2:]
			case isSecondPart(r):
				return data[:len(data)/2]
			}
			return body
		}},
		// The response to each part is correct.
		"two-assembled": {cause: "the target's ETag", published: true, changeBody: assembleWrongly},
		"one-checksum": {
			cause: "the target's CRC32 checksum", published: true,
			changeAnswer: func(_ *http.Request, h http.Header, body []byte) []byte { return changeChecksum(h, body) },
		},
		"two-part-checksum": {cause: part, changeAnswer: func(r *http.Request, h http.Header, body []byte) []byte {
			if isSecondPart(r) {
				return changeChecksum(h, body)
			}
			return body
		}},
		"two-checksum": {
			cause: "the target's CRC32 checksum", published: true,
			changeAnswer: func(r *http.Request, h http.Header, body []byte) []byte {
				if completesUpload(r) {
					return changeChecksum(h, body)
				}
				return body
			},
		},
		"two-error":   {cause: "InternalError"}, // by the rule errorIn200
		"two-invalid": {cause: "InvalidPart"},
	}
}

// errorIn200 are rules for answers whose status is 200 although they say that the
// upload was not completed.
// https://docs.aws.amazon.com/AmazonS3/latest/API/API_CompleteMultipartUpload.html
func errorIn200() []string {
	return []string{
		"CompleteMultipartUpload two-error status=200 code=InternalError",
		"CompleteMultipartUpload two-invalid status=200 code=InvalidPart",
	}
}

// assembleWrongly swaps the numbers of two parts.
func assembleWrongly(r *http.Request, body []byte) []byte {
	switch {
	case isFirstPart(r):
		r.RequestURI = strings.Replace(r.RequestURI, "partNumber=1", "partNumber=2", 1)
	case isSecondPart(r):
		r.RequestURI = strings.Replace(r.RequestURI, "partNumber=2", "partNumber=1", 1)
	case completesUpload(r):
		parts := regexp.MustCompile(`(?s)<Part>.*?</Part>`).FindAll(body, -1)
		one := bytes.Replace(parts[0], []byte("<PartNumber>1<"), []byte("<PartNumber>2<"), 1)
		two := bytes.Replace(parts[1], []byte("<PartNumber>2<"), []byte("<PartNumber>1<"), 1)
		return bytes.Replace(body, slices.Concat(parts...), slices.Concat(two, one), 1)
	}
	return body
}

// newLyingServer starts an unchecked server that tells each lie about the object with
// its name.
func newLyingServer(t *testing.T, srv *s3server.Server, lies map[string]lie) *uncheckedServer {
	t.Helper()
	c := newUncheckedServer(t, srv)
	c.changeBody = func(r *http.Request, body []byte) []byte {
		if l := lies[objectOf(r)]; l.changeBody != nil && len(body) > 0 {
			return l.changeBody(r, body)
		}
		return body
	}
	c.changeAnswer = func(r *http.Request, h http.Header, body []byte) []byte {
		if l := lies[objectOf(r)]; l.changeAnswer != nil {
			return l.changeAnswer(r, h, body)
		}
		return body
	}
	return c
}

// objectOf returns the name of a request's object, without its bucket.
func objectOf(r *http.Request) string {
	_, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	return key
}

// TestLyingServers: if a server mixes up data or reports wrong digests, the object is
// not counted as transferred or verified, and does not become visible in a directory,
// however it is read or written. The cause is reported. Objects without lies arrive.
func TestLyingServers(t *testing.T) {
	t.Parallel()
	eachServer(t, func(t *testing.T, srv *s3server.Server) {
		content := map[string][]byte{"one": random(1, 100_000), "two": random(2, 10*s3sync.MiB)}
		source, root := newBucket(t, srv), t.TempDir()
		write(t, root, "one", content["one"])
		write(t, root, "two", content["two"])
		reads, writes := readLies(content), writeLies(content)
		for _, key := range slices.Concat(slices.Collect(maps.Keys(reads)), slices.Collect(maps.Keys(writes))) {
			content[key] = content[key[:3]]
			write(t, root, key, content[key])
		}
		up := smallParts(config(local(root), source.at("")))
		up.Verify.Algorithm = "CRC32"
		sync(t, up)
		for name, way := range map[string]struct {
			lies     map[string]lie
			from, to s3sync.Endpoint
		}{
			"read to files":       {reads, source.at(""), local(t.TempDir())},
			"read to bucket":      {reads, source.at(""), newBucket(t, srv).at("")},
			"written from files":  {writes, local(root), newBucket(t, srv).at("")},
			"written from bucket": {writes, source.at(""), newBucket(t, srv).at("")},
		} {
			t.Run(name, func(t *testing.T) {
				rules := errorIn200()
				cfg := smallParts(config(way.from, way.to))
				cfg.Retry.MaxAttempts, cfg.Retry.ForceCount = 1, 1
				cfg.Filter.Include = expression("^(one|two|" + strings.Join(slices.Collect(maps.Keys(way.lies)), "|") + ")$")
				endpoint := &cfg.Target.EndpointURL
				if strings.HasPrefix(name, "read") {
					endpoint, rules = &cfg.Source.EndpointURL, nil
					cfg.Verify.ReadChecksum = true
				} else {
					cfg.Verify.Algorithm = "CRC32"
				}
				*endpoint = faultproxy.New(t, newLyingServer(t, srv, way.lies).URL, rules...).URL
				o := run(t, cfg)
				o.failed(t, "")
				if o.Transferred != 2 || o.ETagVerified != 2 || o.ChecksumVerified != 2 || int(o.Failed) != len(way.lies) || o.Unverified+o.Warnings != 0 {
					t.Errorf("%+v\n%s", o.Stats, o.log)
				}
				visible := []string{"one", "two"}
				for key, l := range way.lies {
					o.reports(t, key, key, l.cause)
					if l.published {
						visible = append(visible, key)
					}
				}
				if way.to.EndpointURL == "" {
					hasFiles(t, way.to.URL, visible...)
					return
				}
				target := bucket{srv, strings.TrimPrefix(way.to.URL, "s3://")}
				target.holds(t, visible, slices.Collect(maps.Keys(way.lies))...)
				target.contains(t, content, []string{"one", "two"})
			})
		}
	})
}
