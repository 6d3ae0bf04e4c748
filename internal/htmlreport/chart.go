package htmlreport

import (
	"fmt"
	"math"
	"strings"
	"time"
)

// Sizes of a chart, in the units of its view box.
const (
	narrow, wide        = 520, 1076
	plotLeft, rightEdge = 62, 8
	plotTop, plotBottom = 10, 164
)

// A chart is a curve over the time of the run, with a second one as a line.
type chart struct {
	Width         int // of the view box
	Title, Legend string
	// Second is the legend of the second curve; empty if there is none.
	Second          string
	Area, Line      string
	SecondLine      string
	XTicks, YTicks  []tick
	Summary, Colour string
}

// A tick is a label of an axis.
type tick struct {
	At    float64
	Label string
}

// A curve has a value for each time.
type curve []float64

func (c curve) peak() float64 {
	peak := 0.0
	for _, v := range c {
		peak = max(peak, v)
	}
	return peak
}

// rates returns how much a counter grew in a second before each time. The first value is
// that of the second one.
func rates(times []time.Duration, count func(i int) int64) curve {
	c := make(curve, len(times))
	for i := 1; i < len(times); i++ {
		seconds := (times[i] - times[i-1]).Seconds()
		if seconds > 0 {
			c[i] = max(0, float64(count(i)-count(i-1))/seconds)
		}
	}
	if len(c) > 1 {
		c[0] = c[1]
	}
	return c
}

// draw puts curves into a chart. scale returns the distance of the marks on the axis.
func (ch *chart) draw(times []time.Duration, first, second curve, step float64, label func(float64) string) {
	end := times[len(times)-1].Seconds()
	top := math.Ceil(max(first.peak(), second.peak())/step) * step
	if top <= 0 {
		top = step
	}
	plotWidth := float64(ch.Width - plotLeft - rightEdge)
	x := func(i int) float64 {
		if end <= 0 {
			return plotLeft
		}
		return plotLeft + times[i].Seconds()/end*plotWidth
	}
	y := func(v float64) float64 { return plotBottom - v/top*(plotBottom-plotTop) }
	path := func(c curve) string {
		var b strings.Builder
		for i, v := range c {
			fmt.Fprintf(&b, "%c%.1f %.1f", "ML"[min(i, 1)], x(i), y(v))
		}
		return b.String()
	}
	ch.Line = path(first)
	ch.Area = fmt.Sprintf("%sL%.1f %dL%d %dZ", ch.Line, x(len(times)-1), plotBottom, plotLeft, plotBottom)
	if second != nil {
		ch.SecondLine = path(second)
	}
	for v := 0.0; v <= top+step/2; v += step {
		ch.YTicks = append(ch.YTicks, tick{y(v), label(v)})
	}
	ch.XTicks = timeTicks(end, plotWidth)
}

// niceStep returns 1, 2 or 5 times a power of ten, so that about four steps reach peak.
func niceStep(peak float64) float64 {
	if peak <= 0 {
		return 1
	}
	power := math.Pow(10, math.Floor(math.Log10(peak/4)))
	for _, n := range []float64{1, 2, 5} {
		if n*power*4 >= peak {
			return n * power
		}
	}
	return 10 * power
}

// niceBytes is niceStep in the unit in which peak is written.
func niceBytes(peak float64) float64 {
	unit := 1.0
	for peak >= 1024*unit {
		unit *= 1024
	}
	return max(niceStep(peak/unit)*unit, 1)
}

// timeTicks returns about six marks of the time axis.
func timeTicks(end, width float64) []tick {
	if end <= 0 {
		return []tick{{plotLeft, "0"}}
	}
	step := niceStep(end * 4 / 6)
	for _, s := range []float64{60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 21600, 43200, 86400} {
		if end >= 120 && s >= end/7 {
			step = s
			break
		}
	}
	var ticks []tick
	for t := 0.0; t <= end*1.001; t += step {
		ticks = append(ticks, tick{plotLeft + t/end*width, clock(t)})
	}
	return ticks
}

// clock writes seconds since the beginning of the run.
func clock(seconds float64) string {
	d := time.Duration(seconds * float64(time.Second))
	switch {
	case seconds == 0:
		return "0"
	case seconds < 1:
		return fmt.Sprintf("%.3g ms", seconds*1000)
	case seconds < 120:
		return fmt.Sprintf("%.3g s", seconds)
	case seconds < 7200:
		return fmt.Sprintf("%d min", int(d.Minutes()+0.5))
	}
	return fmt.Sprintf("%.3g h", d.Hours())
}

// Right is where the lines of the grid end.
func (ch *chart) Right() int { return ch.Width - rightEdge }
