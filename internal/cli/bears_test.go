package cli

import (
	"testing"

	"github.com/stagger-dev/stagger"
)

func TestAServiceTellsWhatItBears(t *testing.T) {
	for _, row := range []struct {
		rule, want string
		status     stagger.ServiceStatus
	}{
		{"nothing is declared", "–", stagger.ServiceStatus{}},
		{"all is well", "v1 42% of 20, v2 0% of 20", stagger.ServiceStatus{Strain: []stagger.Strain{
			{Version: "v1", Circuit: "closed", Limit: 20, Saturation: 0.42}, {Version: "v2", Circuit: "closed", Limit: 20},
		}}},
		{"only a circuit, closed", "–", stagger.ServiceStatus{Strain: []stagger.Strain{{Version: "v1", Circuit: "closed"}}}},
		{"all is not", "v2 circuit open, search static", stagger.ServiceStatus{
			Strain:   []stagger.Strain{{Version: "v1", Circuit: "closed"}, {Version: "v2", Circuit: "open", Why: "5 failures in a row"}},
			Degraded: []stagger.Degraded{{Route: "search", Mode: "static", Reason: "circuit"}},
		}},
	} {
		t.Run(row.rule, func(t *testing.T) {
			if got := bears(row.status); got != row.want {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}
