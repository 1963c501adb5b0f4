package capture

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Format is the version of the format that is written.
const Format = 1

// MaxLine bounds one line, bytes.
const MaxLine = 8 << 20

// Line is one line of a file: one of them is set.
type Line struct {
	Head    *Head    `json:"head,omitempty"`
	Request *Request `json:"request,omitempty"`
	End     *End     `json:"end,omitempty"`
}

// Head is the first line: what is captured.
type Head struct {
	Format  int       `json:"format"`
	Service string    `json:"service"`
	Began   time.Time `json:"began"`
	Share   float64   `json:"share"` // of requests, 0 to 1
}

// Request is one request as it may be kept.
type Request struct {
	At     float64  `json:"at"` // seconds since the capture began
	Method string   `json:"method"`
	Host   string   `json:"host,omitempty"`
	Path   string   `json:"path"` // as it came over the wire
	Query  string   `json:"query,omitempty"`
	Header []Header `json:"header,omitempty"`
	Body   string   `json:"body,omitempty"`
	// Omitted is the length of a body that was not kept, bytes.
	Omitted int64 `json:"omitted,omitempty"`
	// User tells requests of one person from those of others, and nothing else.
	User string `json:"user,omitempty"`
}

// Header is one field of a header.
type Header struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// The ways a capture ends.
const (
	EndTime     = "time"     // the time was over
	EndRequests = "requests" // as many were kept as were asked for
	EndBytes    = "bytes"    // the file was as large as it may be
	EndStopped  = "stopped"  // the server or the service went away
)

// End is the last line: how it ended.
type End struct {
	Why     string `json:"why"`
	Kept    uint64 `json:"kept"`
	Dropped uint64 `json:"dropped"` // chosen, and not kept as writing was slower
	Skipped uint64 `json:"skipped"` // chosen, and no request that can be made again, such as an upgrade
}

// Encode writes a line with its newline.
func Encode(l Line) ([]byte, error) {
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(l); err != nil {
		return nil, fmt.Errorf("write a capture: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads a line.
func Decode(data []byte) (Line, error) {
	var l Line
	if err := json.Unmarshal(data, &l); err != nil {
		return Line{}, fmt.Errorf("this is no line of a capture: %w", err)
	}
	switch {
	case l.Head != nil && l.Head.Format != Format:
		return Line{}, fmt.Errorf("the capture has the format %d; this program reads %d", l.Head.Format, Format)
	case l.Request != nil && (l.Request.Method == "" || !startsPath(l.Request.Path) || !(l.Request.At >= 0) || l.Request.Omitted < 0):
		return Line{}, errors.New("a request needs a method, a path that begins with a slash and a time from 0 on")
	case l.Request != nil && !fits(*l.Request):
		return Line{}, errors.New("the request has spaces or control characters where none can be")
	case l.Head == nil && l.Request == nil && l.End == nil:
		return Line{}, errors.New("a line of a capture has a head, a request or an end; this one has none")
	}
	return l, nil
}

func startsPath(path string) bool { return path != "" && (path[0] == '/' || path == "*") }

// fits says whether a request can go over the wire as it stands.
func fits(r Request) bool {
	for _, s := range []string{r.Method, r.Host, r.Path, r.Query} {
		if strings.ContainsFunc(s, func(c rune) bool { return c <= ' ' || c == 0x7f }) {
			return false
		}
	}
	for _, h := range r.Header {
		if h.Name == "" || strings.ContainsAny(h.Name, " :\t\r\n\x00") || strings.ContainsAny(h.Value, "\r\n\x00") {
			return false
		}
	}
	return true
}
