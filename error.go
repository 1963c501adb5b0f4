package stagger

import "errors"

// Code classifies an error for machines: exit codes and HTTP statuses follow it.
type Code string

// The codes.
const (
	CodeInvalid     Code = "invalid" // the input is wrong; the message says what to write
	CodeNotFound    Code = "not_found"
	CodeConflict    Code = "conflict" // the state does not allow it now
	CodeDenied      Code = "denied"
	CodeUnavailable Code = "unavailable" // a component does not answer; try again
	CodeInternal    Code = "internal"
)

// Error is an error with a code and a sentence fit to be shown.
type Error struct {
	Code    Code   `json:"code"`
	Message string `json:"message"`
}

// Error returns the message.
func (e *Error) Error() string { return e.Message }

// CodeOf returns the code of the first *Error in err's tree, CodeInternal if
// there is none, and "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Code
	}
	return CodeInternal
}
