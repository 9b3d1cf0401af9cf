package cli

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"temper/finetune"
)

// TestGauges holds what Prometheus reads after two steps, one of them skipped.
func TestGauges(t *testing.T) {
	g, err := openGauges("127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer g.close()
	held := 1.25
	g.set("notes", finetune.Step{Step: 1, Steps: 9, Loss: 2.5, LR: 1e-4, Tokens: 100, TokensPerSecond: 50, PeakBytes: 1 << 20, SecondsLeft: 16, EvalLoss: &held})
	g.set("notes", finetune.Step{Step: 2, Steps: 9, Loss: 2.25, Skipped: "spike"})
	res, err := http.Get(g.address)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{`temper_train_loss{adapter="notes"} 2.25`, `temper_train_step{adapter="notes"} 2`, `temper_train_eval_loss{adapter="notes"} 1.25`,
		`temper_train_skipped_steps_total{adapter="notes"} 1`, "# TYPE temper_train_seconds_left gauge"} {
		if !strings.Contains(string(b), line+"\n") {
			t.Errorf("no line %q in:\n%s", line, b)
		}
	}
	if _, err := openGauges("nowhere:x"); err == nil {
		t.Error("an address that is none: no error")
	}
}
