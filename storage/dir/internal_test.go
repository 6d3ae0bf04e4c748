package dir

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir/internal/walk"
)

// The rules of Windows hold on every system here, to be tested on every system.
func TestStorable(t *testing.T) {
	const never, notOnWindows, always = 0, 1, 2
	for key, where := range map[string]int{
		"a":                       always,
		"a/b":                     always,
		"/a":                      always,
		"a//b":                    always,
		"a/":                      always,
		".a":                      always,
		"..a":                     always,
		"a..b":                    always,
		" a":                      always,
		"a b":                     always,
		"a+b&c#d%e'f":             always,
		"\u00e9\U0001f600/\u202f": always,
		"console":                 always,
		"con1/comx/com":           always,
		"COM12":                   always,
		"COM":                     always,
		"icon/nulls.txt":          always,
		strings.Repeat("x", 255):  always,

		"":                       never,
		"/":                      never,
		"///":                    never,
		".":                      never,
		"..":                     never,
		"...":                    never,
		" ":                      never,
		". .":                    never,
		"a/..":                   never,
		"../a":                   never,
		"a/../../b":              never,
		"a/./b":                  never,
		"a/ /b":                  never,
		"a/.. /b":                never,
		`a\..\b`:                 never,
		`..\b`:                   never,
		`a/b\...`:                never,
		"a\x00b":                 never,
		"a\xffb":                 never,
		strings.Repeat("x", 256): never,
		"a/.s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp":   never,
		".s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp/a":   never,
		"a/.s3sync-ABCDEFGHIJKLMNOPQRSTUVWXY1.tmp":   always,
		"a/.s3sync-ABCDEFGHIJKLMNOPQRSTUVWXY.tmp":    always,
		"a/.s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp.a": always,
		"a/s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp":    always,

		`a\b`:         notOnWindows,
		`\`:           notOnWindows,
		"C:/a":        notOnWindows,
		"C:a":         notOnWindows,
		"a:stream":    notOnWindows,
		"a<b":         notOnWindows,
		"a>b":         notOnWindows,
		`a"b`:         notOnWindows,
		"a|b":         notOnWindows,
		"a?b":         notOnWindows,
		"a*b":         notOnWindows,
		"a\nb":        notOnWindows,
		"a\x01":       notOnWindows,
		"a.":          notOnWindows,
		"a ":          notOnWindows,
		"a./b":        notOnWindows,
		"CON":         notOnWindows,
		"con":         notOnWindows,
		"a/Nul.txt":   notOnWindows,
		"nul .txt":    notOnWindows,
		"aux/b":       notOnWindows,
		"prn.a.b":     notOnWindows,
		"COM1":        notOnWindows,
		"lpt9.log":    notOnWindows,
		"COM\u00b2":   notOnWindows,
		"conin$":      notOnWindows,
		"a/CONOUT$.b": notOnWindows,
	} {
		for _, windows := range []bool{false, true} {
			want := where == always || where == notOnWindows && !windows
			p, err := storable(key, windows)
			if got := err == nil; got != want {
				t.Errorf("storable(%q, windows %v) = %+v, %v; want storable %v", key, windows, p, err, want)
			}
			if err != nil && !errors.Is(err, storage.ErrUnstorable) {
				t.Errorf("storable(%q, windows %v): %v; want storage.ErrUnstorable", key, windows, err)
			}
		}
	}
	// 255 UTF-16 units are the limit on Windows, bytes elsewhere.
	long := strings.Repeat("\u65e5", 255)
	if _, err := storable(long, true); err != nil {
		t.Errorf("255 letters on Windows: %v", err)
	}
	if _, err := storable(long, false); err == nil {
		t.Error("765 bytes are taken")
	}
	if _, err := storable(strings.Repeat("\U0001f600", 128), true); err == nil {
		t.Error("256 UTF-16 units are taken on Windows")
	}
}

// With the refusal of a key comes the name of the file that others may have made
// for it, but none that is outside or that List does not show.
func TestStandIn(t *testing.T) {
	for key, want := range map[string]string{
		"/...":                           "...",
		"a// /b":                         "a/ /b",
		"a/.. ./":                        "a/.. ./",
		"":                               "",
		"///":                            "",
		"..":                             "",
		"a/../b":                         "",
		"a/./b":                          "",
		"/nul\x00":                       "",
		"/\xff":                          "",
		"a//" + strings.Repeat("x", 256): "a/" + strings.Repeat("x", 256),
	} {
		if got := standIn(key); got != want {
			t.Errorf("standIn(%q) = %q, want %q", key, got, want)
		}
	}
}

// A countingView notes which directories are read.
type countingView struct {
	view
	read []string
}

func (v *countingView) ReadDir(path string, most int, p *walk.Pace) (*walk.Contents, error) {
	v.read = append(v.read, path)
	return v.view.ReadDir(path, most, p)
}

// A listing of a range reads only the directories that may hold some of it.
func TestListReadsOnlyTheRange(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"photos/2023/a", "photos/2024/x/a", "photos/2024/b", "photos/2025/a", "photo/a", "z/a"} {
		path := filepath.Join(root, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	for name, opts := range map[string]Options{"source": {Source: true}, "links ignored": {Source: true, IgnoreSymlinks: true}, "target": {}} {
		t.Run(name, func(t *testing.T) {
			s, err := Open(root, opts)
			if err != nil {
				t.Fatal(err)
			}
			defer s.Close()
			counting := &countingView{view: s.view}
			s.view = counting
			var keys []string
			for o, err := range s.List(t.Context(), storage.ListOptions{Range: storage.Prefixed("photos/2024/")}) {
				if err != nil {
					t.Fatal(err)
				}
				keys = append(keys, o.Key)
			}
			if want := []string{"photos/2024/b", "photos/2024/x/a"}; !slices.Equal(keys, want) {
				t.Errorf("listed %q, want %q", keys, want)
			}
			if want := []string{"", "photos", "photos/2024", "photos/2024/x"}; !slices.Equal(counting.read, want) {
				t.Errorf("read %q, want %q", counting.read, want)
			}
		})
	}
}
