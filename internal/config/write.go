package config

import (
	"cmp"
	"math"
	"strconv"
	"strings"
	"time"

	"github.com/stagger-dev/stagger"
)

// WriteRollout writes a start as a rollout file that ParseRollout reads as the
// same start. Everything that can be changed stands there, each stage and each
// guardrail on a line of its own, so that nobody needs to know the defaults.
func WriteRollout(s stagger.Start) []byte {
	w := &writer{}
	w.line(0, "service", quoted(s.Service))
	w.line(0, "candidate", quoted(s.Candidate))
	w.change(s.Change)
	w.line(0, "plan", "")
	w.plan(s.Plan)
	return []byte(w.String())
}

// writer writes YAML, mappings in blocks and what is small in one line.
type writer struct{ strings.Builder }

// line writes a key and what is there, indented by so many levels.
func (w *writer) line(level int, key, value string) {
	w.text(strings.TrimRight(strings.Repeat("  ", level)+key+": "+value, " "))
}

// item writes an item of a list, indented by so many levels.
func (w *writer) item(level int, value string) { w.text(strings.Repeat("  ", level) + "- " + value) }

func (w *writer) text(line string) { _, _ = w.WriteString(line + "\n") } // it never fails

// some writes a key whose text is not empty.
func (w *writer) some(level int, key, text string) {
	if text != "" {
		w.line(level, key, quoted(text))
	}
}

func (w *writer) change(c stagger.Change) {
	if c == (stagger.Change{}) {
		return
	}
	w.line(0, "change", "")
	for _, part := range [][2]string{
		{"kind", c.Kind}, {"commit", c.Commit}, {"author", c.Author}, {"owner", c.Owner}, {"ticket", c.Ticket}, {"summary", c.Summary},
	} {
		w.some(1, part[0], part[1])
	}
}

func (w *writer) plan(p stagger.Plan) {
	w.some(1, "preset", p.Preset)
	w.line(1, "cohort", "")
	w.line(2, "key", keyed(p.Key))
	w.some(2, "seed", p.Seed)
	w.line(1, "stages", "")
	for _, s := range p.Stages {
		w.item(2, stageOf(s))
	}
	w.shadow(p.Shadow)
	w.line(1, "guardrails", "")
	for _, g := range p.Guardrails {
		w.item(2, guardrailOf(g))
	}
	w.line(1, "bake", inline("time", length(p.Bake.Time)))
	shed := []string{"probe", p.Shed.Probe.String()}
	if p.Shed.Patience > 0 {
		shed = append(shed, "patience", length(p.Shed.Patience))
	}
	w.line(1, "shed", inline(shed...))
	if p.WarmUp > 0 {
		w.line(1, "warm_up", length(p.WarmUp))
	}
	if p.Blind.After > 0 {
		w.line(1, "blind", inline("after", length(p.Blind.After)))
	}
}

func (w *writer) shadow(s *stagger.Shadow) {
	if s == nil {
		return
	}
	w.line(1, "shadow", "")
	for _, part := range []struct {
		key  string
		list []string
	}{{"methods", s.Methods}, {"headers", s.Headers}, {"ignore", s.Ignore}, {"redact", s.Redact}} {
		if len(part.list) > 0 {
			w.line(2, part.key, listed(part.list))
		}
	}
	if s.Numbers > 0 {
		w.line(2, "numbers", figure(s.Numbers))
	}
	if len(s.Keys) > 0 {
		w.line(2, "keys", "")
		for _, k := range s.Keys {
			w.item(3, inline("array", quoted(k.Array), "key", quoted(k.Key)))
		}
	}
	w.line(2, "repeat", s.Repeat.String())
}

func keyed(k stagger.Key) string {
	switch {
	case k.Header != "":
		return inline("header", quoted(k.Header))
	case k.Cookie != "":
		return inline("cookie", quoted(k.Cookie))
	}
	return inline("client_address", strconv.FormatBool(k.ClientAddress))
}

