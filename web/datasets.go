package web

import (
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"slices"
	"strings"

	"temper/activities"
	"temper/dataset"
	"temper/worker"
)

// listedVersions is how many versions of datasets or adapters are listed.
const listedVersions = 200

// datasetsPage is the data of the list of datasets.
type datasetsPage struct {
	Names []datasetName
	More  int // versions that are not listed
}

// A datasetName is the versions of one dataset, the newest first, then by version.
type datasetName struct {
	Name     string
	Versions []datasetVersion
}

// A datasetVersion is one line of the list.
type datasetVersion struct {
	dataset.Manifest
	Newest  bool
	Dropped int64
}

func (s *Server) datasets(r *http.Request) (view, error) {
	if _, err := parameters(r); err != nil {
		return view{}, err
	}
	all, err := dataset.ListDatasets(r.Context(), s.Store)
	if err != nil {
		return view{}, err
	}
	p := datasetsPage{More: max(0, len(all)-listedVersions)}
	for _, m := range all[:min(len(all), listedVersions)] {
		if len(p.Names) == 0 || p.Names[len(p.Names)-1].Name != m.Name {
			p.Names = append(p.Names, datasetName{Name: m.Name})
		}
		n := &p.Names[len(p.Names)-1]
		n.Versions = append(n.Versions, datasetVersion{Manifest: m, Dropped: recordsOf(m.Rejects)})
	}
	for _, n := range p.Names {
		newest, err := dataset.LoadManifest(r.Context(), s.Store, n.Name, "")
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return view{}, err
		}
		for i := range n.Versions {
			n.Versions[i].Newest = n.Versions[i].Version == newest.Version
		}
		slices.SortStableFunc(n.Versions, func(a, b datasetVersion) int { return order(b.Newest) - order(a.Newest) })
	}
	return view{Page: "datasets", Title: "Datasets", Section: "datasets", Data: p}, nil
}

// order makes a bool a number to sort by.
func order(b bool) int {
	if b {
		return 1
	}
	return 0
}

func recordsOf(files []dataset.File) (n int64) {
	for _, f := range files {
		n += f.Records
	}
	return n
}

// datasetPage is the data of a version's page.
type datasetPage struct {
	dataset.Manifest
	Splits   []splitPage
	Dropped  int64
	Reasons  []choice
	Stages   []dataset.Stage
	Adapters []activities.AdapterCard // trained on it
	Where    string
}

// A splitPage is what is known of a split.
type splitPage struct {
	Name string
	dataset.SplitStats
	Tops []label
}

// A label is a signal that is text, and its commonest values.
type label struct {
	Signal string
	Values []choice
	More   int // values that are not listed
}

// listedStages bounds the stages a version's page loads.
const listedStages = 100

func (s *Server) dataset(r *http.Request) (view, error) {
	if _, err := parameters(r); err != nil {
		return view{}, err
	}
	m, dir, err := s.manifest(r)
	if err != nil {
		return view{}, err
	}
	stats, err := dataset.LoadStats(r.Context(), s.Store, dir)
	if err != nil {
		return view{}, err
	}
	p := datasetPage{Manifest: m, Dropped: recordsOf(m.Rejects), Where: strings.TrimSuffix(s.Store.String(), "/") + "/" + dir}
	for _, sp := range m.Splits {
		if st := stats.Splits[sp.Name]; st != nil {
			p.Splits = append(p.Splits, splitPage{sp.Name, *st, labels(st)})
		}
	}
	if st := stats.Splits["rejects"]; st != nil {
		p.Reasons = choices(st.Reasons)
	}
	for _, key := range m.Stages[:min(len(m.Stages), listedStages)] {
		st, found, err := dataset.LoadStage(r.Context(), s.Store, key)
		if err != nil {
			return view{}, err
		}
		if found {
			p.Stages = append(p.Stages, st)
		}
	}
	cards, err := activities.ListAdapters(r.Context(), s.Store)
	if err != nil {
		return view{}, err
	}
	p.Adapters = slices.DeleteFunc(cards, func(c activities.AdapterCard) bool { return c.Dataset != m.Name+"@"+m.Version })
	return view{Page: "dataset", Title: m.Name + "@" + m.Version, Section: "datasets", Data: p}, nil
}

// labels are the commonest values of each label.
func labels(s *dataset.SplitStats) []label {
	const most = 8
	var out []label
	for _, name := range sortedKeys(s.Labels) {
		values := choices(s.Labels[name])
		n := min(len(values), most)
		out = append(out, label{name, values[:n], len(values) - n})
	}
	return out
}

