package api

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger"
)

// Problem is an error on the wire: a problem document (RFC 9457) with a code.
type Problem struct {
	Title  string       `json:"title" doc:"The HTTP status in words."`
	Status int          `json:"status" doc:"The HTTP status."`
	Code   stagger.Code `json:"code" enum:"invalid,not_found,conflict,denied,unavailable,internal" doc:"What kind of error it is, for machines."`
	Detail string       `json:"detail" doc:"What is wrong and what to do, for people."`
}

// Error returns the sentence for people.
func (p *Problem) Error() string { return p.Detail }

// GetStatus returns the HTTP status.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType names problem documents as such.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// The router makes its own errors through this hook, which it has only as a
// global variable; no other package of this module uses it.
func init() { huma.NewError = newProblem }

// newProblem is for what the router finds wrong with a request.
func newProblem(status int, message string, causes ...error) huma.StatusError {
	parts := []string{}
	for _, cause := range causes {
		if cause != nil {
			parts = append(parts, describe(cause))
		}
	}
	if len(parts) > 0 {
		message += ": " + strings.Join(parts, "; ")
	}
	return &Problem{Title: http.StatusText(status), Status: status, Code: codeOfStatus(status), Detail: message}
}

func describe(cause error) string {
	var detailer huma.ErrorDetailer
	if !errors.As(cause, &detailer) {
		return cause.Error()
	}
	d := detailer.ErrorDetail()
	if d.Location == "" {
		return d.Message
	}
	return d.Location + ": " + d.Message
}

func codeOfStatus(status int) stagger.Code {
	switch status {
	case http.StatusUnauthorized, http.StatusForbidden:
		return stagger.CodeDenied
	case http.StatusNotFound:
		return stagger.CodeNotFound
	case http.StatusConflict:
		return stagger.CodeConflict
	case http.StatusRequestTimeout, http.StatusServiceUnavailable:
		return stagger.CodeUnavailable
	}
	if status >= http.StatusInternalServerError {
		return stagger.CodeInternal
	}
	return stagger.CodeInvalid
}

func statusOfCode(code stagger.Code) int {
	switch code {
	case stagger.CodeInvalid:
		return http.StatusUnprocessableEntity
	case stagger.CodeNotFound:
		return http.StatusNotFound
	case stagger.CodeConflict:
		return http.StatusConflict
	case stagger.CodeDenied:
		return http.StatusForbidden
	case stagger.CodeUnavailable:
		return http.StatusServiceUnavailable
	case stagger.CodeInternal:
	}
	return http.StatusInternalServerError
}

// problemOf is for what went wrong while answering.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	code := stagger.CodeOf(err)
	status := statusOfCode(code)
	return &Problem{Title: http.StatusText(status), Status: status, Code: code, Detail: err.Error()}
}

func writeProblem(w http.ResponseWriter, p *Problem) {
	w.Header().Set("Content-Type", p.ContentType(""))
	w.WriteHeader(p.Status)
	_ = json.NewEncoder(w).Encode(p) // a client that went away is its own loss
}

// withProblems answers requests that no route matches with a problem, where
// the mux would write plain text.
func withProblems(mux *http.ServeMux) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		handler, pattern := mux.Handler(r)
		if pattern != "" {
			mux.ServeHTTP(w, r)
			return
		}
		var refused unmatched
		handler.ServeHTTP(&refused, r)
		if allow := refused.Header().Get("Allow"); allow != "" {
			w.Header().Set("Allow", allow)
		}
		p := newProblem(refused.status, r.Method+" "+r.URL.Path+" is not part of the API; /api/openapi.json lists what is")
		writeProblem(w, problemOf(p))
	})
}

// unmatched keeps what the mux would have answered, but not its text.
type unmatched struct {
	header http.Header
	status int
}

func (u *unmatched) Header() http.Header {
	if u.header == nil {
		u.header = http.Header{}
	}
	return u.header
}

func (u *unmatched) WriteHeader(status int) { u.status = status }

func (u *unmatched) Write(b []byte) (int, error) { return len(b), nil }
