package proxy

import (
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
)

// The bounds of a pause.
const (
	maxPause  = time.Minute
	maxPaused = 4096 // requests that wait at once
)

// pause keeps the requests of a service waiting. It is part of the table, so a
// service that is not paused pays a comparison.
type pause struct {
	over    chan struct{} // closed by its end
	timer   *time.Timer
	waiting atomic.Int64
}

// wait waits for the end, unless too many do already or whoever asks has gone.
func (p *pause) wait(gone <-chan struct{}) bool {
	defer p.waiting.Add(-1)
	if p.waiting.Add(1) > maxPaused {
		return false
	}
	select {
	case <-p.over:
		return true
	case <-gone:
		return false
	}
}

// Pause keeps the requests to a service waiting that begin after it returns,
// until Resume or for most at most, a minute by itself. They are sent then as
// if they had come at that moment. Those under way go on. More than 4096 do not
// wait: they are answered with 503. Pausing again begins the time anew. Its
// errors are *stagger.Error.
func (p *Proxy) Pause(service string, most time.Duration) error {
	if most <= 0 || most > maxPause {
		return refuse(stagger.CodeInvalid, "a pause of %s is none that can be; ask for more than nothing and at most %s", most, maxPause)
	}
	p.change.Lock()
	defer p.change.Unlock()
	t := p.table.Load()
	now, i := t.service(service)
	switch {
	case now == nil:
		return unknown(service)
	case now.pause != nil:
		now.pause.timer.Reset(most)
		return nil
	}
	next := *now
	next.pause = &pause{over: make(chan struct{})}
	mine := next.pause
	mine.timer = time.AfterFunc(most, func() { p.resume(service, mine) })
	p.table.Store(t.with(i, &next))
	return nil
}

// Resume lets the requests go on that wait; without any it does nothing. Its
// error is a *stagger.Error.
func (p *Proxy) Resume(service string) error {
	if now, _ := p.table.Load().service(service); now == nil {
		return unknown(service)
	}
	p.resume(service, nil)
	return nil
}

// resume ends a pause, or whichever there is. The table without it is in force
// before anybody is woken, so none waits for it twice.
func (p *Proxy) resume(service string, which *pause) {
	p.change.Lock()
	defer p.change.Unlock()
	t := p.table.Load()
	now, i := t.service(service)
	if now == nil || now.pause == nil || which != nil && now.pause != which {
		return
	}
	was := now.pause
	next := *now
	next.pause = nil
	p.table.Store(t.with(i, &next))
	was.timer.Stop()
	close(was.over)
}

// resumeAll ends every pause, as what waits is under way too.
func (p *Proxy) resumeAll() {
	for _, s := range p.table.Load().services {
		p.resume(s.service.Name, nil)
	}
}

// find is table.find once the service is not paused. It is not ok when the
// request cannot wait.
func (p *Proxy) find(listener int, host, path string, gone <-chan struct{}) (t *traffic, r *route, ok bool) {
	for {
		t, r = p.table.Load().find(listener, host, path)
		if r == nil || r.page || t.pause == nil {
			return t, r, true
		}
		if !t.pause.wait(gone) {
			return t, r, false
		}
	}
}

// wake lets the requests go on that wait for a service that next, which is in
// force, does not have. The caller holds Proxy.change.
func (t *table) wake(next *table) {
	for _, s := range t.services {
		if s.pause == nil {
			continue
		}
		if still, _ := next.service(s.service.Name); still == nil {
			s.pause.timer.Stop()
			close(s.pause.over)
		}
	}
}
