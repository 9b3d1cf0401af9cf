package cli

import (
	"fmt"
	"net"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"temper/finetune"
)

// gauges are the figures of trainings as Prometheus reads them, by adapter.
type gauges struct {
	registry *prometheus.Registry
	values   map[string]*prometheus.GaugeVec
	skipped  *prometheus.CounterVec
	server   *http.Server
	address  string
}

// gaugeHelp says what each gauge is.
var gaugeHelp = map[string]string{
	"step": "Steps done.", "steps": "Steps of the training.", "loss": "Mean loss of a trained token in the last step, in nats.",
	"eval_loss": "Mean loss of a held-out token, in nats.", "learning_rate": "Learning rate of the last step.", "gradient_norm": "Norm of the last step's gradient, before clipping.",
	"tokens": "Tokens read so far.", "tokens_per_second": "Tokens a second in the last step.", "peak_bytes": "Peak memory of the process, in bytes.",
	"seconds_left": "Seconds left at the pace so far.",
}

// openGauges listens on address and answers /metrics.
func openGauges(address string) (*gauges, error) {
	g := &gauges{registry: prometheus.NewRegistry(), values: map[string]*prometheus.GaugeVec{}}
	for _, name := range sortedKeys(gaugeHelp) {
		v := prometheus.NewGaugeVec(prometheus.GaugeOpts{Name: "temper_train_" + name, Help: gaugeHelp[name]}, []string{"adapter"})
		g.values[name] = v
		g.registry.MustRegister(v)
	}
	g.skipped = prometheus.NewCounterVec(prometheus.CounterOpts{Name: "temper_train_skipped_steps_total", Help: "Bad steps that were left out."}, []string{"adapter"})
	g.registry.MustRegister(g.skipped)
	l, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("--metrics %s: %w: %w", address, errInput, err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", promhttp.HandlerFor(g.registry, promhttp.HandlerOpts{}))
	g.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, WriteTimeout: time.Minute, IdleTimeout: 2 * time.Minute, MaxHeaderBytes: 64 << 10}
	g.address = "http://" + l.Addr().String() + "/metrics"
	go g.server.Serve(l) //nolint:errcheck // ends with ErrServerClosed
	return g, nil
}

// set notes a step of an adapter's training.
func (g *gauges) set(adapter string, s finetune.Step) {
	if g == nil {
		return
	}
	values := map[string]float64{"step": float64(s.Step), "steps": float64(s.Steps), "loss": s.Loss, "learning_rate": s.LR, "gradient_norm": s.GradNorm,
		"tokens": float64(s.Tokens), "tokens_per_second": s.TokensPerSecond, "peak_bytes": float64(s.PeakBytes), "seconds_left": s.SecondsLeft}
	if s.EvalLoss != nil {
		values["eval_loss"] = *s.EvalLoss
	}
	for name, v := range values {
		g.values[name].WithLabelValues(adapter).Set(v)
	}
	if s.Skipped != "" {
		g.skipped.WithLabelValues(adapter).Inc()
	}
}

func (g *gauges) close() {
	if g != nil {
		g.server.Close()
	}
}
