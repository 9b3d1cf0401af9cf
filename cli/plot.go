package cli

import (
	"fmt"
	"math"
	"strings"

	"temper/activities"
	"temper/web"
)

// A canvas is a raster of dots, two by four a character (Unicode's Braille patterns).
type canvas struct {
	columns, rows int
	cells         [][]rune
}

func newCanvas(columns, rows int) *canvas {
	c := &canvas{columns: columns, rows: rows, cells: make([][]rune, rows)}
	for i := range c.cells {
		c.cells[i] = make([]rune, columns)
	}
	return c
}

// braille are the bits of a pattern's dots, by column and row.
var braille = [2][4]rune{{0x01, 0x02, 0x04, 0x40}, {0x08, 0x10, 0x20, 0x80}}

// dot sets one dot; x counts from the left, y from the top.
func (c *canvas) dot(x, y int) {
	if x < 0 || y < 0 || x >= 2*c.columns || y >= 4*c.rows {
		return
	}
	if cell := &c.cells[y/4][x/2]; *cell == 0 || *cell >= 0x2800 && *cell <= 0x28ff {
		*cell = max(*cell, 0x2800) | braille[x%2][y%4]
	}
}

// mark puts a character over the dots.
func (c *canvas) mark(x, y int, r rune) {
	if x >= 0 && y >= 0 && x < 2*c.columns && y < 4*c.rows {
		c.cells[y/4][x/2] = r
	}
}

// row is one line of characters.
func (c *canvas) row(i int) string {
	var b strings.Builder
	for _, r := range c.cells[i] {
		if r == 0 {
			r = ' '
		}
		b.WriteRune(r)
	}
	return b.String()
}

// plotLoss draws the moving average of the losses and the held-out losses, in columns columns and rows rows and the axis below; nil
// where there are no two points.
func plotLoss(points []activities.Point, columns, rows int) []string {
	const label = 8 // columns left of the drawing
	if len(points) < 2 || columns < label+10 {
		return nil
	}
	average := web.Smooth(points)
	lo, hi := math.Inf(1), math.Inf(-1)
	for i, p := range points {
		lo, hi = min(lo, average[i]), max(hi, average[i])
		if p.EvalLoss > 0 {
			lo, hi = min(lo, p.EvalLoss), max(hi, p.EvalLoss)
		}
	}
	if !(hi-lo < math.MaxFloat64) {
		return nil // a loss that is no number
	}
	span := max(hi-lo, 1e-6)
	c := newCanvas(columns-label, rows)
	first, last := points[0].Step, points[len(points)-1].Step
	x := func(step float64) int {
		return int(math.Round((step - float64(first)) / float64(max(1, last-first)) * float64(2*c.columns-1)))
	}
	y := func(loss float64) int { return int(math.Round((hi - loss) / span * float64(4*rows-1))) }
	for i := 1; i < len(points); i++ {
		stroke(c, x(float64(points[i-1].Step)), y(average[i-1]), x(float64(points[i].Step)), y(average[i]))
	}
	for _, p := range points {
		if p.EvalLoss > 0 {
			c.mark(x(float64(p.Step)), y(p.EvalLoss), '●')
		}
	}
	var out []string
	for i := range rows {
		name, edge := "", "│"
		if i == 0 || i == rows-1 || i == rows/2 {
			name, edge = fmt.Sprintf("%.3f", hi-span*float64(i)/float64(max(1, rows-1))), "┤"
		}
		out = append(out, strings.TrimRight(fmt.Sprintf("%*s %s%s", label-2, name, edge, c.row(i)), " "))
	}
	out = append(out, strings.Repeat(" ", label-1)+"└"+strings.Repeat("─", c.columns))
	from, to := fmt.Sprintf("step %d", first), fmt.Sprint(last)
	gap := max(1, c.columns-len(from)-len(to))
	return append(out, strings.Repeat(" ", label)+from+strings.Repeat(" ", gap)+to)
}

// stroke draws a straight line.
func stroke(c *canvas, x0, y0, x1, y1 int) {
	n := max(1, abs(x1-x0), abs(y1-y0))
	for i := range n + 1 {
		c.dot(x0+(x1-x0)*i/n, y0+(y1-y0)*i/n)
	}
}

func abs(n int) int { return max(n, -n) }
