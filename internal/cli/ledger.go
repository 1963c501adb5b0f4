package cli

import (
	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// ledgerBar is how wide the evidence of an account is drawn.
const ledgerBar = 20

// writeLedger writes what each answer may cost in false alarms, and how far it
// is.
func (s *session) writeLedger(accounts []stagger.Account) error {
	if len(accounts) == 0 {
		return nil
	}
	var t table
	style := s.style()
	t.add("MAY COST", "CHANCE", "PER", "EVIDENCE", "")
	for _, a := range accounts {
		name, _, tone := present.Use(a.Use)
		t.add(name, present.Chance(a.Level), a.Per, style.Gauge(tone, present.Evidence(a.Evidence), ledgerBar), way(a.Evidence))
	}
	return s.print("\n%s", &t)
}
