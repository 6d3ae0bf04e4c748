package request

import (
	"encoding/base64"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/checksum"
	"s3sync/storage"
)

const content = "0123456789abcdefghij"

// sumOf is the checksum of bytes as S3 writes it.
func sumOf(alg checksum.Algorithm, data string) string {
	return base64.StdEncoding.EncodeToString(checksum.Digest(alg, []byte(data)))
}

func TestChecksumsIn(t *testing.T) {
	crc := sumOf(checksum.CRC32, content)
	for name, tt := range map[string]struct {
		headers map[string]string
		want    []storage.Checksum
	}{
		"none":          {map[string]string{"ETag": `"x"`, "X-Amz-Checksum-Type": "FULL_OBJECT"}, nil},
		"full object":   {map[string]string{"x-amz-checksum-crc32": crc, "x-amz-checksum-type": "FULL_OBJECT"}, []storage.Checksum{{Algorithm: "CRC32", Value: crc, Type: "FULL_OBJECT"}}},
		"composite":     {map[string]string{"x-amz-checksum-crc32": crc + "-3", "x-amz-checksum-type": "COMPOSITE"}, []storage.Checksum{{Algorithm: "CRC32", Value: crc + "-3", Type: "COMPOSITE"}}},
		"no type":       {map[string]string{"x-amz-checksum-crc32": crc}, []storage.Checksum{{Algorithm: "CRC32", Value: crc}}},
		"odd type":      {map[string]string{"x-amz-checksum-crc32": crc, "x-amz-checksum-type": "HALF"}, []storage.Checksum{{Algorithm: "CRC32", Value: crc}}},
		"no value":      {map[string]string{"x-amz-checksum-crc32": ""}, nil},
		"no base64":     {map[string]string{"x-amz-checksum-crc32": "deadbeef"}, nil},
		"too short":     {map[string]string{"x-amz-checksum-sha256": crc}, nil},
		"no number":     {map[string]string{"x-amz-checksum-crc32": crc + "-x"}, nil},
		"unknown":       {map[string]string{"x-amz-checksum-blake3": crc}, nil},
		"the algorithm": {map[string]string{"x-amz-checksum-algorithm": "CRC32"}, nil},
		"several": {
			map[string]string{"x-amz-checksum-sha1": sumOf(checksum.SHA1, "x"), "x-amz-checksum-crc64nvme": sumOf(checksum.CRC64NVME, "x"), "x-amz-checksum-crc32": "?"},
			[]storage.Checksum{{Algorithm: "CRC64NVME", Value: sumOf(checksum.CRC64NVME, "x")}, {Algorithm: "SHA1", Value: sumOf(checksum.SHA1, "x")}},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			for name, value := range tt.headers {
				h.Set(name, value)
			}
			if diff := cmp.Diff(tt.want, ChecksumsIn(h)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
		})
	}
	for _, alg := range checksum.Algorithms() {
		h := http.Header{}
		h.Set(checksum.Header(alg), sumOf(alg, content))
		want := []storage.Checksum{{Algorithm: alg, Value: sumOf(alg, content)}}
		if diff := cmp.Diff(want, ChecksumsIn(h)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", alg, diff)
		}
	}
}

func FuzzChecksumsIn(f *testing.F) {
	for _, alg := range checksum.Algorithms() {
		f.Add(checksum.Header(alg), sumOf(alg, content), "FULL_OBJECT")
		f.Add(checksum.Header(alg), sumOf(alg, content)+"-10000", "COMPOSITE")
	}
	f.Add("x-amz-checksum-", "====", "")
	f.Add("x-amz-checksum-type", "FULL_OBJECT", "x")
	f.Fuzz(func(t *testing.T, name, value, typ string) {
		h := http.Header{}
		h.Set("x-amz-checksum-type", typ)
		h.Set(name, value)
		for _, c := range ChecksumsIn(h) {
			if _, ok := checksum.ParseValue(c.Algorithm, c.Value); !ok || c.Value != value {
				t.Errorf("%q: %q gives %+v", name, value, c)
			}
			if c.Type != "" && string(c.Type) != typ {
				t.Errorf("type %q of %q", c.Type, typ)
			}
		}
	})
}
