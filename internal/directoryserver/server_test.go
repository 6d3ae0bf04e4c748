package directoryserver_test

import (
	"crypto/sha256"
	"encoding/hex"
	"io"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"s3sync/internal/directoryserver"
)

const bucket = "b--usw2-az1--x-s3"

// send makes a request ("GET /key") like one of a session, with more headers as "name: value".
// It returns the S3 error code, or the answer where there is none.
func send(t *testing.T, s *directoryserver.Server, token, request, body string, headers ...string) string {
	t.Helper()
	method, uri, _ := strings.Cut(request, " ")
	req, err := http.NewRequestWithContext(t.Context(), method, s.URL+"/"+bucket+uri, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	key := directoryserver.AccessKey
	if token != "" {
		key = "AK" + token
		req.Header.Set("X-Amz-S3session-Token", token)
	}
	sum := sha256.Sum256([]byte(body))
	req.Header.Set("X-Amz-Content-Sha256", hex.EncodeToString(sum[:]))
	req.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key+"/20260101/us-west-2/s3express/aws4_request, …")
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if m := regexp.MustCompile(`<Code>(\w+)</Code>`).FindSubmatch(data); m != nil {
		return string(m[1])
	}
	return string(data)
}

// The server refuses what a directory bucket does not take: tests of clients
// stand on that.
func TestRefusals(t *testing.T) {
	s := directoryserver.New(t, bucket)
	session := func(headers ...string) string { return send(t, s, "", "GET ?session", "", headers...) }
	m := regexp.MustCompile(`<SessionToken>(\w+)<`).FindStringSubmatch(session())
	if m == nil {
		t.Fatal("no session")
	}
	token := m[1]
	const part = "/k?partNumber=1&uploadId=upload99"
	for name, tt := range map[string]struct{ got, want string }{
		"good":                {send(t, s, token, "PUT /k", "data"), ""},
		"good read":           {send(t, s, token, "GET /k", ""), "data"},
		"no session":          {send(t, s, "", "GET /k", ""), "AccessDenied"},
		"other session":       {send(t, s, "session77", "GET /k", ""), "ExpiredToken"},
		"other key":           {send(t, s, token, "GET /k", "", "Authorization: Credential=AKX/x/s3express/aws4_request"), "AccessDenied"},
		"signed for s3":       {send(t, s, token, "GET /k", "", "Authorization: Credential=AK"+token+"/x/s3/aws4_request"), "AccessDenied"},
		"session, other key":  {session("Authorization: Credential=AKX/x/s3express/aws4_request"), "AccessDenied"},
		"session, other hash": {session("X-Amz-Content-Sha256: 00"), "XAmzContentSHA256Mismatch"},
		"Content-MD5":         {send(t, s, token, "PUT /k", "data", "Content-MD5: x"), "NotImplemented"},
		"tags":                {send(t, s, token, "PUT /k", "data", "X-Amz-Tagging: a=b"), "NotImplemented"},
		"wrong checksum":      {send(t, s, token, "PUT /k", "data", "X-Amz-Checksum-Crc64nvme: AAAAAAAAAAA="), "BadDigest"},
		"prefix":              {send(t, s, token, "GET ?list-type=2&prefix=k", ""), "InvalidRequest"},
		"start-after":         {send(t, s, token, "GET ?list-type=2&start-after=k", ""), "NotImplemented"},
		"encoding-type":       {send(t, s, token, "GET ?list-type=2&encoding-type=url", ""), "NotImplemented"},
		"version":             {send(t, s, token, "GET /k?versionId=1", ""), "NotImplemented"},
		"delete, no checksum": {send(t, s, token, "POST ?delete", "<Delete></Delete>"), "InvalidRequest"},
		"no upload":           {send(t, s, token, "PUT "+part, "data"), "NoSuchUpload"},
		"no object":           {send(t, s, token, "GET /other", ""), "NoSuchKey"},
	} {
		if tt.got != tt.want {
			t.Errorf("%s: %q, want %q", name, tt.got, tt.want)
		}
	}
	s.Expire()
	if got := send(t, s, token, "GET /k", ""); got != "ExpiredToken" {
		t.Errorf("after the end of the session: %q", got)
	}
}

