package activities

import (
	"context"
	"errors"
	"io/fs"
	"strings"
	"syscall"

	"go.temporal.io/sdk/temporal"

	"temper/collect"
	"temper/dataset"
	"temper/finetune"
	"temper/synth"
)

// ErrRefused means work was refused before it began: it would not fit the stated memory or budget.
var ErrRefused = errors.New("refused")

// The types of errors no retry can mend, as workflows and the command line see them.
const (
	TypeMalformed = "Malformed" // bad bytes: reading them again fails again
	TypeMissing   = "Missing"   // something named does not exist
	TypeFull      = "Full"      // no room on the store or the disk: retrying fills it no less
	TypeRefused   = "Refused"   // exit status 4
	TypeInput     = "Input"     // options that cannot be met: exit status 2
	TypeConflict  = "Conflict"  // another changed what this builds on: a new run sees the change
	TypeDiverged  = "Diverged"  // the training's loss is no number: it would be none again
)

// TypeDrained marks the errors of work that was handed on because its worker stops; it is retried at once.
const TypeDrained = "Drained"

// TypeBusy marks the errors of an endpoint that says when to ask again; it is asked then.
const TypeBusy = "Busy"

// errInput means that the recipe asks for something that cannot be.
var errInput = errors.New("cannot be done")

// errDrain means that the worker stops: another goes on, from the checkpoint where there is one.
var errDrain = errors.New("the worker is stopping; another goes on with this")

// whenFull is what to do about a full store.
const whenFull = "; nothing that is done is lost: make room there, then `temper retry` the run"

// finish is what an activity returns for err: the reason why its context ended, if that is what ended it, classified.
func finish(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil && errors.Is(err, ctx.Err()) && !errors.Is(err, context.Cause(ctx)) {
		err = context.Cause(ctx) // the client of a store knows only that, not why
	}
	return classify(err)
}

// classify marks the errors that no retry can mend. It is the only place that decides.
func classify(err error) error {
	var app *temporal.ApplicationError
	var cancelled *temporal.CanceledError
	var refusal *synth.Refusal
	final := func(kind, more string) error {
		return temporal.NewNonRetryableApplicationError(strings.TrimSuffix(err.Error(), ".")+more, kind, err)
	}
	switch {
	case err == nil || errors.As(err, &app):
		return err
	case errors.As(err, &cancelled), errors.Is(err, context.Canceled):
		return temporal.NewCanceledError(err.Error())
	case errors.Is(err, errDrain):
		return temporal.NewApplicationErrorWithOptions(err.Error(), TypeDrained, temporal.ApplicationErrorOptions{
			Cause: err, Category: temporal.ApplicationErrorCategoryBenign})
	case errors.Is(err, ErrRefused), errors.Is(err, finetune.ErrMemory), errors.Is(err, finetune.ErrProcessor):
		return final(TypeRefused, "")
	case errors.Is(err, finetune.ErrDiverged):
		return final(TypeDiverged, "")
	case errors.Is(err, dataset.ErrFull), errors.Is(err, syscall.ENOSPC):
		return final(TypeFull, whenFull)
	case errors.Is(err, errInput), errors.Is(err, collect.ErrForbidden), errors.Is(err, collect.ErrSource), errors.As(err, &refusal) && !refusal.Temporary():
		return final(TypeInput, "")
	case refusal != nil && refusal.After > 0:
		return temporal.NewApplicationErrorWithOptions(err.Error(), TypeBusy, temporal.ApplicationErrorOptions{Cause: err, NextRetryDelay: refusal.After})
	case errors.Is(err, dataset.ErrMalformed):
		return final(TypeMalformed, "")
	case errors.Is(err, fs.ErrNotExist):
		return final(TypeMissing, "")
	case errors.Is(err, dataset.ErrConflict):
		return final(TypeConflict, "")
	default:
		return err
	}
}
