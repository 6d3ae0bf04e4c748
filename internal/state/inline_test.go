package state

import (
	"bytes"
	"encoding/binary"
	"os"
	"testing"
)

// A small table is in the page of its name. If damage makes it one that leads to other pages,
// perhaps to itself, the file is set aside before anybody follows.
func TestDamagedInlineTable(t *testing.T) {
	const flags, count, child = bucketHeader + 8, bucketHeader + 10, bucketHeader + pageHeader + 8
	for name, damage := range map[string]func(value []byte){
		"it leads to the page that it is in": func(v []byte) {
			binary.NativeEndian.PutUint16(v[flags:], 1)
			binary.NativeEndian.PutUint64(v[child:], 3)
		},
		"no kind":           func(v []byte) { binary.NativeEndian.PutUint16(v[flags:], 0) },
		"too many elements": func(v []byte) { binary.NativeEndian.PutUint16(v[count:], 60_000) },
		"a large element":   func(v []byte) { binary.NativeEndian.PutUint32(v[child+4:], 1<<31) },
		"a table in it":     func(v []byte) { binary.NativeEndian.PutUint32(v[child-8:], bucketKind) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			fillFile(t, dir, 3)
			data, err := os.ReadFile(theFile(dir))
			if err != nil {
				t.Fatal(err)
			}
			found := 0
			for from := 0; ; { // the name is in several pages, because old ones are free
				i := bytes.Index(data[from:], []byte("digests"))
				if i < 0 {
					break
				}
				from += i + len("digests")
				if value := data[from:]; binary.NativeEndian.Uint64(value) == 0 && binary.NativeEndian.Uint16(value[flags:]) == leafKind {
					damage(value)
					found++
				}
			}
			if found == 0 {
				t.Fatal("the table is not in the page of its name")
			}
			if err := os.WriteFile(theFile(dir), data, 0o600); err != nil {
				t.Fatal(err)
			}
			opts, told := testOptions(dir)
			s := Open(opts)
			if s == nil {
				t.Fatal("no new file")
			}
			got := contents(s)
			s.Close()
			if len(got) != 0 || len(told.all) != 1 || !told.all[0].Warning {
				t.Errorf("got %q, told %+v", got, told.all)
			}
		})
	}
}
