package judge

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/stagger-dev/stagger"
)

// blame names the signal that brings the most evidence. It says so in the words
// of the slot of that signal which brings the most of what can be put in
// numbers: a tail may be proved before it is measured.
func (j *Judge) blame(of share) (stagger.Signal, string) {
	most := j.strongest(of, func(int) bool { return true })
	if most < 0 {
		return "", ""
	}
	signal := j.slots[most].guardrail.Signal
	told := j.strongest(of, func(i int) bool {
		f := j.finding(i)
		_, evidence := of(i)
		harmed := evidence > 1 || f.Estimate > f.Tolerance
		return f.Signal == signal && f.Candidate > 0 && harmed
	})
	if told < 0 {
		told = most
	}
	return signal, j.sentence(told)
}

// strongest is the slot that brings the most of those that have a share and may
// be chosen, -1 if none may.
func (j *Judge) strongest(of share, may func(i int) bool) int {
	best, most := -1, 0.0
	for i := range j.slots {
		w, evidence := of(i)
		if w > 0 && may(i) && (best < 0 || w*evidence > most) {
			best, most = i, w*evidence
		}
	}
	return best
}

func (j *Judge) errorsSlot() int {
	for i, s := range j.slots {
		if s.guardrail.Signal == stagger.SignalErrors {
			return i
		}
	}
	return 0
}

func (j *Judge) sentence(i int) string {
	if i >= len(j.slots) {
		return ""
	}
	return j.finding(i).Sentence
}

// tell says to a person what a finding is.
func (j *Judge) tell(f stagger.Finding, b *bank) string {
	requests := j.state.Totals.Arms[armCandidate].Requests
	if requests == 0 {
		return "nothing to compare yet"
	}
	switch f.Signal {
	case stagger.SignalLatency:
		return j.tellLatency(f, requests)
	case stagger.SignalRetries, stagger.SignalCount:
		return j.tellHeard(f, b, requests)
	case stagger.SignalSaturation, stagger.SignalGauge:
		return j.tellLevel(f)
	default:
		return j.tellShare(f, requests)
	}
}

func (j *Judge) tellLatency(f stagger.Finding, requests uint64) string {
	switch {
	case f.Candidate == 0 && f.Suspect >= 1:
		return fmt.Sprintf("%s is slower than %s at %s; too few requests yet to say by how much", j.config.Candidate, j.config.Baseline, f.Slot)
	case f.Candidate == 0:
		return fmt.Sprintf("%s: too few requests to tell", f.Slot)
	}
	return fmt.Sprintf("%s takes %s at %s against %s for %s in the same seconds%s, %s candidate requests; the limit is +%s",
		j.config.Candidate, duration(f.Candidate), f.Slot, duration(f.Baseline), j.config.Baseline,
		bounds(f, duration), count(requests), percent(f.Tolerance-1))
}

func (j *Judge) tellShare(f stagger.Finding, requests uint64) string {
	does, where := "fails", ""
	if f.Signal == stagger.SignalGoodput {
		does = "answers too late or never"
	}
	if f.Route != "" {
		where = ", most of them on " + f.Route
	}
	return fmt.Sprintf("%s %s %s of requests against %s for %s in the same seconds%s%s, %s candidate requests; the limit is %s times the odds",
		j.config.Candidate, does, percent(f.Candidate), percent(f.Baseline), j.config.Baseline,
		where, bounds(f, percent), count(requests), short(f.Tolerance))
}

// allowance says what was allowed for dependence, if anything was.
func allowance(f stagger.Finding) string {
	switch f.Rung {
	case rungNames[rungUsers]:
		return "; failures come in clumps, so each user counts once"
	case rungNames[rungBlocks]:
		return "; failures come in clumps, so each minute has one vote"
	case rungNames[rungTempered]:
		if f.Dispersion < descendBelow {
			return ""
		}
		return fmt.Sprintf("; requests come in clumps (%s times the variance of independent ones), so evidence counts less", short(f.Dispersion))
	default:
		return ""
	}
}

// bounds says between what the candidate's level and the ratio lie.
func bounds(f stagger.Finding, write func(float64) string) string {
	var parts []string
	switch {
	case f.CandidateHigh > 0:
		parts = append(parts, fmt.Sprintf("interval %s to %s", write(f.CandidateLow), write(f.CandidateHigh)))
	case f.CandidateLow > 0:
		parts = append(parts, write(f.CandidateLow)+" at least")
	}
	switch {
	case f.Low > 0 && f.High > 0:
		parts = append(parts, fmt.Sprintf("ratio %s to %s", short(f.Low), short(f.High)))
	case f.Low > 0:
		parts = append(parts, "ratio at least "+short(f.Low))
	case f.High > 0:
		parts = append(parts, "ratio at most "+short(f.High))
	}
	if len(parts) == 0 {
		return ""
	}
	return " (" + strings.Join(parts, ", ") + ")"
}

// certainty says how likely an answer on a level is to be wrong.
func certainty(alpha float64) string {
	return fmt.Sprintf("; chance of being wrong at most %s", percent(alpha))
}

// short writes a number with as many digits as people read.
func short(v float64) string {
	switch {
	case v >= 100:
		return strconv.FormatFloat(v, 'f', 0, 64)
	case v >= 10:
		return strconv.FormatFloat(v, 'f', 1, 64)
	default:
		return strings.TrimSuffix(strings.TrimRight(strconv.FormatFloat(v, 'f', 2, 64), "0"), ".")
	}
}

func percent(share float64) string { return short(100*share) + "%" }

func duration(seconds float64) string {
	if seconds < 1 {
		return short(1000*seconds) + " ms"
	}
	return short(seconds) + " s"
}

// count writes a whole number in groups of three.
func count(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var groups []string
	for len(digits) > 3 {
		groups = append([]string{digits[len(digits)-3:]}, groups...)
		digits = digits[:len(digits)-3]
	}
	return strings.Join(append([]string{digits}, groups...), ",")
}
