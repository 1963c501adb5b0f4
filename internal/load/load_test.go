package load_test

import (
	"context"
	"math"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stagger-dev/stagger/internal/load"
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
