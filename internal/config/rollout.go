package config

import (
	"fmt"

	"github.com/stagger-dev/stagger"
)

// maxStages bounds a plan; growth that makes more is refused.
const maxStages = 100

// ParseRollout reads rollout.yaml and fills in what it leaves open. Its error
// is Problems.
func ParseRollout(file string, data []byte) (stagger.Start, error) {
	s, r := readRollout(file, data)
	return s, r.problems.orNil()
}

// readRollout reads rollout.yaml, and returns what it was read with, which knows
// where everything stands.
func readRollout(file string, data []byte) (s stagger.Start, r *reader) {
	v, ok := read(file, data, rollout)
	if !ok {
		return s, v.r
	}
	f := v.fields()
	if service, ok := f["service"]; ok {
		s.Service = service.text()
	}
	if candidate, ok := f["candidate"]; ok {
		s.Candidate = candidate.text()
	}
	if change, ok := f["change"]; ok {
		s.Change = change.change()
	}
	s.Plan = preset(standard)
	if p, ok := f["plan"]; ok {
		p.path = "" // paths inside the plan are the plan's own
		s.Plan = p.plan()
	}
	if len(v.r.problems) == 0 {
		for _, fault := range planFaults(s.Plan) {
			v.r.failAt(fault.path, "%s", fault.message)
		}
	}
	return s, v.r
}

func (v value) change() stagger.Change {
	f := v.fields()
	var c stagger.Change
	if kind, ok := f["kind"]; ok {
		c.Kind = kind.choice()
	}
	for name, to := range map[string]*string{
		"commit": &c.Commit, "author": &c.Author, "owner": &c.Owner, "ticket": &c.Ticket, "summary": &c.Summary,
	} {
		if t, ok := f[name]; ok {
			*to = t.text()
		}
	}
	return c
}

func (v value) plan() stagger.Plan {
	v.r.places[""] = position(v.node)
	f := v.fields()
	p := preset(standard)
	if name, ok := f["preset"]; ok {
		p = preset(name.choice())
	} else if len(f) > 0 {
		p.Preset = ""
	}
	if c, ok := f["cohort"]; ok {
		c.cohort(&p)
	}
	growth, grows := f["growth"]
	stages, listed := f["stages"]
	switch {
	case grows && listed:
		growth.fail("the stages are listed already; keep growth or stages")
	case grows:
		p.Stages = growth.growth(p.Stages[0])
	case listed:
		p.Stages = stages.stages(p.Stages[0])
	}
	if s, ok := f["shadow"]; ok {
		p.Shadow = s.shadow()
	} else if mirrors(p) {
		p.Shadow = usualShadow()
	}
	if g, ok := f["guardrails"]; ok {
		p.Guardrails = g.guardrails()
	} else if mirrors(p) {
		p.Guardrails = append(p.Guardrails, defaultGuardrail(stagger.SignalShadow))
	}
	v.rest(f, &p)
	return p
}

// rest reads bake, shed, warm_up and blind.
func (v value) rest(f map[string]value, p *stagger.Plan) {
	if w, ok := f["warm_up"]; ok {
		p.WarmUp = w.duration()
	}
	if b, ok := f["bake"]; ok {
		if t, ok := b.fields()["time"]; ok {
			p.Bake.Time = t.duration()
		}
	}
	if s, ok := f["shed"]; ok {
		of := s.fields()
		if probe, ok := of["probe"]; ok {
			p.Shed.Probe = probe.weight()
		}
		if patience, ok := of["patience"]; ok {
			p.Shed.Patience = patience.positive()
		}
	}
	if b, ok := f["blind"]; ok {
		if after, ok := b.fields()["after"]; ok {
			p.Blind.After = after.positive()
		}
	}
}

func (v value) cohort(p *stagger.Plan) {
	f := v.fields()
	if seed, ok := f["seed"]; ok {
		p.Seed = seed.text()
	}
	key, ok := f["key"]
	if !ok {
		return
	}
	of := key.fields()
	p.Key = stagger.Key{}
	if h, ok := of["header"]; ok {
		p.Key.Header = h.header()
	}
	if c, ok := of["cookie"]; ok {
		p.Key.Cookie = c.text()
	}
	if a, ok := of["client_address"]; ok {
		p.Key.ClientAddress = a.flag()
	}
}

// growth makes stages by a rule; like says what they have beside their weight.
func (v value) growth(like stagger.Stage) []stagger.Stage {
	f := v.fields()
	before := len(v.r.problems)
	v.timing(f, &like)
	kind, to := "", stagger.WeightFull-1
	if k, ok := f["kind"]; ok {
		kind = k.choice()
	}
	first, ok := f["from"]
	if !ok {
		return nil // fields has said that it is missing
	}
	from := first.weight()
	if w, ok := f["to"]; ok {
		to = min(w.weight(), to)
	}
	next := v.step(kind, f)
	if len(v.r.problems) > before || next == nil {
		return nil
	}
	if from == 0 {
		first.fail("growth from nothing stays nothing; write more than 0")
		return nil
	}
	var out []stagger.Stage
	for w := uint64(from); w <= uint64(to); w = next(w) {
		if len(out) == maxStages {
			v.fail("this growth has more than %d stages; write a larger step or factor", maxStages)
			return nil
		}
		s := like
		s.Weight, s.Rules = stagger.Weight(w), nil
		s.Name = s.Weight.String()
		out = append(out, s)
	}
	return out
}

