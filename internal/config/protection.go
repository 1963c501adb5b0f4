package config

import (
	"net/url"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// The defaults of what protects users.
var (
	usualRetries = stagger.Retries{
		Attempts: 2, Budget: 0.2, Least: 3,
		On: []stagger.RetryOn{stagger.RetryOnConnect, stagger.RetryOnBroken, stagger.RetryOn502, stagger.RetryOn503, stagger.RetryOn504},
	}
	usualCircuit = stagger.Circuit{
		Consecutive: 5, Rate: 0.5, Window: 10 * time.Second, Least: 20, Open: 5 * time.Second, Probes: 3,
	}
	usualConcurrency = stagger.Concurrency{Adaptive: true, Min: 4, Max: 1000}
)

const (
	usualDeadline = "X-Request-Timeout"
	usualStatus   = 200
	usualType     = "text/plain; charset=utf-8"
	usualCached   = 10 * time.Minute
	usualBytes    = 8 << 20
)

// protect reads what a service declares to protect its users.
func protect(f map[string]value, to *stagger.Service) {
	if r, ok := f["retries"]; ok {
		to.Retries = r.retries()
	}
	if c, ok := f["circuit"]; ok {
		to.Circuit = c.circuit()
	}
	if c, ok := f["concurrency"]; ok {
		to.Concurrency = c.concurrency()
	}
	if b, ok := f["fallback"]; ok {
		to.Fallback = b.flag()
	}
	if d, ok := f["deadline"]; ok {
		to.Deadline.Header = usualDeadline
		if h, ok := d.fields()["header"]; ok {
			to.Deadline.Header = h.header()
		}
	}
}

func (v value) retries() stagger.Retries {
	f, r := v.fields(), usualRetries
	if n, ok := f["attempts"]; ok {
		r.Attempts = n.within(2, 10)
	}
	if on, ok := f["on"]; ok {
		r.On = nil
		for _, item := range on.items() {
			r.On = append(r.On, stagger.RetryOn(item.choice()))
		}
	}
	if methods, ok := f["methods"]; ok {
		for _, item := range methods.items() {
			r.Methods = append(r.Methods, item.repeatable())
		}
	}
	if b, ok := f["budget"]; ok {
		if r.Budget = b.share(); r.Budget > 1 {
			b.fail("%g retries per request are too many; write at most 100%%", r.Budget)
		}
	}
	if n, ok := f["least"]; ok {
		if r.Least = n.number(); r.Least > 1000 {
			n.fail("%g a second are too many; write at most 1000", r.Least)
		}
	}
	return r
}

// repeatable reads a method to repeat; they are written in capitals.
func (v value) repeatable() string {
	s := v.text()
	if s == "CONNECT" || strings.ContainsFunc(s, func(r rune) bool { return r < 'A' || r > 'Z' }) {
		v.fail("%q is not a method to repeat; write one such as POST", cut(s))
	}
	return s
}

// within reads a whole number within bounds, and the most after a problem.
func (v value) within(least, most int) int {
	before := len(v.r.problems)
	n := v.count()
	if len(v.r.problems) > before {
		return most
	}
	if n < uint64(least) || n > uint64(most) {
		v.fail("%d is out of range; write %d to %d", n, least, most)
		return most
	}
	return int(n)
}

func (v value) circuit() stagger.Circuit {
	f, c := v.fields(), usualCircuit
	if n, ok := f["consecutive"]; ok {
		c.Consecutive = n.within(0, 1000)
	}
	if r, ok := f["rate"]; ok {
		if c.Rate = r.share(); c.Rate > 1 {
			r.fail("%g is more than all; write at most 100%%", c.Rate)
		}
	}
	if d, ok := f["window"]; ok {
		c.Window = d.between(time.Second, 10*time.Minute)
	}
	if n, ok := f["least"]; ok {
		c.Least = n.within(1, 1_000_000)
	}
	if d, ok := f["open"]; ok {
		c.Open = d.between(10*time.Millisecond, 10*time.Minute)
	}
	if n, ok := f["probes"]; ok {
		c.Probes = n.within(1, 100)
	}
	if c.Consecutive == 0 && c.Rate == 0 {
		v.fail("nothing opens it; write consecutive or rate, or remove the key")
	}
	return c
}

func (v value) concurrency() stagger.Concurrency {
	f, c := v.fields(), usualConcurrency
	if b, ok := f["adaptive"]; ok {
		c.Adaptive = b.flag()
	}
	if n, ok := f["min"]; ok {
		c.Min = n.within(1, 100_000)
	}
	if n, ok := f["max"]; ok {
		c.Max = n.within(1, 100_000)
	}
	if _, given := f["min"]; !given {
		c.Min = min(c.Min, c.Max)
	}
	if c.Min > c.Max {
		v.fail("the least, %d, is more than the most, %d; write a min up to max", c.Min, c.Max)
	}
	if h, ok := f["priority_header"]; ok {
		c.PriorityHeader = h.header()
		if _, ok := f["trusted"]; !ok {
			h.fail("nobody is trusted to send it; add trusted, such as [10.0.0.0/8]")
		}
	}
	if list, ok := f["trusted"]; ok {
		for _, item := range list.items() {
			if n, ok := item.network(item.text()); ok {
				c.Trusted = append(c.Trusted, n.String())
			}
		}
	}
	return c
}

func (v value) degrade() stagger.Degrade {
	f := v.fields()
	var d stagger.Degrade
	given := 0
	if s, ok := f["static"]; ok {
		given++
		d.Static = s.staticAnswer()
	}
	if c, ok := f["cached"]; ok {
		given++
		d.Cached = c.cachedAnswer()
	}
	if b, ok := f["drop"]; ok {
		if d.Drop = b.flag(); d.Drop {
			given++
		}
	}
	if a, ok := f["accept"]; ok {
		given++
		d.Accept = &stagger.AcceptAnswer{Hook: a.fields()["hook"].hook()}
	}
	if given > 1 {
		v.fail("there are %d ways to degrade; keep one", given)
	}
	return d
}

func (v value) staticAnswer() *stagger.StaticAnswer {
	f, s := v.fields(), stagger.StaticAnswer{Status: usualStatus, ContentType: usualType}
	if n, ok := f["status"]; ok {
		s.Status = n.within(200, 599)
	}
	if b, ok := f["body"]; ok {
		s.Body = b.text()
	}
	if t, ok := f["content_type"]; ok {
		if s.ContentType = t.text(); strings.ContainsAny(s.ContentType, "\r\n") {
			t.fail("a content type is one line; write one such as application/json")
		}
	}
	return &s
}

func (v value) cachedAnswer() *stagger.CachedAnswer {
	f, c := v.fields(), stagger.CachedAnswer{For: usualCached, MaxBytes: usualBytes}
	if d, ok := f["for"]; ok {
		c.For = d.between(time.Second, 24*time.Hour)
	}
	if n, ok := f["max_bytes"]; ok {
		c.MaxBytes = n.within(1<<10, 1<<30)
	}
	return &c
}

// hook reads the URL of somebody who takes requests.
func (v value) hook() string {
	if v.node == nil {
		return ""
	}
	s := v.text()
	u, err := url.Parse(s)
	if s != "" && (err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Hostname() == "" || u.User != nil) {
		v.fail("%q is not a URL that can be posted to; write one such as http://127.0.0.1:9000/queue", cut(s))
	}
	return s
}
