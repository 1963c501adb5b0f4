package dashboard

import (
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// ledger is what each answer of the judge may cost.
func (s *scene) ledger() any {
	if s.Verdict == nil || len(s.Verdict.Ledger) == 0 {
		return nil
	}
	accounts := make([]account, 0, len(s.Verdict.Ledger))
	for _, a := range s.Verdict.Ledger {
		accounts = append(accounts, accountOf(a))
	}
	return accounts
}

// account is a line of the ledger.
type account struct {
	gauge

	Chance string
	Level  string
	Per    string
	Parts  string
}

func accountOf(a stagger.Account) account {
	name, chance, tone := present.Use(a.Use)
	out := account{gauge: gauge{name, tone, present.Evidence(a.Evidence)}, Chance: chance, Level: present.Chance(a.Level), Per: a.Per}
	if len(a.Parts) > 1 {
		var parts []string
		for _, p := range a.Parts {
			parts = append(parts, present.Signal(stagger.Finding{Signal: p.Signal, Slot: p.Slot, Metric: p.Metric})+" "+present.Chance(a.Level*p.Weight))
		}
		out.Parts = strings.Join(parts, " · ")
	}
	return out
}
