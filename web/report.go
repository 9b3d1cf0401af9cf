package web

import (
	"html/template"
	"io"

	"temper/worker"
)

// WriteReport writes a run's page as one file that stands alone; places are where the things it made lie.
func WriteReport(w io.Writer, run worker.Run, places []Place) error {
	style, err := pages.ReadFile("pages/style.css")
	if err != nil {
		return err
	}
	t, err := template.New("report.html").Funcs(functions).ParseFS(pages, "pages/report.html", "pages/parts.html", "pages/run.html")
	if err != nil {
		return err
	}
	p := newRunPage(run)
	p.Places, p.Alone = places, true
	return t.Execute(w, map[string]any{"Title": run.ID, "Style": template.CSS(style), "Data": p}) //nolint:gosec // our own file
}
