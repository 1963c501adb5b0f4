package risk

import (
	"fmt"

	"github.com/stagger-dev/stagger"
)

// Lap is a stage, or the bake at the end, on the time line of a plan. Times are
// seconds from the rollout's beginning at which the lap ends.
type Lap struct {
	Name  string  `json:"name"`
	Share float64 `json:"share"` // of traffic that meets the candidate
	// Rules is how many rules put their subjects on the candidate whatever the
	// share, and Shadow the share of the baseline's requests that it gets copies
	// of.
	Rules  int     `json:"rules,omitempty"`
	Shadow float64 `json:"shadow,omitempty"`
	// Earliest is when it ends if everything is proved at once, Usual if that
	// takes as long as forecast, Latest if every timebox is used up; 0 is never.
	Earliest float64 `json:"earliest"`
	Usual    float64 `json:"usual"`
	Latest   float64 `json:"latest"`
	// Least and Most are how long the lap itself takes; a Most of 0 never ends.
	Least float64 `json:"least"`
	Most  float64 `json:"most"`
	// Then is what happens when its time is over without the evidence to go on.
	Then stagger.TimeboxEnd `json:"then,omitempty"`
}

// Course is how a plan goes in time, the bake last, by the forecasts of its
// stages in their order.
func (q Question) Course(stages []Forecast) []Lap {
	var c course
	for i, f := range stages {
		s := q.Plan.Stages[i]
		l := Lap{
			Name: s.Name, Share: f.Share, Rules: len(s.Rules), Shadow: s.Shadow.Share(), Least: s.MinTime.Seconds(), Then: s.AtTimebox,
		}
		if l.Name == "" {
			l.Name = fmt.Sprintf("stage %d", i+1)
		}
		if f.Rate > 0 {
			l.Least = f.Least
		}
		if s.Timebox > 0 {
			l.Most = max(s.Timebox.Seconds(), l.Least)
		}
		c.endless = c.endless || s.Timebox == 0
		c.unsure = c.unsure || f.Healthy.Median <= 0
		c.add(l, max(f.Healthy.Median, l.Least))
	}
	bake := q.Plan.Bake.Time.Seconds()
	c.add(Lap{Name: "bake", Share: 1, Least: bake, Most: bake}, bake)
	return c.laps
}

// course adds up laps.
type course struct {
	laps                    []Lap
	earliest, usual, latest float64
	unsure, endless         bool // there is no usual, and no latest, from here on
}

func (c *course) add(l Lap, usual float64) {
	c.earliest, c.usual, c.latest = c.earliest+l.Least, c.usual+usual, c.latest+l.Most
	l.Earliest = c.earliest
	if !c.unsure {
		l.Usual = c.usual
	}
	if !c.endless {
		l.Latest = c.latest
	}
	c.laps = append(c.laps, l)
}

// Usually is how many seconds a healthy candidate takes until it is everybody's
// and baked; 0 when half of them would not get there by themselves.
func Usually(course []Lap) float64 {
	if len(course) == 0 {
		return 0
	}
	return course[len(course)-1].Usual
}
