package config

import (
	"fmt"
	"slices"
	"strings"

	"github.com/stagger-dev/stagger"
)

// shadow is how requests are mirrored.
var shadow = object("How requests are mirrored in stages that say so, and what counts as another answer.",
	field{"methods", list("What may be mirrored. Any other than GET, HEAD and OPTIONS is carried out by the candidate as well.", text("")).or("GET, HEAD and OPTIONS")},
	field{"headers", list("The fields of an answer that are compared, beside its status.", text("")).or("Content-Type and Location")},
	field{"ignore", list("Places that are not compared, with all in them: $.timestamp, $.items[].price, header.location, status, body.", text(""))},
	field{"numbers", share("By how much numbers in JSON may differ, of the larger one: 0.1%.").or("0")},
	field{"keys", list("Arrays whose order does not matter.", object("",
		field{"array", text("Where it is: $.items.")},
		field{"key", text("The member that tells its items apart: id.")},
	).need("array", "key"))},
	field{"redact", list("Names of members and fields of which no value is shown, beside password, token, secret, authorization, email and their like.", text(""))},
	field{"repeat", weight("The share of what is mirrored that the baseline gets a second time, to find out what differs by itself. Only GET, HEAD and OPTIONS ever are.").or("100%")},
)

// usualShadow is what holds unless a plan says otherwise.
func usualShadow() *stagger.Shadow { return &stagger.Shadow{Repeat: stagger.WeightFull} }

// mirrors says whether any stage does.
func mirrors(p stagger.Plan) bool {
	for _, s := range p.Stages {
		if s.Shadow > 0 {
			return true
		}
	}
	return false
}

// usualName is what a stage is called that has no name.
func usualName(s stagger.Stage) string {
	if s.Weight == 0 && len(s.Rules) == 0 && s.Shadow > 0 {
		return "shadow " + s.Shadow.String()
	}
	return s.Weight.String()
}

func (v value) shadow() *stagger.Shadow {
	f, s := v.fields(), usualShadow()
	for name, to := range map[string]*[]string{"methods": &s.Methods, "ignore": &s.Ignore, "redact": &s.Redact} {
		if l, ok := f[name]; ok {
			for _, item := range l.items() {
				*to = append(*to, item.text())
			}
		}
	}
	if l, ok := f["headers"]; ok {
		for _, item := range l.items() {
			s.Headers = append(s.Headers, item.header())
		}
	}
	if n, ok := f["numbers"]; ok {
		s.Numbers = n.share()
	}
	if r, ok := f["repeat"]; ok {
		s.Repeat = r.weight()
	}
	if l, ok := f["keys"]; ok {
		for _, item := range l.items() {
			s.Keys = append(s.Keys, item.arrayKey())
		}
	}
	return s
}

func (v value) arrayKey() stagger.ArrayKey {
	var k stagger.ArrayKey
	f := v.fields()
	if a, ok := f["array"]; ok {
		k.Array = a.text()
	}
	if m, ok := f["key"]; ok {
		k.Key = m.text()
	}
	return k
}

// The most that the lists of a shadow may have.
const (
	maxShadowList = 100
	maxNumbers    = 0.5
)

