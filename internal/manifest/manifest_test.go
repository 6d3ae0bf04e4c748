package manifest_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"s3sync/internal/manifest"
)

// What was added is read again, in order of the keys.
func TestRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		want := rapid.SliceOfN(anyEntry(), 0, 20).Draw(t, "entries")
		got, c, err := read(made(t, slices.Clone(want)...))
		if err != nil {
			t.Fatal(err)
		}
		slices.SortStableFunc(want, func(a, b manifest.Entry) int { return strings.Compare(a.TheKey(), b.TheKey()) })
		valid := func(s string) string { return strings.ToValidUTF8(s, "\uFFFD") }
		if diff := cmp.Diff(want, got, cmpopts.IgnoreFields(manifest.Entry{}, "N", "Check"), cmpopts.EquateEmpty(),
			cmp.Transformer("valid", valid)); diff != "" {
			t.Fatal(diff)
		}
		for i := range got {
			if got[i].TheKey() != want[i].TheKey() || got[i].TargetKey() != want[i].TargetKey() {
				t.Fatalf("keys %q %q, want %q %q", got[i].TheKey(), got[i].TargetKey(), want[i].TheKey(), want[i].TargetKey())
			}
		}
		if c.Summary.Entries != int64(len(want)) || !c.Summary.Complete || c.Header.Target != header().Target {
			t.Fatalf("got %+v", c)
		}
	})
}

// The form is written down in docs/manifest.md, and other programs read it.
func TestForm(t *testing.T) {
	e := entry("a", 3)
	e.Done, e.SHA256 = manifest.Skipped, ""
	e.Error = "no <permission>"
	data := made(t, entry("b\xff", 5), e)
	want := `{"n":1,"format":"s3sync-manifest","version":1,"program":"s3sync 1.0","source":"photos","target":"s3://bucket/photos",` +
		`"started":"2026-01-31T12:00:00Z","options":["--delete"],"check":"76fd69ab"}
{"n":2,"key":"a","done":"skipped","reason":"new","size":3,"source":{"modified":"2026-01-31T12:00:00Z"},` +
		`"target":{"etag":"abc-2","version_id":"v1","checksum":"SHA256:abc="},"part_size":8388608,"verified":["etag","checksum"],` +
		`"error":"no <permission>","check":"6f26f012"}
{"n":3,"key":"b�","key_base64":"Yv8=","done":"written","reason":"new","size":5,` +
		`"sha256":"0000000000000000000000000000000000000000000000000000000000000005","source":{"modified":"2026-01-31T12:00:00Z"},` +
		`"target":{"etag":"abc-2","version_id":"v1","checksum":"SHA256:abc="},"part_size":8388608,"verified":["etag","checksum"],"check":"e961f1c1"}
{"n":4,"ended":"2026-01-31T13:00:00Z","complete":true,"exit_code":0,"excluded":0,` +
		`"counts":{"written":1,"unchanged":0,"tagged":0,"deleted":0,"perhaps_deleted":0,"skipped":1,"failed":0},"entries":2,"known_sha256":1,` +
		`"root":"ROOT","sha256":"DIGEST"}
`
	lines := bytes.Split(data, []byte("\n"))
	last := string(lines[3])
	// The digest is computed as the page tells its readers to do it.
	before := data[:len(data)-67]
	sum := sha256.Sum256(before)
	digest := hex.EncodeToString(sum[:])
	leaf := func(b []byte) []byte { h := sha256.Sum256(append([]byte{0}, b...)); return h[:] }
	node := func(l, r []byte) []byte { h := sha256.Sum256(append(append([]byte{1}, l...), r...)); return h[:] }
	root := hex.EncodeToString(node(node(leaf(lines[0]), leaf(lines[1])), leaf(lines[2])))
	want = strings.Replace(strings.Replace(want, "DIGEST", digest, 1), "ROOT", root, 1)
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Error(diff)
	}
	if !strings.HasSuffix(last, `"sha256":"`+digest+`"}`) {
		t.Error(last)
	}
}

// lineOf returns the line that an error names.
func lineOf(err error) int64 {
	if e, ok := errors.AsType[*manifest.LineError](err); ok {
		return e.Line
	}
	return -1
}

