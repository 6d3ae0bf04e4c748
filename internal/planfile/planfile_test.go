package planfile

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"math"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/klauspost/compress/zstd"
	"pgregory.net/rapid"

	"s3sync/internal/plan"
	"s3sync/storage"
)

var created = time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)

func write(t testing.TB, actions ...plan.Action) []byte {
	t.Helper()
	var b bytes.Buffer
	w, err := NewWriter(&b, Header{Program: "test", Created: created, Config: json.RawMessage(`{}`)}, plan.ChangeUpload)
	if err != nil {
		t.Fatal(err)
	}
	for i := range actions {
		if err := w.Action(&actions[i]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.End(Found{Source: 3, Protected: []Text{"\xff"}}); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

func unpack(t testing.TB, data []byte) []byte {
	t.Helper()
	z, err := zstd.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	defer z.Close()
	text, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func pack(text []byte) []byte {
	// A raw block (RFC 8878, 3.1.1): an encoder of its own would cost most of the time.
	frame := []byte{0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 0}
	binary.LittleEndian.PutUint32(frame[5:], uint32(len(text)))
	head := 1 | len(text)<<3
	return append(append(frame, byte(head), byte(head>>8), byte(head>>16)), text...)
}

func someActions() []plan.Action {
	object := func(key string, size int64, etag string) storage.Object {
		return storage.Object{Key: key, Size: size, ModTime: created.Add(time.Nanosecond), ETag: etag}
	}
	return []plan.Action{
		{Kind: plan.Transfer, Reason: plan.ReasonNew, Pair: plan.Pair{Source: object("a", 5, ""), TargetKey: "a"}},
		{Kind: plan.Transfer, Reason: plan.ReasonSize, Pair: plan.Pair{Source: object("/b\xff\n", 6, `"`), Target: object("b", 1, "e"), Exists: true, TargetKey: "b"}},
		{Kind: plan.Tag, Tags: "a=b", OldTags: "c=d", Pair: plan.Pair{Source: object("c", 7, "x"), Target: object("c", 7, "x"), Exists: true, TargetKey: "c"}},
		{Kind: plan.Tag, OldTags: "c=d", Pair: plan.Pair{Source: object("d", 7, "x"), Target: object("d", 7, "x"), Exists: true, TargetKey: "d"}},
		{Kind: plan.Delete, Reason: plan.ReasonExtraneous, Pair: plan.Pair{Source: storage.Object{Key: "z"}, Target: object("z", 9, "x"), Exists: true, TargetKey: "z"}},
	}
}

// What is written is read again.
func TestRoundTrip(t *testing.T) {
	want := someActions()
	data := write(t, want...)
	var told []plan.Action
	p, err := Read(bytes.NewReader(data), func(_ plan.Change, a *plan.Action) { told = append(told, *a) })
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(want, told); diff != "" {
		t.Errorf("(-written +read): %s", diff)
	}
	for range 2 {
		var got []plan.Action
		for a, err := range p.Actions() {
			if err != nil {
				t.Fatal(err)
			}
			got = append(got, *a)
		}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-written +read): %s", diff)
		}
	}
	totals := map[plan.Change]Total{
		plan.ChangeUpload: {1, 5}, plan.ChangeOverwrite: {1, 6}, plan.ChangeTag: {1, 0}, plan.ChangeUntag: {1, 0}, plan.ChangeDelete: {1, 9},
	}
	if diff := cmp.Diff(End{totals, Found{Source: 3, Protected: []Text{"\xff"}}}, p.End); diff != "" {
		t.Errorf("end (-want +got): %s", diff)
	}
	if p.Header.Program != "test" || !p.Header.Created.Equal(created) || p.Header.Format != Format {
		t.Errorf("header %+v", p.Header)
	}
}

func TestTextRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := Text(rapid.SliceOf(rapid.Byte()).Draw(t, "text"))
		data, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Text
		if err := json.Unmarshal(data, &got); err != nil || got != want {
			t.Fatalf("%q became %q, %v", want, got, err)
		}
	})
}

