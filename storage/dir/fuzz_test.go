package dir_test

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// FuzzKey writes one object under any key. Either it is refused with
// storage.ErrUnstorable and nothing is changed, or it can be read, is listed
// under the key that MapKey told, and can be deleted. Nothing outside of the
// directory ever changes, not even through links inside.
func FuzzKey(f *testing.F) {
	for _, key := range []string{
		"a", "a/b", "/a", "//a//b", "a/", "a//", "/", "", ".", "..", "...", " ", "../x", "a/../../x", "/etc/x", "/../x",
		"a\x00b", "\x00", "a\xff", "out/x", "out", "out/../x", "up/canary", "here/x", "in/x", "here/", "file/x", "dir", "dir/",
		`..\x`, `a\b`, "C:/x", "a/./b", "a/.. /b", "\u202f", "\U0001f600", "a\rb", "CON", "x.", "x ",
		".s3sync-ABCDEFGHIJKLMNOPQRSTUVWXYZ.tmp", "~", "-", "*",
		strings.Repeat("x", 255), strings.Repeat("x", 256), strings.Repeat("x/", 512), strings.Repeat("\u65e5", 85),
	} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		if len(key) > 1024 { // the limit of S3
			return
		}
		parent := t.TempDir()
		path := filepath.Join(parent, "root")
		write(t, parent, "canary", "outside/canary", "root2/canary")
		write(t, path, "file", "dir/file")
		for name, to := range map[string]string{
			"out": filepath.Join(parent, "outside"), "up": "..", "in": "dir", "here": ".", "new": filepath.Join("..", "outside", "new"),
		} {
			if err := os.Symlink(to, filepath.Join(path, name)); err != nil {
				t.Skip(err)
			}
		}
		s, err := dir.Open(path, dir.Options{})
		if err != nil {
			t.Fatal(err)
		}
		defer s.Close()
		outside := func() map[string]string {
			all := snapshot(t, parent)
			for name := range all {
				if strings.HasPrefix(name, "root"+string(filepath.Separator)) {
					delete(all, name)
				}
			}
			return all
		}
		canaries := outside()
		before := snapshot(t, path)

		mapped, mapErr := s.MapKey(key)
		if mapErr != nil && !errors.Is(mapErr, storage.ErrUnstorable) {
			t.Errorf("MapKey(%q): %v; want storage.ErrUnstorable", key, mapErr)
		}
		content := "content"
		if strings.HasSuffix(key, "/") {
			content = ""
		}
		switch err := put(t, s, key, content); {
		case err != nil && !errors.Is(err, storage.ErrUnstorable):
			t.Errorf("Put(%q): %v; want success or storage.ErrUnstorable", key, err)
		case err != nil:
			wantSame(t, path, before)
		case mapErr != nil:
			t.Errorf("Put(%q) succeeded, but MapKey: %v", key, mapErr)
		case strings.HasSuffix(mapped, "/"):
			if info, err := s.Stat(t.Context(), mapped, storage.StatOptions{}); err != nil || !info.Directory {
				t.Errorf("Stat(%q): %+v, %v; want a directory", mapped, info, err)
			}
		default:
			checkWritten(t, s, key, mapped, content)
		}
		if after := outside(); len(after) != len(canaries) {
			t.Errorf("outside there is %q, was %q", after, canaries)
		} else {
			for name, content := range canaries {
				if after[name] != content {
					t.Errorf("outside %q became %q", name, after[name])
				}
			}
		}
	})
}

// checkWritten holds what follows from a Put that succeeded.
func checkWritten(t *testing.T, s *dir.Store, key, mapped, content string) {
	t.Helper()
	keys, problems := list(t, s, storage.Range{})
	if !slices.Contains(keys, mapped) || problems != nil {
		t.Errorf("after Put(%q) the keys are %q, problems %q; want %q among them", key, keys, problems, mapped)
	}
	again, err := s.MapKey(mapped)
	if err != nil || again != mapped {
		t.Errorf("MapKey(%q) = %q, %v; want the same", mapped, again, err)
	}
	for _, k := range []string{key, mapped} {
		r, err := s.Open(t.Context(), k, storage.OpenOptions{})
		if err != nil {
			t.Errorf("Open(%q): %v", k, err)
			continue
		}
		got := make([]byte, r.Info().Size)
		if err := errors.Join(r.ReadAt(t.Context(), got, 0), r.Close()); err != nil || string(got) != content {
			t.Errorf("reading %q: %q, %v", k, got, err)
		}
	}
	if err := s.Delete(t.Context(), []storage.Object{{Key: mapped}}, storage.DeleteOptions{})[0]; err != nil {
		t.Errorf("Delete(%q): %v", mapped, err)
	}
	if keys, _ := list(t, s, storage.Range{}); slices.Contains(keys, mapped) {
		t.Errorf("%q is listed after Delete", mapped)
	}
}
