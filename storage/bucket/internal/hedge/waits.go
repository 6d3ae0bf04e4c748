package hedge

import "time"

const (
	steps  = 20  // of a histogram; the last one is for waits of more than 8 minutes
	memory = 256 // answers after which each counts half
)

// waits is a histogram of how long reads waited. Only waits longer than MinWait differ.
// Early ones count less than late ones.
type waits struct {
	answered int // all of them
	counted  int // the sum of counts
	counts   [steps]int
}

// bound returns the longest wait of a step: MinWait and its multiples by 1.5, 2, 3, 4, 6, …
func bound(step int) time.Duration {
	d := MinWait << (step / 2)
	if step%2 == 1 {
		d += d / 2
	}
	return d
}

func (w *waits) add(waited time.Duration) {
	step := 0
	for step < steps-1 && waited > bound(step) {
		step++
	}
	w.answered++
	w.counts[step]++
	if w.counted++; w.counted < memory {
		return
	}
	w.counted = 0
	for i := range w.counts {
		w.counts[i] /= 2
		w.counted += w.counts[i]
	}
}

// most returns a wait that nine of ten reads did not exceed. It returns 0 if that is MinWait
// or less.
func (w *waits) most() time.Duration {
	longer := 0
	for step := steps - 1; step > 0; step-- {
		if longer += w.counts[step]; longer*10 > w.counted {
			return bound(step)
		}
	}
	return 0
}
