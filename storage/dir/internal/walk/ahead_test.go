package walk

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"s3sync/storage"
	"s3sync/storage/dir/internal/system"
	"s3sync/storage/dir/internal/tree"
)

// A riggedView is one whose calls fail or wait.
type riggedView struct {
	View
	readErr, statErr map[string]error // by path
	moved            map[string]bool  // directories that are other ones when they are read
	wait             time.Duration
	atOnce, most     atomic.Int32
}

func (v *riggedView) call() (done func()) {
	v.most.Store(max(v.most.Load(), v.atOnce.Add(1)))
	time.Sleep(v.wait)
	return func() { v.atOnce.Add(-1) }
}

func (v *riggedView) ReadDir(path string, most int, p *Pace) (*Contents, error) {
	defer v.call()()
	c, err := v.View.ReadDir(path, most, p)
	if v.moved[path] {
		c.self = system.Identity{}
		c.entries = nil
	}
	if err := v.readErr[path]; err != nil {
		c.entries = c.entries[:len(c.entries)/2]
		return c, err
	}
	return c, err
}

func (v *riggedView) Stat(path string) (system.Status, error) {
	defer v.call()()
	if err := v.statErr[path]; err != nil {
		return system.Status{}, err
	}
	return v.View.Stat(path)
}

// A linked is a view that follows links.
type linked struct{ root *os.File }

func (v linked) ReadDir(path string, most int, p *Pace) (*Contents, error) {
	open := func(path string) (*system.Descriptor, error) { return system.OpenAt(v.root, path) }
	return ReadDir(open, path, true, most, p)
}

func (v linked) Stat(path string) (system.Status, error) { return system.StatAt(v.root, path, true) }

func (v linked) Lstat(path string) (system.Status, error) { return system.StatAt(v.root, path, false) }

// A linkless is a view without links.
type linkless struct{ *tree.Tree }

func (v linkless) ReadDir(path string, most int, p *Pace) (*Contents, error) {
	return ReadDir(v.OpenDir, path, false, most, p)
}

// open opens a view, with links or without. The caller calls done.
func open(path string, links bool) (v View, done func() error, err error) {
	if links {
		root, err := os.Open(path)
		return linked{root}, root.Close, err
	}
	root, err := os.OpenRoot(path)
	if err != nil {
		return nil, nil, err
	}
	t := tree.New(path, root, system.NewShortcut(root), false)
	return linkless{t}, t.Close, nil
}

// openLinked opens a view with links for a test.
func openLinked(t *testing.T, path string) View {
	t.Helper()
	v, done, err := open(path, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := done(); err != nil {
			t.Error(err)
		}
	})
	return v
}

// slow is the pace of a file system whose calls wait.
func slow() *Pace {
	p := &Pace{}
	p.add(manyCalls, manyCalls*time.Hour)
	return p
}

// events are what a listing yields and tells, in order.
func events(v View, source bool, opts storage.ListOptions, p *Pace) (all []string) {
	opts.Problem = func(p storage.Problem) {
		all = append(all, fmt.Sprintf("problem %q: %v", p.Key, p.Err))
	}
	for o, err := range List(context.Background(), v, source, opts, p) {
		all = append(all, fmt.Sprint(o.Key, o.Size, o.ModTime, err))
	}
	return all
}

