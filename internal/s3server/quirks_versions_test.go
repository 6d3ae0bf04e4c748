package s3server_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/google/go-cmp/cmp"

	"s3sync/internal/s3server"
)

// TestVersionQuirks holds what the package comment says of versions.
func TestVersionQuirks(t *testing.T) {
	want := map[s3server.Kind]map[string]string{
		s3server.VersityGW: {
			"order": "M V V", "behind the current version": "current", "key-marker alone": "current",
			"deleted never there": "0", "deleted again": "2",
		},
		s3server.MinIO: {
			"order": "V M V", "behind the current version": "marker", "key-marker alone": "",
			"deleted never there": "0", "deleted again": "1",
		},
	}
	for _, kind := range s3server.Kinds() {
		t.Run(string(kind), func(t *testing.T) {
			s := s3server.Shared(t, kind)
			if diff := cmp.Diff(want[kind], observeVersions(t, s)); diff != "" {
				t.Errorf("the server is not as the package comment says (-want +got):\n%s", diff)
			}
		})
	}
}

func observeVersions(t *testing.T, s *s3server.Server) map[string]string {
	t.Helper()
	x := &exchange{Server: s, t: t, bucket: s.VersionedBucket(t)}
	c := s.Client()
	name := map[string]string{"": ""} // by version ID
	put := func(key, data string) {
		out, err := c.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &x.bucket, Key: &key, Body: strings.NewReader(data)})
		if err != nil {
			t.Fatal(err)
		}
		name[aws.ToString(out.VersionId)] = data
	}
	remove := func(key, data string) {
		out, err := c.DeleteObject(t.Context(), &s3.DeleteObjectInput{Bucket: &x.bucket, Key: &key})
		if err != nil {
			t.Fatal(err)
		}
		name[aws.ToString(out.VersionId)] = data
	}
	list := func(query string) string {
		_, answer, code := x.do("GET", "?versions="+query, "")
		if code != "" {
			t.Fatal(code)
		}
		return answer
	}
	put("k", "first")
	remove("k", "marker")
	put("k", "current")
	got := map[string]string{}
	var order []string
	for part := range strings.SplitSeq(list("&prefix=k"), "<") {
		switch {
		case strings.HasPrefix(part, "Version>"):
			order = append(order, "V")
		case strings.HasPrefix(part, "DeleteMarker>"):
			order = append(order, "M")
		}
	}
	got["order"] = strings.Join(order, " ")
	current := ""
	for id, data := range name {
		if data == "current" {
			current = id
		}
	}
	first := func(answer string) string { return name[element(answer, "VersionId")] }
	got["behind the current version"] = first(list("&max-keys=1&key-marker=k&version-id-marker=" + current))
	got["key-marker alone"] = first(list("&max-keys=1&key-marker=k"))
	markers := func(key string) string {
		return string('0' + byte(strings.Count(list("&prefix="+key), "<DeleteMarker>")))
	}
	remove("never", "")
	got["deleted never there"] = markers("never")
	put("z", "")
	remove("z", "")
	remove("z", "")
	got["deleted again"] = markers("z")
	return got
}