// A byte that is changed anywhere is found, and the line of it is named.
func TestFlippedByte(t *testing.T) {
	data := made(t, some(5)...)
	for i := range data {
		for _, flip := range []byte{1, 0x20, 0x80} {
			bad := bytes.Clone(data)
			bad[i] ^= flip
			_, _, err := read(bad)
			if !errors.Is(err, manifest.ErrRefused) && !strings.Contains(errorText(err), "version") {
				t.Fatalf("byte %d ^ %#x: %v", i, flip, err)
			}
			want := int64(1 + bytes.Count(data[:i], []byte("\n")))
			if got := lineOf(err); got != want && (data[i] != '\n' || got != want+1) {
				t.Fatalf("byte %d of line %d: line %d is named: %v", i, want, got, err)
			}
		}
	}
}

func errorText(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// Lines that are missing, doubled, exchanged or from elsewhere are found and named.
func TestLines(t *testing.T) {
	data := made(t, some(6)...)
	lines := bytes.SplitAfter(data, []byte("\n"))
	lines = lines[:len(lines)-1]
	other := bytes.SplitAfter(made(t, entry("000", 99), entry("001", 99)), []byte("\n"))
	for name, test := range map[string]struct {
		change func(l [][]byte) [][]byte
		line   int64
	}{
		"missing":        {func(l [][]byte) [][]byte { return slices.Delete(l, 3, 4) }, 4},
		"the first":      {func(l [][]byte) [][]byte { return l[1:] }, 1},
		"first entry":    {func(l [][]byte) [][]byte { return slices.Delete(l, 1, 2) }, 2},
		"last entry":     {func(l [][]byte) [][]byte { return slices.Delete(l, 6, 7) }, 7},
		"twice":          {func(l [][]byte) [][]byte { return slices.Insert(l, 3, l[2]) }, 4},
		"exchanged":      {func(l [][]byte) [][]byte { l[2], l[4] = l[4], l[2]; return l }, 3},
		"of another":     {func(l [][]byte) [][]byte { l[2] = other[2]; return l }, 8},
		"empty line":     {func(l [][]byte) [][]byte { return slices.Insert(l, 3, []byte("\n")) }, 4},
		"no last line":   {func(l [][]byte) [][]byte { return l[:7] }, 8},
		"behind it":      {func(l [][]byte) [][]byte { return append(l, l[3]) }, 9},
		"last of other":  {func(l [][]byte) [][]byte { l[7] = other[3]; return l }, 8},
		"two last lines": {func(l [][]byte) [][]byte { return append(l, l[7]) }, 9},
		"nothing":        {func([][]byte) [][]byte { return nil }, 1},
		"a web page":     {func([][]byte) [][]byte { return [][]byte{[]byte("<html>\n<body>\n")} }, 1},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(slices.Concat(test.change(slices.Clone(lines))...))
			if !errors.Is(err, manifest.ErrRefused) || lineOf(err) != test.line {
				t.Errorf("got %v, want line %d", err, test.line)
			}
		})
	}
}

// A manifest that ends early is refused, wherever it ends.
func TestTruncated(t *testing.T) {
	data := made(t, some(3)...)
	for n := range data {
		if _, _, err := read(data[:n]); !errors.Is(err, manifest.ErrRefused) {
			t.Fatalf("%d bytes: %v", n, err)
		}
	}
}

// Whoever changes an entry and its check cannot hide it: the digest and the root differ.
func TestSwappedDigest(t *testing.T) {
	a := made(t, some(4)...)
	changed := some(4)
	changed[2].SHA256 = strings.Repeat("f", 64)
	b := made(t, changed...)
	la, lb := bytes.SplitAfter(a, []byte("\n")), bytes.SplitAfter(b, []byte("\n"))
	la[3] = lb[3] // a line with a right check
	if _, _, err := read(slices.Concat(la...)); !errors.Is(err, manifest.ErrRefused) || lineOf(err) != 6 {
		t.Error(err)
	}
}

