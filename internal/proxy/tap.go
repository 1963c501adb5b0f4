package proxy

import (
	"cmp"
	"context"
	"crypto/rand"
	"errors"
	"hash/maphash"
	"math"
	chance "math/rand/v2"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/capture"
)

// The bounds of what waits to be written: requests, and bytes of them.
const (
	tapRequests = 1024
	tapBytes    = 16 << 20
)

// tap is a capture under way: requests choose themselves and wait to be
// written. What is written too slowly is dropped; no request waits for it.
//
// Invariant: what waits here is as it came, secrets and all. Only write takes it
// out, and nothing leaves write that was not masked.
type tap struct {
	began  time.Time
	order  capture.Order
	masker *capture.Masker
	users  maphash.Seed
	limit  uint64 // below which chance chooses

	waiting chan capture.Raw
	held    atomic.Int64 // bytes
	kept    atomic.Uint64
	dropped atomic.Uint64
	skipped atomic.Uint64
}

// tapOf is where the requests of one service look for a capture. It stays when
// the split and the services change.
type tapOf struct{ atomic.Pointer[tap] }

func newTap(o capture.Order) *tap {
	// The key is in memory only and goes with the capture.
	key := make([]byte, 32)
	_, _ = rand.Read(key) // it never fails
	return &tap{
		began: time.Now(), order: o, masker: capture.NewMasker(o.Rules, key), users: maphash.MakeSeed(),
		limit: uint64(min(o.Share, 1) * math.MaxUint64), waiting: make(chan capture.Raw, tapRequests),
	}
}

// chooses says whether a request of a user is captured.
func (t *tap) chooses(user string) bool {
	if t.order.Share >= 1 {
		return true
	}
	if t.order.Users {
		return maphash.String(t.users, user) < t.limit
	}
	return chance.Uint64() < t.limit
}

// put lets a request wait to be written, if there is room.
func (t *tap) put(r capture.Raw) {
	size := weigh(r)
	if t.held.Add(size) <= tapBytes {
		select {
		case t.waiting <- r:
			return
		default:
		}
	}
	t.held.Add(-size)
	t.dropped.Add(1)
}

func weigh(r capture.Raw) int64 {
	n := len(r.Path) + len(r.Query) + len(r.Body) + 200
	for _, h := range r.Header {
		n += len(h.Name) + len(h.Value)
	}
	return int64(n)
}

// Captured is what a capture under way has done so far.
type Captured struct {
	Service                string
	Kept, Dropped, Skipped uint64
}

// Captures returns the captures under way.
func (p *Proxy) Captures() []Captured {
	var all []Captured
	for _, s := range p.table.Load().services {
		if t := s.tap.Load(); t != nil {
			all = append(all, Captured{s.service.Name, t.kept.Load(), t.dropped.Load(), t.skipped.Load()})
		}
	}
	return all
}

// Capture hands lines of a capture to out, each a line of JSON with its newline,
// until the order is carried out or ctx ends, which is no error. One capture of
// a service is under way at a time. Its errors are *stagger.Error, or those of
// out.
func (p *Proxy) Capture(ctx context.Context, o capture.Order, out func(line []byte) error) error {
	o, err := o.Complete()
	if err != nil {
		return refuse(stagger.CodeInvalid, "capture: %v", err)
	}
	now, _ := p.table.Load().service(o.Service)
	if now == nil {
		return unknown(o.Service)
	}
	t := newTap(o)
	if refused := t.masker.Refused(); len(refused) > 0 {
		return refuse(stagger.CodeInvalid, "capture: %s may hold secrets; leave it out, or allow it by name (never credentials or cookies)", strings.Join(refused, ", "))
	}
	if !now.tap.CompareAndSwap(nil, t) {
		return refuse(stagger.CodeConflict, "requests of %s are being captured already; wait for that to end", o.Service)
	}
	defer now.tap.CompareAndSwap(t, nil)
	return t.write(ctx, out)
}

// errFull ends a capture whose bounds are reached.
var errFull = errors.New("the capture is full")

// write masks and writes what comes until the end.
func (t *tap) write(ctx context.Context, out func([]byte) error) error {
	w := tapWriter{tap: t, out: out}
	if err := w.line(capture.Line{Head: &capture.Head{
		Format: capture.Format, Service: t.order.Service, Began: t.began.UTC(), Share: t.order.Share,
	}}); err != nil {
		return err
	}
	why, err := w.requests(ctx)
	if err != nil {
		return err
	}
	return w.line(capture.Line{End: &capture.End{Why: why, Kept: t.kept.Load(), Dropped: t.dropped.Load(), Skipped: t.skipped.Load()}})
}

// tapWriter writes the lines of one capture.
type tapWriter struct {
	*tap

	out     func([]byte) error
	written int64
}

func (w *tapWriter) line(l capture.Line) error {
	data, err := capture.Encode(l)
	if err != nil {
		return err
	}
	if l.Request != nil && w.written+int64(len(data)) > w.order.Bytes {
		return errFull
	}
	w.written += int64(len(data))
	return w.out(data)
}

// requests writes requests and says why it ended.
func (w *tapWriter) requests(ctx context.Context) (why string, err error) {
	timer := time.NewTimer(w.order.For)
	defer timer.Stop()
	for w.kept.Load() < uint64(w.order.Requests) {
		select {
		case <-ctx.Done():
			return w.rest(capture.EndStopped)
		case <-timer.C:
			return w.rest(capture.EndTime)
		case r := <-w.waiting:
			if why, err := w.request(r); why != "" || err != nil {
				return why, err
			}
		}
	}
	return capture.EndRequests, nil
}

// rest writes what waits when the end comes.
func (w *tapWriter) rest(end string) (why string, err error) {
	for range len(w.waiting) {
		if why, err := w.request(<-w.waiting); why != "" || err != nil {
			return why, err
		}
	}
	return end, nil
}

// request writes a request, or says why no more is written.
func (w *tapWriter) request(r capture.Raw) (why string, err error) {
	w.held.Add(-weigh(r))
	slices.SortStableFunc(r.Header, func(a, b capture.Header) int { return cmp.Compare(a.Name, b.Name) })
	kept := w.masker.Request(r)
	switch err := w.line(capture.Line{Request: &kept}); {
	case errors.Is(err, errFull):
		return capture.EndBytes, nil
	case err != nil:
		return "", err
	}
	w.kept.Add(1)
	return "", nil
}
