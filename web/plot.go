package web

import (
	"fmt"
	"html/template"
	"math"
	"strconv"
	"strings"

	"temper/activities"
)

// A Plot is a line drawing as inline SVG, and what it shows.
type Plot struct {
	SVG     template.HTML
	HeldOut int // held-out losses in it
}

// The drawing's own units; the page scales it.
const (
	plotWidth  = 760.0
	plotHeight = 300.0
	plotLeft   = 64.0
	plotRight  = 20.0
	plotTop    = 16.0
	plotBottom = 46.0
	smoothing  = 0.9 // weight of the past in the drawn moving average
)

// LossPlot draws the loss of each step, its moving average, and the held-out losses; nil where there are no two points.
func LossPlot(points []activities.Point) *Plot {
	points = drawable(points)
	if len(points) < 2 {
		return nil
	}
	f := newFrame(points)
	var b strings.Builder
	fmt.Fprintf(&b, `<svg class="plot" viewBox="0 0 %g %g" role="img" aria-label="loss by training step">`, plotWidth, plotHeight)
	f.axes(&b)
	var raw, smooth, held strings.Builder
	average := Smooth(points)
	n := 0
	for i, p := range points {
		fmt.Fprintf(&raw, "%.1f,%.1f ", f.x(p.Step), f.y(p.Loss))
		fmt.Fprintf(&smooth, "%.1f,%.1f ", f.x(p.Step), f.y(average[i]))
		if p.EvalLoss > 0 {
			fmt.Fprintf(&held, "%.1f,%.1f ", f.x(p.Step), f.y(p.EvalLoss))
			n++
		}
	}
	fmt.Fprintf(&b, `<polyline class="raw" points="%s"/><polyline class="average" points="%s"/><polyline class="held" points="%s"/>`, raw.String(), smooth.String(), held.String())
	f.dots(&b, points)
	b.WriteString(`</svg>`)
	return &Plot{SVG: template.HTML(b.String()), HeldOut: n} //nolint:gosec // numbers only
}

// drawable leaves out what cannot be drawn.
func drawable(points []activities.Point) []activities.Point {
	var out []activities.Point
	for _, p := range points {
		if finite(p.Loss) && finite(p.EvalLoss) {
			out = append(out, p)
		}
	}
	return out
}

func finite(v float64) bool { return !math.IsNaN(v) && !math.IsInf(v, 0) }

// Smooth is the moving average of the losses, one value a point. It is not drawn towards the first one: early averages are of the
// few values there are.
func Smooth(points []activities.Point) []float64 {
	out := make([]float64, len(points))
	sum, weight := 0.0, 0.0
	for i, p := range points {
		sum, weight = smoothing*sum+p.Loss, smoothing*weight+1
		out[i] = sum / weight
	}
	return out
}

// A frame places steps and losses.
type frame struct {
	first, last  float64
	lo, hi       float64
	xtick, ytick float64
}

func newFrame(points []activities.Point) frame {
	f := frame{first: float64(points[0].Step), last: float64(points[len(points)-1].Step), lo: math.Inf(1), hi: math.Inf(-1)}
	for _, p := range points {
		f.lo, f.hi = min(f.lo, p.Loss), max(f.hi, p.Loss)
		if p.EvalLoss > 0 {
			f.lo, f.hi = min(f.lo, p.EvalLoss), max(f.hi, p.EvalLoss)
		}
	}
	if f.hi-f.lo < 1e-6 {
		f.hi, f.lo = f.hi+5e-7, f.lo-5e-7
	}
	if f.last <= f.first {
		f.last = f.first + 1
	}
	f.ytick, f.xtick = Tick(f.hi-f.lo, 5), max(1, Tick(f.last-f.first, 6))
	f.lo, f.hi = math.Floor(f.lo/f.ytick)*f.ytick, math.Ceil(f.hi/f.ytick)*f.ytick
	return f
}

// Tick is a round step (1, 2 or 5 times a power of ten) that parts span into at most about n parts.
func Tick(span float64, n int) float64 {
	if !(span > 0) || n < 1 {
		return 1
	}
	rough := span / float64(n)
	unit := math.Pow(10, math.Floor(math.Log10(rough)))
	for _, m := range []float64{1, 2, 5} {
		if m*unit >= rough*0.999 {
			return m * unit
		}
	}
	return 10 * unit
}

func (f frame) x(step int) float64 {
	return plotLeft + (plotWidth-plotLeft-plotRight)*(float64(step)-f.first)/(f.last-f.first)
}

func (f frame) y(loss float64) float64 {
	return plotTop + (plotHeight-plotTop-plotBottom)*(f.hi-loss)/(f.hi-f.lo)
}

// axes draws grid, ticks and labels.
func (f frame) axes(b *strings.Builder) {
	places := max(0, int(math.Ceil(-math.Log10(f.ytick)-1e-9)))
	for i := range 20 {
		v := f.lo + float64(i)*f.ytick
		if v > f.hi+f.ytick/2 {
			break
		}
		y := f.y(v)
		fmt.Fprintf(b, `<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%s</text>`,
			plotLeft, y, plotWidth-plotRight, y, plotLeft-8, y+4, strconv.FormatFloat(v, 'f', places, 64))
	}
	floor := plotHeight - plotBottom
	fmt.Fprintf(b, `<line class="axis" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/>`, plotLeft, floor, plotWidth-plotRight, floor)
	for v := math.Ceil(f.first/f.xtick) * f.xtick; v <= f.last; v += f.xtick {
		x := f.x(int(v))
		fmt.Fprintf(b, `<line class="axis" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="middle">%s</text>`,
			x, floor, x, floor+5, x, floor+20, Count(int64(v)))
	}
	fmt.Fprintf(b, `<text x="%.1f" y="%.1f" text-anchor="end">step</text><text x="%.1f" y="%.1f" class="unit">loss</text>`,
		plotWidth-plotRight, plotHeight-6, plotLeft+6, plotTop-2)
}

// dots draws the held-out losses, the last with its value beside it.
func (f frame) dots(b *strings.Builder, points []activities.Point) {
	last := -1
	for i, p := range points {
		if p.EvalLoss > 0 {
			last = i
			fmt.Fprintf(b, `<circle class="dot" cx="%.1f" cy="%.1f" r="4.5"><title>held-out loss %.4f at step %d</title></circle>`, f.x(p.Step), f.y(p.EvalLoss), p.EvalLoss, p.Step)
		}
	}
	if last >= 0 {
		p := points[last]
		fmt.Fprintf(b, `<text class="value" x="%.1f" y="%.1f" text-anchor="end">%.3f</text>`, f.x(p.Step)-9, f.y(p.EvalLoss)-8, p.EvalLoss)
	}
}
