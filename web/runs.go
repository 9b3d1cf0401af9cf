package web

import (
	"net/http"
	"net/url"
	"slices"
	"strings"

	"temper/activities"
	"temper/dataset"
	"temper/worker"
)

// listedRuns is how many runs are listed.
const listedRuns = 100

// runsPage is the data of the list of runs.
type runsPage struct {
	Runs []worker.Run
	Full bool // there may be more
}

func (s *Server) runs(r *http.Request) (view, error) {
	if _, err := parameters(r); err != nil {
		return view{}, err
	}
	runs, err := s.Runs(r.Context(), listedRuns)
	if err != nil {
		return view{}, err
	}
	v := view{Page: "runs", Title: "Runs", Section: "runs", Data: runsPage{runs, len(runs) >= listedRuns}}
	if slices.ContainsFunc(runs, running) {
		v.Refresh = 5
	}
	return v, nil
}

func running(r worker.Run) bool { return r.Status == "running" }

// runPage is the data of one run's page, and of its report.
type runPage struct {
	worker.Run
	Reasons   []reason
	Rejects   bool  // some dropped rows are on the store, to look at
	Collected int64 // rows of the first stage that reads
	Kept      int64 // rows published
	Dropped   int64
	Bad       int64
	Training  *training
	Loss      *Plot
	Scores    []score
	Answers   []activities.Answer
	Mixture   *dataset.Mixture // what was trained on, where a mix said it
	Refs      []stageRef
	Places    []Place // where things lie
	Temporal  string  // URL of the run in Temporal's own UI, or ""
	Live      bool    // loaded again by itself
	Alone     bool    // in a file: there is nothing to link to
}

// A Place is where something a run made lies.
type Place struct{ What, Where string }

// A score is a held-out loss and whose it is.
type score struct {
	Who string
	activities.Score
	Base float64 // the base's loss, to compare with; 0 for the base
}

// A reason is a rule and how many of a stage's rows it dropped.
type reason struct {
	Stage, Rule string
	Rows, In    int64
	Kept        bool // the rows are on the store, to look at
}

// A training is what a training's stage measured.
type training struct {
	Steps, Tokens int64
	Loss, Speed   float64
	Memory        memory
	Peak          int64
	Cached        bool
}

// memory is what a page shows of the memory that was predicted.
type memory struct {
	Checkpointing string `json:"checkpointing"`
	Total         int64  `json:"total"`
}

// A stageRef is one output of a stage.
type stageRef struct {
	Stage, Key, Role string
	Ref              dataset.Ref
}

func (s *Server) run(r *http.Request) (view, error) {
	q, err := parameters(r, "live")
	if err != nil {
		return view{}, err
	}
	run, err := s.Run(r.Context(), r.PathValue("id"))
	if err != nil {
		return view{}, err
	}
	p := newRunPage(run)
	if s.TemporalUI != "" && s.Namespace != "" {
		p.Temporal = strings.TrimSuffix(s.TemporalUI, "/") + "/namespaces/" + url.PathEscape(s.Namespace) + "/workflows/" + url.PathEscape(run.ID)
	}
	if s.Store != nil {
		p.Places = Places(run, s.Store.String())
	}
	v := view{Page: "run", Title: run.ID, Section: "runs"}
	if running(run) && q["live"] != "off" {
		v.Refresh, p.Live = 3, true
	}
	v.Data = p
	return v, nil
}

// newRunPage gathers what a run's page shows.
func newRunPage(run worker.Run) runPage {
	p := runPage{Run: run, Answers: activities.AnswersOf(run.Stages), Mixture: activities.MixtureOf(run.Stages), Loss: LossPlot(activities.CurveOf(run.Stages))}
	for _, st := range run.Stages {
		if p.Collected == 0 && st.Counts.Out > 0 {
			p.Collected = st.Counts.In
			if p.Collected == 0 {
				p.Collected = st.Counts.Out
			}
		}
		if st.Name == "split" {
			p.Kept = st.Counts.Out
		}
		p.Rejects = p.Rejects || len(st.Outputs["rejects"]) > 0
		p.Dropped += st.Counts.Dropped
		p.Bad += st.Counts.Bad
		for _, rule := range st.Counts.Reasons.Top() {
			p.Reasons = append(p.Reasons, reason{st.Name, rule, st.Counts.Reasons[rule], st.Counts.In, len(st.Outputs["rejects"]) > 0})
		}
		if st.Name == "train" {
			p.Training = newTraining(st)
		}
		p.Refs = append(p.Refs, refsOf(st)...)
	}
	for _, active := range run.Active { // the curve of a training that runs
		if p.Loss == nil {
			p.Loss = LossPlot(active.Curve)
		}
	}
	base := 0.0
	for _, who := range []string{"base", "challenger", "champion"} {
		if s, ok := activities.ScoreOf(run.Stages, who); ok {
			p.Scores = append(p.Scores, score{titles[who], s, base})
			if who == "base" {
				base = s.Loss
			}
		}
	}
	return p
}

// titles are the words for who was evaluated.
var titles = map[string]string{"base": "base", "challenger": "tuned", "champion": "champion so far"}

func newTraining(s activities.StageResult) *training {
	return &training{
		Steps: activities.MetricOf[int64](s, "steps"), Tokens: activities.MetricOf[int64](s, "tokens"), Loss: activities.MetricOf[float64](s, "loss"),
		Speed: activities.MetricOf[float64](s, "tokens_per_second"), Memory: activities.MetricOf[memory](s, "memory"),
		Peak: activities.MetricOf[int64](s, "peak_bytes"), Cached: s.Cached,
	}
}

// listedRefs bounds the outputs shown of one role of a stage.
const listedRefs = 8

// refsOf lists a stage's outputs by role.
func refsOf(s activities.StageResult) []stageRef {
	var out []stageRef
	roles := make([]string, 0, len(s.Outputs))
	for role := range s.Outputs {
		roles = append(roles, role)
	}
	slices.Sort(roles)
	for _, role := range roles {
		refs := s.Outputs[role]
		for _, ref := range refs[:min(len(refs), listedRefs)] {
			if len(ref.SHA256) > 2 {
				out = append(out, stageRef{s.Name, s.Key, role, ref})
			}
		}
	}
	return out
}

// RunAddress is the address of a run's page below that of the pages.
func RunAddress(pages, id string) string { return strings.TrimSuffix(pages, "/") + runPath(id) }

// Places says where the things a run has made lie, below the address of its store.
func Places(run worker.Run, store string) []Place {
	if run.Result == nil || run.Result.Dataset.Version == "" || store == "" {
		return nil
	}
	store = strings.TrimSuffix(store, "/")
	d, a := run.Result.Dataset, run.Result.Adapter
	places := []Place{{"Parquet", store + "/" + dataset.DatasetDir(d.Name, d.Version) + "/data/"}}
	if a.Version != "" {
		places = append(places, Place{"adapter files", store + "/" + activities.AdapterDir(a.Name, a.Version)})
	}
	return places
}
