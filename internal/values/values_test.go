package values

import "testing"

func TestTexts(t *testing.T) {
	for name, tt := range map[string]struct {
		is   func(string) bool
		yes  []string
		noes []string
	}{
		"tag set":     {IsTagSet, []string{"a=b", "a=", "a=b&c=d", "%41=%20"}, []string{"", "a", "a=b&", "a b=c", "=b"}},
		"header name": {IsHeaderName, []string{"a", "x-amz_1", "a.b~"}, []string{"", "a b", "ü", "a:"}},
		"endpoint": {
			IsEndpoint,
			[]string{"http://h", "https://h:1/p"},
			[]string{"", "h", "ftp://h", "http://", "http://u@h", "http://h?q", "http://h?", "http://h#f"},
		},
		"proxy": {
			IsProxy,
			[]string{"http://h", "http://u:p@h:1/"},
			[]string{"", "socks5://h", "http://h/p", "http://h?q", "http://h#f"},
		},
	} {
		for _, text := range tt.yes {
			if !tt.is(text) {
				t.Errorf("%s: %q is refused", name, text)
			}
		}
		for _, text := range tt.noes {
			if tt.is(text) {
				t.Errorf("%s: %q is taken", name, text)
			}
		}
	}
}

func TestUnsendable(t *testing.T) {
	for value, want := range map[string]rune{"a\tb": 0, "é": 0, "a\nb": '\n', "\x00": 0, "\x7f": 0x7f} {
		c, found := Unsendable(value)
		if c != want || found != (want != 0 || value == "\x00") {
			t.Errorf("%q: %q, %v", value, c, found)
		}
	}
}

func TestKeys(t *testing.T) {
	const key, sum = "YQ==", "DMF1ucDxtqgxw5niaXcmYQ==" // of "a"
	if !IsBase64(key, 1) || IsBase64(key, 2) || IsBase64("?", 0) {
		t.Error("base64")
	}
	if !IsMD5Of(sum, key) || IsMD5Of(key, key) {
		t.Error("MD5")
	}
}

func TestMeant(t *testing.T) {
	choices := []string{"STANDARD", "ONEZONE_IA"}
	for text, want := range map[string]string{"one-zone_ia": "ONEZONE_IA", "Standard": "STANDARD", "GLACIER": "", "": ""} {
		if got := Meant(text, choices); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
