package parallel

import (
	"context"
	"errors"
	"iter"
	"slices"
	"testing"
	"testing/synctest"
)

// numbers yields 0 to n-1 and then err, and counts what it yielded.
func numbers(n int, err error, yielded *int) func(context.Context) iter.Seq2[int, error] {
	return func(context.Context) iter.Seq2[int, error] {
		return func(yield func(int, error) bool) {
			for i := range n {
				*yielded++
				if !yield(i, nil) {
					return
				}
			}
			if err != nil {
				yield(0, err)
			}
		}
	}
}

// All values come in their order, and then the error.
func TestAhead(t *testing.T) {
	failed := errors.New("failed")
	for _, want := range []error{nil, failed} {
		var got []int
		var err error
		yielded := 0
		for v, e := range Ahead(t.Context(), 2, numbers(5, want, &yielded)) {
			if err = e; e == nil {
				got = append(got, v)
			}
		}
		if !slices.Equal(got, []int{0, 1, 2, 3, 4}) || !errors.Is(err, want) {
			t.Errorf("got %v, %v", got, err)
		}
	}
}

// The sequence is so far ahead of its consumer, and no farther. A consumer that breaks off
// ends it.
func TestAheadIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		yielded := 0
		for v, err := range Ahead(t.Context(), 3, numbers(100, nil, &yielded)) {
			if err != nil {
				t.Fatal(err)
			}
			synctest.Wait()
			if want := v + 1 + 3 + 1; yielded != want { // one is in its hand
				t.Errorf("%d values were taken, want %d", yielded, want)
			}
			if v == 5 {
				break
			}
		}
	})
}

// A panic, or the end of the context, ends the iteration with an error.
func TestAheadFails(t *testing.T) {
	var err error
	for _, err = range Ahead(t.Context(), 1, func(context.Context) iter.Seq2[int, error] { panic("bug") }) {
	}
	if e, ok := errors.AsType[*PanicError](err); !ok || e.Value != "bug" {
		t.Errorf("got %v", err)
	}

	ctx, cancel := context.WithCancelCause(t.Context())
	defer cancel(nil)
	stopped := errors.New("stopped")
	n, yielded := 0, 0
	for _, err = range Ahead(ctx, 1, numbers(100, nil, &yielded)) {
		n++
		cancel(stopped)
	}
	if !errors.Is(err, stopped) || n > 4 {
		t.Errorf("got %v after %d values", err, n)
	}
}
