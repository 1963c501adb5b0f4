package dashboard

import (
	"fmt"
	"math"
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/risk"
)

// timeLine is a plan as it goes in time.
type timeLine struct {
	Laps  []planLap
	Ticks []planTick
	// When everybody has it, and it is baked: at the earliest, usually and at
	// the latest.
	Earliest, Usual, Latest string
	Key                     []present.Sign // what the signs of the laps mean
}

// planLap is a row of the time line. Places are shares of its whole.
type planLap struct {
	risk.Lap

	Who           string
	Begin, Sure   float64 // when it begins and ends at the earliest
	Late          float64 // when it ends at the latest
	Usually       float64 // when it usually ends; 0 is never
	Thick, Top    float64 // pixels: the wider the more meet the candidate
	Open          bool    // it may last for ever
	End           present.Sign
	Label, Within string
}

// planTick is a time on the scale.
type planTick struct {
	At    float64
	Words string
	Last  bool
}

// The height of a row, and of the bar in it for nobody and for everybody.
const (
	lapHeight = 24.0
	thinnest  = 4.0
	thickest  = 20.0
)

// timeLineOf draws a course.
func timeLineOf(course []risk.Lap) timeLine {
	end := course[len(course)-1]
	t := timeLine{Earliest: present.Moment(end.Earliest), Usual: present.Moment(end.Usual), Latest: present.Moment(end.Latest)}
	whole := 0.0
	for _, l := range course {
		whole = max(whole, l.Latest, l.Usual, 1.25*l.Earliest)
	}
	whole = max(whole, 1)
	before := 0.0
	for _, l := range course {
		p := planLap{Lap: l, Who: reachOf(l), Begin: before / whole, Sure: l.Earliest / whole, Late: l.Latest / whole, Usually: l.Usual / whole, Open: l.Latest == 0}
		if p.Open {
			p.Late = 1
		}
		p.Thick = math.Round(thinnest + (thickest-thinnest)*math.Sqrt(l.Share))
		p.Top = (lapHeight - p.Thick) / 2
		p.End = thenSign(l)
		if !slices.Contains(t.Key, p.End) && p.End.Symbol != "" {
			t.Key = append(t.Key, p.End)
		}
		p.Within = lapLasts(l)
		p.Label = fmt.Sprintf("%s, %s: lasts %s; over after %s at the earliest, %s usually and %s at the latest",
			l.Name, p.Who, p.Within, present.Moment(l.Earliest), present.Moment(l.Usual), present.Moment(l.Latest))
		t.Laps, before = append(t.Laps, p), l.Earliest
	}
	t.Ticks = ticksOf(whole)
	return t
}

// reachOf says who meets the candidate in a lap.
func reachOf(l risk.Lap) string {
	who := stagger.Percent(100 * l.Share).String()
	switch l.Share {
	case 1:
		who = "everybody"
	case 0:
		who = "nobody"
	}
	if l.Rules > 0 {
		who += " and by rule"
	}
	if l.Shadow > 0 {
		who += ", " + stagger.Percent(100*l.Shadow).String() + " mirrored"
	}
	return who
}

// lapLasts says how long a lap takes.
func lapLasts(l risk.Lap) string {
	switch {
	case l.Most == 0:
		return present.Span(planSeconds(l.Least)) + " or more"
	case l.Least == l.Most:
		return present.Span(planSeconds(l.Least))
	}
	return present.Span(planSeconds(l.Least)) + " to " + present.Span(planSeconds(l.Most))
}

// thenSign says what follows a lap that was not proved healthy in time.
func thenSign(l risk.Lap) present.Sign {
	switch {
	case l.Then == "" && l.Name == "bake":
		return present.Sign{Symbol: "✔", Words: "everybody has it", Tone: present.Good}
	case l.Most == 0:
		return present.Sign{Symbol: "…", Words: "never ends by itself until it is healthy", Tone: present.Quiet}
	case l.Then == stagger.TimeboxAdvance:
		return present.Sign{Symbol: "▷", Words: "alerts, and goes on as soon as it is healthy", Tone: present.Live}
	case l.Then == stagger.TimeboxRollback:
		return present.Sign{Symbol: "✘", Words: "rolls back", Tone: present.Bad}
	}
	return present.Sign{Symbol: "‖", Words: "waits for a person", Tone: present.Warn}
}

// steps of the scale that people count in.
var scaleSteps = []time.Duration{
	time.Second, 5 * time.Second, 15 * time.Second, 30 * time.Second, time.Minute, 2 * time.Minute, 5 * time.Minute, 10 * time.Minute, 15 * time.Minute,
	30 * time.Minute, time.Hour, 2 * time.Hour, 3 * time.Hour, 6 * time.Hour, 12 * time.Hour, 24 * time.Hour,
}

// mostTicks fit on a scale that is seen on a telephone.
const mostTicks = 5

func ticksOf(whole float64) []planTick {
	step := scaleSteps[len(scaleSteps)-1].Seconds()
	for _, longer := range slices.Backward(scaleSteps) {
		if whole/longer.Seconds() <= mostTicks {
			step = longer.Seconds()
		}
	}
	for whole/step > mostTicks { // days
		step *= 2
	}
	var ticks []planTick
	for at := 0.0; at <= whole; at += step {
		ticks = append(ticks, planTick{At: at / whole, Words: present.Span(planSeconds(at)), Last: at/whole > 0.9})
	}
	ticks[0].Words = "0"
	return ticks
}

func planSeconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }
