package web

import (
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"

	"temper/activities"
	"temper/dataset"
)

// adaptersPage is the data of the list of adapters.
type adaptersPage struct {
	Adapters []adapterLine
	More     int
}

// An adapterLine is one version of an adapter.
type adapterLine struct {
	activities.AdapterCard
	Alias    string // champion, previous, or ""
	Steps    int64
	Loss     float64 // of the last step of training
	HeldOut  float64 // at the end of the training; 0 if it was not measured
	DataName string  // of the dataset it was trained on
	DataAt   string  // and its version
}

func (s *Server) adapters(r *http.Request) (view, error) {
	if _, err := parameters(r); err != nil {
		return view{}, err
	}
	cards, err := activities.ListAdapters(r.Context(), s.Store)
	if err != nil {
		return view{}, err
	}
	p := adaptersPage{More: max(0, len(cards)-listedVersions)}
	aliases := map[string]dataset.Aliases{}
	for _, card := range cards[:min(len(cards), listedVersions)] {
		at, known := aliases[card.Name]
		if !known {
			if at, err = dataset.LoadAliases(r.Context(), s.Store, card.Name); err != nil {
				return view{}, err
			}
			aliases[card.Name] = at
		}
		line, _, err := s.line(r, card, at)
		if err != nil {
			return view{}, err
		}
		p.Adapters = append(p.Adapters, line)
	}
	rank := map[string]int{"champion": 2, "previous": 1}
	slices.SortStableFunc(p.Adapters, func(a, b adapterLine) int {
		if a.Name != b.Name {
			return strings.Compare(a.Name, b.Name)
		}
		return rank[b.Alias] - rank[a.Alias]
	})
	return view{Page: "adapters", Title: "Adapters", Section: "adapters", Data: p}, nil
}

// line gathers what is known of an adapter, and the stage that trained it.
func (s *Server) line(r *http.Request, card activities.AdapterCard, at dataset.Aliases) (adapterLine, activities.StageResult, error) {
	trained := activities.StageResult{Name: "train", Metrics: card.Metrics}
	line := adapterLine{AdapterCard: card, Steps: activities.MetricOf[int64](trained, "steps"), Loss: activities.MetricOf[float64](trained, "loss")}
	line.DataName, line.DataAt, _ = strings.Cut(card.Dataset, "@")
	switch card.Version {
	case at.Champion:
		line.Alias = "champion"
	case at.Previous:
		line.Alias = "previous"
	}
	st, found, err := dataset.LoadStage(r.Context(), s.Store, card.Stage)
	if err != nil {
		return line, trained, err
	}
	if found { // the card has all but the curve
		trained.Metrics = map[string]any{"curve": st.Metrics["curve"]}
		maps.Copy(trained.Metrics, card.Metrics)
	}
	for _, p := range activities.CurveOf([]activities.StageResult{trained}) {
		if p.EvalLoss > 0 {
			line.HeldOut = p.EvalLoss
		}
	}
	return line, trained, nil
}

// adapterPage is the data of an adapter's page.
type adapterPage struct {
	adapterLine
	Champion string // of its name, or ""
	Training *training
	Curve    *Plot
	Dataset  *dataset.Manifest // nil if it is gone
	Where    string
}

func (s *Server) adapter(r *http.Request) (view, error) {
	if _, err := parameters(r); err != nil {
		return view{}, err
	}
	name, version, err := nameAndVersion(r)
	if err != nil {
		return view{}, err
	}
	card, err := activities.LoadAdapter(r.Context(), s.Store, name, version)
	if err != nil {
		return view{}, fmt.Errorf("adapter %s@%s: %w", name, version, err)
	}
	at, err := dataset.LoadAliases(r.Context(), s.Store, name)
	if err != nil {
		return view{}, err
	}
	line, trained, err := s.line(r, card, at)
	if err != nil {
		return view{}, err
	}
	p := adapterPage{adapterLine: line, Champion: at.Champion, Training: newTraining(trained),
		Curve: LossPlot(activities.CurveOf([]activities.StageResult{trained})), Where: strings.TrimSuffix(s.Store.String(), "/") + "/" + activities.AdapterDir(name, version)}
	if m, err := dataset.LoadManifest(r.Context(), s.Store, line.DataName, line.DataAt); err == nil {
		p.Dataset = &m
	}
	return view{Page: "adapter", Title: name + "@" + version, Section: "adapters", Data: p}, nil
}