// step returns how a weight follows from the one before; nil after a problem.
func (v value) step(kind string, f map[string]value) func(uint64) uint64 {
	step, stepped := f["step"]
	factor, multiplied := f["factor"]
	switch {
	case kind == "linear" && multiplied:
		factor.fail("linear growth has no factor; write step, or kind: exponential")
	case kind == "exponential" && stepped:
		step.fail("exponential growth has no step; write factor, or kind: linear")
	case kind == "linear" && !stepped:
		v.fail("step is missing; write how much each stage adds, such as step: 10")
	case kind == "linear":
		by := uint64(step.weight())
		if by > 0 {
			return func(w uint64) uint64 { return w + by }
		}
		step.fail("a step of 0 leads nowhere; write more")
	case kind == "exponential":
		by := uint64(2)
		if multiplied {
			by = factor.count()
		}
		if by >= 2 && by <= 100 {
			return func(w uint64) uint64 { return w * by }
		}
		factor.fail("%d is no factor of growth; write 2 to 100", by)
	}
	return nil
}

func (v value) timing(f map[string]value, s *stagger.Stage) {
	if t, ok := f["min_time"]; ok {
		s.MinTime = t.duration()
	}
	if t, ok := f["timebox"]; ok {
		s.Timebox = t.duration()
	}
	if t, ok := f["at_timebox"]; ok {
		s.AtTimebox = stagger.TimeboxEnd(t.choice())
	}
	if n, ok := f["min_samples"]; ok {
		s.MinSamples = n.count()
	}
}

func (v value) stages(like stagger.Stage) []stagger.Stage {
	var out []stagger.Stage
	for _, item := range v.items() {
		if len(out) == maxStages {
			item.fail("there are more than %d stages; write fewer", maxStages)
			break
		}
		out = append(out, item.stage(like))
	}
	return out
}

func (v value) stage(s stagger.Stage) stagger.Stage {
	f := v.fields()
	s.Weight, s.Shadow, s.Rules, s.Name = 0, 0, nil, ""
	if w, ok := f["weight"]; ok {
		s.Weight = w.weight()
	}
	if w, ok := f["shadow"]; ok {
		s.Shadow = w.weight()
	}
	if c, ok := f["cohort"]; ok {
		for _, item := range c.items() {
			s.Rules = append(s.Rules, item.rule())
		}
	}
	s.Name = usualName(s)
	if name, ok := f["name"]; ok {
		s.Name = name.text()
	}
	timebox := s.Timebox
	v.timing(f, &s)
	if _, written := f["timebox"]; !written && s.MinTime > timebox {
		s.Timebox = 4 * s.MinTime // a longer stage takes a longer box along
	}
	return s
}

func (v value) rule() stagger.Rule {
	f := v.fields()
	var r stagger.Rule
	if h, ok := f["header"]; ok {
		r.Header = h.header()
	}
	for name, to := range map[string]*string{
		"cookie": &r.Cookie, "claim": &r.Claim, "equals": &r.Equals, "matches": &r.Matches,
	} {
		if t, ok := f[name]; ok {
			*to = t.text()
		}
	}
	if in, ok := f["in"]; ok {
		for _, item := range in.items() {
			r.In = append(r.In, item.text())
		}
	}
	return r
}

func (v value) guardrails() []stagger.Guardrail {
	var out []stagger.Guardrail
	for _, item := range v.items() {
		f := item.fields()
		signal, ok := f["signal"]
		if !ok {
			continue
		}
		name := stagger.Signal(signal.choice())
		if name == "" {
			continue
		}
		out = append(out, guardrail(f, defaultGuardrail(name)))
	}
	return out
}

func guardrail(f map[string]value, g stagger.Guardrail) stagger.Guardrail {
	if m, ok := f["metric"]; ok {
		g.Metric = m.text()
	}
	if t, ok := f["tolerance"]; ok {
		g.Tolerance = t.tolerance(g.Signal)
	}
	if t, ok := f["floor"]; ok {
		g.Floor = t.floor(g.Signal)
	}
	if t, ok := f["limit"]; ok {
		g.Limit = t.number()
	}
	if t, ok := f["healthy"]; ok {
		g.Healthy = t.share()
	}
	if t, ok := f["alpha"]; ok {
		g.Alpha = t.share()
	}
	if t, ok := f["action"]; ok {
		g.Action = stagger.Action(t.choice())
	}
	return g
}

// tolerance reads how much worse a signal may be.
func (v value) tolerance(s stagger.Signal) float64 {
	switch s {
	case stagger.SignalLatency, stagger.SignalGauge, stagger.SignalSaturation:
		return v.share()
	default:
		return v.ratio()
	}
}

// floor reads the harm that is too small to matter, in the unit of a signal.
func (v value) floor(s stagger.Signal) float64 {
	switch s {
	case stagger.SignalLatency:
		return v.duration().Seconds()
	case stagger.SignalCount, stagger.SignalGauge, stagger.SignalSaturation:
		return v.number()
	default:
		return v.share()
	}
}

// fault is what is senseless in a plan, wherever it came from.
type fault struct{ path, message string }

func faultf(path, format string, args ...any) fault {
	return fault{path, fmt.Sprintf(format, args...)}
}
