package activities

import (
	"context"
	"fmt"

	"temper/dataset"
)

// GateInput is the input of [Activities.Gate].
type GateInput struct {
	Metric          string        `json:"metric,omitempty"`      // eval.loss
	BetterThan      string        `json:"better_than,omitempty"` // champion (the base, while there is none), or base
	By              float64       `json:"by,omitempty"`          // percent the loss must be lower
	Name            string        `json:"name"`
	Dataset         string        `json:"dataset"` // version
	Adapter         AdapterResult `json:"adapter"`
	Base            Score         `json:"base"`
	Challenger      Score         `json:"challenger"`
	Champion        *Score        `json:"champion,omitempty"`
	ChampionVersion string        `json:"champion_version,omitempty"`
}

// The decisions of a gate.
const (
	Promoted  = "promoted"  // the challenger is the champion now
	Kept      = "kept"      // the champion stays, or the base: exit status 3
	Unchanged = "unchanged" // the challenger is the champion already
)

// GateResult is what the gate decided, and why.
type GateResult struct {
	Decision string      `json:"decision"`
	Reason   string      `json:"reason"`
	Against  string      `json:"against"`  // base, or champion and its version
	Loss     float64     `json:"loss"`     // the challenger's, held out
	Bar      float64     `json:"bar"`      // what it had to stay below
	Champion string      `json:"champion"` // the champion's version now, or ""
	Stage    StageResult `json:"stage"`
}

// Gate compares challenger and champion on the same held-out set, and moves the champion's alias by compare-and-swap.
func (a *Activities) Gate(ctx context.Context, in GateInput) (GateResult, error) {
	out := decide(in)
	if out.Decision == Promoted {
		moved, err := dataset.MoveAlias(ctx, a.Store, in.Name, in.ChampionVersion, in.Adapter.Version)
		if err != nil {
			return out, classify(fmt.Errorf("promote %s@%s: %w", in.Name, in.Adapter.Version, err))
		}
		out.Champion = moved.Champion
	}
	out.Stage = StageResult{Name: "gate", Metrics: map[string]any{"decision": out.Decision, "reason": out.Reason}}
	out.Stage.Counts.In = 1
	if out.Decision != Kept {
		out.Stage.Counts.Out = 1
	}
	return out, nil
}

// decide is the gate's rule.
func decide(in GateInput) GateResult {
	out := GateResult{Loss: in.Challenger.Loss, Champion: in.ChampionVersion, Against: "base"}
	rival := in.Base.Loss
	if in.Champion != nil && in.BetterThan != "base" {
		rival, out.Against = in.Champion.Loss, "champion "+in.ChampionVersion
	}
	if in.ChampionVersion != "" && in.ChampionVersion == in.Adapter.Version {
		out.Decision, out.Bar = Unchanged, rival
		out.Reason = fmt.Sprintf("this adapter, %s, is the champion already", in.ChampionVersion)
		return out
	}
	out.Bar = rival * (1 - in.By/100)
	change := 100 * (in.Challenger.Loss/rival - 1)
	out.Reason = fmt.Sprintf("loss %.4f on %d held-out tokens, %+.1f %% against the %s's %.4f; to be promoted it must be below %.4f",
		in.Challenger.Loss, in.Challenger.Tokens, change, out.Against, rival, out.Bar)
	if in.Challenger.Loss < out.Bar {
		out.Decision = Promoted
	} else {
		out.Decision = Kept
	}
	return out
}

// ChampionInput is the input of [Activities.Champion].
type ChampionInput struct {
	Name string `json:"name"`
	Base Base   `json:"base"`
}

// ChampionResult names the champion of a name; Version is "" while there is none for this base.
type ChampionResult struct {
	Version string  `json:"version,omitempty"`
	Adapter Adapter `json:"adapter,omitzero"`
}

// Champion looks up the champion. One that was trained over another base cannot be compared and is an error: its name is taken.
func (a *Activities) Champion(ctx context.Context, in ChampionInput) (ChampionResult, error) {
	aliases, err := dataset.LoadAliases(ctx, a.Store, in.Name)
	if err != nil || aliases.Champion == "" {
		return ChampionResult{}, classify(err)
	}
	card, err := LoadAdapter(ctx, a.Store, in.Name, aliases.Champion)
	if err != nil {
		return ChampionResult{}, classify(err)
	}
	if card.Base.SHA256 != in.Base.Ref.SHA256 {
		return ChampionResult{}, classify(fmt.Errorf("champion %s@%s is of base %.12s, this run's is %.12s: give the recipe another name: %w",
			in.Name, aliases.Champion, card.Base.SHA256, in.Base.Ref.SHA256, errInput))
	}
	return ChampionResult{Version: aliases.Champion, Adapter: card.Adapter}, nil
}
