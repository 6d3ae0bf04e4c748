package listing

import (
	"strings"
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"

	"s3sync/storage"
	"s3sync/storage/bucket/internal/request"
)

// learned is what is known of keys after all of them were seen.
func learned(keys []string) *keySpace {
	var page []storage.Object
	for _, key := range keys {
		for range learnEvery {
			page = append(page, storage.Object{Key: key})
		}
	}
	k := new(keySpace)
	k.learn(page)
	return k
}

// TestBehind: where keys are split.
func TestBehind(t *testing.T) {
	for name, tt := range map[string]struct {
		keys     []string
		key      string
		fraction float64 // of what is behind the key
		want     string
	}{
		"digits":                {[]string{"0000", "0123"}, "0100", 0.5, "5049"},
		"zeros of hashes":       {[]string{"00a1", "00bf", "010c"}, "0000", 0.5, "7fff"},
		"a sign stays":          {[]string{"1-1", "2-2"}, "1-9", 0.5, "5-9"},
		"groups differ":         {[]string{"01-ab", "02-cd"}, "00-00", 0.5, "49-z"},
		"only keys that end":    {[]string{"a", "ab"}, "a", 0.5, "mz"},
		"letters":               {[]string{"apple", "banana"}, "banana", 0.5, "nngm"},
		"nothing is behind":     {[]string{"0", "9"}, "9", 0.5, "9"},
		"characters stay whole": {[]string{"é", "日"}, "é", 0.5, "栀"},
	} {
		t.Run(name, func(t *testing.T) {
			k := learned(tt.keys)
			got := k.behind(tt.key, tt.fraction*k.distance(tt.key, endOfAll, 0), 0)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

// TestLongKeys: a key that is longer than S3 allows costs no more than one that is not.
func TestLongKeys(t *testing.T) {
	k := learned([]string{strings.Repeat("a", 1<<20), strings.Repeat("b", 1<<20)})
	if n := len(k.seen); n > request.MaxKey+1 {
		t.Errorf("%d positions are kept", n)
	}
}

// TestDistances: whatever was seen, distances are none below 0, add up, and grow with the
// key. A text behind a key is valid.
func TestDistances(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		keys := drawKeys(t)
		if len(keys) < 3 {
			return
		}
		k := learned(keys)
		i := rapid.IntRange(1, len(keys)-2).Draw(t, "i")
		a, b, c := keys[0], keys[i], keys[len(keys)-1]
		base := common(a, c)
		ab, bc, ac := k.distance(a, b, base), k.distance(b, c, base), k.distance(a, c, base)
		if sum := ab + bc; sum < ac*0.999999 || sum > ac*1.000001 {
			t.Fatalf("%q, %q, %q: %g + %g is not %g", a, b, c, ab, bc, ac)
		}
		if ac > k.distance(a, endOfAll, base)*1.000001 {
			t.Fatalf("%q is behind the end of all", c)
		}
		if at := k.behind(a, bc, base); !utf8.ValidString(at) {
			t.Fatalf("%q is no text", at)
		}
	})
}
