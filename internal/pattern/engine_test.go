package pattern

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"
)

// testdata/engine.json says of expressions whether the seed's engine refuses them,
// and else in which texts it finds them. The answers are those of the crate regex
// 1.13.2 and, of what that refuses and of possessive repetitions, of fancy-regex
// 0.20.2. The expressions are written by hand, the longer ones made at random. Not
// among them is what is different here on purpose: see TestRefused, blanks in
// classes with the flag x (to fancy-regex they are members), counts that are none
// (to it, literals), and repetitions of repetitions beside look-around (it refuses
// them).
func TestEngine(t *testing.T) {
	data, err := os.ReadFile(filepath.Join("testdata", "engine.json"))
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		Expression string `json:"re"`
		Refused    bool
		Found, Not []string
	}
	if err := json.Unmarshal(data, &rows); err != nil {
		t.Fatal(err)
	}
	if len(rows) < 1000 {
		t.Fatalf("only %d rows", len(rows))
	}
	for _, row := range rows {
		re, err := Compile(row.Expression)
		if (err != nil) != row.Refused {
			t.Errorf("%q: %v, want a refusal: %v", row.Expression, err, row.Refused)
		}
		if err != nil {
			continue
		}
		for want, texts := range map[bool][]string{true: row.Found, false: row.Not} {
			for _, text := range texts {
				if got, err := re.Match(text); got != want || err != nil {
					t.Errorf("%q in %q: got %v, %v, want %v", row.Expression, text, got, err, want)
				}
			}
		}
	}
}
