package activities

import (
	"context"
	"errors"
	"io/fs"

	"go.temporal.io/sdk/temporal"

	"temper/dataset"
	"temper/finetune"
)

// ErrRefused means work was refused before it began: it would not fit the stated memory or budget.
var ErrRefused = errors.New("refused")

// The types of errors no retry can mend, as workflows and the command line see them.
const (
	TypeMalformed = "Malformed" // bad bytes: reading them again fails again
	TypeMissing   = "Missing"   // something named does not exist
	TypeFull      = "Full"      // no room on the store: retrying fills it no less
	TypeRefused   = "Refused"   // exit status 4
	TypeInput     = "Input"     // options that cannot be met: exit status 2
)

// errInput means that the recipe asks for something that cannot be.
var errInput = errors.New("cannot be done")

// classify marks the errors that no retry can mend. It is the only place that decides.
func classify(err error) error {
	var app *temporal.ApplicationError
	switch {
	case err == nil || errors.As(err, &app):
		return err
	case errors.Is(err, context.Canceled):
		return temporal.NewCanceledError(err.Error())
	case errors.Is(err, ErrRefused), errors.Is(err, finetune.ErrMemory):
		return temporal.NewNonRetryableApplicationError(err.Error(), TypeRefused, err)
	case errors.Is(err, errInput):
		return temporal.NewNonRetryableApplicationError(err.Error(), TypeInput, err)
	case errors.Is(err, dataset.ErrMalformed):
		return temporal.NewNonRetryableApplicationError(err.Error(), TypeMalformed, err)
	case errors.Is(err, dataset.ErrFull):
		return temporal.NewNonRetryableApplicationError(err.Error(), TypeFull, err)
	case errors.Is(err, fs.ErrNotExist):
		return temporal.NewNonRetryableApplicationError(err.Error(), TypeMissing, err)
	default:
		return err
	}
}
