package load

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
)

// What goes wrong with a request that gets no answer, as reports name it.
const (
	failTimeout   = "timeout"
	failRefused   = "connection refused"
	failBroken    = "connection broken"
	failName      = "name not found"
	failTLS       = "TLS"
	failRemote    = "not this machine"
	failHere      = "out of files or ports here" // the load's own trouble
	failMalformed = "malformed answer"
)

// blame finds the words for an error.
func blame(err error) string {
	if _, ok := errors.AsType[*net.DNSError](err); ok {
		return failName
	}
	switch {
	case errors.Is(err, errRemote):
		return failRemote
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, os.ErrDeadlineExceeded), isTimeout(err):
		return failTimeout
	case errors.Is(err, syscall.ECONNREFUSED):
		return failRefused
	case errors.Is(err, syscall.EMFILE), errors.Is(err, syscall.ENFILE), errors.Is(err, syscall.EADDRNOTAVAIL):
		return failHere
	case errors.Is(err, syscall.ECONNRESET), errors.Is(err, syscall.EPIPE), errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF),
		strings.Contains(err.Error(), "closed network connection"), strings.Contains(err.Error(), "server closed"):
		return failBroken
	case isTLS(err):
		return failTLS
	}
	return failMalformed
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

func isTLS(err error) bool {
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return true
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok || strings.HasPrefix(err.Error(), "tls:") || strings.HasPrefix(err.Error(), "remote error: tls")
}
