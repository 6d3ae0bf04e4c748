package lists

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"s3sync/storage"
)

func read(t testing.TB, text string, opts KeysOptions) ([]string, error) {
	t.Helper()
	k, err := ReadKeys(strings.NewReader(text), opts)
	if err != nil {
		return nil, err
	}
	defer k.Close()
	var keys []string
	for key, err := range k.All(storage.Range{}) {
		if err != nil {
			t.Fatal(err)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func TestReadKeys(t *testing.T) {
	lines, files, nul := KeysOptions{}, KeysOptions{Files: true}, KeysOptions{NUL: true, Files: true}
	tests := map[string]struct {
		text string
		opts KeysOptions
		want []string
		err  string
	}{
		"empty":                    {"", lines, nil, ""},
		"in order, once":           {"b\na\nb\n", lines, []string{"a", "b"}, ""},
		"no end of the last line":  {"b\na", lines, []string{"a", "b"}, ""},
		"empty lines, CRLF, a BOM": {"\ufeffa\r\n\r\n\nb\r\n", lines, []string{"a", "b"}, ""},
		"verbatim":                 {" a \n#b\n\"c\"\n*.x\n", lines, []string{" a ", "\"c\"", "#b", "*.x"}, ""},
		"keys of a bucket":         {"/a\n./b\n../c\na//b\nd/\n", lines, []string{"../c", "./b", "/a", "a//b", "d/"}, ""},
		"paths":                    {"./a\na//b\n.\nc/./d\ne/\n", files, []string{"a", "a/b", "c/d", "e/"}, ""},
		"NUL":                      {"./a\nb\x00c\r\x00\x00d", nul, []string{"a\nb", "c\r", "d"}, ""},
		"absolute":                 {"a\n/etc/passwd\n", files, nil, `line 2: "/etc/passwd" is an absolute path`},
		"up":                       {"a/../../b\n", files, nil, `line 1: "a/../../b" has ".."`},
		"URL":                      {"s3://b/k\n", lines, nil, `line 1: "s3://b/k" is a URL`},
		"a NUL in a line":          {"a\x00b\x00", lines, nil, `line 1: "a\x00b\x00" holds a NUL byte`},
		"not UTF-8":                {"a\n\xff\n", lines, nil, `line 2: "\xff" is not valid UTF-8`},
		"UTF-16":                   {"\xff\xfea\x00\n\x00", lines, nil, "UTF-16"},
		"too long":                 {"a\n" + strings.Repeat("k", 1025), lines, nil, "has 1025 bytes"},
		"much too long":            {"a\n" + strings.Repeat("k", 1<<20), lines, nil, "line 2 is longer than 65536 bytes"},
		"entry too long":           {"a\x00" + strings.Repeat("k", 1<<20), nul, nil, "entry 2 is longer"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := read(t, tt.text, tt.opts)
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("got error %v, want %q", err, tt.err)
			}
			if !slices.Equal(got, tt.want) {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestOpenKeys(t *testing.T) {
	for file, want := range map[string]string{"/does/not/exist": "cannot be read", "s3://b/list": "standard input", "-": "Stdin"} {
		if _, err := OpenKeys(file, nil, KeysOptions{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v", file, err)
		}
	}
}

// Keys of files stay below the source, and what is read is in order and once.
func FuzzReadKeys(f *testing.F) {
	f.Add("a\nb/../c\n", false, false)
	f.Add("./a\x00/b\x00..", true, true)
	f.Fuzz(func(t *testing.T, text string, nul, files bool) {
		keys, err := read(t, text, KeysOptions{NUL: nul, Files: files})
		if err != nil {
			return
		}
		for i, key := range keys {
			if i > 0 && keys[i-1] >= key || key == "" || strings.Contains(key, "\x00") || !utf8.ValidString(key) {
				t.Errorf("got %q behind %q", key, keys[max(i-1, 0)])
			}
			if files && (key[0] == '/' || slices.Contains(strings.Split(key, "/"), "..")) {
				t.Errorf("%q is outside", key)
			}
		}
	})
}
