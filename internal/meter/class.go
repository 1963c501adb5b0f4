package meter

import "github.com/stagger-dev/stagger"

// Class is how a request ended. There is one for every field of
// stagger.Outcomes.
type Class uint8

// The classes.
const (
	Informational Class = iota // 101 Switching Protocols
	OK
	Redirect
	ClientError
	ServerError
	ConnectError
	Timeout
	ClientAbort
	classes = iota
)

// names are the values of the label "outcome".
var names = [classes]string{"1xx", "2xx", "3xx", "4xx", "5xx", "connect", "timeout", "abort"}

// String returns the class as metrics name it: "5xx", "timeout".
func (c Class) String() string {
	if int(c) < classes {
		return names[c]
	}
	return "unknown"
}

// failed says whether the version is to blame.
func (c Class) failed() bool { return c == ServerError || c == ConnectError || c == Timeout }

// ClassOf returns the class of an answered request by its HTTP status.
func ClassOf(status int) Class {
	switch {
	case status < 200:
		return Informational
	case status < 300:
		return OK
	case status < 400:
		return Redirect
	case status < 500:
		return ClientError
	}
	return ServerError
}

// outcomes names the counts.
func outcomes(n *[classes]uint64) stagger.Outcomes {
	return stagger.Outcomes{
		Informational: n[Informational],
		OK:            n[OK],
		Redirect:      n[Redirect],
		ClientError:   n[ClientError],
		ServerError:   n[ServerError],
		ConnectError:  n[ConnectError],
		Timeout:       n[Timeout],
		ClientAbort:   n[ClientAbort],
	}
}

// Failed says whether the version is to blame.
func (c Class) Failed() bool { return c.failed() }
