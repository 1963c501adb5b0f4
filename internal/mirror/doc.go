// Package mirror sends copies of requests to the candidate and compares what it
// answers with what the baseline answered.
//
// A copy is sent once the user has the whole of the answer, so nothing about it
// can delay or change that. Whether a request is copied is drawn for each one: a
// copy exposes nobody, so there is nobody to keep on a side, and independent
// draws see rare requests too. Most copies go to the baseline a second time at
// the same moment, which tells what differs by itself (package difference); those
// of methods that are not safe never do, as the baseline's data is real.
//
// Copies are what is dropped first. Everything that waits is bounded: the bytes
// that are held, the copies that wait, those that are under way. When the
// baseline is busy, or the candidate has no healthy endpoint, none is made. What
// was dropped is counted by reason.
//
// What is counted here is counted apart: a copy is no request of a user and
// stands in no series of package meter.
package mirror

import "time"

// Options bound what mirroring may cost. A zero value takes the default.
type Options struct {
	// Bytes is how much is held of requests and answers at most, of all services
	// together; 16 MiB. One comparison at a time takes up to 7 MiB on top for
	// JSON of 64 KiB, four times that where it was packed.
	Bytes   int64
	Body    int           // of the body of a request or of an answer; 64 KiB
	Whole   int64         // an answer that is longer is not compared; 16 MiB
	Queue   int           // copies that wait; 256
	Busy    int64         // requests of users per endpoint of the baseline beyond which nothing is mirrored; 64
	Workers int           // copies under way at once; 8
	Timeout time.Duration // until an answer is complete; 10 s
	Late    time.Duration // a copy whose answer took longer is not sent; 30 s
}

func (o Options) withDefaults() Options {
	o.Bytes = orDefault(o.Bytes, 16<<20)
	o.Body = orDefault(o.Body, 64<<10)
	o.Whole = orDefault(o.Whole, 16<<20)
	o.Queue = orDefault(o.Queue, 256)
	o.Workers = orDefault(o.Workers, 8)
	o.Timeout = orDefault(o.Timeout, 10*time.Second)
	o.Busy = orDefault(o.Busy, 64)
	o.Late = orDefault(o.Late, 30*time.Second)
	return o
}

func orDefault[T int | int64 | time.Duration](v, def T) T {
	if v <= 0 {
		return def
	}
	return v
}
