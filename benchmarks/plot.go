package main

import (
	"fmt"
	"html"
	"math"
	"strings"
)

const (
	head = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 %d %d" font-family="sans-serif" font-size="12">` + "\n" +
		`<rect width="100%%" height="100%%" fill="white"/>` + "\n"
	blue = "#2563eb"
	grey = "#9ca3af"
)

// bars draws one bar for each server; paradise's has its own colour.
func bars(title string, names []string, values []float64) string {
	const width, left, row = 560, 90, 22
	most := 0.0
	for _, v := range values {
		most = max(most, v)
	}
	var b strings.Builder
	fmt.Fprintf(&b, head, width, 34+row*len(names))
	text(&b, 8, 18, "start", title)
	for i, name := range names {
		y := 30 + row*i
		text(&b, left-6, y+14, "end", name)
		if math.IsNaN(values[i]) {
			text(&b, left, y+14, "start", "not measured")
			continue
		}
		colour := grey
		if name == "paradise" {
			colour = blue
		}
		length := values[i] / most * (width - left - 70)
		fmt.Fprintf(&b, `<rect x="%d" y="%d" width="%.1f" height="16" fill="%s"/>`+"\n", left, y, length, colour)
		text(&b, left+int(length)+4, y+13, "start", number(values[i]))
	}
	return b.String() + "</svg>\n"
}

// line draws y over x, both from zero.
func line(title, xUnit, yUnit string, x, y []float64) string {
	const width, height, left, bottom = 560, 300, 60, 40
	xMost, yMost := 0.0, 0.0
	for i := range x {
		xMost, yMost = max(xMost, x[i]), max(yMost, y[i])
	}
	px := func(v float64) float64 { return left + v/xMost*(width-left-30) }
	py := func(v float64) float64 { return height - bottom - v/yMost*(height-bottom-50) }
	var b strings.Builder
	fmt.Fprintf(&b, head, width, height)
	text(&b, 8, 18, "start", title)
	text(&b, width-30, height-8, "end", xUnit)
	text(&b, 8, 38, "start", yUnit)
	fmt.Fprintf(&b, `<path d="M%d 45V%dH%d" fill="none" stroke="black"/>`+"\n", left, height-bottom, width-20)
	points := make([]string, len(x))
	for i := range x {
		points[i] = fmt.Sprintf("%.1f,%.1f", px(x[i]), py(y[i]))
		fmt.Fprintf(&b, `<circle cx="%.1f" cy="%.1f" r="3" fill="%s"/>`+"\n", px(x[i]), py(y[i]), blue)
		text(&b, int(px(x[i])), int(py(y[i]))-8, "middle", number(y[i]))
		if x[i] >= xMost/20 {
			text(&b, int(px(x[i])), height-bottom+15, "middle", fmt.Sprint(x[i]))
		}
	}
	fmt.Fprintf(&b, `<polyline points="%s" fill="none" stroke="%s" stroke-width="2"/>`+"\n",
		strings.Join(points, " "), blue)
	return b.String() + "</svg>\n"
}

func text(b *strings.Builder, x, y int, anchor, s string) {
	fmt.Fprintf(b, `<text x="%d" y="%d" text-anchor="%s">%s</text>`+"\n", x, y, anchor, html.EscapeString(s))
}
