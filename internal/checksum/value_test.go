package checksum_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"testing"

	"github.com/google/go-cmp/cmp"

	"s3sync/internal/checksum"
)

func TestParseValue(t *testing.T) {
	const sha256 = "zWifJvli3SaQ9LZtHxzpOjkUE9x4ovgJZ+34As/NMwc="
	type result struct {
		parts int
		ok    bool
	}
	tests := map[checksum.Algorithm]map[string]result{
		checksum.SHA256: {
			sha256:                           {0, true},
			sha256 + "-1":                    {1, true},
			sha256 + "-10000":                {10000, true},
			sha256 + "-10001":                {},
			sha256 + "-0":                    {},
			sha256 + "-02":                   {},
			sha256 + "-":                     {},
			sha256 + "2":                     {},
			sha256 + "-2-2":                  {},
			sha256[:43]:                      {}, // no padding
			sha256[:42] + "==":               {}, // a byte less
			"AAAA" + sha256:                  {},
			sha256[:42] + "d=":               {}, // bits behind the end
			sha256[:20] + "\n" + sha256[21:]: {},
			"zWifJvli3SaQ9LZtHxzpOjkUE9x4ovgJZ-34As_NMwc=": {}, // the other base64
			"": {},
		},
		checksum.CRC32:     {"y/U6HA==": {0, true}, "A0o2bA==-2": {2, true}, "rosUhgp5mIg=": {}, "AAAA\n\n\n\n": {}},
		checksum.CRC32C:    {"Gs/MBw==": {0, true}, "ROC8NA==-2": {2, true}},
		checksum.CRC64NVME: {"rosUhgp5mIg=": {0, true}, "rosUhgp5mIg=-2": {}, "y/U6HA==": {}},
		checksum.SHA1:      {"CBB1y8xhBCot1HoCMQCx18NR2tU=-2": {2, true}},
		checksum.XXHASH64:  {"T2YRqk6alD4=-2": {2, true}},
		checksum.XXHASH128: {"RcN+MaSML6nBDV2s0sMUew==": {0, true}, "wQ1drNLDFHs=": {}},
		"CRC16":            {"AAA=": {}, "": {}},
		"":                 {"": {}},
	}
	for alg, values := range tests {
		for value, want := range values {
			if parts, ok := checksum.ParseValue(alg, value); parts != want.parts || ok != want.ok {
				t.Errorf("%s %q: got %d, %v, want %d, %v", alg, value, parts, ok, want.parts, want.ok)
			}
		}
	}
}

// Whatever is taken for a checksum can be written in one way only.
func FuzzParseValue(f *testing.F) {
	f.Add("SHA256", "zWifJvli3SaQ9LZtHxzpOjkUE9x4ovgJZ+34As/NMwc=-2")
	f.Add("CRC32", "y/U6HA==")
	f.Add("CRC64NVME", "rosUhgp5mIg=-1")
	f.Add("CRC32C", "AAAA\r\n\r\n")
	for _, alg := range checksum.Algorithms() {
		f.Add(string(alg), base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xA5}, checksum.Size(alg)))+"-17")
	}
	f.Fuzz(func(t *testing.T, name, value string) {
		alg := checksum.Algorithm(name)
		parts, ok := checksum.ParseValue(alg, value)
		if !ok {
			if parts != 0 {
				t.Errorf("%d parts of what is no checksum", parts)
			}
			return
		}
		n := base64.StdEncoding.EncodedLen(checksum.Size(alg))
		digest, err := base64.StdEncoding.DecodeString(value[:n])
		if err != nil || len(digest) != checksum.Size(alg) || parts > checksum.MaxParts || parts > 0 && !checksum.Allows(alg, checksum.Composite) {
			t.Fatalf("%s %q is taken for a checksum of %d parts", alg, value, parts)
		}
		want := base64.StdEncoding.EncodeToString(digest)
		if parts > 0 {
			want += fmt.Sprint("-", parts)
		}
		if value != want {
			t.Errorf("%q is taken for %q", value, want)
		}
	})
}

