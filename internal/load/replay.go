package load

import (
	"bufio"
	"bytes"
	"cmp"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stagger-dev/stagger/internal/capture"
	"github.com/stagger-dev/stagger/internal/scenario"
)

// Replay is captured requests that are made again.
type Replay struct {
	// Speed scales the rhythm: 2 is twice as fast. 1 when zero.
	Speed float64
	// Loop begins anew at the end, as long as the run lasts.
	Loop bool
	// Header is added to every request; its places are filled with the user of
	// the request, as a number.
	Header []scenario.Field

	requests []capture.Request // by time
	users    []uint64
	places   []int // among names
	names    []string
}

// The bounds of a replay.
const (
	maxReplay     = 300 << 20 // bytes of a capture
	maxNames      = 50        // of kinds of requests that are told apart
	leastSpeed    = 0.001
	greatestSpeed = 1000
)

// ReadReplay reads a capture. It is held in memory.
func ReadReplay(from io.Reader) (*Replay, error) {
	r := &Replay{}
	lines := bufio.NewScanner(io.LimitReader(from, maxReplay+1))
	lines.Buffer(nil, capture.MaxLine)
	size, broken := 0, false
	lines.Split(func(data []byte, atEOF bool) (int, []byte, error) {
		broken = atEOF && bytes.IndexByte(data, '\n') < 0
		return bufio.ScanLines(data, atEOF)
	})
	for n := 1; lines.Scan(); n++ {
		if size += len(lines.Bytes()) + 1; size > maxReplay {
			return nil, fmt.Errorf("the capture is larger than %d MiB", maxReplay>>20)
		}
		if len(lines.Bytes()) == 0 {
			continue
		}
		line, err := capture.Decode(lines.Bytes())
		if err != nil && broken && len(r.requests) > 0 {
			break // the capture was interrupted in the middle of its last line
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", n, err)
		}
		if line.Request != nil {
			r.requests = append(r.requests, *line.Request)
		}
	}
	if err := lines.Err(); err != nil {
		return nil, fmt.Errorf("read the capture: %w", err)
	}
	if len(r.requests) == 0 {
		return nil, errors.New("the capture holds no request")
	}
	// Requests were written when they ended.
	slices.SortStableFunc(r.requests, func(a, b capture.Request) int { return cmp.Compare(a.At, b.At) })
	r.index()
	return r, nil
}

// index finds the user of each request, and what kind of request it is.
func (r *Replay) index() {
	kinds := make(map[string]int)
	for _, q := range r.requests {
		user, _ := hex.DecodeString(q.User) // a hash, or nobody
		number := uint64(0)
		for _, b := range user[:min(len(user), 8)] {
			number = number<<8 | uint64(b)
		}
		r.users = append(r.users, number)
		name := kindOf(q)
		place, known := kinds[name]
		if !known && len(kinds) < maxNames {
			place, known = len(kinds), true
			kinds[name] = place
			r.names = append(r.names, name)
		}
		if !known {
			place = maxNames
			if len(r.names) == maxNames {
				r.names = append(r.names, "others")
			}
		}
		r.places = append(r.places, place)
	}
}

// kindOf names a request by its method and the beginning of its path.
func kindOf(q capture.Request) string {
	first, _, _ := strings.Cut(strings.TrimPrefix(q.Path, "/"), "/")
	if len(first) > 40 {
		first = first[:40]
	}
	return q.Method + " /" + first
}

// Len is how many requests there are.
func (r *Replay) Len() int { return len(r.requests) }

// Length is how long one round takes at the speed.
func (r *Replay) Length() time.Duration {
	return time.Duration(r.span() / cmp.Or(r.Speed, 1) * float64(time.Second))
}

// span is one round of the capture in seconds: from the first request to the
// last, and as long again as requests are apart.
func (r *Replay) span() float64 {
	n := len(r.requests)
	span := r.requests[n-1].At - r.requests[0].At
	if n == 1 || span <= 0 {
		return math.Max(span, 1)
	}
	return span + span/float64(n-1)
}

// times returns when requests are due, until the run is over.
func (r *Replay) times(length time.Duration) (func() (time.Duration, bool), error) {
	speed := cmp.Or(r.Speed, 1)
	if !(speed >= leastSpeed && speed <= greatestSpeed) {
		return nil, fmt.Errorf("load: a speed of %g is out of range; use %g to %d", speed, leastSpeed, greatestSpeed)
	}
	if rate := float64(len(r.requests)) * speed / r.span(); rate > MaxRate {
		return nil, fmt.Errorf("load: that would be %.0f requests per second; use a lower speed, for at most %d", rate, MaxRate)
	}
	span, first, i, round := r.span(), r.requests[0].At, 0, 0
	return func() (time.Duration, bool) {
		if i == len(r.requests) {
			if !r.Loop {
				return 0, false
			}
			i, round = 0, round+1
		}
		due := time.Duration((float64(round)*span + r.requests[i].At - first) / speed * float64(time.Second))
		i++
		return due, due <= length
	}, nil
}

// request returns request n as it is made, and who makes it.
func (r *Replay) request(n uint64, like *planned) (place int, p planned, user uint64) {
	i := int(n % uint64(len(r.requests)))
	q := &r.requests[i]
	v := scenario.Values{User: r.users[i], Number: n}
	header := like.fill(v)
	for _, h := range q.Header {
		name := http.CanonicalHeaderKey(h.Name)
		header[name] = append(header[name], h.Value)
	}
	target := q.Path
	if q.Query != "" {
		target += "?" + q.Query
	}
	body := q.Body
	if q.Omitted > 0 {
		// What it was nobody knows; that it was so long matters to the target.
		body = strings.Repeat(".", int(min(q.Omitted, scenario.MaxBody)))
		delete(header, "Content-Encoding")
	}
	p = planned{method: q.Method, host: cmp.Or(header.Get("Host"), q.Host), path: scenario.Verbatim(target), body: scenario.Verbatim(body), header: header}
	p.know()
	return r.places[i], p, v.User
}
