package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

const largeFile = 20 << 20 // bytes: more than one part

type size struct {
	files int
	bytes int64
}

// makeTree fills dir with a copy of Go's net packages and one large file.
func makeTree(dir string) (s size, err error) {
	out, err := exec.Command("go", "env", "GOROOT").Output()
	if err != nil {
		return s, fmt.Errorf("go env GOROOT: %w", err)
	}
	from := os.DirFS(filepath.Join(strings.TrimSpace(string(out)), "src", "net"))
	err = fs.WalkDir(from, ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || !entry.Type().IsRegular() {
			return err
		}
		data, err := fs.ReadFile(from, name)
		if err != nil {
			return err
		}
		return s.add(filepath.Join(dir, "net", filepath.FromSlash(name)), data)
	})
	if err != nil {
		return s, err
	}
	large := make([]byte, largeFile)
	random := rand.NewChaCha8([32]byte{})
	if _, err := random.Read(large); err != nil {
		return s, err
	}
	return s, s.add(filepath.Join(dir, "large.bin"), large)
}

func (s *size) add(name string, data []byte) error {
	s.files++
	s.bytes += int64(len(data))
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil {
		return err
	}
	return os.WriteFile(name, data, 0o644)
}

// sameTrees fails unless both directories hold the same files with the same
// bytes, and none in b is older than in a.
func sameTrees(a, b string) error {
	filesA, err := files(a)
	if err != nil {
		return err
	}
	filesB, err := files(b)
	if err != nil {
		return err
	}
	for name := range filesB {
		if filesA[name] == nil {
			return fmt.Errorf("%s is only in %s", name, b)
		}
	}
	for name, infoA := range filesA {
		infoB := filesB[name]
		if infoB == nil {
			return fmt.Errorf("%s is only in %s", name, a)
		}
		dataA, err := os.ReadFile(filepath.Join(a, name))
		if err != nil {
			return err
		}
		dataB, err := os.ReadFile(filepath.Join(b, name))
		if err != nil {
			return err
		}
		if !bytes.Equal(dataA, dataB) {
			return fmt.Errorf("%s differs", name)
		}
		if infoA.ModTime().After(infoB.ModTime()) {
			return fmt.Errorf("%s: the copy is older than the original", name)
		}
	}
	return nil
}

// files returns the regular files below dir.
func files(dir string) (map[string]fs.FileInfo, error) {
	found := make(map[string]fs.FileInfo)
	err := fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		found[filepath.FromSlash(name)] = info
		return err
	})
	return found, err
}
