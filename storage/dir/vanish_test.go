package dir_test

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"s3sync/storage"
	"s3sync/storage/dir"
)

// listWhile lists everything. It calls change once, after the first key.
func listWhile(t *testing.T, s storage.Store, change func() error) (keys []string, problems []storage.Problem) {
	t.Helper()
	opts := storage.ListOptions{Problem: func(p storage.Problem) { problems = append(problems, p) }}
	for o, err := range s.List(t.Context(), opts) {
		if err != nil {
			t.Fatal(err)
		}
		if keys = append(keys, o.Key); len(keys) > 1 {
			continue
		}
		if err := change(); err != nil {
			t.Skip(err) // Windows does not let go of what is open
		}
	}
	return keys, problems
}

// texts are those of problems, with the keys that bound them.
func texts(problems []storage.Problem) (all []string) {
	for _, p := range problems {
		all = append(all, fmt.Sprintf("%v [%s]", p.Err, p.Key))
	}
	return all
}

const lost = "the directory is gone, or was replaced by another one, while the source was listed"

// TestSourceChangesWhileListed: what is not there any more is absent only if its
// directory is still the one that was read.
func TestSourceChangesWhileListed(t *testing.T) {
	for name, tt := range map[string]struct {
		change   func(path string) error
		absent   []string // of a, b, c/x, c/y, d/e/x, f, to/x and z, in a source that follows links
		problems []string
		// noLinks is what a source that ignores links tells. It has looked at the
		// files of a directory when it read that.
		noLinks []string
	}{
		"a file is deleted": {
			change: func(path string) error { return os.Remove(filepath.Join(path, "b")) },
			absent: []string{"b"},
		},
		"a file is replaced by rename": {
			change: func(path string) error {
				temp := filepath.Join(path, "b~")
				return errors.Join(os.WriteFile(temp, []byte("new"), 0o600), os.Rename(temp, filepath.Join(path, "b")))
			},
		},
		"a file becomes a directory": {
			change: func(path string) error {
				return errors.Join(os.Remove(filepath.Join(path, "b")), os.Mkdir(filepath.Join(path, "b"), 0o700))
			},
			absent:   []string{"b"},
			problems: []string{`list "b": it was a file when its directory was read, and is none any more [b]`},
		},
		"a file becomes a link to nothing": {
			change: func(path string) error {
				return errors.Join(os.Remove(filepath.Join(path, "b")), os.Symlink("nowhere", filepath.Join(path, "b")))
			},
			absent:   []string{"b"},
			problems: []string{`list "b": the symbolic link leads to nothing [b]`},
		},
		"a directory is deleted": {
			change:   func(path string) error { return os.RemoveAll(filepath.Join(path, "c")) },
			absent:   []string{"c/x", "c/y"},
			problems: []string{`list "c/": ` + lost + " []"},
			noLinks:  []string{`list "c/": ` + lost + " []"},
		},
		"a directory becomes a file": {
			change: func(path string) error {
				return errors.Join(os.RemoveAll(filepath.Join(path, "c")), os.WriteFile(filepath.Join(path, "c"), nil, 0o600))
			},
			absent:   []string{"c/x", "c/y"},
			problems: []string{`list "c/": ` + lost + " []"},
			noLinks:  []string{`list "c/": ` + lost + " []"},
		},
		"a directory is replaced by an empty one": {
			change: func(path string) error {
				c := filepath.Join(path, "c")
				return errors.Join(os.Rename(c, path+"-old"), os.Mkdir(c, 0o700))
			},
			absent:   []string{"c/x", "c/y"},
			problems: []string{`list "c/": ` + lost + " []"},
			noLinks:  []string{`list "c/": ` + lost + " []"},
		},
		"a directory is replaced by a full one": {
			change: func(path string) error {
				c := filepath.Join(path, "c")
				return errors.Join(os.Rename(c, path+"-old"), os.Mkdir(c, 0o700), os.WriteFile(filepath.Join(c, "x"), nil, 0o600))
			},
			absent: []string{"c/y"},
		},
		"a directory is emptied": {
			change: func(path string) error {
				return errors.Join(os.Remove(filepath.Join(path, "c", "x")), os.Remove(filepath.Join(path, "c", "y")))
			},
			absent: []string{"c/x", "c/y"},
		},
		"a directory further below is gone": {
			change:   func(path string) error { return os.Rename(filepath.Join(path, "d"), path+"-old") },
			absent:   []string{"d/e/x"},
			problems: []string{`list "d/": ` + lost + " []"},
			noLinks:  []string{`list "d/": ` + lost + " []"},
		},
		"what a link leads to is replaced by an empty directory": {
			change: func(path string) error {
				volume := path + "-volume"
				return errors.Join(os.Rename(volume, path+"-old"), os.Mkdir(volume, 0o700))
			},
			absent:   []string{"to/x"},
			problems: []string{`list "to/": ` + lost + " []"},
		},
		"what a link leads to is gone": {
			change:   func(path string) error { return os.Rename(path+"-volume", path+"-old") },
			absent:   []string{"to/x"},
			problems: []string{`list "to/": ` + lost + " []"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for view, opts := range views() {
				t.Run(view, func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "source")
					write(t, path, "a", "b", "c/x", "c/y", "d/e/x", "f", "z")
					write(t, path+"-volume", "x")
					link(t, path+"-volume", filepath.Join(path, "to"))
					s := open(t, path, opts)
					keys, problems := listWhile(t, s, func() error { return tt.change(path) })

					want := slices.DeleteFunc([]string{"a", "b", "c/x", "c/y", "d/e/x", "f", "to/x", "z"}, func(k string) bool {
						switch {
						case strings.HasPrefix(k, "to/") && view != "source":
							return true
						case k == "b" && view != "source":
							return false
						}
						return slices.Contains(tt.absent, k)
					})
					wantProblems := map[string][]string{"source": tt.problems, "no links": tt.noLinks}[view]
					if got := texts(problems); !slices.Equal(keys, want) || !slices.Equal(got, wantProblems) {
						t.Errorf("keys %q, problems %q; want %q and %q", keys, got, want, wantProblems)
					}
				})
			}
		})
	}
}

