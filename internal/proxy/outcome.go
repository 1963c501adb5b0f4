package proxy

import (
	"errors"
	"net"
	"net/http"
	"strings"

	"github.com/stagger-dev/stagger/internal/meter"
	"github.com/stagger-dev/stagger/internal/upstream"
)

// blame answers a request that got no answer from its upstream, and counts it
// against whoever is to blame.
func (x *exchange) blame(err error) {
	// First what the proxy knows better than net/http, which calls every client
	// gone whose connection fails to be read.
	if x.body != nil {
		if _, bad := errors.AsType[malformed](x.body.failure()); bad {
			x.fail(http.StatusBadRequest, meter.ClientError, "the request is malformed")
			return
		}
	}
	switch idle := x.idle.cause(); {
	case errors.Is(idle, errClientIdle):
		x.fail(http.StatusRequestTimeout, meter.ClientAbort, "the request did not arrive in time")
		return
	case idle != nil:
		x.fail(http.StatusGatewayTimeout, meter.Timeout, "the service did not answer in time")
		return
	}
	if x.clientGone() || x.body != nil && x.body.failure() != nil {
		x.abort(meter.ClientAbort)
	}
	x.blameUpstream(err)
}

func (x *exchange) blameUpstream(err error) {
	operation, isOperation := errors.AsType[*net.OpError](err)
	wait, isNetwork := errors.AsType[net.Error](err)
	switch {
	case errors.Is(err, upstream.ErrFull):
		x.pass.picked = upstream.Full
		x.fail(http.StatusServiceUnavailable, meter.ConnectError, x.pass.refusal())
	case isOperation && operation.Op == "dial" && x.pass.picked == upstream.Doubtful:
		x.fail(http.StatusServiceUnavailable, meter.ConnectError, "the service has no healthy endpoint")
	case isOperation && operation.Op == "dial":
		x.fail(http.StatusBadGateway, meter.ConnectError, "the service cannot be reached")
	case isNetwork && wait.Timeout():
		x.fail(http.StatusGatewayTimeout, meter.Timeout, "the service did not answer in time")
	default:
		x.fail(http.StatusBadGateway, meter.ConnectError, "the service broke off the connection")
	}
}

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
