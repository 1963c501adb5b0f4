package demo

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/stagger-dev/stagger/internal/load"
)

// users is how many different people the demo's traffic comes from; one in
// staffEvery of them works for the shop.
const (
	users      = 5000
	staffEvery = 10
)

// StaffShare is the part of the demo's people that works for the shop.
const StaffShare = 1.0 / staffEvery

// traffic sends requests as those people would, and keeps what they met.
type traffic struct {
	target  string
	profile load.Profile
	client  *http.Client

	sent      atomic.Uint64
	candidate atomic.Uint64 // requests the candidate answered
	failed    atomic.Uint64 // of those

	mu      sync.Mutex
	random  *rand.Rand
	exposed map[int]bool // people who met the candidate
}

func newTraffic(target string, rps float64, seed uint64) *traffic {
	return &traffic{
		target:  target,
		profile: load.Profile{Rate: rps, MaxInFlight: 2000, Seed: seed},
		client: &http.Client{
			Timeout:   10 * time.Second,
			Transport: &http.Transport{MaxIdleConnsPerHost: 512},
		},
		random:  rand.New(rand.NewPCG(seed, 2)),
		exposed: make(map[int]bool),
	}
}

// run sends until ctx ends.
func (t *traffic) run(ctx context.Context) error {
	defer t.client.CloseIdleConnections()
	_, err := load.Run(ctx, t.profile, func(ctx context.Context, _ uint64, _ time.Time) { t.visit(ctx) })
	return err
}

// visit sends one request of a random user.
func (t *traffic) visit(ctx context.Context) {
	user := t.pick()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, t.target+"/", http.NoBody)
	if err != nil {
		return // the target is ours and well formed
	}
	request.Header.Set(userHeader, fmt.Sprintf("user-%d", user))
	if user%staffEvery == 0 {
		request.Header.Set(groupHeader, internalGroup)
	}
	t.sent.Add(1)
	response, err := t.client.Do(request)
	if err != nil {
		return // at the end of the run, or the proxy's limit
	}
	defer func() { _ = response.Body.Close() }()
	_, _ = io.Copy(io.Discard, response.Body)
	if response.Header.Get(versionHeader) == candidate {
		t.met(user, response.StatusCode)
	}
}

func (t *traffic) pick() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.random.IntN(users)
}

func (t *traffic) met(user, status int) {
	t.candidate.Add(1)
	if status >= http.StatusInternalServerError {
		t.failed.Add(1)
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.exposed[user] = true
}

// reached returns how many people met the candidate.
func (t *traffic) reached() int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.exposed)
}