// A plan that is cut off or changed anywhere is refused.
func TestDamage(t *testing.T) {
	data := write(t, someActions()...)
	for n := range data {
		if _, err := Read(bytes.NewReader(data[:n]), nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("cut off after %d of %d bytes: %v", n, len(data), err)
		}
		flipped := bytes.Clone(data)
		flipped[n] ^= 1
		if p, err := Read(bytes.NewReader(flipped), nil); err == nil {
			// Some bits of the frame say nothing about the content.
			var got []plan.Action
			for a, err := range p.Actions() {
				if err != nil {
					t.Fatal(err)
				}
				got = append(got, *a)
			}
			if diff := cmp.Diff(someActions(), got); diff != "" {
				t.Errorf("byte %d is changed, and so is what is read: %s", n, diff)
			}
		}
	}
	text := unpack(t, data)
	for n := range text {
		if _, err := Read(bytes.NewReader(pack(text[:n])), nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("cut off after %d of %d bytes of text: %v", n, len(text), err)
		}
		flipped := bytes.Clone(text)
		flipped[n] ^= 1
		if _, err := Read(bytes.NewReader(pack(flipped)), nil); !errors.Is(err, ErrInvalid) {
			t.Errorf("byte %d of the text is changed: %v", n, err)
		}
	}
}

// A plan that makes no sense is refused, and the error says why.
func TestInvalid(t *testing.T) {
	text := unpack(t, write(t, someActions()...))
	for name, tt := range map[string]struct {
		data []byte
		want string
	}{
		"empty":                  {nil, "the plan cannot be used: it is empty"},
		"text":                   {[]byte("no plan"), "the plan cannot be used: it is no plan, or it is damaged: invalid input: magic number mismatch"},
		"another file":           {pack([]byte("{}\n")), "the plan cannot be used: its first line is not that of a plan"},
		"a newer version":        {pack(bytes.Replace(text, []byte(`"s3sync_plan":1`), []byte(`"s3sync_plan":2`), 1)), "the plan cannot be used: it has the format 2, and this program reads only 1: a newer s3sync made it"},
		"something behind it":    {pack(append(bytes.Clone(text), '\n')), "the plan cannot be used: something follows its last line"},
		"a line that is removed": {pack(bytes.Replace(text, []byte(`"action":"upload"`), []byte(`"action":"explode"`), 1)), `the plan cannot be used: line 2: there is no action "explode"`},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := Read(bytes.NewReader(tt.data), nil)
			if !errors.Is(err, ErrInvalid) || err.Error() != tt.want {
				t.Errorf("got %v, want %s", err, tt.want)
			}
		})
	}
}

