package workflows

import (
	"reflect"
	"testing"

	"temper/activities"
	"temper/dataset"
	"temper/dedup"
)

// TestRetrainRemembers: what earlier retrains kept reaches the near pass, and what it keeps is remembered with its options; unless the
// recipe says otherwise, or is of before it could; a run of no schedule neither asks nor remembers.
func TestRetrainRemembers(t *testing.T) {
	yes, no := true, false
	for _, tt := range []struct {
		name     string
		start    any
		remember *bool
		want     bool
	}{
		{"remember", Retrain, &yes, true},
		{"not to be remembered", Retrain, &no, false},
		{"of before", Retrain, nil, false},
		{"no schedule", Pipeline, &yes, false},
	} {
		w, in := emptyWorld(t), everything()
		in.Curate.Near = &activities.NearInput{Options: dedup.Near{Remember: tt.remember}}
		var recall activities.RecallInput
		var cluster activities.NearInput
		var remember activities.RememberInput
		answer(w, "RecallKnown", a.RecallKnown, func(in activities.RecallInput) activities.Recalled {
			if recall = in; in.Near == nil {
				return activities.Recalled{Index: ref(6, 1)}
			}
			return activities.Recalled{Index: ref(6, 1), Kept: []dataset.Ref{ref(3, 5), ref(4, 2)}}
		})
		answer(w, "Cluster", a.Cluster, func(in activities.NearInput) activities.StageResult {
			if cluster = in; in.Remember {
				return result(1, "clusters", "kept")
			}
			return result(1, "clusters")
		})
		answer(w, "Remember", a.Remember, func(in activities.RememberInput) activities.Recalled {
			remember = in
			return activities.Recalled{}
		})
		w.answers()
		w.ExecuteWorkflow(tt.start, in)
		if err := w.GetWorkflowError(); err != nil {
			t.Fatal(err)
		}
		if got := (recall.Near != nil); got != tt.want || cluster.Remember != tt.want || (remember.Near != nil) != tt.want || (remember.Kept.SHA256 != "") != tt.want {
			t.Errorf("%s: asked %v, passed on %v, remembered %+v", tt.name, got, cluster.Remember, remember)
		}
		if tt.want && !reflect.DeepEqual(cluster.Known, []dataset.Ref{ref(3, 5), ref(4, 2)}) {
			t.Errorf("%s: the near pass knows %v", tt.name, cluster.Known)
		}
	}
}
