package cli

import (
	"fmt"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli/live"
	"github.com/stagger-dev/stagger/internal/present"
)

// findings is a table of what each guardrail sees.
func findings(style live.Style, fs []stagger.Finding) *table {
	t := &table{}
	t.add("FINDING", "BASELINE", "CANDIDATE", "RATIO", "BETWEEN", "LIMIT", "SUSPECT", "ROLLBACK", "HEALTHY")
	for _, f := range fs {
		sign := present.Finding(f)
		t.add(style.Tone(sign.Tone, sign.Symbol)+" "+present.Signal(f),
			present.Level(f.Signal, f.Baseline), present.Level(f.Signal, f.Candidate), present.Estimate(f), present.Interval(f),
			present.Ratio(f.Tolerance), way(f.Suspect), way(f.Rollback), way(f.Healthy))
	}
	return t
}

// way is how far evidence is on its way, in percent.
func way(e float64) string { return fmt.Sprintf("%.0f%%", 100*present.Evidence(e)) }