func TestForms(t *testing.T) {
	const (
		composite = checksum.Composite
		full      = checksum.FullObject
		sha       = "zWifJvli3SaQ9LZtHxzpOjkUE9x4ovgJZ+34As/NMwc="
		crc       = "y/U6HA=="
		crc64     = "rosUhgp5mIg="
	)
	whole, one := checksum.Whole(20), checksum.Uniform(20, 20)
	two, other, three := checksum.Uniform(20, 15), checksum.Uniform(20, 12), checksum.Uniform(20, 8)
	type forms = []checksum.Form
	tests := map[string]struct {
		alg     checksum.Algorithm
		value   string
		typ     checksum.Type
		layouts []checksum.Layout
		want    forms
	}{
		"whole":                             {checksum.SHA256, sha, "", []checksum.Layout{whole}, forms{{whole, full}}},
		"whole, type told":                  {checksum.SHA256, sha, full, []checksum.Layout{whole}, forms{{whole, full}}},
		"parts":                             {checksum.SHA256, sha + "-2", composite, []checksum.Layout{two}, forms{{two, composite}}},
		"parts, type not told":              {checksum.SHA256, sha + "-2", "", []checksum.Layout{two}, forms{{two, composite}}},
		"parts, guessed":                    {checksum.SHA256, sha + "-2", "", []checksum.Layout{three, two, other, two}, forms{{two, composite}, {other, composite}}},
		"parts, number left out":            {checksum.SHA256, sha, composite, []checksum.Layout{two}, forms{{two, composite}}},
		"parts, nothing told":               {checksum.SHA256, sha, "", []checksum.Layout{two}, forms{{two, composite}}},
		"parts of a whole object":           {checksum.SHA256, sha + "-2", composite, []checksum.Layout{whole}, nil},
		"other number of parts":             {checksum.SHA256, sha + "-2", composite, []checksum.Layout{three}, nil},
		"parts, but full object":            {checksum.CRC32, crc + "-2", full, []checksum.Layout{two}, nil},
		"full object of SHA256 parts":       {checksum.SHA256, sha, full, []checksum.Layout{two}, nil},
		"one part":                          {checksum.SHA256, sha + "-1", composite, []checksum.Layout{one}, forms{{one, composite}}},
		"one part, layout tells nothing":    {checksum.SHA256, sha + "-1", "", []checksum.Layout{whole}, forms{{one, composite}}},
		"one part, number left out":         {checksum.SHA256, sha, composite, []checksum.Layout{whole}, forms{{one, composite}}},
		"one part or whole":                 {checksum.SHA256, sha, "", []checksum.Layout{one}, forms{{whole, full}, {one, composite}}},
		"one part, but full object":         {checksum.SHA256, sha, full, []checksum.Layout{one}, forms{{whole, full}}},
		"one part, CRC":                     {checksum.CRC32, crc + "-1", "", []checksum.Layout{whole, one}, forms{{one, composite}}},
		"CRC, full object":                  {checksum.CRC32, crc, full, []checksum.Layout{two, other}, forms{{whole, full}}},
		"CRC, type not told":                {checksum.CRC32, crc, "", []checksum.Layout{two, other}, forms{{whole, full}, {two, composite}, {other, composite}}},
		"CRC, number left out":              {checksum.CRC32, crc, composite, []checksum.Layout{two}, forms{{two, composite}}},
		"CRC64NVME has full objects only":   {checksum.CRC64NVME, crc64, "", []checksum.Layout{two}, forms{{whole, full}}},
		"CRC64NVME, layout does not matter": {checksum.CRC64NVME, crc64, full, []checksum.Layout{whole}, forms{{whole, full}}},
		"CRC64NVME, but composite":          {checksum.CRC64NVME, crc64, composite, []checksum.Layout{one}, nil},
		"unknown type":                      {checksum.CRC32, crc, "PARTIAL", []checksum.Layout{whole, two}, nil},
		"no checksum":                       {checksum.SHA256, crc, "", []checksum.Layout{whole}, nil},
		"no layout":                         {checksum.SHA256, sha, "", nil, nil},
		"unknown algorithm":                 {"CRC16", "AAA=", "", []checksum.Layout{whole}, nil},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got := checksum.Forms(tt.alg, tt.value, tt.typ, tt.layouts...)
			if diff := cmp.Diff(tt.want, got, cmp.Comparer(checksum.Layout.Equal)); diff != "" {
				t.Error(diff)
			}
			for _, f := range got {
				mustSum(t, tt.alg, f.Layout, f.Type) // each can be computed
			}
		})
	}
}

// The value of every Sum leads back to the form that it was computed in.
func TestFormsRoundTrip(t *testing.T) {
	data := []byte("0123456789")
	for _, alg := range checksum.Algorithms() {
		for _, layout := range []checksum.Layout{checksum.Whole(10), checksum.Uniform(10, 10), checksum.Uniform(10, 4), mustParts(t, 1, 9)} {
			for _, typ := range []checksum.Type{checksum.Composite, checksum.FullObject} {
				s, err := checksum.NewSum(alg, layout, typ)
				if err != nil {
					continue
				}
				if err := s.WriteAt(t.Context(), data, 0); err != nil {
					t.Fatal(err)
				}
				value, err := s.Value()
				if err != nil {
					t.Fatal(err)
				}
				for _, told := range []checksum.Type{"", s.Type()} {
					found := false
					for _, f := range checksum.Forms(alg, value, told, layout) {
						again := mustSum(t, alg, f.Layout, f.Type)
						if err := again.WriteAt(t.Context(), data, 0); err != nil {
							t.Fatal(err)
						}
						same, err := again.Matches(value)
						found = found || same && err == nil
					}
					if !found {
						t.Errorf("%s %s of %v is not found again as %q", alg, typ, layout.Sizes(), told)
					}
				}
			}
		}
	}
}
