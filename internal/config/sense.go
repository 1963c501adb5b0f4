package config

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// Check says why start cannot be carried out on these services by a data plane
// of these abilities: an unknown service or version, a plan that makes no
// sense, or one that asks for more than the data plane can do. Its error is a
// *stagger.Error that names everything that is missing.
func Check(start stagger.Start, services []stagger.Service, can stagger.Abilities) error {
	faults := versionFaults(start, services)
	faults = append(faults, planFaults(start.Plan)...)
	faults = append(faults, exposureFaults(start, services)...)
	faults = append(faults, abilityFaults(start.Plan, can)...)
	if len(faults) == 0 {
		return nil
	}
	lines := make([]string, len(faults))
	for i, f := range faults {
		lines[i] = f.path + ": " + f.message
	}
	return &stagger.Error{Code: stagger.CodeInvalid, Message: strings.Join(lines, "\n")}
}

func versionFaults(start stagger.Start, services []stagger.Service) []fault {
	var names []string
	for _, s := range services {
		if s.Name != start.Service {
			names = append(names, s.Name)
			continue
		}
		if _, ok := s.Version(start.Candidate); !ok {
			return []fault{faultf("candidate", "%s has no version %q; write one of %s", s.Name, start.Candidate, versionNames(s))}
		}
		return nil // whether it is the baseline, the record knows
	}
	return []fault{faultf("service", "there is no service %q; write one of %s", start.Service, strings.Join(names, ", "))}
}

// maxWarmUp bounds the half-life of the allowance for a candidate that has just
// started: a longer one would outlive most rollouts.
const maxWarmUp = time.Hour

// planFaults finds what makes no sense in a plan.
func planFaults(p stagger.Plan) []fault {
	var out []fault
	out = append(out, keyFaults(p)...)
	if len(p.Stages) == 0 {
		out = append(out, faultf("stages", "there is no stage; write at least one, or a preset"))
	}
	if len(p.Stages) > maxStages {
		return append(out, faultf("stages", "there are %d stages; write at most %d", len(p.Stages), maxStages))
	}
	names := map[string]bool{}
	before := stagger.WeightNone
	for i, s := range p.Stages {
		path := fmt.Sprintf("stages[%d]", i)
		out = append(out, stageFaults(path, s, before)...)
		if names[s.Name] {
			out = append(out, faultf(path+".name", "another stage is named %s; choose another name", s.Name))
		}
		names[s.Name] = true
		before = s.Weight
	}
	if p.Bake.Time < 0 || p.Shed.Patience < 0 || p.Blind.After < 0 {
		out = append(out, faultf("bake", "a time is less than nothing; write one from 0s on"))
	}
	if p.Shed.Probe > stagger.WeightFull {
		out = append(out, faultf("shed.probe", "%s is not a share of traffic; write 0 to 100", p.Shed.Probe))
	}
	if p.WarmUp < 0 || p.WarmUp > maxWarmUp {
		out = append(out, faultf("warm_up", "%s is out of range; write 0s to 1h", short(p.WarmUp)))
	}
	out = append(out, shadowFaults(p)...)
	return append(out, guardrailFaults(p.Guardrails)...)
}

func keyFaults(p stagger.Plan) []fault {
	set := 0
	for _, is := range []bool{p.Key.Header != "", p.Key.Cookie != "", p.Key.ClientAddress} {
		if is {
			set++
		}
	}
	var out []fault
	if set != 1 {
		out = append(out, faultf("cohort.key", "%d keys are set; write exactly one of header, cookie, client_address: true", set))
	}
	if strings.ContainsRune(p.Seed, 0) || len(p.Seed) > 200 {
		out = append(out, faultf("cohort.seed", "the seed has more than 200 bytes or a zero byte; write a short text"))
	}
	return out
}

