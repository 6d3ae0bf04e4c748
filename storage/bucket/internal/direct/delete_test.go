package direct

import (
	"encoding/xml"
	"slices"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

// keysIn are the keys that a document names.
func keysIn(t interface{ Fatal(...any) }, document []byte) []string {
	var d struct {
		XMLName xml.Name `xml:"http://s3.amazonaws.com/doc/2006-03-01/ Delete"`
		Object  []struct{ Key string }
	}
	if err := xml.Unmarshal(document, &d); err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, o := range d.Object {
		keys = append(keys, o.Key)
	}
	return keys
}

// TestDeletionNamesKeys: a parser finds the keys that are to be deleted, and no others.
func TestDeletionNamesKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		letter := rapid.OneOf(rapid.RuneFrom([]rune("ab/<>&\"'\t\n\r\u0085\u2028]]>\uFFFD")), rapid.Rune().Filter(func(r rune) bool {
			return r >= ' ' && r != '\uFFFE' && r != '\uFFFF' && utf8.ValidRune(r)
		}))
		keys := rapid.SliceOf(rapid.StringOf(letter)).Draw(t, "keys")
		if got := keysIn(t, deletionOf(keys)); !slices.Equal(got, keys) {
			t.Fatalf("got %q, want %q", got, keys)
		}
	})
}

// FuzzDeletion: whatever a key holds, the document has one key in its place.
func FuzzDeletion(f *testing.F) {
	for _, key := range []string{"", "a", "</Key></Object><Object><Key>b", "\xff\xfe", "\x00\x1f\x7f", "\uFFFE\uFFFF", "&#0;", "]]>"} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		got := keysIn(t, deletionOf([]string{"first", key, "last"}))
		if len(got) != 3 || got[0] != "first" || got[2] != "last" {
			t.Errorf("%q gives %q", key, got)
		}
	})
}
