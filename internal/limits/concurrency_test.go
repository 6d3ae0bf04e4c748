package limits

import (
	"encoding/json"
	"strings"
	"testing"
)

func TestConcurrency(t *testing.T) {
	for text, want := range map[string]Concurrency{"auto": Auto, "auto:64": AutoUpTo(64), "1": 1, "65535": 65535} {
		var c, read Concurrency
		if err := c.UnmarshalText([]byte(text)); err != nil || c != want || c.String() != text || c.Fault() != "" {
			t.Errorf("%s: got %v, %v, %s", text, c, err, c.Fault())
		}
		data, err := json.Marshal(c)
		if err != nil || json.Unmarshal(data, &read) != nil || read != c {
			t.Errorf("%s: %s was read as %v, %v", text, data, read, err)
		}
		if number := !strings.HasPrefix(string(data), `"`); number != (c > 0) {
			t.Errorf("%s: written as %s", text, data)
		}
	}
}

func TestConcurrencyRefuses(t *testing.T) {
	const form, bounds = "must be a whole number, auto or auto:N, not ", "must be between 1 and 65535, or auto, not "
	for text, want := range map[string]string{
		"":           form + `""`,
		"automatic":  form + `"automatic"`,
		"auto:":      form + `"auto:"`,
		"auto:many":  form + `"auto:many"`,
		"+5":         form + `"+5"`,
		"1.5":        form + `"1.5"`,
		"0":          bounds + "0",
		"-3":         bounds + "-3",
		"auto:0":     bounds + "0",
		"auto:65536": bounds + "65536",
	} {
		c := Concurrency(7)
		if err := c.UnmarshalText([]byte(text)); err == nil || err.Error() != want || c != 7 {
			t.Errorf("%q: got %v and %v, want %s", text, c, err, want)
		}
	}
	for c, want := range map[Concurrency]string{65536: "must be between 1 and 65535, not 65536", -65536: "must be between 1 and 65535, not auto:65536"} {
		if got := c.Fault(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

// A number that is found automatically stays below the ceiling and below what the system
// has files for.
func TestMost(t *testing.T) {
	automatic := Auto.Most()
	if automatic < 1 || automatic > AutoMost || automatic*FilesEach > max(OpenFiles(), FilesEach) {
		t.Errorf("%d, with %d files", automatic, OpenFiles())
	}
	for c, want := range map[Concurrency]int{3: 3, 60000: 60000, AutoUpTo(2): min(2, automatic), AutoUpTo(60000): automatic} {
		if got := c.Most(); got != want {
			t.Errorf("%v: at most %d, want %d", c, got, want)
		}
	}
}
