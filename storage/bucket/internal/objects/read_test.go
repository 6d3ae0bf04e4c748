package objects

import "testing"

func FuzzParseContentRange(f *testing.F) {
	for _, text := range []string{"bytes 0-0/1", "bytes 5-9/10", "bytes 0-9/*", "bytes */10", "bytes 9-0/10", "bytes 0-10/10", ""} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		begin, end, size, ok := parseContentRange(text)
		if ok && (begin < 0 || end <= begin || size < end) {
			t.Errorf("%q gives %d, %d, %d", text, begin, end, size)
		}
	})
}