// shadowFaults finds what makes no sense in what a plan mirrors.
func shadowFaults(p stagger.Plan) []fault {
	out := mirrorFaults(p)
	s := p.Shadow
	if s == nil {
		return out
	}
	if !mirrors(p) {
		out = append(out, faultf("shadow", "no stage mirrors anything; write shadow: 10%% in a stage, or remove the key"))
	}
	out = append(out, eachFaults("shadow.methods", s.Methods, methodFault)...)
	out = append(out, eachFaults("shadow.ignore", s.Ignore, placeFault)...)
	if len(s.Methods) > 0 && !slices.ContainsFunc(s.Methods, func(m string) bool { return slices.Contains(stagger.SafeMethods, m) }) {
		out = append(out, faultf("shadow.methods", "none of them goes to the baseline twice, so nothing could be told from noise; add GET"))
	}
	for i, k := range s.Keys {
		if why := placeFault(k.Array); why != "" || !strings.HasPrefix(k.Array, "$") {
			out = append(out, faultf(fmt.Sprintf("shadow.keys[%d].array", i), "%q is no place in JSON; write $.items", k.Array))
		}
		if k.Key == "" {
			out = append(out, faultf(fmt.Sprintf("shadow.keys[%d].key", i), "it is empty; write the name of a member"))
		}
	}
	if !(s.Numbers >= 0 && s.Numbers <= maxNumbers) {
		out = append(out, faultf("shadow.numbers", "%g is out of range; write 0%% to 50%%", s.Numbers))
	}
	if s.Repeat < stagger.WeightPercent || s.Repeat > stagger.WeightFull {
		out = append(out, faultf("shadow.repeat", "%s is out of range; write 1%% to 100%%, as without it nobody knows what differs by itself", s.Repeat))
	}
	return append(out, longFaults(*s)...)
}

// eachFaults finds what is wrong with the texts of a list.
func eachFaults(path string, list []string, wrong func(string) string) []fault {
	var out []fault
	for i, text := range list {
		if why := wrong(text); why != "" {
			out = append(out, faultf(fmt.Sprintf("%s[%d]", path, i), "%s", why))
		}
	}
	return out
}

// longFaults finds lists that are too long.
func longFaults(s stagger.Shadow) []fault {
	var out []fault
	for _, list := range []struct {
		name string
		n    int
	}{{"methods", len(s.Methods)}, {"headers", len(s.Headers)}, {"ignore", len(s.Ignore)}, {"keys", len(s.Keys)}, {"redact", len(s.Redact)}} {
		if list.n > maxShadowList {
			out = append(out, faultf("shadow."+list.name, "there are %d; write at most %d", list.n, maxShadowList))
		}
	}
	return out
}

// mirrorFaults finds stages that mirror for nobody, and guardrails without them.
func mirrorFaults(p stagger.Plan) []fault {
	var out []fault
	judged := -1
	for i, g := range p.Guardrails {
		if g.Signal == stagger.SignalShadow {
			judged = i
		}
	}
	if judged >= 0 && !mirrors(p) {
		out = append(out, faultf(fmt.Sprintf("guardrails[%d].signal", judged), "no stage mirrors anything; write shadow: 10%% in a stage, or remove the guardrail"))
	}
	met := false
	for i, s := range p.Stages {
		path := fmt.Sprintf("stages[%d].shadow", i)
		met = met || s.Weight > 0 || len(s.Rules) > 0
		switch {
		case s.Shadow > stagger.WeightFull:
			out = append(out, faultf(path, "%s is not a share of traffic; write 0 to 100", s.Shadow))
		case s.Shadow > 0 && !met && judged < 0:
			out = append(out, faultf(path, "nobody meets the candidate here and nothing judges what is mirrored; add - signal: shadow to the guardrails"))
		}
	}
	return out
}

func methodFault(m string) string {
	switch {
	case m == "CONNECT" || m == "TRACE":
		return m + " cannot be mirrored; remove it"
	case m == "" || len(m) > 32 || strings.ContainsFunc(m, func(r rune) bool { return (r < 'A' || r > 'Z') && r != '-' && r != '_' }):
		return fmt.Sprintf("%q is no method; write it in capitals, such as POST", m)
	}
	return ""
}

// placeFault says what is wrong with a place of an answer, "" if nothing is.
func placeFault(place string) string {
	if place == "$" || strings.HasPrefix(place, "$.") || strings.HasPrefix(place, "$[]") || place == "status" || place == "body" {
		return ""
	}
	if name, ok := strings.CutPrefix(place, "header."); ok && name != "" && name == strings.ToLower(name) {
		return ""
	}
	return fmt.Sprintf("%q is no place of an answer; write $.items[].price for a member of JSON, header.location for a field in lower case, status or body", place)
}
