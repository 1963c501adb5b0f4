package judge

import "github.com/stagger-dev/stagger"

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

// tell says to a person what a finding is, and what was allowed for.
func (j *Judge) tell(f *stagger.Finding, b *bank) string {
	p := &j.phrase
	*p = (*p)[:0]
	requests := j.state.Totals.Arms[armCandidate].Requests
	if f.Signal == stagger.SignalShadow {
		j.tellMirrored(p, f, b)
		return string(*p)
	}
	if requests == 0 {
		return "nothing to compare yet"
	}
	switch f.Signal {
	case stagger.SignalLatency:
		j.tellLatency(p, f, requests)
	case stagger.SignalRetries, stagger.SignalCount:
		p.add(j.tellHeard(f, b, requests))
	case stagger.SignalSaturation, stagger.SignalGauge:
		p.add(j.tellLevel(f))
	default:
		j.tellShare(p, f, requests)
	}
	p.allowance(f)
	return string(*p)
}

func (j *Judge) tellLatency(p *phrase, f *stagger.Finding, requests uint64) {
	switch {
	case f.Candidate == 0 && f.Suspect >= 1:
		p.add(j.config.Candidate, " is slower than ", j.config.Baseline, " at ", f.Slot, "; too few requests yet to say by how much")
		return
	case f.Candidate == 0:
		p.add(f.Slot, ": too few requests to tell")
		return
	}
	p.add(j.config.Candidate, " takes ")
	p.duration(f.Candidate)
	p.add(" at ", f.Slot, " against ")
	p.duration(f.Baseline)
	p.add(" for ", j.config.Baseline, " in the same seconds")
	p.where(f)
	p.bounds(f, (*phrase).duration)
	p.add(", ")
	p.count(requests)
	p.add(" candidate requests; the limit is +")
	p.percent(f.Tolerance - 1)
}

func (j *Judge) tellShare(p *phrase, f *stagger.Finding, requests uint64) {
	does := " fails "
	if f.Signal == stagger.SignalGoodput {
		does = " answers too late or never "
	}
	p.add(j.config.Candidate, does)
	p.percent(f.Candidate)
	p.add(" of requests against ")
	p.percent(f.Baseline)
	p.add(" for ", j.config.Baseline, " in the same seconds")
	p.where(f)
	p.bounds(f, (*phrase).percent)
	p.add(", ")
	p.count(requests)
	p.add(" candidate requests; the limit is ")
	p.short(f.Tolerance)
	p.add(" times the odds")
}

// where says which route contributes most, where one does.
func (p *phrase) where(f *stagger.Finding) {
	if f.Route != "" {
		p.add(", most of them on ", f.Route)
	}
}

// allowance says what was allowed for dependence, if anything was.
func (p *phrase) allowance(f *stagger.Finding) {
	switch f.Rung {
	case rungNames[rungUsers]:
		p.add("; failures come in clumps, so each user counts once")
	case rungNames[rungBlocks]:
		p.add("; failures come in clumps, so each minute has one vote")
	case rungNames[rungTempered]:
		if f.Dispersion < descendBelow {
			return
		}
		p.add("; requests come in clumps (")
		p.short(f.Dispersion)
		p.add(" times the variance of independent ones), so evidence counts less")
	}
}

// bounds says between what the candidate's level and the ratio lie.
func (p *phrase) bounds(f *stagger.Finding, level func(*phrase, float64)) {
	open := " ("
	switch {
	case f.CandidateHigh > 0:
		p.add(open, "interval ")
		level(p, f.CandidateLow)
		p.add(" to ")
		level(p, f.CandidateHigh)
		open = ", "
	case f.CandidateLow > 0:
		p.add(open)
		level(p, f.CandidateLow)
		p.add(" at least")
		open = ", "
	}
	switch {
	case f.Low > 0 && f.High > 0:
		p.add(open, "ratio ")
		p.short(f.Low)
		p.add(" to ")
		p.short(f.High)
		open = ", "
	case f.Low > 0:
		p.add(open, "ratio at least ")
		p.short(f.Low)
		open = ", "
	case f.High > 0:
		p.add(open, "ratio at most ")
		p.short(f.High)
		open = ", "
	}
	if open == ", " {
		p.add(")")
	}
}

// certainty says how likely an answer on a level is to be wrong.
func certainty(alpha float64) string { return "; chance of being wrong at most " + percent(alpha) }
