package web

import (
	"fmt"
	"html/template"
	"math"
	"strings"

	"temper/activities"
)

// A Plot is a line drawing as inline SVG.
type Plot struct {
	SVG template.HTML
}

const (
	width, height = 720.0, 240.0
	left, right   = 52.0, 12.0
	top, bottom   = 12.0, 28.0
	plotWidth     = width - left - right
	plotHeight    = height - top - bottom
	smoothing     = 0.9 // weight of the past in the drawn moving average
)

// LossPlot draws the loss of each step, its moving average, and the held-out losses; nil without points.
func LossPlot(points []activities.Point) *Plot {
	if len(points) < 2 {
		return nil
	}
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range points {
		lo, hi = min(lo, p.Loss), max(hi, p.Loss)
		if p.EvalLoss > 0 {
			lo, hi = min(lo, p.EvalLoss), max(hi, p.EvalLoss)
		}
	}
	if hi-lo < 1e-9 {
		hi = lo + 1e-9
	}
	first, last := float64(points[0].Step), float64(points[len(points)-1].Step)
	x := func(step int) float64 { return left + plotWidth*(float64(step)-first)/max(1, last-first) }
	y := func(loss float64) float64 { return top + plotHeight*(hi-loss)/(hi-lo) }

	var b strings.Builder
	fmt.Fprintf(&b, `<svg viewBox="0 0 %.0f %.0f" role="img" aria-label="training loss by step">`, width, height)
	for i := range 5 {
		v := lo + (hi-lo)*float64(i)/4
		fmt.Fprintf(&b, `<line class="grid" x1="%.1f" y1="%.1f" x2="%.1f" y2="%.1f"/><text x="%.1f" y="%.1f" text-anchor="end">%.2f</text>`,
			left, y(v), width-right, y(v), left-6, y(v)+4, v)
	}
	fmt.Fprintf(&b, `<text x="%.1f" y="%.1f">step %d</text><text x="%.1f" y="%.1f" text-anchor="end">step %d</text>`,
		left, height-8, points[0].Step, width-right, height-8, points[len(points)-1].Step)
	var raw, smooth strings.Builder
	average := points[0].Loss
	for _, p := range points {
		average = smoothing*average + (1-smoothing)*p.Loss
		fmt.Fprintf(&raw, "%.1f,%.1f ", x(p.Step), y(p.Loss))
		fmt.Fprintf(&smooth, "%.1f,%.1f ", x(p.Step), y(average))
		if p.EvalLoss > 0 {
			fmt.Fprintf(&b, `<circle class="eval" cx="%.1f" cy="%.1f" r="4"><title>held-out loss %.4f at step %d</title></circle>`, x(p.Step), y(p.EvalLoss), p.EvalLoss, p.Step)
		}
	}
	fmt.Fprintf(&b, `<polyline class="raw" points="%s"/><polyline class="average" points="%s"/></svg>`, raw.String(), smooth.String())
	return &Plot{SVG: template.HTML(b.String())} //nolint:gosec // numbers only
}