func choices(r dataset.Reasons) []choice {
	var out []choice
	for _, rule := range r.Top() {
		out = append(out, choice{rule, r[rule]})
	}
	return out
}

func sortedKeys[V any](m map[string]V) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// manifest loads the version that the path names, and where it lies.
func (s *Server) manifest(r *http.Request) (dataset.Manifest, string, error) {
	name, version, err := nameAndVersion(r)
	if err != nil {
		return dataset.Manifest{}, "", err
	}
	m, err := dataset.LoadManifest(r.Context(), s.Store, name, version)
	if err != nil {
		return m, "", fmt.Errorf("dataset %s@%s: %w", name, version, err)
	}
	return m, dataset.DatasetDir(m.Name, m.Version), nil
}

// rows shows a page of rows of one split, or of what was dropped.
func (s *Server) rows(r *http.Request) (view, error) {
	q, err := parameters(r, "split", "rule", "q", "from", "at")
	if err != nil {
		return view{}, err
	}
	m, dir, err := s.manifest(r)
	if err != nil {
		return view{}, err
	}
	p := rowsPage{Path: "/" + dir + "/rows", Up: "/" + dir, UpName: m.Name + "@" + m.Version, Tab: "split", Query: q, Why: "temper data why " + m.Name + "@" + m.Version}
	split := q["split"]
	if split == "" && len(m.Splits) > 0 {
		split = m.Splits[0].Name
	}
	var files []dataset.File
	var there bool
	for _, sp := range append(slices.Clone(m.Splits), dataset.Split{Name: "rejects", Records: recordsOf(m.Rejects), Files: m.Rejects}) {
		p.Tabs = append(p.Tabs, tab{sp.Name, sp.Records, sp.Name == split})
		if sp.Name == split {
			files, there = sp.Files, true
		}
	}
	if !there {
		return view{}, fmt.Errorf("%s@%s has no split %q: %w", m.Name, m.Version, split, errRequest)
	}
	if split == "rejects" {
		stats, err := dataset.LoadStats(r.Context(), s.Store, dir)
		if err != nil {
			return view{}, err
		}
		if st := stats.Splits["rejects"]; st != nil {
			p.Rules = choices(st.Reasons)
		}
	}
	return p.show(r, m.Name+"@"+m.Version+", "+split, s.files(r.Context(), dir, files))
}

// rejects shows the rows a run's stages dropped, each with the check that dropped it.
func (s *Server) rejects(r *http.Request) (view, error) {
	q, err := parameters(r, "stage", "rule", "q", "from", "at")
	if err != nil {
		return view{}, err
	}
	run, err := s.Run(r.Context(), r.PathValue("id"))
	if err != nil {
		return view{}, err
	}
	p := rejectsPage(run, q)
	var refs []dataset.Ref
	for _, st := range run.Stages {
		if q["stage"] == "" || st.Name == q["stage"] {
			refs = append(refs, st.Outputs["rejects"]...)
		}
	}
	if q["stage"] != "" && !slices.ContainsFunc(p.Tabs, func(t tab) bool { return t.Here }) {
		return view{}, fmt.Errorf("no stage %q of run %s has dropped rows: %w", q["stage"], run.ID, errRequest)
	}
	return p.show(r, "what "+run.ID+" dropped", s.blobs(r.Context(), refs))
}

// rejectsPage says by what the dropped rows of a run can be chosen.
func rejectsPage(run worker.Run, q map[string]string) rowsPage {
	p := rowsPage{Path: rejectsPath(run.ID), Up: runPath(run.ID), UpName: run.ID, Tab: "stage", Query: q}
	rules, all := dataset.Reasons{}, int64(0)
	for _, st := range run.Stages {
		var n int64
		for _, ref := range st.Outputs["rejects"] {
			n += ref.Records
		}
		if n == 0 {
			continue
		}
		all += n
		p.Tabs = append(p.Tabs, tab{st.Name, n, st.Name == q["stage"]})
		if q["stage"] == "" || st.Name == q["stage"] {
			for rule, rows := range st.Counts.Reasons {
				rules[rule] += rows
			}
		}
	}
	p.Tabs = append([]tab{{"", all, q["stage"] == ""}}, p.Tabs...)
	p.Rules = choices(rules)
	if run.Result != nil && run.Result.Dataset.Version != "" {
		p.Why = "temper data why " + run.Result.Dataset.Name + "@" + run.Result.Dataset.Version
	}
	return p
}
