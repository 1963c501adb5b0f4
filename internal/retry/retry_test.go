package retry_test

import (
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/retry"
)

func TestOnlyWhatIsSafeIsSentAgain(t *testing.T) {
	usual := stagger.Retries{Attempts: 3, On: []stagger.RetryOn{
		stagger.RetryOnConnect, stagger.RetryOnBroken, stagger.RetryOn503,
	}}
	asked := usual
	asked.Methods = []string{"POST"}
	for _, row := range []struct {
		rule   string
		asked  stagger.Retries
		sent   int
		method string
		cause  retry.Cause
		status int
		want   bool
	}{
		{"a read that broke", usual, 1, "GET", retry.Broken, 0, true},
		{"a write that broke", usual, 1, "POST", retry.Broken, 0, false},
		{"a write that broke and was declared", asked, 1, "POST", retry.Broken, 0, true},
		{"a write that may be repeated", usual, 1, "PUT", retry.Broken, 0, true},
		{"a write of which nothing was sent", usual, 1, "POST", retry.Unreachable, 0, true},
		{"an answer that is listed", usual, 1, "GET", retry.Answered, 503, true},
		{"an answer that is not", usual, 1, "GET", retry.Answered, 500, false},
		{"a write that was answered", usual, 1, "POST", retry.Answered, 503, false},
		{"one that took too long", usual, 1, "GET", retry.Late, 0, false},
		{"what the proxy refused", usual, 1, "GET", retry.Refused, 0, false},
		{"the last attempt", usual, 3, "GET", retry.Broken, 0, false},
		{"nothing was declared", stagger.Retries{}, 1, "GET", retry.Unreachable, 0, false},
		{"a method that is none", usual, 1, "get", retry.Broken, 0, false},
	} {
		t.Run(row.rule, func(t *testing.T) {
			r := retry.NewRule(row.asked)
			if got := r.Allows(row.sent, row.method, row.cause, row.status); got != row.want {
				t.Errorf("allowed: %v", got)
			}
		})
	}
}

// TestAStormIsBoundedByTheBudget lets everything fail and everything be sent
// again. However requests come: whenever there is a retry, those of the last
// ten seconds are at most a fifth of their requests and three a second; and so
// are all there ever were.
func TestAStormIsBoundedByTheBudget(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		b := retry.Budget{Share: 0.2, Least: 3}
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		var requests, retries []int
		sum := func(of []int, last int) float64 {
			n := 0
			for _, k := range of[max(len(of)-last, 0):] {
				n += k
			}
			return float64(n)
		}
		for range rapid.IntRange(1, 40).Draw(t, "seconds") {
			n := rapid.IntRange(0, 1000).Draw(t, "requests")
			b.Earn(now, uint64(n))
			requests, retries = append(requests, n), append(retries, 0)
			for range rapid.IntRange(0, 3000).Draw(t, "failures") {
				if !b.Spend(now) {
					break
				}
				retries[len(retries)-1]++
				if sum(retries, 10) > 0.2*sum(requests, 10)+30 {
					t.Fatalf("%v retries of %v requests", retries, requests)
				}
			}
			now = now.Add(time.Second)
		}
		if all := len(requests); sum(retries, all) > 0.2*sum(requests, all)+3*float64(all+9) {
			t.Fatalf("%v retries of %v requests", retries, requests)
		}
	})
}

func TestAFewRetriesAreAlwaysLeft(t *testing.T) {
	b := retry.Budget{Share: 0.2, Least: 3}
	now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	spent := 0
	for range 40 {
		if b.Spend(now) {
			spent++
		}
	}
	if spent != 30 {
		t.Errorf("%d retries without a request in ten seconds, want 30", spent)
	}
	if !b.Spend(now.Add(retry.Span)) {
		t.Error("ten seconds later there is none left")
	}
}
