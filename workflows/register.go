package workflows

import "go.temporal.io/sdk/worker"

// Register adds every workflow to r, which is a worker, or a replayer in tests.
func Register(r worker.WorkflowRegistry) {
	r.RegisterWorkflow(Pipeline)
	r.RegisterWorkflow(Curate)
	r.RegisterWorkflow(Synthesize)
	r.RegisterWorkflow(Tune)
	r.RegisterWorkflow(Evaluate)
	r.RegisterWorkflow(Retrain)
}