func stageOf(s stagger.Stage) string {
	var parts []string
	if s.Name != "" && s.Name != usualName(s) {
		parts = append(parts, "name", quoted(s.Name))
	}
	if len(s.Rules) > 0 {
		parts = append(parts, "cohort", "["+strings.Join(each(s.Rules, ruleOf), ", ")+"]")
	}
	parts = append(parts, "weight", s.Weight.String())
	if s.Shadow > 0 {
		parts = append(parts, "shadow", s.Shadow.String())
	}
	parts = append(parts, "min_time", length(s.MinTime), "timebox", length(s.Timebox))
	then := cmp.Or(s.AtTimebox, stagger.TimeboxHold) // so that nobody needs to know
	return inline(append(parts, "at_timebox", string(then), "min_samples", strconv.FormatUint(s.MinSamples, 10))...)
}

func ruleOf(r stagger.Rule) string {
	var parts []string
	for _, part := range [][2]string{
		{"header", r.Header}, {"cookie", r.Cookie}, {"claim", r.Claim}, {"equals", r.Equals}, {"matches", r.Matches},
	} {
		if part[1] != "" {
			parts = append(parts, part[0], quoted(part[1]))
		}
	}
	if len(r.In) > 0 {
		parts = append(parts, "in", listed(r.In))
	}
	return inline(parts...)
}

func guardrailOf(g stagger.Guardrail) string {
	parts := []string{"signal", string(g.Signal)}
	if g.Metric != "" {
		parts = append(parts, "metric", quoted(g.Metric))
	}
	floor := figure(g.Floor)
	if g.Signal == stagger.SignalLatency {
		floor = length(time.Duration(math.Round(g.Floor * float64(time.Second))))
	}
	parts = append(parts, "tolerance", tolerated(g), "floor", floor)
	if g.Limit != 0 {
		parts = append(parts, "limit", figure(g.Limit))
	}
	if g.Healthy != 0 {
		parts = append(parts, "healthy", figure(g.Healthy))
	}
	return inline(append(parts, "alpha", figure(g.Alpha), "action", string(g.Action))...)
}

func tolerated(g stagger.Guardrail) string {
	switch g.Signal {
	case stagger.SignalLatency, stagger.SignalGauge, stagger.SignalSaturation:
		return figure(g.Tolerance)
	default:
		return figure(g.Tolerance) + "x"
	}
}

// inline writes pairs of keys and values as a mapping in one line.
func inline(pairs ...string) string {
	parts := make([]string, 0, len(pairs)/2)
	for i := 0; i+1 < len(pairs); i += 2 {
		parts = append(parts, pairs[i]+": "+pairs[i+1])
	}
	return "{" + strings.Join(parts, ", ") + "}"
}

func listed(texts []string) string { return "[" + strings.Join(each(texts, quoted), ", ") + "]" }

func each[T any](all []T, f func(T) string) []string {
	out := make([]string, len(all))
	for i, v := range all {
		out[i] = f(v)
	}
	return out
}

// quoted writes a text so that YAML reads it as that text: plain where nothing
// in it could mean anything else.
func quoted(text string) string {
	plain := text != "" && strings.IndexFunc(text[:1], letter) == 0
	for _, c := range text {
		plain = plain && (letter(c) || c >= '0' && c <= '9' || strings.ContainsRune("-_./", c))
	}
	switch strings.ToLower(text) {
	case "true", "false", "yes", "no", "on", "off", "null", "y", "n":
		plain = false
	}
	if plain {
		return text
	}
	var b strings.Builder
	for _, c := range text {
		switch c {
		case '"', '\\':
			b.WriteString(`\` + string(c))
		case '\n':
			b.WriteString(`\n`)
		case '\t':
			b.WriteString(`\t`)
		default:
			b.WriteRune(c)
		}
	}
	return `"` + b.String() + `"`
}

func letter(c rune) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' }

// figure writes a number in full, so that it is read as the same.
func figure(x float64) string { return strconv.FormatFloat(x, 'f', -1, 64) }

// length writes a duration as people do, "1h30m", and so that it is read as the
// same.
func length(d time.Duration) string {
	if d == 0 {
		return "0s"
	}
	text := d.String()
	for _, empty := range []string{"m0s", "h0m"} {
		if n := len(text) - len(empty); n > 0 && text[n:] == empty {
			text = text[:n+1]
		}
	}
	return text
}
