package transport

import "time"

// No request has a timer of its own. Each stage of a flight has a time at which it is
// overdue, and one timer for all flights of a client looks for those whose time has come.
// A stage that begins is due after the shortest limit at the earliest. So the timer need
// not be told of it if it never rests longer than that.

// sweepPause is the shortest pause between two looks at all flights. A stage may exceed
// its limit by as much.
const sweepPause = 10 * time.Millisecond

// hedgePause is the pause between two looks at a read that might be asked again.
const hedgePause = 250 * time.Millisecond

// Special times in flight.due.
const (
	resting = 0  // the stage is not on
	ended   = -1 // and never will be
)

// watch begins a stage, or begins it again. It has no effect after a stage was ended.
func (f *flight) watch(s stage, now time.Duration) {
	if f.limits[s] > 0 {
		f.set(s, now+f.limits[s])
	}
}

// rest stops watching a stage until the next watch. It reports whether the stage was on.
func (f *flight) rest(s stage) bool { return f.set(s, resting) > 0 }

// leave stops watching a stage for good.
func (f *flight) leave(s stage) { f.set(s, ended) }

// set sets the time at which a stage is overdue, and returns the one before.
func (f *flight) set(s stage, due time.Duration) (before int64) {
	for {
		before = f.due[s].Load()
		if before == ended || before == int64(due) || f.due[s].CompareAndSwap(before, int64(due)) {
			return before
		}
	}
}

// add adds a flight, and sees to it that the sweeper comes.
func (f *flights) add(fl *flight) {
	f.mu.Lock()
	defer f.mu.Unlock()
	fl.flies = true
	if fl.earlier = f.last; f.last == nil {
		f.first = fl
	} else {
		f.last.later = fl
	}
	f.last = fl
	if f.sweeperIsSet || fl.client.shortest == 0 {
		return
	}
	f.sweeperIsSet = true
	if shortest := fl.client.shortest; f.sweeper == nil {
		f.sweeper = time.AfterFunc(shortest, fl.client.sweep)
	} else {
		f.sweeper.Reset(shortest)
	}
}

// sweep ends the requests that are overdue, and asks again for reads that are late. It comes
// again if a request is on its way.
func (c *Client) sweep() {
	type late struct {
		*flight

		stage stage
	}
	var overdue []late
	now, next := c.now(), c.shortest
	c.flights.mu.Lock()
	for f := c.flights.first; f != nil; f = f.later {
		for s := range stages {
			switch due := f.due[s].Load(); {
			case due == resting, due == ended:
			case due > int64(now):
				next = min(next, time.Duration(due)-now)
			case s == hedging:
				f.askAgain(now)
				next = min(next, hedgePause)
			case f.due[s].CompareAndSwap(due, ended): // or it moves
				overdue = append(overdue, late{f, s})
			}
		}
	}
	if c.flights.sweeperIsSet = c.flights.first != nil; c.flights.sweeperIsSet {
		c.flights.sweeper.Reset(max(next, sweepPause))
	}
	c.flights.mu.Unlock()
	for _, l := range overdue {
		l.cancel(&TimeoutError{l.stage.overdue(), l.limits[l.stage]})
	}
}
