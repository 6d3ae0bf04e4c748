package checksum

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"s3sync/storage"
)

const (
	digest1 = "11111111111111111111111111111111"
	digest2 = "22222222222222222222222222222222"
)

func TestVerdictString(t *testing.T) {
	got := fmt.Sprint(Unknown, Equal, Different, Verdict(7))
	if want := "unknown equal different Verdict(7)"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestMatchETags(t *testing.T) {
	upper, lower := strings.Repeat("AB", 16), strings.Repeat("ab", 16)
	for name, tt := range map[string]struct {
		a, b string
		want Verdict
	}{
		"equal":                 {digest1, digest1, Equal},
		"equal, other letters":  {upper, lower, Equal},
		"other":                 {digest1, digest2, Different},
		"no digests":            {"7", "7", Unknown},
		"one digest":            {digest1, "7", Unknown},
		"none":                  {"", "", Unknown},
		"a file":                {"", digest1, Unknown},
		"equal, in parts":       {digest1 + "-2", digest1 + "-2", Equal},
		"other, in parts":       {digest1 + "-2", digest2 + "-2", Unknown},
		"other number of parts": {digest1 + "-2", digest1 + "-3", Unknown},
		"whole and in parts":    {digest1, digest1 + "-2", Unknown},
		"one part":              {digest1, onePartETag(digest1), Equal},
		"one part, capitals":    {upper, strings.ToUpper(onePartETag(lower)), Equal},
		"one part, other":       {digest1, digest1 + "-1", Different},
		"both in one part":      {digest1 + "-1", digest2 + "-1", Different},
	} {
		for turned, pair := range map[string][2]string{"": {tt.a, tt.b}, ", turned": {tt.b, tt.a}} {
			t.Run(name+turned, func(t *testing.T) {
				if got := MatchETags(pair[0], pair[1]); got != tt.want {
					t.Errorf("MatchETags(%q, %q) is %s, want %s", pair[0], pair[1], got, tt.want)
				}
			})
		}
	}
}

// toldSum is a checksum as a server tells it, beside the ETag of its object.
type toldSum struct {
	value string
	typ   Type
	etag  string
}

func (s toldSum) info(algorithms ...Algorithm) *storage.Info {
	info := &storage.Info{Object: storage.Object{Size: 10, ETag: s.etag}}
	for _, a := range algorithms {
		info.Checksums = append(info.Checksums, storage.Checksum{Algorithm: a, Value: s.value, Type: s.typ})
	}
	return info
}

// Checksums as servers give them: with and without the type, and the number of
// parts.
func TestMatchChecksums(t *testing.T) {
	const (
		x       = "rfPzYw=="
		y       = "AAAAAA=="
		whole   = digest1
		inParts = whole + "-2"
	)
	lifted := onePartSum(CRC32, x)
	for name, tt := range map[string]struct {
		a, b toldSum
		want Verdict
	}{
		"equal, whole":            {toldSum{x, "", whole}, toldSum{x, "", whole}, Equal},
		"other, whole":            {toldSum{x, "", whole}, toldSum{y, "", whole}, Different},
		"equal, full":             {toldSum{x, "FULL_OBJECT", inParts}, toldSum{x, "FULL_OBJECT", whole}, Equal},
		"other, full":             {toldSum{x, "FULL_OBJECT", inParts}, toldSum{y, "", whole}, Different},
		"equal, of unknown type":  {toldSum{x, "", inParts}, toldSum{x, "", whole}, Equal},
		"other, of unknown type":  {toldSum{x, "", inParts}, toldSum{y, "", whole}, Unknown},
		"equal, of other type":    {toldSum{x, "COMPOSITE", inParts}, toldSum{x, "FULL_OBJECT", inParts}, Unknown},
		"equal composites":        {toldSum{x + "-2", "COMPOSITE", inParts}, toldSum{x + "-2", "", inParts}, Equal},
		"other composites":        {toldSum{x + "-2", "COMPOSITE", inParts}, toldSum{y + "-2", "COMPOSITE", inParts}, Unknown},
		"composite, number lost":  {toldSum{x, "COMPOSITE", inParts}, toldSum{x + "-2", "COMPOSITE", inParts}, Equal},
		"composite, nothing told": {toldSum{x, "COMPOSITE", ""}, toldSum{y, "COMPOSITE", inParts}, Unknown},
		"one part":                {toldSum{lifted, "COMPOSITE", whole + "-1"}, toldSum{x, "FULL_OBJECT", whole}, Equal},
		"one part, other":         {toldSum{y + "-1", "COMPOSITE", whole + "-1"}, toldSum{x, "FULL_OBJECT", whole}, Different},
		"one part, no type":       {toldSum{x, "", whole}, toldSum{lifted, "", whole + "-1"}, Equal},
		"a composite that is not": {toldSum{x + "-2", "FULL_OBJECT", inParts}, toldSum{y + "-2", "FULL_OBJECT", inParts}, Unknown},
		"no checksums":            {toldSum{"x", "", whole}, toldSum{"x", "", whole}, Unknown},
		"nothing":                 {toldSum{"", "", whole}, toldSum{"", "", whole}, Unknown},
	} {
		for turned, pair := range map[string][2]toldSum{"": {tt.a, tt.b}, ", turned": {tt.b, tt.a}} {
			t.Run(name+turned, func(t *testing.T) {
				got := MatchChecksums(CRC32, pair[0].info(CRC32), pair[1].info(CRC32))
				want := Match{Verdict: tt.want, Algorithm: CRC32, Source: pair[0].value, Target: pair[1].value}
				if got != want {
					t.Errorf("got %+v, want %+v", got, want)
				}
			})
		}
	}
	none := toldSum{x, "", whole}
	if got := MatchChecksums(CRC32, none.info(CRC32), none.info(SHA1)); got != (Match{}) {
		t.Errorf("%+v of checksums that are not on both sides", got)
	}
}

// Composites that differ tell something if the parts are known to be the same.
func TestMatchChecksumsOfSameParts(t *testing.T) {
	info := func(value string, typ Type, parts ...int64) *storage.Info {
		i := toldSum{value, typ, digest1 + "-2"}.info(CRC32)
		i.Parts = parts
		return i
	}
	for name, tt := range map[string]struct {
		source, target *storage.Info
		want           Verdict
	}{
		"same parts":       {info("rfPzYw==-2", "", 6, 4), info("AAAAAA==-2", "COMPOSITE", 6, 4), Different},
		"equal":            {info("rfPzYw==-2", "", 6, 4), info("rfPzYw==-2", "", 6, 4), Equal},
		"other parts":      {info("rfPzYw==-2", "", 6, 4), info("AAAAAA==-2", "", 5, 5), Unknown},
		"parts not known":  {info("rfPzYw==-2", ""), info("AAAAAA==-2", ""), Unknown},
		"types not known":  {info("rfPzYw==", "", 6, 4), info("AAAAAA==", "", 6, 4), Unknown},
		"one of all bytes": {info("rfPzYw==-2", "", 6, 4), info("AAAAAA==", "FULL_OBJECT", 6, 4), Unknown},
	} {
		t.Run(name, func(t *testing.T) {
			if got := MatchChecksums(CRC32, tt.source, tt.target).Verdict; got != tt.want {
				t.Errorf("got %s, want %s", got, tt.want)
			}
		})
	}
}

// Of several checksums one that differs outweighs those that are equal.
func TestMatchAnyChecksum(t *testing.T) {
	const x, y = "rfPzYw==", "AAAAAA=="
	crc := func(value string) storage.Checksum { return storage.Checksum{Algorithm: "CRC32", Value: value} }
	crc32c := func(value string) storage.Checksum { return storage.Checksum{Algorithm: "CRC32C", Value: value} }
	composite := func(value string) storage.Checksum {
		return storage.Checksum{Algorithm: "CRC32", Value: value + "-2", Type: "COMPOSITE"}
	}
	for name, tt := range map[string]struct {
		source, target []storage.Checksum
		want           Match
	}{
		"none":               {nil, nil, Match{}},
		"none in common":     {[]storage.Checksum{crc(x)}, []storage.Checksum{crc32c(x)}, Match{}},
		"equal":              {[]storage.Checksum{crc(x)}, []storage.Checksum{crc32c(y), crc(x)}, Match{Equal, CRC32, x, x}},
		"other":              {[]storage.Checksum{crc(x)}, []storage.Checksum{crc(y)}, Match{Different, CRC32, x, y}},
		"equal, then other":  {[]storage.Checksum{crc(x), crc32c(x)}, []storage.Checksum{crc(x), crc32c(y)}, Match{Different, CRC32C, x, y}},
		"other, then equal":  {[]storage.Checksum{crc(x), crc32c(x)}, []storage.Checksum{crc(y), crc32c(x)}, Match{Different, CRC32, x, y}},
		"both equal":         {[]storage.Checksum{crc(x), crc32c(y)}, []storage.Checksum{crc(x), crc32c(y)}, Match{Equal, CRC32, x, x}},
		"unknown":            {[]storage.Checksum{composite(x)}, []storage.Checksum{composite(y)}, Match{Unknown, CRC32, x + "-2", y + "-2"}},
		"unknown, but equal": {[]storage.Checksum{composite(x), crc32c(y)}, []storage.Checksum{composite(y), crc32c(y)}, Match{Equal, CRC32C, y, y}},
	} {
		t.Run(name, func(t *testing.T) {
			source, target := &storage.Info{Checksums: tt.source}, &storage.Info{Checksums: tt.target}
			if got := MatchAnyChecksum(source, target); got != tt.want {
				t.Errorf("got %+v, want %+v", got, tt.want)
			}
		})
	}
}

func TestHasDigest(t *testing.T) {
	for etag, want := range map[string]bool{digest1: true, digest1 + "-3": true, "": false, "7": false, digest1 + "-0": false} {
		info := &storage.Info{Object: storage.Object{ETag: etag}}
		if got := HasDigest(info); got != want {
			t.Errorf("%q: %t, want %t", etag, got, want)
		}
		if info.ETagNotDigest = true; HasDigest(info) {
			t.Errorf("%q of an encrypted object is a digest", etag)
		}
	}
}

// On how many parts a checksum depends, by what it says of itself, by its type and by
// the ETag of its object.
func TestPartsOf(t *testing.T) {
	const crc, sha1 = "rfPzYw==", "AAAAAAAAAAAAAAAAAAAAAAAAAAA="
	for name, tt := range map[string]struct {
		algorithm Algorithm
		toldSum
		want    int
		inParts bool
	}{
		"whole":                        {CRC32, toldSum{crc, "", digest1}, 0, false},
		"whole, of no digest":          {CRC32, toldSum{crc, "", ""}, 0, false},
		"all bytes":                    {CRC32, toldSum{crc, "FULL_OBJECT", digest1 + "-3"}, 0, false},
		"all bytes, by the algorithm":  {CRC64NVME, toldSum{"AAAAAAAAAAA=", "", digest1 + "-3"}, 0, false},
		"composite":                    {CRC32, toldSum{crc + "-3", "", digest1 + "-3"}, 3, true},
		"composite, number lost":       {CRC32, toldSum{crc, "COMPOSITE", digest1 + "-3"}, 3, true},
		"type not known":               {CRC32, toldSum{crc, "", digest1 + "-3"}, 3, false},
		"type not known, of a hash":    {SHA1, toldSum{sha1, "", digest1 + "-3"}, 3, false},
		"composite that says it isn't": {CRC32, toldSum{crc + "-2", "FULL_OBJECT", digest1 + "-3"}, 3, true},
	} {
		t.Run(name, func(t *testing.T) {
			info := tt.info(tt.algorithm)
			if got := PartsOf(info, info.Checksums[0]); got != tt.want {
				t.Errorf("PartsOf is %d, want %d", got, tt.want)
			}
			if got := InParts(info, info.Checksums[0]); got != tt.inParts {
				t.Errorf("InParts is %t, want %t", got, tt.inParts)
			}
		})
	}
}

func TestLayouts(t *testing.T) {
	const size, chunk = 20 * mib, 8 * mib
	for name, tt := range map[string]struct {
		parts   int
		told    []int64
		want    []int64 // of the first one; nil if there is none
		guessed bool
	}{
		"whole":                  {0, nil, []int64{size}, false},
		"whole, parts are wrong": {0, []int64{1, 2}, []int64{size}, false},
		"one part":               {1, nil, []int64{size}, false},
		"told":                   {3, []int64{1, 2, size - 3}, []int64{1, 2, size - 3}, false},
		"told, another number":   {3, []int64{size}, []int64{8 * mib, 8 * mib, 4 * mib}, true},
		"told, another total":    {3, []int64{1, 2, 3}, []int64{8 * mib, 8 * mib, 4 * mib}, true},
		"told, a negative size":  {3, []int64{-1, 1, size}, []int64{8 * mib, 8 * mib, 4 * mib}, true},
		"guessed":                {3, nil, []int64{8 * mib, 8 * mib, 4 * mib}, true},
		"nothing can be guessed": {size + 1, nil, nil, true},
	} {
		t.Run(name, func(t *testing.T) {
			layouts, guessed := Layouts(size, tt.parts, tt.told, chunk)
			if guessed != tt.guessed || len(layouts) > maxGuesses || (len(layouts) == 0) != (len(tt.want) == 0) {
				t.Fatalf("%d layouts, guessed %t", len(layouts), guessed)
			}
			if len(layouts) > 0 && !slices.Equal(layouts[0].Sizes(), tt.want) {
				t.Errorf("the first layout is %v, want %v", layouts[0].Sizes(), tt.want)
			}
			for _, l := range layouts {
				if l.Total() != size || l.Multipart() != (tt.parts > 0) || tt.parts > 0 && l.Len() != tt.parts {
					t.Errorf("layout %v", l.Sizes())
				}
			}
		})
	}
}

func TestValueMatches(t *testing.T) {
	for _, tt := range []struct {
		computed, told string
		want           bool
	}{
		{"rfPzYw==", "rfPzYw==", true},
		{"rfPzYw==-2", "rfPzYw==-2", true},
		{"rfPzYw==-2", "rfPzYw==", true}, // the number is left out
		{"rfPzYw==-2", "rfPzYw==-3", false},
		{"rfPzYw==", "rfPzYw==-2", false},
		{"rfPzYw==", "AAAAAA==", false},
		{"rfPzYw==", "", false},
	} {
		if got := ValueMatches(tt.computed, tt.told); got != tt.want {
			t.Errorf("ValueMatches(%q, %q) is %t", tt.computed, tt.told, got)
		}
	}
}
