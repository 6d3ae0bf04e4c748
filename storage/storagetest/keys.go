package storagetest

import (
	"bytes"
	"errors"
	"slices"
	"strings"
	"testing"

	"s3sync/storage"
)

// oddKeysAlone are tried one by one in an empty store: they may be changed by
// the store, or mean something to a file system or a URL parser.
func oddKeysAlone() []string {
	long := strings.Repeat("0123456789abcde/", 64) // 1,024 bytes
	return []string{
		// slashes
		"s1//b", "/s2", "//s3", "s4///c//d", "/", "//",
		// dot segments
		".", "..", "...", "../d1", "d2/..", "d3/../x", "d4/../../x", "d5/./x", "./d6", "d7/.../x",
		".d8", "d9.", "d10/.x", "d11/..x", "d12/x..", `d13\..\x`, `d14\x`, `..\d15`, "/../d16",
		"/etc/d17", "C:/d18", `C:\d19`, "c:d20", `\\host\share\d21`, "file:///d22",
		// blanks
		" ", "  ", " b1", "b2 ", "b3/ /x", "b4/ x", "b5/x /y", "b6/. /x", "b7/.. ",
		// characters of XML, URLs, shells, and bytes that are no text
		"n1\x00b", "n2\xffb", "n3/\xc3\x28", "n4/\xed\xa0\x80",
		// names that mean something elsewhere
		"CON", "nul.txt", "w1/aux", "COM1", "w2/lpt9.log", "w3:stream", "?prefix=w4", "w5#w5", "%2e%2e/w6", "w7%2Fx",
		// lengths
		long[:1023] + "x", strings.Repeat("y", 255), strings.Repeat("y", 256), strings.Repeat("z", 1024),
		"\u65e5" + strings.Repeat("\u65e5", 84), // 255 bytes
	}
}

// oddKeysTogether can all be in a store at once.
func oddKeysTogether() []string {
	keys := []string{
		"t/a b", "t/a+b", "t/a%20b", "t/a%2Bb", "t/a&b", "t/a=b", "t/a?b", "t/a#b", "t/a;b", "t/a:b", "t/a,b",
		"t/a<b>", `t/a"b"`, "t/a'b'", "t/a&amp;b", "t/a]]>b", "t/a\u2028b", "t/a$(b)", "t/a*b", "t/a|b", "t/~", "t/a@b",
		"t/\t", "t/a\nb", "t/a\rb", "t/a\r\nb", "t/a\bb", "t/a\x01b", "t/a\x1bb", "t/a\x7fb", "t/a\u0085b",
		"t/\u00fc", "t/u\u0308", "t/\u65e5\u672c\u8a9e/\u30ad\u30fc", "t/\u202f", "t/a\u202eb", "t/\u200b", "t/\ufeff", "t/\ufffd",
		"t/\U0001f600", "t/\U0001f468\u200d\U0001f469\u200d\U0001f467", "t/\U0010fffd",
		"t/-", "t/--delete", "t/a\\b", "t/.hidden", "t/x.tmp", "t/soap", "t/a..b", "t/.-.", "t/index.html",
	}
	for c := byte(0x21); c < 0x7f; c++ {
		if c != '/' {
			keys = append(keys, "p/x"+string(c)+"y/z"+string(c))
		}
	}
	return keys
}

// putOdd puts an object under a key that the store may refuse, and tells
// whether it took it. If not, nothing may be there.
func (s *suite) putOdd(t *testing.T, key string, data []byte) (listed string, ok bool) {
	t.Helper()
	listed, mapErr := s.mapKey(key)
	if mapErr != nil && !errors.Is(mapErr, storage.ErrUnstorable) {
		t.Errorf("MapKey(%q): %v; want storage.ErrUnstorable", key, mapErr)
	}
	_, err := s.tryPut(t.Context(), key, data)
	switch {
	case err == nil && mapErr != nil:
		t.Errorf("Put(%q) succeeded, but MapKey: %v", key, mapErr)
		return "", false
	case err == nil:
		return listed, true
	case !errors.Is(err, storage.ErrUnstorable):
		t.Errorf("Put(%q): %v; want success or storage.ErrUnstorable", key, err)
	default:
		t.Logf("Put(%q): %v", key, err)
	}
	w, err := s.Create(t.Context(), key, storage.WriteOptions{Size: int64(len(data))})
	if err == nil {
		t.Errorf("Create(%q) succeeded where Put did not", key)
		if err := w.Abort(t.Context()); err != nil {
			t.Errorf("Abort(%q): %v", key, err)
		}
	} else if !errors.Is(err, storage.ErrUnstorable) {
		t.Errorf("Create(%q): %v; want storage.ErrUnstorable", key, err)
	}
	if info, err := s.Stat(t.Context(), key, storage.StatOptions{}); err == nil {
		t.Errorf("Stat(%q) = %+v after a refused Put", key, info)
	}
	return "", false
}