// Only one text stands for an entry, so that no two readers read different things.
func TestOneForm(t *testing.T) {
	data := made(t, some(1)...)
	if err := manifest.TamperedLine(data, `"size":0`, `"size":0,"size":1`); !errors.Is(err, manifest.ErrRefused) {
		t.Error("a field twice:", err)
	}
	if err := manifest.TamperedLine(data, `"size":0`, `"size": 0`); !errors.Is(err, manifest.ErrRefused) {
		t.Error("space:", err)
	}
	if err := manifest.TamperedLine(data, `"size":0`, `"size":0,"new":1`); !errors.Is(err, manifest.ErrRefused) {
		t.Error("an unknown field:", err)
	}
	if err := manifest.TamperedLine(data, `"size":0`, `"size":-1`); !errors.Is(err, manifest.ErrRefused) {
		t.Error("a negative size:", err)
	}
	if err := manifest.TamperedLine(data, `"done":"written"`, `"done":"perfect"`); !errors.Is(err, manifest.ErrRefused) {
		t.Error("something else done:", err)
	}
	if err := manifest.TamperedLine(data, `"key":"000"`, `"key":"000","key_base64":"MDAx"`); !errors.Is(err, manifest.ErrRefused) {
		t.Error("two keys:", err)
	}
	if err := manifest.TamperedLine(data, `"size":0`, `"size":1`); err != nil {
		t.Error("the tool of this test:", err)
	}
}

// A newer form is not called damaged.
func TestNewerVersion(t *testing.T) {
	_, _, err := read([]byte(`{"n":1,"format":"s3sync-manifest","version":2,"something":"else"}` + "\n"))
	if err == nil || errors.Is(err, manifest.ErrRefused) || !strings.Contains(err.Error(), "version 2") {
		t.Error(err)
	}
}

// A line without end is refused before it takes much memory.
func TestEndlessLine(t *testing.T) {
	_, err := manifest.Read(io.MultiReader(bytes.NewReader(made(t)[:20]), endless{}), manifest.ReadOptions{})
	if !errors.Is(err, manifest.ErrRefused) || lineOf(err) != 1 {
		t.Error(err)
	}
}

type endless struct{}

func (endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = 'x'
	}
	return len(p), nil
}

// Compressed manifests are read whatever their name is, and damage to them is found.
func TestCompressed(t *testing.T) {
	data := made(t, some(50)...)
	for _, name := range []string{"a", "a.zst", "a.gz"} {
		var out bytes.Buffer
		w, err := manifest.Compress(name, &out)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write(data); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if name != "a" && out.Len() > len(data)/2 {
			t.Errorf("%s is not compressed", name)
		}
		bad := bytes.Clone(out.Bytes())
		bad[len(bad)/2] ^= 4
		check := func(b []byte) error {
			r, err := manifest.Decompress(bytes.NewReader(b))
			if err != nil {
				return err
			}
			defer r.Close()
			_, err = manifest.Read(r, manifest.ReadOptions{})
			return err
		}
		if err := check(out.Bytes()); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if err := check(bad); !errors.Is(err, manifest.ErrRefused) {
			t.Errorf("%s with a changed bit: %v", name, err)
		}
		for i := 0; i < out.Len()-1; i += out.Len()/40 + 1 {
			if err := check(out.Bytes()[:i]); !errors.Is(err, manifest.ErrRefused) {
				t.Fatalf("%s of %d bytes: %v", name, i, err)
			}
		}
	}
}