// TestDirectoryIsSwappedWhileWalked: its files have been named already, and are
// looked at one by one.
func TestDirectoryIsSwappedWhileWalked(t *testing.T) {
	for name, other := range map[string][]string{
		"by an empty one":         nil,
		"by one with other files": {"c/1", "c/9"},
		"and is gone":             {"elsewhere"},
	} {
		t.Run(name, func(t *testing.T) {
			path := t.TempDir()
			write(t, path, "c/0", "c/1", "c/2", "c/3", "z")
			s := open(t, path, dir.Options{Source: true})
			keys, problems := listWhile(t, s, func() error {
				if err := os.Rename(filepath.Join(path, "c"), filepath.Join(path, "c-old")); err != nil {
					return err
				}
				if other == nil {
					return os.Mkdir(filepath.Join(path, "c"), 0o700)
				}
				write(t, path, other...)
				return nil
			})
			want := []string{"c/0", "z"}
			if slices.Contains(other, "c/1") {
				want = []string{"c/0", "c/1", "z"}
			}
			if got := texts(problems); !slices.Equal(keys, want) || !slices.Equal(got, []string{`list "c/": ` + lost + " []"}) {
				t.Errorf("keys %q, problems %q; want keys %q and that c/ is lost, once", keys, got, want)
			}
		})
	}
}

// TestSourceIsHeld: whatever happens to the path of a source, its listing and its
// files are those of the directory that was opened, and StillThere tells.
func TestSourceIsHeld(t *testing.T) {
	for name, change := range map[string]func(path string) error{
		"renamed": func(path string) error { return os.Rename(path, path+"-old") },
		"replaced by an empty directory": func(path string) error {
			return errors.Join(os.Rename(path, path+"-old"), os.Mkdir(path, 0o700))
		},
		"replaced by another one": func(path string) error {
			return errors.Join(os.Rename(path, path+"-old"), os.Mkdir(path, 0o700), os.WriteFile(filepath.Join(path, "b"), []byte("other"), 0o600))
		},
		"replaced by a file": func(path string) error {
			return errors.Join(os.Rename(path, path+"-old"), os.WriteFile(path, nil, 0o600))
		},
		"one above it renamed": func(path string) error {
			return os.Rename(filepath.Dir(path), filepath.Dir(path)+"-old")
		},
	} {
		t.Run(name, func(t *testing.T) {
			for view, opts := range views() {
				if view == "target" {
					continue
				}
				t.Run(view, func(t *testing.T) {
					path := filepath.Join(t.TempDir(), "above", "source")
					files := []string{"a", "b", "c/d/x", "c/x", "z"}
					write(t, path, files...)
					s := open(t, path, opts)
					if err := s.StillThere(t.Context()); err != nil {
						t.Errorf("StillThere before: %v", err)
					}
					keys, problems := listWhile(t, s, func() error { return change(path) })
					if !slices.Equal(keys, files) || problems != nil {
						t.Errorf("keys %q, problems %q; want %q", keys, texts(problems), files)
					}
					r, err := s.Open(t.Context(), "b", storage.OpenOptions{})
					if err != nil {
						t.Fatal(err)
					}
					got := make([]byte, 1)
					if err := errors.Join(r.ReadAt(t.Context(), got, 0), r.Check(t.Context()), r.Close()); err != nil || string(got) != "b" {
						t.Errorf("b holds %q, %v", got, err)
					}
					if err := s.StillThere(t.Context()); err == nil || !strings.Contains(err.Error(), path) {
						t.Errorf("StillThere: %v; want an error that names the directory", err)
					}
				})
			}
		})
	}
}

// TestSourceIsAFile: it may be replaced by another file, as editors do.
func TestSourceIsAFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "above")
	write(t, path, "file", "other")
	s := open(t, filepath.Join(path, "file"), dir.Options{Source: true})
	if err := os.Rename(filepath.Join(path, "other"), filepath.Join(path, "file")); err != nil {
		t.Fatal(err)
	}
	wantList(t, s, []string{"file"}, nil)
	if err := s.StillThere(t.Context()); err != nil {
		t.Errorf("StillThere after a rename: %v", err)
	}
	for _, tt := range []struct {
		is     string
		change func() error
	}{ // one after the other
		{"gone", func() error { return os.Remove(filepath.Join(path, "file")) }},
		{"a directory", func() error { return os.Mkdir(filepath.Join(path, "file"), 0o700) }},
	} {
		if err := tt.change(); err != nil {
			t.Fatal(err)
		}
		for o, err := range s.List(t.Context(), storage.ListOptions{}) {
			if !errors.Is(err, storage.ErrUnusable) {
				t.Errorf("List of a file that is %s yields %q, %v; want storage.ErrUnusable", tt.is, o.Key, err)
			}
		}
	}
	if err := os.Rename(path, path+"-old"); err != nil {
		t.Fatal(err)
	}
	if err := s.StillThere(t.Context()); err == nil {
		t.Error("StillThere says nothing of a directory that is gone")
	}
}
