package web

import (
	"html/template"
	"io"
	"net/http"
	"slices"

	"temper/activities"
	"temper/dataset"
	"temper/worker"
)

// listed is how many runs and rows a page shows.
const listed = 50

func (s *Server) runs(r *http.Request) (view, error) {
	runs, err := worker.Runs(r.Context(), s.Temporal, listed)
	if err != nil {
		return view{}, err
	}
	refresh := 0
	if slices.ContainsFunc(runs, func(r worker.Run) bool { return r.Status == "running" }) {
		refresh = 5
	}
	return view{Page: "runs", Title: "Runs", Refresh: refresh, Data: runs}, nil
}

// runPage is the data of one run's page.
type runPage struct {
	worker.Run
	Reasons []reason
	Loss    *Plot
	Answers []activities.Answer
	Scores  []score
	Alone   bool // in a file: there is nothing to link to
}

// A score is a held-out loss and whose it is.
type score struct {
	Who string
	activities.Score
}

// A reason is a rule and how many rows it dropped, in all stages.
type reason struct {
	Stage, Rule string
	Rows        int64
}

func (s *Server) run(r *http.Request) (view, error) {
	run, err := worker.LoadRun(r.Context(), s.Temporal, r.PathValue("id"))
	if err != nil {
		return view{}, err
	}
	refresh := 0
	if run.Status == "running" {
		refresh = 3
	}
	return view{Page: "run", Title: run.ID, Refresh: refresh, Data: newRunPage(run)}, nil
}

func newRunPage(run worker.Run) runPage {
	p := runPage{Run: run, Answers: activities.AnswersOf(run.Stages), Loss: LossPlot(activities.CurveOf(run.Stages))}
	for _, st := range run.Stages {
		for _, rule := range st.Counts.Reasons.Top() {
			p.Reasons = append(p.Reasons, reason{st.Name, rule, st.Counts.Reasons[rule]})
		}
	}
	for _, who := range []string{"base", "challenger", "champion"} {
		if s, ok := activities.ScoreOf(run.Stages, who); ok {
			p.Scores = append(p.Scores, score{who, s})
		}
	}
	return p
}

// rowsPage is the data of a page of rows.
type rowsPage struct {
	Name, Version string
	Split         string
	Splits        []string
	From, Next    int64 // row numbers; Next is 0 at the end
	Rows          []dataset.Row
	Rule          string
	Manifest      dataset.Manifest
}

// rejects shows the rows a run dropped, with the check that dropped each.
func (s *Server) rejects(r *http.Request) (view, error) {
	run, err := worker.LoadRun(r.Context(), s.Temporal, r.PathValue("id"))
	if err != nil {
		return view{}, err
	}
	p := rowsPage{Name: run.ID, Rule: r.FormValue("rule"), From: number(r, "from")}
	var refs []dataset.Ref
	for _, st := range run.Stages {
		refs = append(refs, st.Outputs["rejects"]...)
	}
	seen := int64(0)
	for _, ref := range refs {
		for row, err := range dataset.BlobRows(r.Context(), s.Store, ref) {
			if err != nil {
				return view{}, err
			}
			if p.Rule != "" && (row.Verdict == nil || row.Verdict.Rule != p.Rule) {
				continue
			}
			if seen++; seen <= p.From {
				continue
			}
			if len(p.Rows) == listed {
				p.Next = p.From + listed
				return view{Page: "rows", Title: "Dropped rows of " + run.ID, Data: p}, nil
			}
			p.Rows = append(p.Rows, row)
		}
	}
	return view{Page: "rows", Title: "Dropped rows of " + run.ID, Data: p}, nil
}

// WriteReport writes a run's page as one file that stands alone.
func WriteReport(w io.Writer, run worker.Run) error {
	style, err := pages.ReadFile("pages/style.css")
	if err != nil {
		return err
	}
	t, err := template.New("report.html").Funcs(functions).ParseFS(pages, "pages/report.html", "pages/run.html")
	if err != nil {
		return err
	}
	p := newRunPage(run)
	p.Alone = true
	return t.Execute(w, map[string]any{"Title": run.ID, "Style": template.CSS(style), "Data": p}) //nolint:gosec // our own file
}
