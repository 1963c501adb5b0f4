package present_test

import (
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

func TestExposureSaysWhoMetTheCandidate(t *testing.T) {
	for want, e := range map[string]stagger.Exposure{
		"":                        {},
		"0 of 12 requests met v2": {All: 12},
		"7 of 12 requests met v2, none of them failed":                              {All: 12, Requests: 7},
		"57 of 10,204 requests met v2, 3 of them failed; about 41 users":            {All: 10_204, Requests: 57, Failed: 3, Users: 41},
		"1 of 2 requests met v2, none of them failed; about 1 user":                 {All: 2, Requests: 1, Users: 1},
		"12,000 of 24,000 requests met v2, 1,200 of them failed; about 9,876 users": {All: 24_000, Requests: 12_000, Failed: 1200, Users: 9876},
	} {
		if got := present.Exposure(e, "v2"); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
