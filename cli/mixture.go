package cli

import (
	"fmt"

	"temper/activities"
	"temper/dataset"
	"temper/web"
)

// mixture shows what a mix took of every group, and why a group does not come to its share.
func (r report) mixture() error {
	m := activities.MixtureOf(r.run.Stages)
	if m == nil {
		return nil
	}
	r.heading("Mixture to train on")
	t := newTable(r.w, "  GROUP", ">ROWS", ">THERE", ">SHARE ASKED", ">TAKEN", ">SHARE", ">EPOCHS", "")
	for i, g := range m.Groups {
		if i == listedGroups {
			break
		}
		t.row("  "+printable(g.Name), web.Count(g.Rows), web.Count(g.Size), percent(g.Share), web.Count(g.Taken), share(g.Taken, m.Tokens),
			fmt.Sprintf("%.2f", g.Epochs()), limited(g))
	}
	if err := t.flush(); err != nil {
		return err
	}
	if more := len(m.Groups) - listedGroups; more > 0 {
		r.say("and %s more groups", web.Count(int64(more)))
	}
	r.say("%s %s of %s wanted", web.Count(m.Tokens), m.Unit, web.Count(m.Wanted))
	return nil
}

// listedGroups is how many groups of a mixture are listed.
const listedGroups = 30

// limited says what kept a group from its share.
func limited(g dataset.MixGroup) string {
	if g.Capped == "" {
		return ""
	}
	return "limited by " + g.Capped
}

func percent(part float64) string { return fmt.Sprintf("%.1f %%", 100*part) }
