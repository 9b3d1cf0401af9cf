// Package activities is the shell around the engines: each activity opens refs, calls one engine, stores what it yields and
// returns refs. Only refs and small structs pass through workflow histories, never records.
//
// Every activity is a stage or a part of one: its result is published under a key of (engine version, options in full,
// digests of its inputs), and found there instead of being made again, in this run or any other. Activities may therefore
// run twice, anywhere, at any time: the bytes are the same and the first to publish wins.
package activities

import (
	"net/http"
	"sync"

	"temper/collect"
	"temper/dataset"
	"temper/finetune"
	"temper/model"
	"temper/model/hub"
)

// Activities is what the activities need, and nothing they do not.
type Activities struct {
	Store   dataset.Store
	Sources collect.Files            // where recipes' sources are read: local files, s3:// addresses
	Models  hub.Puller               // finds base models by name
	Scratch string                   // local folder for verified copies of base models; safe to delete
	Threads int                      // compute threads; 0 means all cores
	HTTP    *http.Client             // for model endpoints
	Secret  func(name string) string // reads a secret named in a recipe (an environment variable); its value is never stored
	Peak    func() int64             // the process's peak memory in bytes; nil: not measured

	OnStep func(adapter string, s finetune.Step) // nil, or sees every step of a training

	look bool // only look stages up; see [LookUp]

	mu      sync.Mutex
	bases   map[string]*model.Model // open base models by digest; they stay open for the life of the worker
	opening *opening                // the one that is being opened
	usuals  map[string]usual        // n-gram models, by where they were read and the state of that
}