// Whatever there is and whatever fails: looking ahead yields and tells the same.
func TestLookingAheadChangesNothing(t *testing.T) {
	segment := rapid.SampledFrom([]string{"a", "a-", "a.b", "a0", "b", "-", "é", "aa", "\xff"})
	path := rapid.Custom(func(t *rapid.T) string {
		return filepath.Join(rapid.SliceOfN(segment, 1, 4).Draw(t, "segments")...)
	})
	fault := rapid.SampledFrom([]error{fs.ErrPermission, syscall.EIO, syscall.ENOENT, syscall.ELOOP})
	parent := t.TempDir()
	runs := 0
	rapid.Check(t, func(rt *rapid.T) {
		runs++
		root := filepath.Join(parent, fmt.Sprint(runs))
		if err := os.Mkdir(root, 0o700); err != nil {
			rt.Fatal(err)
		}
		defer os.RemoveAll(root) //nolint:errcheck // the parent is removed, too
		for _, p := range rapid.SliceOfN(path, 0, 60).Draw(rt, "paths") {
			name := filepath.Join(root, p)
			_ = os.MkdirAll(filepath.Dir(name), 0o700) // a file may be in the way
			switch rapid.IntRange(0, 9).Draw(rt, "kind") {
			case 0:
				_ = os.Symlink(path.Draw(rt, "link"), name)
			case 1:
				_ = os.Symlink(filepath.Join(root, path.Draw(rt, "link")), name)
			case 2:
				_ = os.Mkdir(name, 0o700)
			default:
				_ = os.WriteFile(name, []byte(p), 0o600)
			}
		}
		faults := rapid.MapOfN(path, fault, 0, 5)
		readErr, statErr := faults.Draw(rt, "unreadable"), faults.Draw(rt, "no status")
		moved := rapid.MapOfN(path, rapid.Just(true), 0, 2).Draw(rt, "moved")
		opts := storage.ListOptions{}
		if rapid.Bool().Draw(rt, "range") {
			opts.Range = storage.Range{From: path.Draw(rt, "from"), To: path.Draw(rt, "to")}
		}
		skipped := rapid.MapOfN(path, rapid.Just(true), 0, 5).Draw(rt, "skipped")
		opts.Skip = func(prefix string) bool { return skipped[strings.TrimSuffix(prefix, "/")] }
		for name, is := range map[string]struct{ links, source bool }{"source": {true, true}, "no links": {false, true}, "target": {false, false}} {
			v, done, err := open(root, is.links)
			if err != nil {
				rt.Fatal(err)
			}
			v = &riggedView{View: v, readErr: readErr, statErr: statErr, moved: moved}
			want := events(v, is.source, opts, &Pace{})
			got := events(v, is.source, opts, slow())
			if d := cmp.Diff(want, got); d != "" {
				rt.Errorf("%s (-one by one +ahead):\n%s", name, d)
			}
			if err := done(); err != nil {
				rt.Error(err)
			}
		}
	})
}

// What is skipped is not read, before its turn or then, and is told of in no way.
func TestSkippedDirectoriesAreNotRead(t *testing.T) {
	root := t.TempDir()
	for _, name := range []string{"a/1", "b/c/2", "b/d/3", "e/4"} {
		file := filepath.Join(root, filepath.FromSlash(name))
		if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
			t.Fatal(err)
		}
	}
	for name, pace := range map[string]*Pace{"one by one": {}, "ahead": slow()} {
		read := map[string]int{}
		v := &sizeView{View: &riggedView{View: openLinked(t, root), readErr: map[string]error{"a": fs.ErrPermission}}, read: read}
		skip := func(prefix string) bool { return prefix == "a/" || prefix == "b/c/" }
		var keys []string
		opts := storage.ListOptions{Skip: skip, Problem: func(p storage.Problem) { t.Errorf("%s: %v", name, p.Err) }}
		for o, err := range List(context.Background(), v, true, opts, pace) {
			if err != nil {
				t.Fatal(err)
			}
			keys = append(keys, o.Key)
		}
		if want := []string{"b/d/3", "e/4"}; !slices.Equal(keys, want) {
			t.Errorf("%s: listed %q, want %q", name, keys, want)
		}
		if want := []string{"", "b", "b/d", "e"}; !slices.Equal(slices.Sorted(maps.Keys(read)), want) {
			t.Errorf("%s: read %v, want %q", name, read, want)
		}
	}
}

