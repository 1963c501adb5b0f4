package load_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagger-dev/stagger/internal/load"
	"github.com/stagger-dev/stagger/internal/scenario"
)

func TestRunKeepsItsRateWhateverTheTargetDoes(t *testing.T) {
	for name, slow := range map[string]time.Duration{"fast target": 0, "slow target": 3 * time.Second} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
				defer cancel()
				counts, err := load.Run(ctx, load.Profile{Rate: 200, MaxInFlight: 10_000, Seed: 1}, func(context.Context, uint64, time.Time) {
					time.Sleep(slow)
				})
				if err != nil {
					t.Fatal(err)
				}
				// 4 000 expected, standard deviation 63.
				if math.Abs(float64(counts.Sent)-4000) > 320 || counts.Dropped != 0 {
					t.Errorf("got %+v, want about 4000 sent and none dropped", counts)
				}
			})
		})
	}
}

func TestRunDropsBeyondMaxInFlight(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var mu sync.Mutex
		flying, most := 0, 0
		counts, err := load.Run(ctx, load.Profile{Rate: 100, MaxInFlight: 5, Seed: 2}, func(context.Context, uint64, time.Time) {
			mu.Lock()
			flying++
			most = max(most, flying)
			mu.Unlock()
			time.Sleep(time.Second)
			mu.Lock()
			flying--
			mu.Unlock()
		})
		if err != nil {
			t.Fatal(err)
		}
		if most > 5 || counts.Dropped == 0 {
			t.Errorf("got %d in flight and %+v, want at most 5 and some dropped", most, counts)
		}
	})
}

func TestRunTellsWhenARequestWasDue(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		start := time.Now()
		var mu sync.Mutex
		var last time.Time
		_, err := load.Run(ctx, load.Profile{Rate: 50, MaxInFlight: 1000, Seed: 3}, func(_ context.Context, _ uint64, due time.Time) {
			mu.Lock()
			defer mu.Unlock()
			if due.Before(start) || due.After(time.Now()) {
				t.Errorf("due %v is outside the run, now %v", due, time.Now())
			}
			last = due
		})
		if err != nil {
			t.Fatal(err)
		}
		if last.IsZero() {
			t.Error("nothing was sent")
		}
	})
}

func TestRunRefusesAProfileOutOfBounds(t *testing.T) {
	for name, p := range map[string]load.Profile{
		"no rate":      {Rate: 0, MaxInFlight: 1},
		"not a rate":   {Rate: math.NaN(), MaxInFlight: 1},
		"a huge rate":  {Rate: load.MaxRate + 1, MaxInFlight: 1},
		"no flight":    {Rate: 1},
		"a huge fleet": {Rate: 1, MaxInFlight: load.MaxInFlight + 1},
	} {
		t.Run(name, func(t *testing.T) {
			if _, err := load.Run(t.Context(), p, nil); err == nil {
				t.Errorf("Run(%+v) gave no error", p)
			}
		})
	}
}

func TestRunFollowsAShapeAndEndsWithIt(t *testing.T) {
	shape := scenario.Shape{
		{Length: 10 * time.Second, From: 0, To: 200}, {Length: 10 * time.Second, From: 200, To: 20, Smooth: true}, {Length: 5 * time.Second, From: 10, To: 10},
	}
	for name, even := range map[string]bool{"Poisson": false, "even": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				var mu sync.Mutex
				var perSecond [25]float64
				counts, err := load.Run(t.Context(), load.Profile{Shape: shape, Even: even, MaxInFlight: 1000, Seed: 4}, func(_ context.Context, _ uint64, due time.Time) {
					mu.Lock()
					defer mu.Unlock()
					if !due.Equal(time.Now()) {
						t.Errorf("due %v, made %v", due, time.Now())
					}
					perSecond[min(int(due.Sub(start).Seconds()), 24)]++ // the last may be due at the very end
				})
				if err != nil {
					t.Fatal(err)
				}
				if lasted := time.Since(start); lasted > 25*time.Second || lasted < 24*time.Second {
					t.Errorf("it lasted %s", lasted)
				}
				for i, got := range perSecond {
					want := shape.Count(time.Duration(i+1)*time.Second) - shape.Count(time.Duration(i)*time.Second)
					room := 1.0
					if !even {
						room = 4.5 * math.Sqrt(want)
					}
					if math.Abs(got-want) > room+1 {
						t.Errorf("second %d: %g requests, want %.1f", i, got, want)
					}
				}
				if total := shape.Count(25 * time.Second); even && math.Abs(float64(counts.Sent)-total) > 1 {
					t.Errorf("%d sent, want %g", counts.Sent, total)
				}
			})
		})
	}
}

// TestAnAlarmIsNeverEarly waits in real time, a few milliseconds.
func TestAnAlarmIsNeverEarly(t *testing.T) {
	var mu sync.Mutex
	n := 0
	_, err := load.Run(t.Context(), load.Profile{
		Shape: scenario.Shape{{Length: 30 * time.Millisecond, From: 1000, To: 1000}}, Even: true, MaxInFlight: 100, Exact: true,
	}, func(_ context.Context, _ uint64, due time.Time) {
		mu.Lock()
		defer mu.Unlock()
		n++
		if early := time.Until(due); early > 0 {
			t.Errorf("%s early", early)
		}
	})
	if err != nil || n != 30 {
		t.Errorf("%d requests, %v", n, err)
	}
}
