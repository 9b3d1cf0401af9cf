package worker

import (
	"errors"

	"go.temporal.io/sdk/temporal"

	"temper/activities"
)

// Reason says why a run failed, in the words of the activity that failed, without the workflows around it.
func Reason(err error) string {
	var app *temporal.ApplicationError
	if errors.As(err, &app) {
		return app.Message()
	}
	var timeout *temporal.TimeoutError
	if errors.As(err, &timeout) {
		return "timed out: " + timeout.Message()
	}
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) {
		return "cancelled"
	}
	return err.Error()
}

// A Failure is the kind of a run's failure, by which commands choose their exit status.
type Failure int

// The kinds of failures.
const (
	Failed    Failure = iota // exit status 1
	BadInput                 // 2
	Refused                  // 4
	Cancelled                // 130
)

// Kind classifies the error a run ended with.
func Kind(err error) Failure {
	var cancelled *temporal.CanceledError
	if errors.As(err, &cancelled) {
		return Cancelled
	}
	var app *temporal.ApplicationError
	if !errors.As(err, &app) {
		return Failed
	}
	switch app.Type() {
	case activities.TypeInput, activities.TypeMalformed, activities.TypeMissing:
		return BadInput
	case activities.TypeRefused:
		return Refused
	}
	return Failed
}