// Where each call takes a millisecond, several are under way; where it takes none, one is.
func TestLookingAheadPays(t *testing.T) {
	root := t.TempDir()
	const files = 4000
	for name, perDir := range map[string]int{"flat": files, "large directories": 400, "small directories": 4} {
		for i := range files {
			file := filepath.Join(root, name, fmt.Sprint(i/perDir), fmt.Sprint(i))
			if err := errors.Join(os.MkdirAll(filepath.Dir(file), 0o700), os.WriteFile(file, nil, 0o600)); err != nil {
				t.Fatal(err)
			}
		}
		for wait, atOnce := range map[time.Duration]int32{0: 1, time.Millisecond: readers} {
			t.Run(fmt.Sprint(name, ", ", wait), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					v := &riggedView{View: openLinked(t, filepath.Join(root, name)), wait: wait}
					start := time.Now()
					if n := len(events(v, true, storage.ListOptions{}, &Pace{})); n != files {
						t.Errorf("%d entries, want %d", n, files)
					}
					if most := v.most.Load(); most != atOnce {
						t.Errorf("%d calls at once, want %d", most, atOnce)
					}
					dirs := files/perDir + 1
					serial := time.Duration(files+2*dirs) * wait
					if took := time.Since(start); took > serial/6 {
						t.Errorf("took %v, one by one %v", took, serial)
					}
				})
			})
		}
	}
}

// What is looked at ahead is bounded, whatever the directories hold.
func TestLookingAheadIsBounded(t *testing.T) {
	root := t.TempDir()
	for i := range 3 * maxDirsAhead {
		sub := filepath.Join(root, fmt.Sprint("dir", i))
		if err := os.Mkdir(sub, 0o700); err != nil {
			t.Fatal(err)
		}
		n := 1
		if i == 5 {
			n = 2 * maxEntriesAhead
		}
		for j := range n {
			if err := os.WriteFile(filepath.Join(sub, fmt.Sprint(j)), nil, 0o600); err != nil {
				t.Fatal(err)
			}
		}
	}
	v := &sizeView{View: openLinked(t, root), read: map[string]int{}}
	keys := 0
	for _, err := range List(context.Background(), v, true, storage.ListOptions{}, slow()) {
		if err != nil {
			t.Fatal(err)
		}
		if keys++; keys == 1 {
			if n := len(v.read); n != maxDirsAhead+1 {
				t.Errorf("%d directories were read before the first file was yielded, want %d and the first", n-1, maxDirsAhead)
			}
		}
	}
	if want := 3*maxDirsAhead - 1 + 2*maxEntriesAhead; keys != want {
		t.Errorf("%d keys, want %d", keys, want)
	}
	if got := slices.Max(slices.Collect(maps.Values(v.read))); got != 2 || v.read["dir5"] != 2 {
		t.Errorf("dir5 was read %d times, another one %d times", v.read["dir5"], got)
	}
}

// A sizeView counts how often directories are read.
type sizeView struct {
	View
	mu   sync.Mutex
	read map[string]int
}

func (v *sizeView) ReadDir(path string, most int, p *Pace) (*Contents, error) {
	v.mu.Lock()
	v.read[path]++
	v.mu.Unlock()
	return v.View.ReadDir(path, most, p)
}

func TestEach(t *testing.T) {
	errTest := errors.New("test")
	for _, waits := range []bool{false, true} {
		p := &Pace{}
		if waits {
			p = slow()
		}
		var calls [1000]atomic.Int32
		do := func(i int) error {
			calls[i].Add(1)
			if i >= 500 {
				return errTest
			}
			return nil
		}
		if i, err := p.each(500, do); i != 500 || err != nil {
			t.Errorf("slow %t: %d, %v; want no failure", waits, i, err)
		}
		if i, err := p.each(1000, do); i != 500 || !errors.Is(err, errTest) {
			t.Errorf("slow %t: %d, %v; want the first failure", waits, i, err)
		}
		for i := range 500 {
			if n := calls[i].Load(); n != 2 {
				t.Fatalf("slow %t: called %d times for %d", waits, n, i)
			}
		}
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("slow %t: the panic is lost", waits)
				}
			}()
			_, _ = p.each(3, func(i int) error { panic(i) })
		}()
	}
}
