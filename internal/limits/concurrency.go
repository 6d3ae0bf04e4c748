package limits

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"

	"s3sync/internal/pace"
)

// A Concurrency says how many operations are in flight at once. A positive number is
// fixed. [Auto] follows what pays, and [AutoUpTo] does so up to a bound.
//
// Its written form is "16", "auto" or "auto:64"; in JSON a fixed number is a number.
type Concurrency int

const (
	// Auto lets the number follow what pays.
	Auto Concurrency = 0

	// AutoMost bounds the numbers that are found automatically: the connections of more
	// cost more memory than they bring speed.
	AutoMost = 512
	// mostConcurrency bounds the numbers that can be given.
	mostConcurrency = math.MaxUint16
)

// AutoUpTo lets the number follow what pays, and keeps it at n or below.
func AutoUpTo(n int) Concurrency { return Concurrency(-max(n, 1)) }

// UnmarshalText reads the written form.
func (c *Concurrency) UnmarshalText(data []byte) error {
	text := string(data)
	if text == "auto" {
		*c = Auto
		return nil
	}
	number, ceiling := strings.CutPrefix(text, "auto:")
	n, err := strconv.Atoi(number)
	switch {
	case err != nil || strings.HasPrefix(number, "+"):
		return fmt.Errorf("must be a whole number, auto or auto:N, not %q", text)
	case n < 1 || n > mostConcurrency:
		return fmt.Errorf("must be between 1 and %d, or auto, not %s", mostConcurrency, number)
	case ceiling:
		n = -n
	}
	*c = Concurrency(n)
	return nil
}

// Fault says what is wrong with c; it is empty if c can be used.
func (c Concurrency) Fault() string {
	if c >= -mostConcurrency && c <= mostConcurrency {
		return ""
	}
	return fmt.Sprintf("must be between 1 and %d, not %v", mostConcurrency, c)
}

// Most returns the number that is never exceeded. If that is not given, it follows from how
// many files this process may have open.
func (c Concurrency) Most() int {
	if c > 0 {
		return int(c)
	}
	most := max(min(AutoMost, OpenFiles()/FilesEach), 1)
	if c < 0 {
		return min(int(-c), most)
	}
	return most
}

// FilesEach is how many files an operation has open, with a margin: its file, its
// directory, and a connection to each side.
const FilesEach = 6

// pace returns a limiter of operations. A number to begin with follows from sizes and
// latency.
func (c Concurrency) pace(name string) *pace.Limiter {
	return pace.New(pace.Options{Name: name, Min: max(int(c), 1), Max: c.Most()})
}

// String returns the written form.
func (c Concurrency) String() string {
	switch {
	case c > 0:
		return strconv.Itoa(int(c))
	case c < 0:
		return "auto:" + strconv.Itoa(int(-c))
	}
	return "auto"
}

// MarshalJSON writes a fixed number as a number, and others as text.
func (c Concurrency) MarshalJSON() ([]byte, error) {
	if c > 0 {
		return json.Marshal(int(c))
	}
	return json.Marshal(c.String())
}

// UnmarshalJSON reads what MarshalJSON writes.
func (c *Concurrency) UnmarshalJSON(data []byte) error {
	text := string(data)
	if strings.HasPrefix(text, `"`) {
		if err := json.Unmarshal(data, &text); err != nil {
			return err
		}
		if !strings.HasPrefix(text, "auto") {
			return fmt.Errorf("must be a number, \"auto\" or \"auto:N\", not %q", text)
		}
	}
	return c.UnmarshalText([]byte(text))
}
