package dataset

import "errors"

var (
	// ErrMalformed means stored or foreign bytes are not what they claim to be. Reading them again will fail again.
	ErrMalformed = errors.New("malformed")
	// ErrConflict means a conditional write found another version: create-only on an existing object, or a lost compare-and-swap.
	ErrConflict = errors.New("conflict")
	// ErrFull means the store or the disk has no room. Nothing was written.
	ErrFull = errors.New("no space left")
)