func stageFaults(path string, s stagger.Stage, before stagger.Weight) []fault {
	var out []fault
	switch {
	case s.Weight > stagger.WeightFull:
		out = append(out, faultf(path+".weight", "%s is not a share of traffic; write 0 to 100", s.Weight))
	case s.Weight == stagger.WeightFull:
		out = append(out, faultf(path+".weight", "everybody follows after the last stage anyway; remove the stage, and set bake.time for how long to watch"))
	case s.Weight < before:
		out = append(out, faultf(path+".weight", "%s is less than %s before it, and nobody is moved back; write at least %s", s.Weight, before, before))
	case s.Weight == 0 && len(s.Rules) == 0 && s.Shadow == 0:
		out = append(out, faultf(path+".weight", "nobody would meet the candidate; write a weight, a cohort, or shadow"))
	}
	switch {
	case s.MinTime < 0 || s.Timebox < 0:
		out = append(out, faultf(path+".min_time", "a time is less than nothing; write one from 0s on"))
	case s.Timebox > 0 && s.Timebox < s.MinTime:
		out = append(out, faultf(path+".timebox", "%s ends before the least time of %s; write at least that, or 0s for no end", short(s.Timebox), short(s.MinTime)))
	}
	switch s.AtTimebox {
	case stagger.TimeboxHold, stagger.TimeboxAdvance, stagger.TimeboxRollback:
	default:
		out = append(out, faultf(path+".at_timebox", "%q is not known; write hold, advance or rollback", string(s.AtTimebox)))
	}
	for i, r := range s.Rules {
		out = append(out, ruleFaults(fmt.Sprintf("%s.cohort[%d]", path, i), r)...)
	}
	return out
}

func ruleFaults(path string, r stagger.Rule) []fault {
	var out []fault
	if n := given(r.Header != "", r.Cookie != "", r.Claim != ""); n != 1 {
		out = append(out, faultf(path, "%d things to look at are named; write exactly one of header, cookie, claim", n))
	}
	if n := given(r.Equals != "", len(r.In) > 0, r.Matches != ""); n != 1 {
		out = append(out, faultf(path, "%d tests are named; write exactly one of equals, in, matches", n))
	}
	if r.Matches != "" {
		if _, err := regexp.Compile(r.Matches); err != nil {
			out = append(out, faultf(path+".matches", "%v; write an RE2 expression", err))
		}
	}
	return out
}

func given(is ...bool) int {
	n := 0
	for _, b := range is {
		if b {
			n++
		}
	}
	return n
}

// abilityFaults finds what a plan asks of a data plane that cannot do it.
func abilityFaults(p stagger.Plan, can stagger.Abilities) []fault {
	var out []fault
	lacks := func(path, what string) { out = append(out, faultf(path, "the data plane %s; change the plan", what)) }
	if !can.Sticky {
		lacks("cohort.key", "cannot keep a subject on its version")
	}
	if p.Key.Cookie != "" && !can.Cookie {
		lacks("cohort.key.cookie", "cannot read cookies")
	}
	for i, s := range p.Stages {
		if can.Precision > 0 && s.Weight%can.Precision != 0 {
			lacks(fmt.Sprintf("stages[%d].weight", i), fmt.Sprintf("splits in steps of %s only, not %s", can.Precision, s.Weight))
		}
		if s.Shadow > 0 && !can.Mirror {
			lacks(fmt.Sprintf("stages[%d].shadow", i), "mirrors no requests")
		}
		for j, r := range s.Rules {
			if what := beyondRule(r, can); what != "" {
				lacks(fmt.Sprintf("stages[%d].cohort[%d]", i, j), what)
			}
		}
	}
	return out
}

// beyondRule says what a data plane lacks for a rule, "" if nothing.
func beyondRule(r stagger.Rule, can stagger.Abilities) string {
	switch {
	case r.Header != "" && !can.Header:
		return "has no rules by header"
	case r.Cookie != "" && !can.Cookie:
		return "has no rules by cookie"
	case r.Claim != "" && !can.Claim:
		return "has no rules by claim"
	}
	return ""
}

// short writes a duration without empty units.
func short(d time.Duration) string {
	s := d.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}
