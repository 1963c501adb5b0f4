package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"syscall"
	"time"
)

// askers are connections over which one request at a time is sent, from one
// thread.
type askers struct {
	poller *poller
	all    map[int]*askerLine
	free   []*askerLine // the one used last is used first
	users  int
	path   string

	sent    int64
	errors  int64   // connections that broke
	refused int64   // answers other than 200
	took    []int64 // nanoseconds, since each request was due
}

// askerLine is one connection.
type askerLine struct {
	fd   int
	due  time.Time
	in   []byte
	left int // bytes of the answer that are to come; -1 until its head is here
}

func connectAll(address string, l load) (*askers, error) {
	p, err := newPoller()
	if err != nil {
		return nil, err
	}
	a := &askers{poller: p, all: make(map[int]*askerLine), users: l.users(), path: l.path}
	for range l.connections {
		fd, err := connectTo(address)
		if err != nil {
			return nil, fmt.Errorf("connect: %w", err)
		}
		if err := p.watch(fd, syscall.EPOLL_CTL_ADD, syscall.EPOLLIN); err != nil {
			return nil, err
		}
		one := &askerLine{fd: fd, in: make([]byte, 0, 4<<10)}
		a.all[fd] = one
		a.free = append(a.free, one)
	}
	return a, nil
}

// askAtRate sends requests when they are due, whether or not earlier ones have
// come back, and tells how long each took since it was due: a proxy that is slow
// cannot slow the questions down and so hide itself. Arrivals are Poisson's.
func askAtRate(address string, l load, during time.Duration) (answered, error) {
	runtime.LockOSThread()
	a, err := connectAll(address, l)
	if err != nil {
		return answered{}, err
	}
	clock, err := newAlarm()
	if err != nil {
		return answered{}, err
	}
	if err := a.poller.watch(int(clock), syscall.EPOLL_CTL_ADD, syscall.EPOLLIN); err != nil {
		return answered{}, err
	}
	begin := time.Now()
	s := schedule{due: begin, end: begin.Add(during), mean: float64(time.Second) / float64(l.rate), random: rand.New(rand.NewPCG(1, 2))}
	for !a.done(s, time.Now()) {
		if err := a.step(&s, clock); err != nil {
			return answered{}, err
		}
	}
	return a.tell(), nil
}

// schedule is when requests are due.
type schedule struct {
	due, end time.Time
	mean     float64 // nanoseconds between two
	random   *rand.Rand
}

func (s *schedule) over() bool { return !s.due.Before(s.end) }

// patience is how long the last answers are waited for.
const patience = 5 * time.Second

// done says whether nothing is due or under way any more.
func (a *askers) done(s schedule, now time.Time) bool {
	return s.over() && len(a.free) == len(a.all) || now.After(s.end.Add(patience))
}

// step sends what is due and waits for something to happen.
func (a *askers) step(s *schedule, clock alarm) error {
	if len(a.all) == 0 {
		return errors.New("every connection has ended")
	}
	for now := time.Now(); len(a.free) > 0 && !s.due.After(now) && !s.over(); {
		a.send(s.due)
		s.due = s.due.Add(time.Duration(s.random.ExpFloat64() * s.mean))
	}
	if len(a.free) > 0 && !s.over() {
		if err := clock.ring(int64(time.Until(s.due))); err != nil {
			return err
		}
	}
	return a.hear(int(clock))
}

// send asks for one user over a free connection.
func (a *askers) send(due time.Time) {
	one := a.free[len(a.free)-1]
	a.free = a.free[:len(a.free)-1]
	one.due, one.left, one.in = due, -1, one.in[:0]
	a.sent++
	request := fmt.Appendf(nil, "GET %s HTTP/1.1\r\nHost: localhost\r\nX-User: user-%d\r\n\r\n", a.path, a.sent%int64(a.users))
	if n, err := syscall.Write(one.fd, request); err != nil || n < len(request) {
		a.drop(one)
	}
}

func (a *askers) drop(one *askerLine) {
	a.errors++
	delete(a.all, one.fd)
	_ = syscall.Close(one.fd)
}

// hear waits for answers, or for the alarm.
func (a *askers) hear(alarm int) error {
	events, err := a.poller.wait(1000)
	for _, e := range events {
		if int(e.Fd) == alarm {
			var count [8]byte
			_, _ = syscall.Read(alarm, count[:]) // so that it is quiet again
		} else if one := a.all[int(e.Fd)]; one != nil {
			a.read(one)
		}
	}
	return err
}

func (a *askers) read(one *askerLine) {
	var buffer [16 << 10]byte
	n, err := syscall.Read(one.fd, buffer[:])
	if errors.Is(err, syscall.EAGAIN) {
		return
	}
	if err != nil || n <= 0 {
		a.drop(one)
		return
	}
	if one.left >= 0 {
		one.left -= n
	} else {
		one.in = append(one.in, buffer[:n]...)
		one.begin()
	}
	if one.left == 0 {
		a.took = append(a.took, int64(time.Since(one.due)))
		a.free = append(a.free, one)
		if !bytes.HasPrefix(one.in, []byte("HTTP/1.1 200 ")) {
			a.refused++
		}
	}
}

// begin looks for the end of the head and how long the body is.
func (one *askerLine) begin() {
	size := bytes.Index(one.in, []byte("\r\n\r\n")) + 4
	if size < 4 {
		return
	}
	length := 0
	for line := range bytes.Lines(one.in[:size]) {
		if name, value, _ := bytes.Cut(line, []byte(":")); bytes.EqualFold(name, []byte("Content-Length")) {
			_, _ = fmt.Sscan(string(value), &length)
		}
	}
	one.left = size + length - len(one.in)
}

func (a *askers) tell() answered {
	seen := answered{Requests: int64(len(a.took)), Errors: a.sent - int64(len(a.took)) + a.refused}
	slices.Sort(a.took)
	if n := len(a.took); n > 0 {
		seen.P50 = float64(a.took[n/2]) / 1e3
		seen.P99 = float64(a.took[n*99/100]) / 1e3
	}
	return seen
}

// askAndIdle opens connections, sends one request over each and lets them idle.
func askAndIdle(ctx context.Context, address string, l load, during time.Duration) (answered, error) {
	openFiles()
	a, err := connectAll(address, l)
	if err != nil {
		return answered{}, err
	}
	fresh := a.free
	for len(fresh) > 0 {
		n := min(len(fresh), 64) // at once, so that the proxy's own connections are few
		a.free, fresh = fresh[:n:n], fresh[n:]
		for range n {
			a.send(time.Now())
		}
		for want := a.sent; int64(len(a.took))+a.errors < want; {
			if err := a.hear(-1); err != nil {
				return answered{}, err
			}
		}
	}
	select {
	case <-ctx.Done():
	case <-time.After(during):
	}
	return a.tell(), nil
}
