package integration_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// compareMatrix checks the table in docs/integrity.md, or rewrites it.
func compareMatrix(t *testing.T, sizes []matrixSize, cells map[matrixCell]string) {
	t.Helper()
	const begin, end = "<!-- matrix:begin -->\n", "<!-- matrix:end -->"
	name := filepath.Join("..", "docs", "integrity.md")
	data, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(strings.ReplaceAll(string(data), "\r\n", "\n"), begin)
	got, after, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatalf("%s has no lines %q and %q", name, begin, end)
	}
	want := matrixTable(sizes, cells)
	if os.Getenv(updateMatrix) != "" {
		if err := os.WriteFile(name, []byte(before+begin+want+end+after), 0o600); err != nil {
			t.Fatal(err)
		}
		return
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the matrix in docs/integrity.md is stale (-want +got); if the change is meant:\n"+
			"%s=1 go test -run '^TestVerificationMatrix$' ./integration\n%s", updateMatrix, diff)
	}
}

// matrixTable returns the table. Objects with the same verification share a row.
func matrixTable(sizes []matrixSize, cells map[matrixCell]string) string {
	var b strings.Builder
	b.WriteString("| encryption | direction | objects |")
	for _, c := range matrixSums() {
		fmt.Fprintf(&b, " %s |", c)
	}
	b.WriteString("\n|---|---|---|" + strings.Repeat("---|", len(matrixSums())) + "\n")
	for _, s := range matrixStores() {
		for _, direction := range []string{matrixUp, matrixDown, matrixCopy} {
			var rows []string // in order
			objects := map[string][]string{}
			for _, layout := range []string{"", matrixSame, matrixOther} {
				for _, size := range sizes {
					row := ""
					for _, c := range matrixSums() {
						if verification, ok := cells[matrixCell{s.name, direction, layout, size.name, c.String()}]; ok {
							row += " " + verification + " |"
						}
					}
					if row == "" {
						continue
					}
					if objects[row] == nil {
						rows = append(rows, row)
					}
					objects[row] = append(objects[row], strings.TrimSpace(size.name+" "+layout))
				}
			}
			for _, row := range rows {
				text := strings.Join(objects[row], ", ")
				if len(rows) == 1 {
					text = fmt.Sprint("all ", len(objects[row]))
				}
				fmt.Fprintf(&b, "| %s | %s | %s |%s\n", s.name, direction, text, row)
			}
		}
	}
	return b.String()
}
