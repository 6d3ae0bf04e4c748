package state

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"s3sync/storage"
)

// What is kept of each pair is shown without changing it, whatever became of the files, and is
// removed unless a run uses it.
func TestSurveys(t *testing.T) {
	dir := t.TempDir()
	open := func(p Pair) *State {
		s := Open(Options{Dir: dir, Pair: p, NoSync: true})
		if s == nil {
			t.Fatalf("%v cannot be opened", p)
		}
		return s
	}
	full, used, damaged, foreign := Pair{"/a", "s3://a/ at x"}, Pair{"/b\nb", "s3://b/ at x"}, Pair{"/c", "/c"}, Pair{"/d", "/d"}
	s := open(full)
	for i, v := range []string{"one", "two"} {
		texts(s).put(v, &v)
		s.Copies().table.put(v, &copyRecord{})
		u := s.Unfinished()
		u.Put("o"+v, []byte{byte(i)})
		u.Close()
	}
	s.Close()
	defer open(used).Close()
	open(damaged).Close()
	if err := os.WriteFile(filepath.Join(dir, damaged.file()+extension), []byte("no database"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, foreign.file()+lockFile), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"README", "README.state", foreign.file() + setAside} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte("some text"), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	unfinished := 0
	all, err := Surveys(dir, func(v *Survey, key string, record []byte) {
		if v.Name != full.file() || len(record) != 1 || key != "oone" && key != "otwo" {
			t.Errorf("%v has %q, %q", v, key, record)
		}
		unfinished++
	})
	if err != nil || len(all) != 4 || unfinished != 2 {
		t.Fatalf("%v, %+v, %d unfinished", err, all, unfinished)
	}
	for _, v := range all {
		var want Survey
		switch v.Name {
		case full.file():
			want = Survey{Pair: full, Digests: 2, Copies: 2}
		case used.file():
			want = Survey{Pair: used, InUse: true}
		case damaged.file():
			want = Survey{Pair: damaged, Damage: v.Damage}
			if v.Damage == "" {
				t.Error("the damage is not told")
			}
		}
		want.Name, want.Size, want.Used = v.Name, v.Size, v.Used
		if !reflect.DeepEqual(v, want) || v.Size == 0 || v.Used.IsZero() {
			t.Errorf("got %+v, want %+v", v, want)
		}
	}
	for _, v := range all {
		if err := Remove(dir, v.Name); errors.Is(err, ErrInUse) != v.InUse || !v.InUse && err != nil {
			t.Errorf("%+v: %v", v, err)
		}
	}
	left, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil || len(left) != 4 { // two of another program, and a database with its lock
		t.Errorf("left: %q, %v", left, err)
	}
	if all, err := Surveys(filepath.Join(dir, "none"), nil); err != nil || len(all) != 0 {
		t.Errorf("a directory that does not exist: %v, %v", all, err)
	}
}

// Files of other programs in the directory are neither shown nor removed, whatever their names
// are, and no link is followed.
func TestSurveysOfForeignFiles(t *testing.T) {
	dir, own := t.TempDir(), Pair{"/a", "/b"}
	digest, other := "d41d8cd98f00b204e9800998ecf8427e", Pair{"/c", "/d"}
	for name, text := range map[string]string{
		digest + lockFile: "text", digest + logFile: "text",
		other.file() + extension:                   "text", // without a lock
		"a-name-that-is-as-long-as-a-sum0.lock":    "",
		"a-name-that-is-as-long-as-a-sum0.state":   "text",
		"../victim":                                "text",
		Pair{"/e", "/f"}.file() + lockFile:         `{"Source":"/a","Target":"/b"}`,
		Pair{"/e", "/f"}.file() + extension:        "text",
		own.file() + "0" + lockFile:                "",
		strings.ToUpper(own.file()) + ".upper.log": "",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink("../victim", filepath.Join(dir, Pair{"/g", "/h"}.file()+lockFile)); err != nil {
		t.Skip(err)
	}
	if all, err := Surveys(dir, nil); err != nil || len(all) != 0 {
		t.Errorf("got %+v, %v", all, err)
	}
	s := Open(Options{Dir: dir, Pair: own, NoSync: true})
	s.Unfinished().Besides("s3://trash/")
	s.Close()
	all, err := Surveys(dir, nil)
	if err != nil || len(all) != 1 || all[0].Pair != own || !slices.Equal(all[0].Besides, []string{"s3://trash/"}) {
		t.Errorf("got %+v, %v", all, err)
	}
	name := filepath.Join(dir, own.file()+extension)
	if err := errors.Join(os.Remove(name), os.Symlink("../victim", name)); err != nil {
		t.Fatal(err)
	}
	if all, err := Surveys(dir, nil); err != nil || len(all) != 1 || all[0].Damage != "it is not a regular file" {
		t.Errorf("got %+v, %v", all, err)
	}
}

// A link in place of the lock makes a run write nothing to what it leads to.
func TestLockIsALink(t *testing.T) {
	dir, pair := t.TempDir(), Pair{"/a", "/b"}
	victim := filepath.Join(t.TempDir(), "victim")
	if err := os.WriteFile(victim, []byte("precious"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.Symlink(victim, filepath.Join(dir, pair.file()+lockFile)); err != nil {
		t.Skip(err)
	}
	var told storage.Notice
	s := Open(Options{Dir: dir, Pair: pair, NoSync: true, Notice: func(n storage.Notice) { told = n }})
	s.Close()
	text, err := os.ReadFile(victim)
	if s != nil || err != nil || string(text) != "precious" || told.Warning || !strings.Contains(told.Text, "is not a regular file") {
		t.Errorf("%v, %q, %v, %+v", s, text, err, told)
	}
	if err := Remove(dir, pair.file()); err == nil {
		t.Error("files were removed")
	}
	(&State{opts: Options{Dir: dir}, base: filepath.Join(dir, pair.file())}).note(places{Pair: pair}) // it came later
	if text, err := os.ReadFile(victim); err != nil || string(text) != "precious" {
		t.Errorf("%q, %v", text, err)
	}
}
