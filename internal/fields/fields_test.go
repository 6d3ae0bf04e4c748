package fields

import (
	"log/slog"
	"regexp"
	"strings"
	"testing"
	"time"
)

type group struct {
	Name  string
	Inner struct {
		Size   int64  `unit:"bytes"`
		Key    string `secret:"true"`
		At     time.Time
		Deeper struct{ On bool }
	}
	Pairs map[string]string
	Func  func()
	Any   any
	Log   *slog.Logger
}

func TestOf(t *testing.T) {
	var g group
	var got []string
	for f := range Of(&g) {
		text := f.Path
		if f.Secret() {
			text += " secret"
		}
		if f.Bytes() {
			text += " bytes"
		}
		if !f.Written() {
			text += " -"
		}
		got = append(got, text)
	}
	const want = "Name; Inner.Size bytes; Inner.Key secret -; Inner.At; Inner.Deeper.On; Pairs; Func -; Any -; Log -"
	if strings.Join(got, "; ") != want {
		t.Errorf("got %q, want %q", got, want)
	}
	At(&g, "Inner.Deeper.On").Value.SetBool(true)
	if !g.Inner.Deeper.On {
		t.Error("a field cannot be set")
	}
	for f := range Of(&g) { // it can be left
		if f.Path == "Inner.Size" {
			break
		}
	}
}

func TestAtPanics(t *testing.T) {
	for _, path := range []string{"", "Inner", "Name.X", "Inner.Nothing", "inner.Size"} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("there is a field %q", path)
				}
			}()
			At(&group{}, path)
		}()
	}
}

func TestEqual(t *testing.T) {
	a, b := &group{Name: "a", Pairs: map[string]string{}}, &group{Name: "b"}
	for path, want := range map[string]bool{"Name": false, "Pairs": true, "Inner.At": true, "Func": true} {
		if got := Equal(a, b, path); got != want {
			t.Errorf("%s: %v", path, got)
		}
	}
	b.Pairs = map[string]string{"x": "y"}
	if Equal(a, b, "Pairs") {
		t.Error("maps that differ are equal")
	}
}

// What is not written stays as it is, and what cannot be written is an error.
func TestForm(t *testing.T) {
	g := &group{Name: "n", Func: func() {}, Any: regexp.MustCompile("x")}
	g.Inner.Size, g.Inner.Key = 3<<20, "hunter2"
	data, err := Marshal(g, 7)
	if want := `{"version":7,"fields":{"Inner.Size":"3MiB","Name":"n"}}`; err != nil || string(data) != want {
		t.Errorf("%v: got %s, want %s", err, data, want)
	}
	read := &group{Name: "old", Pairs: map[string]string{"old": "x"}, Any: 1}
	read.Inner.Key = "kept"
	if err := Unmarshal(data, read, 7); err != nil {
		t.Fatal(err)
	}
	if read.Name != "n" || read.Inner.Size != 3<<20 || read.Inner.Key != "kept" || read.Pairs != nil || read.Any != 1 {
		t.Errorf("got %+v", read)
	}
	for text, want := range map[string]string{
		`{"version":8}`: "a group of version 8 cannot be read, only version 7",
		`{"version":7,"fields":{"Name":"x","Inner.Key":"x"}}`: `a group has no field "Inner.Key", or none that is written`,
		`{"version":7,"fields":{"Inner.Size":3}}`:             "Inner.Size cannot be read: json: cannot unmarshal number into Go value of type string",
	} {
		if err := Unmarshal([]byte(text), read, 7); err == nil || err.Error() != want || read.Name != "n" {
			t.Errorf("%s: got %v, want %s; the name is %q", text, err, want, read.Name)
		}
	}
	g.Pairs = map[string]string{"a": "\xff"}
	if _, err := Marshal(g, 7); err == nil || err.Error() != "Pairs cannot be written: it is not valid UTF-8" {
		t.Errorf("got %v", err)
	}
}
