package dashboard

import (
	"errors"
	"net/http"
	"strings"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/preview"
)

// planPage previews a plan: what its stages can see before anybody meets them.
type planPage struct {
	Form     planForm
	Services []string
	Presets  []planPick
	Past     []planPick

	Problems *planProblems // with the file; nil when there is none
	Trouble  string        // with anything else
	Warnings []string
	Result   *planResult // nil when there is trouble
}

// The lives that the page simulates when it is asked to, as 'stagger plan' does.
const (
	planLives = 20
	planSeed  = 1
)

// assumedRate stands in for traffic that nobody knows, and the page says so.
const assumedRate = 100

// plan shows the page for what its address, or a form, says.
func (d *dashboard) plan(r *http.Request) (view, error) {
	p := planPage{}
	if err := d.picks(r, &p); err != nil {
		return view{}, err
	}
	form, err := d.planForm(r, p.Services)
	if err != nil {
		return view{}, err
	}
	p.Form = form
	if err := d.preview(r, &p); err != nil {
		return view{}, err
	}
	return view{Title: "Preview a plan", Body: p}, nil
}

// planPosted shows what was typed. It changes nothing; a form is posted as a plan
// may be too long for an address. Where it is not, the browser is told the
// address.
func (d *dashboard) planPosted(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, planMost)
	show := func(r *http.Request) (view, error) {
		v, err := d.plan(r)
		if p, ok := v.Body.(planPage); ok && err == nil {
			w.Header().Set("HX-Replace-Url", p.Form.Address)
		}
		return v, err
	}
	d.page("plan", show)(w, r)
}

// preview asks the desk, and tells what is wrong where it cannot answer.
func (d *dashboard) preview(r *http.Request, p *planPage) error {
	f := p.Form
	traffic, trouble := f.traffic()
	if trouble != "" {
		p.Trouble = trouble
		return nil
	}
	out, err := d.desk.Preview(r.Context(), preview.Ask{
		File: planFile, Rollout: []byte(f.Text), Traffic: traffic, Assume: assumedRate,
		Harms: f.harms(), Lenient: true, Replicates: f.Lives, Seed: planSeed,
	})
	problems, located := errors.AsType[config.Problems](err)
	switch {
	case located:
		p.Problems = problemsOf(problems, f.Text)
		return nil
	case stagger.CodeOf(err) == stagger.CodeInvalid || stagger.CodeOf(err) == stagger.CodeUnavailable:
		p.Trouble = err.Error()
		return nil
	case err != nil:
		return err
	}
	start, err := config.ParseRollout(planFile, []byte(f.Text))
	if err != nil {
		return err // it was just read
	}
	p.Warnings = append(d.refusals(start), out.Unseen...)
	p.Result = planResultOf(start, out, config.Lines([]byte(f.Text)))
	p.Result.Command = f.command(out)
	return nil
}

// planFile is what a file is called that was typed into the page.
const planFile = "rollout.yaml"

// refusals say why the rollout would not be started as things are.
func (d *dashboard) refusals(start stagger.Start) []string {
	able := stagger.Abilities{Precision: 1, Sticky: true, Header: true, Cookie: true, Claim: true, Mirror: true}
	err := config.Check(start, d.Services(), able)
	if err == nil {
		return nil
	}
	lines := strings.Split(err.Error(), "\n")
	for i := range lines {
		lines[i] = "it would not be started: " + lines[i]
	}
	return lines
}
