package dashboard

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/preview"
	"github.com/stagger-dev/stagger/internal/risk"
)

// planMost bounds what a form may send, in bytes; the file itself is bounded by
// its reader.
const planMost = 1 << 20

// planForm is what a person chose and typed, as it was typed.
type planForm struct {
	Service, Pick               string // where the file came from
	Text                        string
	Rate, Errors, P50, P99, All string // All are the users
	Choices                     []planChoice
	Harm                        string // another one
	Lives                       int
	// Address leads to the same page; "/plan" where what was typed is too long.
	Address string
}

// planChoice is a harm to look for.
type planChoice struct {
	Text, Words string
	Chosen      bool
}

// planHarms are offered; all are looked for unless somebody chooses.
var planHarms = []string{"errors=2x", "errors=+1%", "errors=100%", "p99=+25%"}

// most harms that are looked for at once.
const mostHarms = 8

// planForm reads the form of a request; services are those there are.
func (d *dashboard) planForm(r *http.Request, services []string) (planForm, error) {
	if err := r.ParseForm(); err != nil {
		return planForm{}, &stagger.Error{Code: stagger.CodeInvalid, Message: "The form cannot be read: " + err.Error()}
	}
	read := func(name string) string { return strings.TrimSpace(r.Form.Get(name)) }
	f := planForm{
		Service: read("service"), Pick: pickOf(r.Form), Rate: read("rps"), Errors: read("errors"), P50: read("p50"), P99: read("p99"),
		All: read("users"), Harm: read("other"),
	}
	if f.Service == "" && len(services) > 0 {
		f.Service = services[0]
	}
	if n, err := strconv.Atoi(read("lives")); err == nil && n > 0 {
		f.Lives = planLives
	}
	f.choose(r.Form["harm"])
	picked, err := d.picked(r.Context(), f.Service, f.Pick)
	if err != nil {
		return f, err
	}
	f.Text = picked
	if r.Form.Has("plan") {
		f.Text = strings.ReplaceAll(r.Form.Get("plan"), "\r\n", "\n")
	}
	f.Address = f.address(picked)
	return f, nil
}

// choose marks the harms that were chosen: all, where none was named.
func (f *planForm) choose(chosen []string) {
	all := len(chosen) == 0 && f.Harm == ""
	for _, text := range planHarms {
		words := text
		if h, err := risk.ParseHarm(text); err == nil { // they are constants
			words = h.Words()
		}
		f.Choices = append(f.Choices, planChoice{text, words, all || slices.Contains(chosen, text)})
	}
	for _, text := range chosen {
		if f.Harm == "" && !slices.Contains(planHarms, text) {
			f.Harm = text
		}
	}
}

// pickOf reads which plan is to be taken: ?pick=preset:fast as the form has it,
// or ?preset=fast or ?from=ROLLOUT as people write it.
func pickOf(form url.Values) string {
	switch {
	case form.Get("pick") != "":
		return form.Get("pick")
	case form.Get("from") != "":
		return pickRollout + form.Get("from")
	case form.Get("preset") != "":
		return pickPreset + form.Get("preset")
	}
	return pickPreset + "standard"
}

// mostAddress is how long an address may be, in bytes, that everything between
// here and a bookmark takes.
const mostAddress = 2000

// address leads to what the form shows.
func (f planForm) address(picked string) string {
	from, preset, service := "", strings.TrimPrefix(f.Pick, pickPreset), f.Service
	if id, ok := strings.CutPrefix(f.Pick, pickRollout); ok {
		from, preset, service = id, "", ""
	}
	plan, lives := "", ""
	if f.Text != picked {
		plan = f.Text
	}
	if f.Lives > 0 {
		lives = strconv.Itoa(f.Lives)
	}
	q := url.Values{}
	for name, value := range map[string]string{
		"from": from, "preset": preset, "service": service, "plan": plan, "rps": f.Rate, "errors": f.Errors, "p50": f.P50, "p99": f.P99,
		"users": f.All, "other": f.Harm, "lives": lives,
	} {
		if value != "" {
			q.Set(name, value)
		}
	}
	if chosen := f.chosen(); f.Harm != "" || len(chosen) < len(planHarms) {
		q["harm"] = chosen
	}
	if a := "/plan?" + q.Encode(); len(a) <= mostAddress {
		return a
	}
	return "/plan"
}

// chosen are the harms that are ticked.
func (f planForm) chosen() []string {
	var out []string
	for _, c := range f.Choices {
		if c.Chosen {
			out = append(out, c.Text)
		}
	}
	return out
}

// harms are those to look for.
func (f planForm) harms() []string {
	out := f.chosen()
	if f.Harm != "" {
		out = append(out, strings.FieldsFunc(f.Harm, func(c rune) bool { return c == ' ' || c == ',' })...)
	}
	return out[:min(len(out), mostHarms)]
}

// traffic is what was typed in place of what was measured; trouble says what is
// no number.
func (f planForm) traffic() (t preview.Traffic, trouble string) {
	failed := math.NaN()
	for _, field := range []struct {
		name, text string
		to         *float64
		scale      float64
		most       float64
	}{
		{"requests per second", f.Rate, &t.Rate, 1, 1e7},
		{"errors", strings.TrimSuffix(f.Errors, "%"), &failed, 0.01, 100},
		{"p50", f.P50, &t.P50, 0.001, 3.6e6},
		{"p99", f.P99, &t.P99, 0.001, 3.6e6},
		{"users", f.All, &t.Users, 1, 1e11},
	} {
		text := strings.TrimSpace(strings.ReplaceAll(field.text, ",", ""))
		if text == "" {
			continue
		}
		v, err := strconv.ParseFloat(text, 64)
		if err != nil || !(v >= 0 && v <= field.most) {
			return t, fmt.Sprintf("%s: %q cannot be used; write a number from 0 to %s", field.name, field.text, present.Plain(field.most))
		}
		*field.to = v * field.scale
	}
	if !math.IsNaN(failed) {
		t.Errors = &failed
	}
	return t, ""
}

// command is what tells the same in a terminal.
func (f planForm) command(o preview.Outlook) string {
	c := "stagger plan -f " + planFile + " --rps " + strconv.FormatFloat(o.Rate, 'g', 6, 64)
	for _, text := range f.harms() {
		c += " --harm " + text
	}
	return c
}
