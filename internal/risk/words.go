package risk

import (
	"fmt"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
)

// Words says what the harm is, as people would: "a doubled error rate".
func (h Harm) Words() string {
	percent := func(x float64) string { return strconv.FormatFloat(100*x, 'g', 4, 64) + "%" }
	switch {
	case h.Signal == stagger.SignalLatency && h.quantile == 0.5:
		return "every request taking " + percent(h.increase) + " longer"
	case h.Signal == stagger.SignalLatency:
		return fmt.Sprintf("a p%s that is %s slower", strconv.FormatFloat(100*h.quantile, 'f', -1, 64), percent(h.increase))
	case h.ratio == 2:
		return "a doubled error rate"
	case h.ratio == 3:
		return "a tripled error rate"
	case h.ratio > 0:
		return strconv.FormatFloat(h.ratio, 'g', 4, 64) + " times the error rate"
	case h.more > 0:
		return percent(h.more) + " more of all requests failing"
	case h.share == 1:
		return "every request failing"
	}
	return percent(h.share) + " of all requests failing"
}

// blind is the chance below which a stage does not see a harm at all.
const blind = 0.05

// sentence says what a stage can see of a harm.
func (p Prospect) sentence(s stagger.Stage) string {
	stay := s.Weight.String() + " without end"
	if s.Timebox > 0 {
		stay = fmt.Sprintf("%s for %s", s.Weight, span(s.Timebox))
	}
	switch {
	case p.Tolerated:
		return fmt.Sprintf("%s is within what the guardrail tolerates: no weight and no time would roll it back", p.Means)
	case p.Sees && s.Timebox > 0 && p.Rollback.Most > s.Timebox.Seconds():
		return fmt.Sprintf("%s sees %s in %.0f of 100 rollouts, half of them within %s", stay, p.Means, 100*p.Seen, span(tidy(p.Rollback.Half)))
	case p.Sees:
		return fmt.Sprintf("%s sees %s: half of the rollouts within %s, nine in ten within %s", stay, p.Means, span(tidy(p.Rollback.Half)), span(tidy(p.Rollback.Most)))
	case p.Passed > 1-enough:
		return fmt.Sprintf("%s cannot be relied on to see %s: %.0f of 100 rollouts take it for healthy and go on", stay, p.Means, 100*p.Passed)
	case p.Rollback.Most == 0:
		return fmt.Sprintf("%s cannot see %s, and no longer time can", stay, p.Means)
	}
	sees := "cannot see"
	if p.Seen > blind {
		sees = "cannot be relied on to see"
	}
	return fmt.Sprintf("%s %s %s, found in %.0f of 100 rollouts; %s can", stay, sees, p.Means, 100*p.Seen, span(roundUp(seconds(p.Rollback.Most))))
}

// tidy leaves of seconds what a forecast can know.
func tidy(s float64) time.Duration {
	d := seconds(s)
	switch {
	case d > time.Hour:
		return d.Round(time.Minute)
	case d > 10*time.Minute:
		return d.Round(10 * time.Second)
	}
	return d.Round(time.Second)
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
