package plan

import "fmt"

// A LeftError says that some parts of an object were transferred, as somebody wanted, and that
// it is left so: it is not there yet, and nothing went wrong.
type LeftError struct {
	// Parts is how many the object has.
	Parts int
}

func (e *LeftError) Error() string {
	return fmt.Sprintf("it is left with some of its %d parts, for another run to finish it", e.Parts)
}
