// Package cli is the commands: flags, progress, tables and exit codes. Nothing below it reads flags or the environment.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"

	"github.com/alecthomas/kong"

	"temper/dataset"
	"temper/finetune"
	"temper/internal/kernel"
	"temper/recipe"
)

// Version is set when the binary is built.
var Version = "dev"

// The exit statuses scripts rely on.
const (
	done      = 0
	failed    = 1
	badInput  = 2 // wrong usage or input; nothing was run
	kept      = 3 // done, and the gate kept the champion
	refused   = 4 // beforehand: it would not fit
	cancelled = 130
)

// errInput marks errors of usage and input.
var errInput = errors.New("wrong input")

type commands struct {
	Recipe   recipeCommand   `cmd:"" group:"runs" help:"Check, show and describe recipes."`
	Plan     planCommand     `cmd:"" group:"runs" help:"What a run would do: per stage cached or to run, rows, tokens, memory, time, money."`
	Run      runCommand      `cmd:"" group:"runs" help:"Submit a recipe; with --wait, follow it to its report."`
	Runs     runsCommand     `cmd:"" group:"runs" help:"List runs."`
	Show     showCommand     `cmd:"" group:"runs" help:"A run's stages, with counts and times."`
	Report   reportCommand   `cmd:"" group:"runs" help:"What a run collected, dropped and learnt; before and after."`
	Cancel   cancelCommand   `cmd:"" group:"runs" help:"Stop a run; a training writes a checkpoint first."`
	Retry    retryCommand    `cmd:"" group:"runs" help:"Go on with a run that failed or was cancelled."`
	Schedule scheduleCommand `cmd:"" group:"runs" help:"Nightly retrains of a recipe's schedule section."`
	Worker   workerCommand   `cmd:"" group:"runs" help:"Work on runs until told to stop."`

	Data    dataCommand    `cmd:"" group:"results" help:"Datasets: rows, signals, verdicts, lineage, digests."`
	Adapter adapterCommand `cmd:"" group:"results" help:"Adapters: metrics, files, aliases, lineage."`
	Model   modelCommand   `cmd:"" group:"results" help:"Base models: the catalogue, what is in a file, raw logits."`

	Collect       collectCommand       `cmd:"" group:"engines" help:"Read a recipe's sources."`
	Filter        filterCommand        `cmd:"" group:"engines" help:"Fix, score and filter records."`
	FilterTrain   filterTrain          `cmd:"" name:"filter train" group:"engines" help:"Fit a classifier of good and bad texts for the filter step classifier."`
	Dedup         dedupCommand         `cmd:"" group:"engines" help:"Remove equal and similar records."`
	Decontaminate decontaminateCommand `cmd:"" group:"engines" help:"Remove records that hold items of evaluations."`
	Synth         synthCommand         `cmd:"" group:"engines" help:"Make instruction rows of records."`
	Tokenize      tokenizeCommand      `cmd:"" group:"engines" help:"Text or conversations to token ids."`
	Tune          tuneCommand          `cmd:"" group:"engines" help:"Train a LoRA adapter over a quantized base."`
	Eval          evalCommand          `cmd:"" group:"engines" help:"Loss and perplexity of held-out text; right answers to tasks, with intervals."`
	Quantize      quantizeCommand      `cmd:"" group:"engines" help:"Base weights from one form to another, with the error it brings."`
	Generate      generateCommand      `cmd:"" group:"engines" help:"One answer of a base, with or without an adapter."`

	Version kong.VersionFlag `help:"Print the version."`
}

// groups are the headings of the help.
var groups = []kong.Group{
	{Key: "start", Title: "Everything at once"},
	{Key: "runs", Title: "Runs"},
	{Key: "results", Title: "What runs make and use"},
	{Key: "engines", Title: "The engines without a server: files in, files out"},
}

// app is what commands reach the world through.
type app struct {
	ctx      context.Context
	stdin    io.Reader
	out, err io.Writer
}

// exit carries the status kong would end the process with.
type exit int

// Run runs one command line and returns the exit status. It ends early on an interrupt, which training answers with a checkpoint.
func Run(args []string, stdin io.Reader, stdout, stderr io.Writer, extra ...Extra) (status int) {
	defer func() {
		if p := recover(); p != nil {
			code, ours := p.(exit)
			if !ours {
				panic(p)
			}
			status = int(code)
		}
	}()
	var c commands
	options := []kong.Option{kong.Name("temper"), kong.Description("One Go program that turns raw text into a better model, and can prove how."),
		kong.Writers(stdout, stderr), kong.Exit(func(code int) { panic(exit(code)) }), kong.Vars{"version": Version}, kong.ExplicitGroups(groups),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true})}
	for _, e := range extra {
		options = append(options, e.option())
	}
	k, err := kong.New(&c, options...)
	if err != nil {
		panic(err) // a wrong tag in this package
	}
	parsed, err := k.Parse(twoWords(args))
	if err != nil {
		fmt.Fprintf(stderr, "temper: %v\n%s --help shows what there is\n", err, used(err))
		return badInput
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := parsed.Run(&app{ctx: ctx, stdin: stdin, out: stdout, err: stderr}); err != nil {
		var wrong recipe.Problems
		if errors.As(err, &wrong) {
			fmt.Fprintln(stderr, wrong) // a line each, as editors read them
		} else {
			fmt.Fprintf(stderr, "temper: %s\n", say(err))
		}
		return statusOf(err)
	}
	return done
}

// used is the command that wrong usage was of, as far as it was a right one.
func used(err error) string {
	var wrong *kong.ParseError
	if errors.As(err, &wrong) && wrong.Context != nil && wrong.Context.Selected() != nil {
		return "temper " + wrong.Context.Selected().Path()
	}
	return "temper"
}

// say is an error in words, without the marks that only choose the exit status.
func say(err error) string {
	s := err.Error()
	for _, mark := range []error{errInput, dataset.ErrMalformed} {
		s = strings.TrimSuffix(strings.Replace(s, mark.Error()+": ", "", 1), ": "+mark.Error())
	}
	return s
}

// statusOf is the exit status an error ends with.
func statusOf(err error) int {
	var run *runError
	var wrong recipe.Problems
	switch {
	case errors.As(err, &wrong):
		return badInput
	case errors.As(err, &run):
		return run.status()
	case errors.Is(err, errKept):
		return kept
	case errors.Is(err, context.Canceled):
		return cancelled
	case errors.Is(err, finetune.ErrMemory), errors.Is(err, finetune.ErrProcessor):
		return refused
	case errors.Is(err, errInput), errors.Is(err, dataset.ErrMalformed), errors.Is(err, os.ErrNotExist):
		return badInput
	}
	return failed
}

// create makes a new file or refuses to overwrite one.
func create(path string, force bool) (*os.File, error) {
	if force {
		return os.Create(path)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_WRONLY, 0o644)
	if errors.Is(err, os.ErrExist) {
		return nil, fmt.Errorf("%s exists: remove it, or give --force: %w", path, errInput)
	}
	return f, err
}

func threads(n int) { kernel.SetThreads(n) }
