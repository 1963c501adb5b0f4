package dashboard

import (
	"fmt"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/preview"
	"github.com/stagger-dev/stagger/internal/risk"
)

// planResult is what a plan can see.
type planResult struct {
	preview.Outlook

	Line    timeLine
	Harms   []planHarm
	Rows    []planStage
	Sayings []saying
	Alarms  []planAlarm
	Command string // that tells the same in a terminal
}

// planHarm is a column: what is looked for, and who looks.
type planHarm struct {
	Text, Words, Guardrail string
}

// planStage is a row: a stage, and what it sees.
type planStage struct {
	Name, Who     string
	Rate, Minute  string // requests that meet the candidate
	Users         string
	Healthy       planCell
	Cells         []planCell
	Simulated     bool
	risk.Forecast // for all the numbers
}

// planCell is what a stage sees of a harm.
type planCell struct {
	Chance  float64 // that it is seen before the stage ends
	Sign    present.Sign
	Times   []string
	Exposed string
	Failed  string
}

// saying is a sentence, and the lines to change.
type saying struct {
	Sign    present.Sign
	Text    string
	Changes []planChange
}

// planChange is what to write where.
type planChange struct {
	Where, Key, Before, After string
}

// planAlarm is the price of a guardrail.
type planAlarm struct{ Name, Chance, Action string }

func planResultOf(start stagger.Start, o preview.Outlook, line func(path string) int) *planResult {
	p := &planResult{Outlook: o, Line: timeLineOf(o.Course)}
	for i, f := range o.Stages {
		p.Rows = append(p.Rows, planStageOf(f, o.Course[i], o.Users > 0))
		s := scribe{stage: start.Plan.Stages[i], index: i, name: o.Course[i].Name, line: line}
		p.Sayings = append(p.Sayings, s.sayings(f)...)
		if len(p.Harms) > 0 {
			continue
		}
		for _, h := range f.Prospect {
			p.Harms = append(p.Harms, planHarm{h.Harm, h.Means, string(h.Signal)})
		}
	}
	p.Sayings = append(p.Sayings, firstToSee(o.Stages)...)
	for _, a := range o.Alarms {
		name := present.Signal(stagger.Finding{Signal: a.Signal, Metric: a.Metric})
		p.Alarms = append(p.Alarms, planAlarm{name, present.Chance(a.Alpha), string(a.Action)})
	}
	return p
}

func planStageOf(f risk.Forecast, l risk.Lap, users bool) planStage {
	row := planStage{
		Name: l.Name, Who: reachOf(l), Rate: present.Rate(f.Rate), Minute: present.Count(uint64(60 * f.Rate)), Users: present.Unknown, Forecast: f,
		Healthy: planCell{Chance: f.Healthy.Share, Times: whenSeen(f.Healthy), Sign: chanceSign(f.Healthy.Share)},
	}
	if users {
		row.Users = present.Count(uint64(f.Users))
	}
	for _, h := range f.Prospect {
		c := planCell{
			Chance: h.Seen, Times: whenSeen(h.Rollback), Sign: chanceSign(h.Seen), Exposed: present.Count(uint64(h.Exposed)), Failed: present.Count(uint64(h.Failed)),
		}
		if h.Tolerated {
			c.Times, c.Sign = []string{"tolerated"}, present.Sign{Symbol: "–", Words: "tolerated", Tone: present.Quiet}
		}
		row.Cells = append(row.Cells, c)
	}
	return row
}

// chanceSign says how far a stage can be relied on.
func chanceSign(chance float64) present.Sign {
	switch {
	case chance >= 0.8:
		return present.Sign{Symbol: "✔", Words: "sees it", Tone: present.Good}
	case chance >= 0.5:
		return present.Sign{Symbol: "!", Words: "often misses it", Tone: present.Warn}
	}
	return present.Sign{Symbol: "✘", Words: "mostly misses it", Tone: present.Bad}
}

// whenSeen says when half and nine in ten are decided.
func whenSeen(d risk.Delay) []string {
	if d.Most == 0 {
		return []string{"never"}
	}
	return []string{"half in " + present.Moment(d.Half), "9 in 10 in " + present.Moment(d.Most)}
}

// scribe says what is wrong with a stage.
type scribe struct {
	stage stagger.Stage
	index int
	name  string
	line  func(path string) int
}

func (s scribe) sayings(f risk.Forecast) []saying {
	var out []saying
	if f.Remedy != nil {
		out = append(out, saying{
			Sign: present.Sign{Symbol: "!", Words: s.name, Tone: present.Warn},
			Text: fmt.Sprintf("%s for %s proves a healthy candidate so in %.0f of 100 rollouts; the others %s",
				s.stage.Weight, present.Span(s.stage.Timebox), 100*f.Healthy.Share, thenWords(s.stage.AtTimebox)),
			Changes: s.changes(f.Remedy),
		})
	}
	for _, p := range f.Prospect {
		if p.Sees {
			continue
		}
		out = append(out, saying{
			Sign: present.Sign{Symbol: "!", Words: s.name, Tone: present.Warn}, Text: p.Sentence, Changes: s.changes(p.Remedy),
		})
	}
	return out
}

func thenWords(t stagger.TimeboxEnd) string {
	switch t {
	case stagger.TimeboxAdvance:
		return "go on later, as soon as it is"
	case stagger.TimeboxRollback:
		return "are rolled back"
	case stagger.TimeboxHold:
	}
	return "wait for a person"
}

// changes are what to write in the stage instead, one of them.
func (s scribe) changes(r *risk.Remedy) []planChange {
	if r == nil {
		return nil
	}
	var out []planChange
	for _, c := range []struct{ key, before, after string }{
		{"min_time", present.Span(s.stage.MinTime), r.MinTime}, {"timebox", present.Span(s.stage.Timebox), r.Timebox}, {"weight", s.stage.Weight.String(), r.Weight},
	} {
		if c.after == "" || c.after == c.before || c.key == "timebox" && (r.MinTime != "" || s.stage.Timebox == 0) {
			continue
		}
		out = append(out, planChange{s.where(c.key), c.key, c.before, c.after})
	}
	return out
}

// where tells the line of a key of the stage, or of the stage, or that it is not
// written yet.
func (s scribe) where(key string) string {
	stage := fmt.Sprintf("stages[%d]", s.index)
	for _, path := range []string{stage + "." + key, stage} {
		if n := s.line(path); n > 0 {
			return fmt.Sprintf("line %d", n)
		}
	}
	return "stage " + s.name
}

// firstToSee says for each harm which stage is the first to see it.
func firstToSee(stages []risk.Forecast) []saying {
	var out []saying
	for k := range mostHarmsOf(stages) {
		said := false
		for _, f := range stages {
			if k >= len(f.Prospect) || !f.Prospect[k].Sees || said {
				continue
			}
			said = true
			out = append(out, saying{Sign: present.Sign{Symbol: "✔", Words: f.Stage, Tone: present.Good}, Text: f.Prospect[k].Sentence})
		}
	}
	return out
}

func mostHarmsOf(stages []risk.Forecast) (n int) {
	for _, f := range stages {
		n = max(n, len(f.Prospect))
	}
	return n
}
