package proxy

import (
	"container/list"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// memory holds the last good answers of a route, so that they can be given when
// its service fails. What may be kept is what a shared cache may keep and serve
// without asking (RFC 9111, sections 3 and 4.2.4), and a little less: nothing
// that sets a cookie, and for requests that carry a cookie only what says that
// it is public.
//
// Invariant: what is held, with its keys, is at most most bytes.
type memory struct {
	lasts time.Duration
	most  int

	mu    sync.Mutex
	held  int
	found map[string]*list.Element // of *memo, by key
	order list.List                // the one used last in front
}

// memo is one answer. It is not changed once it is held.
type memo struct {
	key    string
	vary   []headerField // of the request
	at     time.Time
	status int
	header []headerField
	body   []byte
}

// renewEvery is how old an answer must be before the next one replaces it: a
// route that is asked often is copied seldom.
const renewEvery = time.Second

// overhead is what an entry costs beside its texts, about.
const overhead = 300

func newMemory(lasts time.Duration, most int) *memory {
	return &memory{lasts: lasts, most: most, found: make(map[string]*list.Element)}
}

func memoKey(version string, r request) string {
	return version + " " + strings.ToLower(r.host) + " " + r.target
}

// wants says whether an answer may be kept, and is not held already.
func (m *memory) wants(now time.Time, version string, r request, status int, h http.Header) bool {
	if r.method != http.MethodGet || status != http.StatusOK || !mayKeep(r, h) {
		return false
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	e, ok := m.found[memoKey(version, r)]
	if !ok {
		return true
	}
	one, _ := e.Value.(*memo)
	return now.Sub(one.at) >= renewEvery || !one.fits(r)
}

// mayKeep says whether an answer of these fields may be given to somebody else
// later.
func mayKeep(r request, h http.Header) bool {
	control := directives(h["Cache-Control"])
	for _, never := range []string{"private", "no-store", "no-cache", "must-revalidate", "proxy-revalidate"} {
		if slices.Contains(control, never) {
			return false
		}
	}
	switch {
	case len(h["Set-Cookie"]) > 0, len(h["Content-Range"]) > 0, r.Header("Range") != "":
		return false
	case slices.Contains(directives([]string{r.Header("Cache-Control")}), "no-store"):
		return false
	case slices.Contains(directives(h["Vary"]), "*"):
		return false
	}
	if r.Header("Authorization") == "" && r.Header("Cookie") == "" {
		return true
	}
	return slices.Contains(control, "public") || slices.Contains(control, "s-maxage")
}

// directives returns the names in comma-separated lists, in lower case.
func directives(lines []string) []string {
	var out []string
	for _, line := range lines {
		for part := range strings.SplitSeq(line, ",") {
			name, _, _ := strings.Cut(part, "=")
			out = append(out, strings.ToLower(strings.TrimSpace(name)))
		}
	}
	return out
}

// keep holds an answer whose body is body, all of it.
func (m *memory) keep(now time.Time, version string, r request, status int, h http.Header, body []byte) {
	one := &memo{key: memoKey(version, r), at: now, status: status, body: body}
	for _, name := range directives(h["Vary"]) {
		if name != "" {
			name = http.CanonicalHeaderKey(name)
			one.vary = append(one.vary, headerField{name, r.Header(name)})
		}
	}
	for name, values := range h {
		if name == "Content-Length" || name == "Trailer" || name == "Connection" || name == "Age" {
			continue
		}
		for _, value := range values {
			one.header = append(one.header, headerField{name, value})
		}
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if e, ok := m.found[one.key]; ok {
		m.drop(e)
	}
	if one.size() > m.most {
		return
	}
	m.held += one.size()
	m.found[one.key] = m.order.PushFront(one)
	for m.held > m.most {
		m.drop(m.order.Back())
	}
}

// drop forgets an answer. The caller holds mu.
func (m *memory) drop(e *list.Element) {
	one, _ := m.order.Remove(e).(*memo)
	delete(m.found, one.key)
	m.held -= one.size()
}

// recall returns the last good answer to the same request: of the version it
// was meant for, or else of the baseline.
func (m *memory) recall(now time.Time, version, baseline string, r request) *reply {
	if r.method != http.MethodGet && r.method != http.MethodHead || r.Header("Range") != "" {
		return nil
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	for _, name := range []string{version, baseline} {
		e, ok := m.found[memoKey(name, r)]
		if !ok {
			continue
		}
		one, _ := e.Value.(*memo)
		if age := now.Sub(one.at); age <= m.lasts && one.fits(r) && (one.public() || r.Header("Authorization") == "" && r.Header("Cookie") == "") {
			m.order.MoveToFront(e)
			return one.reply(age)
		}
	}
	return nil
}

// fits says whether r has what the answer depends on.
func (one *memo) fits(r request) bool {
	for _, f := range one.vary {
		if r.Header(f.name) != f.value {
			return false
		}
	}
	return true
}

// public says whether the answer is for those too who say who they are.
func (one *memo) public() bool {
	for _, f := range one.header {
		if f.name == "Cache-Control" {
			control := directives([]string{f.value})
			if slices.Contains(control, "public") || slices.Contains(control, "s-maxage") {
				return true
			}
		}
	}
	return false
}

func (one *memo) reply(age time.Duration) *reply {
	h := append([]headerField(nil), one.header...)
	return &reply{status: one.status, body: one.body, header: append(h, headerField{"Age", strconv.Itoa(int(age / time.Second))})}
}

func (one *memo) size() int {
	n := overhead + len(one.key) + len(one.body)
	for _, fields := range [][]headerField{one.vary, one.header} {
		for _, f := range fields {
			n += len(f.name) + len(f.value)
		}
	}
	return n
}