// Listings are in no order, whole, and in pages.
func TestListing(t *testing.T) {
	s := directoryserver.New(t, bucket)
	token := regexp.MustCompile(`<SessionToken>(\w+)<`).FindStringSubmatch(send(t, s, "", "GET ?session", ""))[1]
	const want = "abcdefghijklmnop"
	for _, c := range want {
		send(t, s, token, "PUT /d/"+string(c), "")
	}
	send(t, s, token, "PUT /x", "")
	got, next := "", ""
	for range len(want)/3 + 1 {
		page := send(t, s, token, "GET ?list-type=2&prefix=d/&max-keys=3&continuation-token="+next, "")
		for _, m := range regexp.MustCompile(`<Key>d/(\w)</Key>`).FindAllStringSubmatch(page, -1) {
			got += m[1]
		}
		m := regexp.MustCompile(`<NextContinuationToken>(\w+)<`).FindStringSubmatch(page)
		if m == nil {
			break
		}
		next = m[1]
	}
	if len(got) != len(want) || got == want {
		t.Errorf("listed %q", got)
	}
	for _, c := range want {
		if strings.Count(got, string(c)) != 1 {
			t.Errorf("%q is not once in %q", c, got)
		}
	}
}

// With a delimiter a listing names what is directly below the prefix, and also the
// prefixes of uploads that are not complete.
func TestListingWithDelimiter(t *testing.T) {
	s := directoryserver.New(t, bucket)
	session := regexp.MustCompile(`<SessionToken>(\w+)<`).FindStringSubmatch(send(t, s, "", "GET ?session", ""))[1]
	for _, key := range []string{"a", "d/", "d/a", "d/b/c", "d/b/d", "d/e/f", "e"} {
		send(t, s, session, "PUT /"+key, "")
	}
	send(t, s, session, "POST /d/up/load?uploads", "")
	send(t, s, session, "POST /d/load?uploads", "")
	for query, want := range map[string]string{
		"delimiter=/":                     "a d/ e",
		"delimiter=/&prefix=d/":           "d/ d/a d/b/ d/e/ d/up/",
		"delimiter=/&prefix=d/b/":         "d/b/c d/b/d",
		"delimiter=/&prefix=d/up/":        "",
		"delimiter=/&prefix=d/&page=2":    "d/ d/a d/b/ d/e/ d/up/",
		"delimiter=x":                     "InvalidRequest",
		"prefix=d/&page=2":                "d/ d/a d/b/c d/b/d d/e/f",
		"delimiter=/&prefix=nothing/here": "InvalidRequest",
	} {
		page := ""
		if q, ok := strings.CutSuffix(query, "&page=2"); ok {
			query, page = q, "&max-keys=2"
		}
		var got []string
		for next := "start"; next != ""; {
			token := strings.TrimPrefix("&continuation-token="+next, "&continuation-token=start")
			answer := send(t, s, session, "GET ?list-type=2&"+query+page+token, "")
			for _, m := range regexp.MustCompile(`<(?:Key|CommonPrefixes><Prefix)>([^<]+)<`).FindAllStringSubmatch(answer, -1) {
				got = append(got, m[1])
			}
			if !strings.Contains(answer, "<") {
				got = []string{answer}
			}
			next = ""
			if m := regexp.MustCompile(`<NextContinuationToken>(\w+)<`).FindStringSubmatch(answer); m != nil {
				next = m[1]
			}
		}
		slices.Sort(got)
		if strings.Join(got, " ") != want {
			t.Errorf("%s%s: %q, want %q", query, page, got, want)
		}
	}
}