func testOddKeysAlone(s *suite) {
	t := s.t
	for _, key := range oddKeysAlone() {
		if s.opts.Directories && strings.HasSuffix(key, "/") || s.skip(t, key) {
			continue
		}
		data := []byte("content of " + key)
		listed, ok := s.putOdd(t, key, data)
		if !ok {
			s.wantKeys(t, storage.Range{}, nil)
			continue
		}
		s.wantKeys(t, storage.Range{}, []string{listed})
		for _, k := range []string{key, listed} {
			got, info, err := s.tryRead(t.Context(), k)
			if err != nil {
				t.Errorf("reading %q: %v", k, err)
			} else if !bytes.Equal(got, data) || info.Key != listed {
				t.Errorf("reading %q: got %q of %q, want %q of %q", k, got, info.Key, data, listed)
			}
			if info, err := s.Stat(t.Context(), k, storage.StatOptions{}); err != nil || info.Key != listed || info.Size != int64(len(data)) {
				t.Errorf("Stat(%q) = %+v, %v; want key %q, size %d", k, info, err, listed, len(data))
			}
		}
		if errs := s.Delete(t.Context(), []storage.Object{{Key: listed}}, storage.DeleteOptions{}); len(errs) != 1 || errs[0] != nil {
			t.Errorf("Delete(%q) = %v", listed, errs)
		}
		s.wantKeys(t, storage.Range{}, nil)
	}
}

func testOddKeysTogether(s *suite) {
	t := s.t
	contents := map[string]string{} // by listed key
	for _, key := range oddKeysTogether() {
		if s.skip(t, key) {
			continue
		}
		listed, ok := s.putOdd(t, key, []byte(key))
		if !ok {
			continue
		}
		if other, twice := contents[listed]; twice {
			t.Errorf("%q and %q are both listed as %q", key, other, listed)
		}
		contents[listed] = key
	}
	var keys []string
	var objects []storage.Object
	for listed := range contents {
		keys = append(keys, listed)
		objects = append(objects, storage.Object{Key: listed})
	}
	slices.Sort(keys)
	s.wantKeys(t, storage.Range{}, keys)
	atOnce(keys, func(key string) {
		got, _, err := s.tryRead(t.Context(), key)
		if err != nil || string(got) != contents[key] {
			t.Errorf("reading %q: %q, %v; want %q", key, got, err, contents[key])
		}
	})
	for i, err := range s.Delete(t.Context(), objects, storage.DeleteOptions{}) {
		if err != nil {
			t.Errorf("Delete(%q): %v", objects[i].Key, err)
		}
	}
	s.wantKeys(t, storage.Range{}, nil)
}

func testDirectoryKeys(s *suite) {
	t := s.t
	for _, key := range []string{"dir/", "dir/sub/", "a/b/c/"} {
		if s.skip(t, key) {
			continue
		}
		listed, err := s.mapKey(key)
		if err != nil {
			t.Fatalf("MapKey(%q): %v", key, err)
		}
		if !s.opts.Directories {
			s.put(t, key, nil)
			s.wantContent(t, key, nil)
			s.put(t, key, []byte("data"))
			s.wantContent(t, key, []byte("data"))
			if errs := s.Delete(t.Context(), []storage.Object{{Key: listed}}, storage.DeleteOptions{}); len(errs) != 1 || errs[0] != nil {
				t.Errorf("Delete(%q) = %v", key, errs)
			}
			s.wantMissing(t, key)
			continue
		}
		if _, err := s.tryPut(t.Context(), key, []byte("data")); !errors.Is(err, storage.ErrUnstorable) {
			t.Errorf("Put(%q) with data: %v; want storage.ErrUnstorable", key, err)
		}
		s.wantMissing(t, key)
		for range 2 { // the second time it is there
			if info := s.put(t, key, nil); !info.Directory {
				t.Errorf("Put(%q) = %+v; want a directory", key, info)
			}
			if info, err := s.Stat(t.Context(), key, storage.StatOptions{}); err != nil || !info.Directory || info.Key != listed {
				t.Errorf("Stat(%q) = %+v, %v; want a directory", key, info, err)
			}
		}
		s.wantMissing(t, strings.TrimSuffix(key, "/"))
		s.wantKeys(t, storage.Range{}, nil)
	}
}
