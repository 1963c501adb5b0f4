package proxy

import (
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cohort"
	"github.com/stagger-dev/stagger/internal/limiter"
	"github.com/stagger-dev/stagger/internal/retry"
)

// degradedField tells users that they get less than they came for, and why.
const degradedField = "Degraded"

// reply is an answer of the proxy's own.
type reply struct {
	status int
	header []headerField
	body   []byte
}

type headerField struct{ name, value string }

// refuge is what a route declares for when its service fails.
type refuge struct {
	priority limiter.Priority
	drop     bool
	mode     string
	static   *reply
	memory   *memory
	hook     *hook
	notice   notice
}

func (f *refuge) set(service string, r stagger.Route) {
	f.priority, _ = limiter.ParsePriority(string(r.Priority))
	f.drop, f.mode = r.Degrade.Drop, r.Degrade.Mode()
	f.notice.route = routeName(r)
	if d := r.Degrade.Static; d != nil {
		f.static = newStatic(*d)
	}
	if d := r.Degrade.Cached; d != nil {
		f.memory = newMemory(d.For, d.MaxBytes)
	}
	if d := r.Degrade.Accept; d != nil {
		f.hook = newHook(service, f.notice.route, d.Hook)
	}
}

func newStatic(d stagger.StaticAnswer) *reply {
	one := &reply{status: d.Status, body: []byte(d.Body)}
	if d.ContentType != "" {
		one.header = []headerField{{"Content-Type", d.ContentType}}
	}
	return one
}

// request is what degrading needs to know of one, over either transport.
type request struct {
	cohort.Attributes

	method, host, target string
	body                 func() (body []byte, whole bool)
}

// reasonOf names a failure in a word, for users and for people.
func (f failure) reasonOf() string {
	switch f.cause {
	case retry.Refused:
		return reasonNames[f.reason]
	case retry.Unreachable:
		return "unreachable"
	case retry.Broken:
		return "broken"
	case retry.Late:
		return "timeout"
	case retry.Answered:
	}
	return strconv.Itoa(f.status)
}

// instead returns what the user gets in place of a failure, nil when nothing is
// declared or nothing is there.
func (p *pass) instead(now time.Time, f failure, r request) *reply {
	c := p.care
	if c == nil || f.reason == deadlineOver && f.cause == retry.Refused || !f.class.Failed() {
		return nil
	}
	place := &c.traffic.shield.routes[c.route.index]
	var found *reply
	switch {
	case place.static != nil:
		found = place.static
	case place.memory != nil:
		found = place.memory.recall(now, c.first.name, c.traffic.baseline.name, r)
	case place.hook != nil && (f.cause.Unsent() || f.cause == retry.Answered && f.status == http.StatusServiceUnavailable):
		found = place.hook.take(r)
	case place.drop && f.reason == dropped && f.cause == retry.Refused:
		found = &reply{
			status: f.status, body: []byte(f.text + "\n"),
			header: []headerField{{"Content-Type", "text/plain; charset=utf-8"}, {"Retry-After", "5"}},
		}
	}
	if found == nil {
		return nil
	}
	why := f.reasonOf()
	place.notice.tell(now, place.mode, why)
	out := *found
	out.header = append(append([]headerField(nil), found.header...), headerField{degradedField, place.mode + "; reason=" + why})
	if c.traffic.page != nil {
		out.header = append(out.header, headerField{"Link", c.traffic.page.link})
	}
	return &out
}

// notice is what people are told of a route that is degraded.
type notice struct {
	route string

	mu    sync.Mutex
	last  stagger.Degraded
	total uint64 // answers, for ever
}

// calm is how long after its last degraded answer a route counts as well.
const calm = time.Minute

func (n *notice) tell(now time.Time, mode, why string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.last.Count == 0 || now.Sub(n.last.Last) > calm {
		n.last = stagger.Degraded{Route: n.route, Since: now}
	}
	n.last.Mode, n.last.Reason, n.last.Last = mode, why, now
	n.last.Count++
	n.total++
}

// answers returns how many there were, for ever.
func (n *notice) answers() uint64 {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.total
}

// standing returns the notice, if it still holds.
func (n *notice) standing(now time.Time) (stagger.Degraded, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.last, n.last.Count > 0 && now.Sub(n.last.Last) <= calm
}