func TestInvalidLines(t *testing.T) {
	source, target := `"source":{"size":1,"mtime":"2026-01-31T12:00:00Z"}`, `"target":{"size":1,"mtime":"2026-01-31T12:00:00Z"}`
	for name, text := range map[string]string{
		"no key":                     `{"action":"upload","key":"","reason":"",` + source + `}`,
		"no action":                  `{"key":"a","reason":"",` + source + `}`,
		"upload of nothing":          `{"action":"upload","key":"a","reason":""}`,
		"upload onto an object":      `{"action":"upload","key":"a","reason":"",` + source + `,` + target + `}`,
		"overwrite of nothing":       `{"action":"overwrite","key":"a","reason":"",` + source + `}`,
		"deletion of nothing":        `{"action":"delete","key":"a","reason":""}`,
		"deletion with a source":     `{"action":"delete","key":"a","reason":"",` + source + `,` + target + `}`,
		"deletion of another key":    `{"action":"delete","key":"a","target_key":"b","reason":"",` + target + `}`,
		"negative size":              `{"action":"upload","key":"a","reason":"","source":{"size":-1,"mtime":"2026-01-31T12:00:00Z"}}`,
		"negative size of a target":  `{"action":"delete","key":"a","reason":"","target":{"size":-1,"mtime":"2026-01-31T12:00:00Z"}}`,
		"tags of an upload":          `{"action":"upload","key":"a","reason":"","tags":"x",` + source + `}`,
		"tagging without tags":       `{"action":"tag","key":"a","reason":"",` + source + `,` + target + `}`,
		"untagging with tags":        `{"action":"untag","key":"a","reason":"","tags":"x",` + source + `,` + target + `}`,
		"unknown field":              `{"action":"upload","key":"a","reason":"","more":1,` + source + `}`,
		"two values":                 `{"action":"upload","key":"a","reason":"",` + source + `} {}`,
		"text with neither":          `{"action":"upload","key":{},"reason":"",` + source + `}`,
		"text in bad base64":         `{"action":"upload","key":{"base64":"?"},"reason":"",` + source + `}`,
		"end without a digest":       `{"end":{}}`,
		"end with another digest":    `{"end":{},"sha256":"00"}`,
		"an action after a deletion": `{"action":"delete","key":"a","reason":"",` + target + "}\n" + `{"action":"upload","key":"a","reason":"",` + source + `}`,
	} {
		t.Run(name, func(t *testing.T) {
			first, _, _ := bytes.Cut(unpack(t, write(t)), []byte("\n"))
			_, err := Read(bytes.NewReader(pack([]byte(string(first)+"\n"+text+"\n"))), nil)
			if !errors.Is(err, ErrInvalid) || err.Error() == "the plan cannot be used: its last line is missing: it was cut off" {
				t.Errorf("got %v", err)
			}
		})
	}
}

// A file that changes after it was checked is noticed before its end.
func TestChangesWhileRead(t *testing.T) {
	r := &swapped{Reader: bytes.NewReader(write(t, someActions()...))}
	p, err := Read(r, nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Reader = bytes.NewReader(write(t, someActions()[1:]...))
	var last error
	n := 0
	for _, err := range p.Actions() {
		n, last = n+1, err
	}
	if n != len(someActions()) || !errors.Is(last, ErrSwapped) || errors.Is(last, ErrInvalid) {
		t.Errorf("%d actions, error %v", n, last)
	}
}

type swapped struct{ *bytes.Reader }

type failing struct{ left int }

func (f *failing) Write(p []byte) (int, error) {
	if f.left -= len(p); f.left < 0 {
		return 0, io.ErrShortWrite
	}
	return len(p), nil
}

// A full disk is an error, and stays one.
func TestFullDisk(t *testing.T) {
	w, err := NewWriter(&failing{1000}, Header{Config: json.RawMessage(`{}`)}, plan.ChangeUpload)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 100_000 {
		a := someActions()[0]
		a.Source.Size = int64(i) * math.MaxInt32
		if err = w.Action(&a); err != nil {
			break
		}
	}
	if !errors.Is(err, io.ErrShortWrite) || !errors.Is(w.End(Found{}), io.ErrShortWrite) {
		t.Errorf("error %v, at the end %v", err, w.End(Found{}))
	}
}

func FuzzPlan(f *testing.F) {
	f.Add(unpack(f, write(f, someActions()...)))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, text []byte) {
		for _, data := range [][]byte{text, pack(text)} {
			var first []plan.Action
			p, err := Read(bytes.NewReader(data), func(_ plan.Change, a *plan.Action) { first = append(first, *a) })
			if err != nil {
				if !errors.Is(err, ErrInvalid) {
					t.Fatal(err)
				}
				continue
			}
			// What is accepted can be written again, and means the same.
			w := write(t, first...)
			var again []plan.Action
			if _, err := Read(bytes.NewReader(w), func(_ plan.Change, a *plan.Action) { again = append(again, *a) }); err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(first, again); diff != "" {
				t.Fatal(p.Header, diff)
			}
		}
	})
}
