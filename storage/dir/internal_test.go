package dir

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"s3sync/storage"
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

func TestTempName(t *testing.T) {
	for range 100 {
		if name := tempName(); !isTemp(name) {
			t.Errorf("isTemp(%q) = false", name)
		}
	}
}

func TestWriteError(t *testing.T) {
	for name, tt := range map[string]struct {
		err       error
		want      error
		retryable bool
	}{
		"disk full":            {&fs.PathError{Op: "write", Path: "x", Err: syscall.ENOSPC}, storage.ErrFull, false},
		"quota":                {syscall.EDQUOT, storage.ErrFull, false},
		"read-only":            {syscall.EROFS, storage.ErrUnusable, false},
		"permission":           {&fs.PathError{Err: syscall.EACCES}, fs.ErrPermission, false},
		"not permitted":        {syscall.EPERM, fs.ErrPermission, false},
		"too many files":       {syscall.EMFILE, storage.ErrTransient, true},
		"name too long":        {syscall.ENAMETOOLONG, storage.ErrUnstorable, false},
		"name not allowed":     {syscall.EINVAL, storage.ErrUnstorable, false},
		"file in the way":      {&os.LinkError{Err: syscall.ENOTDIR}, storage.ErrUnstorable, false},
		"directory in the way": {&os.LinkError{Err: syscall.EEXIST}, storage.ErrUnstorable, false},
		"same, elsewhere":      {&os.LinkError{Err: syscall.EISDIR}, storage.ErrUnstorable, false},
		"file too large":       {syscall.EFBIG, storage.ErrUnstorable, false},
		"vanished":             {syscall.ENOENT, storage.ErrTransient, true},
		"has a kind":           {unusable(syscall.EACCES), storage.ErrUnusable, false},
		"has another kind":     {fmt.Errorf("%w: %w", storage.ErrUnstorable, syscall.EMFILE), storage.ErrUnstorable, false},
		"cancelled":            {context.Canceled, context.Canceled, false},
		"input and output":     {syscall.EIO, syscall.EIO, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := writeError(tt.err)
			if !errors.Is(err, tt.want) {
				t.Errorf("%v is not %v", err, tt.want)
			}
			if full := errors.Is(tt.want, storage.ErrFull); errors.Is(err, storage.ErrFull) != full {
				t.Errorf("%v is storage.ErrFull: %t, want %t", err, !full, full)
			}
			if storage.Gone(err) {
				t.Errorf("%v is fs.ErrNotExist: a source that vanished looks like that", err)
			}
			if got := storage.Retryable(err); got != tt.retryable {
				t.Errorf("Retryable(%v) = %v, want %v", err, got, tt.retryable)
			}
		})
	}
	for name, err := range map[string]error{"write": writeError(syscall.ENAMETOOLONG), "read": readError(syscall.ENAMETOOLONG)} {
		if !strings.Contains(err.Error(), "too long") || storage.Gone(err) {
			t.Errorf("%s: %v; want that the name is too long", name, err)
		}
	}
	if err := writeError(nil); err != nil {
		t.Errorf("writeError(nil) = %v", err)
	}
}

// A folding is a directory of a file system that ignores case.
type folding struct {
	*os.Root

	files []string
	reads int
}

func (f *folding) Open(name string) (*os.File, error) {
	f.reads++
	return f.Root.Open(name)
}

func (f *folding) Lstat(name string) (fs.FileInfo, error) {
	for _, file := range f.files {
		if strings.EqualFold(file, name) {
			return f.Root.Lstat(file)
		}
	}
	return nil, fs.ErrNotExist
}

func TestNames(t *testing.T) {
	path := t.TempDir()
	files := []string{"Readme", "sub", "123", "\u00c9t\u00e9", "\u00e0"}
	for _, file := range files {
		if err := os.WriteFile(filepath.Join(path, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	var n names
	for name, same := range map[string]bool{
		"Readme":             true,
		"readme":             false,
		"README":             false,
		"sub":                true,
		"Sub":                false,
		"123":                true,
		"\u00c9t\u00e9":      true,
		"\u00e9t\u00e9":      false,
		"\u00e0":             true,
		"\u00c0":             false,
		"\u00c9T\u00e9":      false,
		"\u00c9\u0054\u00c9": false,
	} {
		d := &folding{root, files, 0}
		fi, err := d.Lstat(name)
		if err != nil {
			t.Fatalf("Lstat(%q): %v", name, err)
		}
		for range 2 { // read, and then remembered
			switch err := n.check(d, "dir", name, fi); {
			case same && err != nil:
				t.Errorf("check(%q): %v", name, err)
			case !same && !errors.Is(err, storage.ErrUnstorable):
				t.Errorf("check(%q): %v; want storage.ErrUnstorable", name, err)
			case !same && !strings.Contains(err.Error(), "which exists"):
				t.Errorf("check(%q): %v; want the name that exists", name, err)
			}
		}
	}
	// Where case matters, two links to one file are no reason to refuse one.
	if err := os.Link(filepath.Join(path, "Readme"), filepath.Join(path, "rEADME")); err != nil {
		t.Skip(err)
	}
	for _, name := range []string{"Readme", "rEADME"} {
		fi, err := root.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.check(root, "dir", name, fi); err != nil {
			t.Errorf("check(%q): %v", name, err)
		}
	}
}

// Names are read once for a directory, unless they are new or gone.
func TestNamesAreRemembered(t *testing.T) {
	path := t.TempDir()
	root, err := os.OpenRoot(path)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	d := &folding{root, nil, 0}
	add := func(file string) {
		if err := os.WriteFile(filepath.Join(path, file), nil, 0o600); err != nil {
			t.Fatal(err)
		}
		d.files = append(d.files, file)
	}
	var n names
	check := func(dir, name string, ok bool, reads int) {
		t.Helper()
		fi, err := d.Lstat(name)
		if err != nil {
			t.Fatal(err)
		}
		if err := n.check(d, dir, name, fi); (err == nil) != ok {
			t.Errorf("check(%q, %q): %v", dir, name, err)
		}
		if d.reads != reads {
			t.Errorf("check(%q, %q): the directory was read %d times, want %d", dir, name, d.reads, reads)
		}
	}
	add("a")
	add("B")
	check("dir", "a", true, 1)
	check("dir", "a", true, 1)
	check("dir", "B", true, 1)
	check("dir", "b", false, 2)
	add("new")
	check("dir", "new", true, 3)
	n.removed("dir", "a")
	check("dir", "a", true, 4)
	for i := range maxNames {
		check(fmt.Sprint(i), "a", true, 5+i)
		check(fmt.Sprint(i), "B", true, 5+i)
	}
	check("dir", "a", true, 5+maxNames) // forgotten
	check("1", "a", true, 5+maxNames)
	if len(n.dirs) != maxNames {
		t.Errorf("%d directories are remembered, want %d", len(n.dirs), maxNames)
	}
}

// A countingView notes which directories are read.
type countingView struct {
	view
	read []string
}

func (v *countingView) readDir(path string, most int, p *pace) (*contents, error) {
	v.read = append(v.read, path)
	return v.view.readDir(path, most, p)
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
