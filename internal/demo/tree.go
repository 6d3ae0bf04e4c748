package main

import (
	"bytes"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
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
// bytes.
func sameTrees(a, b string) error {
	filesA, err := files(a)
	if err != nil {
		return err
	}
	filesB, err := files(b)
	if err != nil {
		return err
	}
	if !slices.Equal(filesA, filesB) {
		return fmt.Errorf("%s and %s do not hold the same files", a, b)
	}
	for _, name := range filesA {
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
	}
	return nil
}

// files returns the names of what is below dir, without the directories.
func files(dir string) (names []string, err error) {
	err = fs.WalkDir(os.DirFS(dir), ".", func(name string, entry fs.DirEntry, err error) error {
		if err == nil && !entry.IsDir() {
			names = append(names, filepath.FromSlash(name))
		}
		return err
	})
	return names, err
}
