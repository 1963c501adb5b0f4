package load

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// Recording is what became of the requests that were due in each second of a
// run, in the form that 'stagger judge' reads: two runs can be compared by the
// judge of live rollouts.
type Recording struct {
	mu      sync.Mutex
	seconds []second
}

// second is the requests due in one second. Those that the run's end cut off
// are left out, as nobody waited for them.
type second struct {
	started, failed uint64
	counts          map[int32]uint64 // of latencies, by bucket
}

// add counts a request that was due so long after the beginning.
func (r *Recording) add(due, latency time.Duration, failed bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	s := r.at(int(due / time.Second))
	s.started++
	if failed {
		s.failed++
	}
	s.counts[histogram.Index(latency)]++
}

// at returns a second, with all before it.
func (r *Recording) at(i int) *second {
	for len(r.seconds) <= i {
		r.seconds = append(r.seconds, second{counts: make(map[int32]uint64)})
	}
	return &r.seconds[i]
}

// recorded is one line of a recording.
type recorded struct {
	At      time.Time `json:"at"`
	Seconds float64   `json:"seconds"`
	Started uint64    `json:"started"`
	Failed  uint64    `json:"failed"`
	Latency struct {
		Schema  int               `json:"schema"`
		Buckets map[string]uint64 `json:"buckets"`
	} `json:"latency"`
}

// Write writes the whole seconds of a run that began at a time.
func (r *Recording) Write(to io.Writer, began time.Time, length time.Duration) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	whole := int(length / time.Second)
	if whole > 0 {
		r.at(whole - 1)
	}
	out := bufio.NewWriter(to)
	encoder := json.NewEncoder(out)
	for i := range r.seconds[:min(whole, len(r.seconds))] {
		s := &r.seconds[i]
		line := recorded{At: began.Add(time.Duration(i) * time.Second).UTC().Truncate(time.Millisecond), Seconds: 1, Started: s.started, Failed: s.failed}
		line.Latency.Schema, line.Latency.Buckets = stagger.HistogramSchema, make(map[string]uint64, len(s.counts))
		for index, n := range s.counts {
			line.Latency.Buckets[strconv.Itoa(int(index))] = n
		}
		if err := encoder.Encode(line); err != nil {
			return fmt.Errorf("write the recording: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write the recording: %w", err)
	}
	return nil
}
