package proxy

import (
	"errors"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/retry"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// The ways a request may fail before its answer began.
var (
	failMalformed   = failure{cause: retry.Broken, status: http.StatusBadRequest, class: meter.ClientError, text: "the request is malformed"}
	failClientIdle  = failure{cause: retry.Broken, status: http.StatusRequestTimeout, class: meter.ClientAbort, text: "the request did not arrive in time"}
	failLate        = failure{cause: retry.Late, status: http.StatusGatewayTimeout, class: meter.Timeout, text: "the service did not answer in time"}
	failDeadline    = failure{cause: retry.Late, status: http.StatusGatewayTimeout, class: meter.Timeout, text: "the service did not answer within the time the client gave"}
	failUnhealthy   = failure{cause: retry.Unreachable, status: http.StatusServiceUnavailable, class: meter.ConnectError, text: "the service has no healthy endpoint"}
	failFull        = failure{cause: retry.Unreachable, status: http.StatusServiceUnavailable, class: meter.ConnectError, text: refusals[full].text}
	failUnreachable = failure{cause: retry.Unreachable, status: http.StatusBadGateway, class: meter.ConnectError, text: "the service cannot be reached"}
	failBroken      = failure{cause: retry.Broken, status: http.StatusBadGateway, class: meter.ConnectError, text: "the service broke off the connection"}
	failAnswer      = failure{cause: retry.Broken, status: http.StatusBadGateway, class: meter.ConnectError, text: "the service sent a malformed answer"}
)

// blame says how a request failed that got no answer from its upstream, and who
// is to blame.
func (x *exchange) blame(err error) failure {
	// First what the proxy knows better than net/http, which calls every client
	// gone whose connection fails to be read.
	if x.body != nil {
		if _, bad := errors.AsType[malformed](x.body.failure()); bad {
			return failMalformed
		}
	}
	switch idle := x.idle.cause(); {
	case errors.Is(idle, errClientIdle):
		return failClientIdle
	case idle != nil:
		return failLate
	}
	if x.clientGone() || x.body != nil && x.body.failure() != nil {
		x.abort(meter.ClientAbort)
	}
	return x.blameUpstream(err)
}

func (x *exchange) blameUpstream(err error) failure {
	operation, isOperation := errors.AsType[*net.OpError](err)
	wait, isNetwork := errors.AsType[net.Error](err)
	switch {
	case x.late():
		return failDeadline
	case errors.Is(err, upstream.ErrFull):
		x.pass.picked = upstream.Full
		return failFull
	case isOperation && operation.Op == "dial" && x.pass.picked == upstream.Doubtful:
		return failUnhealthy
	case isOperation && operation.Op == "dial":
		return failUnreachable
	case isNetwork && wait.Timeout():
		return failLate
	}
	return failBroken
}

// late says whether the time that the client gave is over.
func (x *exchange) late() bool { return x.pass.care != nil && x.pass.care.deadline.over(time.Now()) }

// clientGone says whether the client has closed its connection or stream.
func (x *exchange) clientGone() bool { return x.r.Context().Err() != nil }

// abort drops the client's connection, or its stream: what was sent so far
// must not look complete.
func (x *exchange) abort(class meter.Class) {
	x.class = class
	panic(http.ErrAbortHandler)
}

// classOf returns the class of a complete answer. A gRPC call succeeds with
// status 200 even when it fails, and tells so in its trailers.
func classOf(response *http.Response) meter.Class {
	if response.StatusCode != http.StatusOK || !isGRPC(response.Header) {
		return meter.ClassOf(response.StatusCode)
	}
	status := response.Trailer.Get("Grpc-Status")
	if status == "" {
		status = response.Header.Get("Grpc-Status")
	}
	switch status {
	case "0":
		return meter.OK
	case "", // it broke off without one
		"2",  // UNKNOWN
		"4",  // DEADLINE_EXCEEDED
		"13", // INTERNAL
		"14", // UNAVAILABLE
		"15": // DATA_LOSS
		return meter.ServerError
	}
	return meter.ClientError
}

func isGRPC(h http.Header) bool {
	kind := h.Get("Content-Type")
	rest, ok := strings.CutPrefix(kind, "application/grpc")
	return ok && (rest == "" || rest[0] == '+' || rest[0] == ';')
}
