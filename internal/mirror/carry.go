package mirror

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/stagger-dev/stagger/internal/difference"
)

// carry sends a copy, and compares.
func (c *Copy) carry() {
	defer c.release()
	t, life := c.trial, c.trial.life()
	if life.Err() != nil {
		c.Drop(Ended)
		return
	}
	pair := t.repeats(c.request.Method)
	// The answers are held before they are asked for.
	if !c.hold(2 * int64(t.mirror.options.Body)) {
		return
	}
	ctx, cancel := context.WithTimeout(life, t.mirror.options.Timeout)
	defer cancel()
	var candidate, second reply
	// At the same moment, or the two could be told apart by it.
	var both sync.WaitGroup
	if pair {
		both.Go(func() { second = c.ask(ctx, c.request.Again) })
	}
	begun := time.Now()
	candidate = c.ask(ctx, c.request.To)
	took := time.Since(begun)
	both.Wait()
	switch {
	case life.Err() != nil:
		c.Drop(Ended)
	case candidate.answer == nil:
		c.Drop(candidate.reason)
	case pair && second.answer == nil:
		c.Drop(second.reason)
	default:
		t.add(c.compare(candidate, second, pair), candidate.answer, took)
	}
}

// compare holds both answers against the user's.
func (c *Copy) compare(candidate, second reply, pair bool) difference.Outcome {
	c.trial.mirror.comparing.Lock()
	defer c.trial.mirror.comparing.Unlock()
	o := difference.Outcome{Method: c.request.Method, Target: c.request.URL.Path, Pair: pair}
	first := c.answer.whole()
	o.Candidate = c.trial.compare(first, candidate.answer)
	if pair {
		o.Noise = c.trial.compare(first, second.answer)
	}
	return o
}

// reply is what became of a copy that was sent: an answer, or the reason why it
// is given up.
type reply struct {
	answer *difference.Answer
	reason Reason
}

// troubled is an answer that did not come.
func troubled(ctx context.Context) reply {
	return reply{answer: &difference.Answer{Trouble: trouble(ctx)}}
}

// ask sends the copy to a version, and reads the answer.
func (c *Copy) ask(ctx context.Context, v Version) reply {
	k := kept{bound: c.trial.mirror.options.Body}
	response, err := v.Send(c.outbound(ctx))
	switch {
	case errors.Is(err, ErrFull):
		return reply{reason: Full}
	case err != nil:
		return troubled(ctx)
	}
	defer func() { _ = response.Body.Close() }()
	buffer, _ := pieces.Get().(*[16 << 10]byte)
	defer pieces.Put(buffer)
	for {
		n, err := response.Body.Read(buffer[:])
		if n > 0 {
			k.write(buffer[:n])
		}
		switch {
		case errors.Is(err, io.EOF):
			k.Status, k.Header = response.StatusCode, response.Header
			return reply{answer: k.whole()}
		case err != nil:
			return troubled(ctx)
		case k.Length > c.trial.mirror.options.Whole:
			return reply{reason: Long}
		}
	}
}

// pieces are the buffers that answers pass through.
var pieces = sync.Pool{New: func() any { return new([16 << 10]byte) }}

// trouble says why there is no answer.
func trouble(ctx context.Context) string {
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		return "timeout"
	}
	return "the connection failed"
}

// outbound makes the request anew.
func (c *Copy) outbound(ctx context.Context) *http.Request {
	r := &c.request
	header := r.Header.Clone()
	header.Del("Expect")
	header.Del("Content-Length")
	header.Set(Mark, "1")
	out := &http.Request{
		Method: r.Method,
		URL: &url.URL{
			Scheme: "http", Path: r.URL.Path, RawPath: r.URL.RawPath, RawQuery: r.URL.RawQuery, ForceQuery: r.URL.ForceQuery,
		},
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Host: r.Host,
	}
	if r.Length > 0 {
		out.Body, out.ContentLength = io.NopCloser(bytes.NewReader(c.body.bytes)), r.Length
	}
	return out.WithContext(ctx)
}

// compare compares an answer with the first, unpacked where both are packed.
func (t *Trial) compare(first, other *difference.Answer) []difference.Place {
	if first.Sum != other.Sum || first.Length != other.Length {
		a, packed := unpacked(first, t.mirror.options.Body)
		b, too := unpacked(other, t.mirror.options.Body)
		if packed && too {
			first, other = a, b
		}
	}
	return t.rules.Compare(first, other)
}