// One line is proved by the root alone, at every place of manifests of every size.
func TestProof(t *testing.T) {
	for size := 1; size <= 17; size++ {
		data := made(t, some(size)...)
		for i, e := range some(size) {
			c, err := manifest.Read(bytes.NewReader(data), manifest.ReadOptions{Prove: func(x *manifest.Entry) bool { return x.Key == e.Key }})
			if err != nil {
				t.Fatal(err)
			}
			p := c.Proof
			h, got, err := p.Check(c.Summary.Root)
			if err != nil || h.Target != header().Target || got.Key != e.Key || got.N != int64(i+2) {
				t.Fatalf("%d of %d: %v %+v", i, size, err, got)
			}
			for name, bad := range map[string]func(p *manifest.Proof){
				"line":      func(p *manifest.Proof) { p.Entry.Line = strings.Replace(p.Entry.Line, `"size":`, `"size":1`, 1) },
				"index":     func(p *manifest.Proof) { p.Entry.Index++ },
				"leaves":    func(p *manifest.Proof) { p.Leaves += 20 },
				"no path":   func(p *manifest.Proof) { p.Entry.Path = nil },
				"path":      func(p *manifest.Proof) { p.Entry.Path[0] = strings.Repeat("0", 64) },
				"long path": func(p *manifest.Proof) { p.Entry.Path = append(p.Entry.Path, p.Entry.Path[0]) },
				"no hash":   func(p *manifest.Proof) { p.Entry.Path[0] = "x" },
				"header":    func(p *manifest.Proof) { p.Header.Line += " " },
				"header at": func(p *manifest.Proof) { p.Header = p.Entry },
			} {
				q := *p
				q.Entry.Path = slices.Clone(p.Entry.Path)
				bad(&q)
				if _, _, err := q.Check(c.Summary.Root); err == nil {
					t.Errorf("%d of %d, %s: accepted", i, size, name)
				}
			}
			if _, _, err := p.Check(strings.Repeat("0", 64)); !errors.Is(err, manifest.ErrRefused) {
				t.Errorf("another root: %v", err)
			}
		}
	}
}

// Of several versions of a key the last one is proved.
func TestProofOfTheLastVersion(t *testing.T) {
	c, err := manifest.Read(bytes.NewReader(made(t, entry("a", 1), entry("a", 2), entry("a", 3), entry("b", 4))),
		manifest.ReadOptions{Prove: func(x *manifest.Entry) bool { return x.Key == "a" }})
	if err != nil {
		t.Fatal(err)
	}
	if _, e, err := c.Proof.Check(c.Summary.Root); err != nil || e.Size != 3 {
		t.Errorf("%v %+v", err, e)
	}
}

// Whatever is read is either refused or exactly what a Writer writes.
func FuzzRead(f *testing.F) {
	f.Add(made(f))
	f.Add(made(f, some(3)...))
	f.Add([]byte("{}\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		entries, c, err := read(data)
		if err != nil {
			return
		}
		w := manifest.NewWriter(c.Header.Unnumbered())
		for i := range entries {
			entries[i].N, entries[i].Check = 0, ""
			if err := w.Add(&entries[i]); err != nil {
				t.Fatal(err)
			}
		}
		var out bytes.Buffer
		if _, err := w.Write(&out, c.Summary.End); err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(out.Bytes(), data) {
			t.Errorf("read %q, which is written as %q", data, out.Bytes())
		}
	})
}

// A proof that is not one is refused, and never a panic.
func FuzzProof(f *testing.F) {
	f.Add("line", int64(3), int64(7), "path")
	f.Fuzz(func(t *testing.T, line string, index, leaves int64, path string) {
		p := manifest.Proof{Format: manifest.ProofFormat, Version: 1, Leaves: leaves, Entry: manifest.Leaf{Index: index, Line: line, Path: []string{path}}}
		if _, _, err := p.Check(strings.Repeat("0", 64)); err == nil {
			t.Error("accepted")
		}
	})
}

// The memory of a Writer does not depend on the number of entries.
func TestWriterMemory(t *testing.T) {
	w := manifest.NewWriter(manifest.Header{})
	defer w.Close()
	digest := strings.Repeat("0", 64)
	var most uint64
	for i := range 60_000 { // 24 MiB
		e := manifest.Entry{Done: manifest.Written, SHA256: digest, Unverified: digest, Error: digest, Target: &manifest.Object{ETag: digest}}
		e.SetKey(fmt.Sprintf("%032d", i*7919%60_000))
		if err := w.Add(&e); err != nil {
			t.Fatal(err)
		}
		if i%6000 == 5999 {
			runtime.GC()
			var now runtime.MemStats
			runtime.ReadMemStats(&now)
			most = max(most, now.HeapAlloc)
		}
	}
	if most > 16<<20 {
		t.Errorf("%d MiB", most>>20)
	}
}
