package dashboard

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/outcome"
	"github.com/stagger-dev/stagger/internal/present"
)

// How far back outcomes go.
const (
	usualMonths = 6
	mostMonths  = 36
)

// unreviewedShown bounds the list of what nobody has judged.
const unreviewedShown = 10

// outcomesPage is how rollouts went over months.
type outcomesPage struct {
	Service  string
	Services []choice
	Months   []choice
	Rows     []outcomeRow // oldest month first
	ByName   []outcomeRow // of each service, over all months
	Total    outcomeRow
	Chart    []column
	Ticks    []tick
	Label    string // the chart in words
	Ask      []unreviewed
	More     int  // that are not listed
	Cut      bool // older rollouts were not looked at
}

// outcomeRow is a row of the tables.
type outcomeRow struct {
	outcome.Sums

	Name      string
	Address   string // where more of it is; "" for nowhere
	Lead      times
	Detection times
	Exposed   string
	False     string // share of what was stopped that people call false alarms
}

// times are durations in words, and as a bar.
type times struct {
	Known           bool
	Median, P90     string
	Bar, Mark       float64 // of the longest in the table
	N               int
	median, longest time.Duration
}

// column is a month in the chart.
type column struct {
	Name  string
	X, W  float64 // percent of the width
	Parts []piece
	Total int
	Top   float64
}

// piece is a piece of a column.
type piece struct {
	Class string
	Y, H  float64
}

type tick struct {
	Y    float64
	Name string
}

// unreviewed is a rollback that nobody has judged.
type unreviewed struct {
	outcome.Life

	Address string
}

func (d *dashboard) outcomes(r *http.Request) (view, error) {
	query, now := r.URL.Query(), d.Now()
	p := outcomesPage{Service: query.Get("service")}
	months := usualMonths
	if n, err := strconv.Atoi(query.Get("months")); err == nil {
		months = min(max(n, 1), mostMonths)
	}
	// Some began before the first month and ended in it.
	from := outcome.FirstOf(now, months)
	all, cut, err := d.lives.since(r.Context(), d.Store, p.Service, from)
	if err != nil {
		return view{}, err
	}
	report := outcome.Over(all, months, now)
	p.Cut = cut
	p.choices(d.Services(), months)
	p.fill(report, months)
	p.ask(all)
	return view{Title: "Outcomes", Body: p}, nil
}

func (p *outcomesPage) choices(services []stagger.Service, months int) {
	p.Services = []choice{{"", "all services", p.Service == ""}}
	known := p.Service == ""
	for _, s := range services {
		p.Services = append(p.Services, choice{s.Name, s.Name, s.Name == p.Service})
		known = known || s.Name == p.Service
	}
	if !known {
		p.Services = append(p.Services, choice{p.Service, p.Service, true})
	}
	shown := false
	for _, n := range []int{3, usualMonths, 12, 24, mostMonths} {
		p.Months = append(p.Months, choice{strconv.Itoa(n), fmt.Sprintf("%d months", n), n == months})
		shown = shown || n == months
	}
	if !shown {
		p.Months = append(p.Months, choice{strconv.Itoa(months), fmt.Sprintf("%d months", months), true})
	}
}

func (p *outcomesPage) fill(r outcome.Report, months int) {
	for _, m := range r.Months {
		p.Rows = append(p.Rows, rowOf(m.From.Format("January 2006"), m.Sums))
	}
	for _, s := range r.Services {
		row := rowOf(s.Name, s.Sums)
		row.Address = "/outcomes?" + url.Values{"service": {s.Name}, "months": {strconv.Itoa(months)}}.Encode()
		p.ByName = append(p.ByName, row)
	}
	p.Total = rowOf("in all", r.Total)
	scale(p.Rows)
	scale(p.ByName)
	p.draw(r.Months)
}

func rowOf(name string, s outcome.Sums) outcomeRow {
	row := outcomeRow{Sums: s, Name: name, Lead: timesOf(s.Lead), Detection: timesOf(s.Detection), Exposed: exposedIn(s), False: present.Unknown}
	if s.FalseAlarms+s.TrueAlarms > 0 {
		row.False = present.Share(float64(s.FalseAlarms) / float64(s.FalseAlarms+s.TrueAlarms))
	}
	return row
}

func timesOf(t outcome.Times) times {
	if t.N == 0 {
		return times{}
	}
	return times{Known: true, Median: present.Span(t.Median), P90: present.Span(t.P90), N: t.N, median: t.Median, longest: t.P90}
}

// scale makes the bars of a table comparable.
func scale(rows []outcomeRow) {
	var lead, detection time.Duration
	for _, r := range rows {
		lead, detection = max(lead, r.Lead.longest), max(detection, r.Detection.longest)
	}
	for i := range rows {
		rows[i].Lead.scale(lead)
		rows[i].Detection.scale(detection)
	}
}

func (t *times) scale(most time.Duration) {
	if most > 0 {
		t.Bar, t.Mark = t.median.Seconds()/most.Seconds(), t.longest.Seconds()/most.Seconds()
	}
}

// draw stacks how the rollouts of each month ended.
func (p *outcomesPage) draw(months []outcome.Month) {
	most := 0
	for _, m := range months {
		most = max(most, m.Rollouts)
	}
	if most == 0 {
		return
	}
	top := nice(most)
	for _, n := range []int{0, top / 2, top} {
		p.Ticks = append(p.Ticks, tick{1 - float64(n)/float64(top), strconv.Itoa(n)})
	}
	width := 1 / float64(len(months))
	for i, m := range months {
		c := column{Name: monthOf(m.From, i == 0), X: (float64(i) + 0.2) * width, W: 0.6 * width, Total: m.Rollouts}
		y := 1.0
		for _, one := range []struct {
			class string
			n     int
		}{{"promoted", m.Promoted}, {"superseded", m.Superseded + m.Aborted}, {"rolledback", m.RolledBack}} {
			if one.n == 0 {
				continue
			}
			h := float64(one.n) / float64(top)
			y -= h
			c.Parts = append(c.Parts, piece{one.class, y, h})
		}
		c.Top = y
		p.Chart = append(p.Chart, c)
	}
	p.Label = fmt.Sprintf("Rollouts that ended in each of %d months: %d in all, %d promoted, %d rolled back, %d aborted or superseded",
		len(months), p.Total.Rollouts, p.Total.Promoted, p.Total.RolledBack, p.Total.Aborted+p.Total.Superseded)
}

// monthOf names a month under its column, with the year where one begins.
func monthOf(from time.Time, first bool) string {
	if first || from.Month() == time.January {
		return from.Format("Jan ’06")
	}
	return from.Format("Jan")
}

// nice is a number, not below n, that reads well on an axis, and so does its half.
func nice(n int) int {
	for power := 1; ; power *= 10 {
		for _, k := range []int{2, 4, 10} {
			if step := k * power; n <= 10*step {
				return (n + step - 1) / step * step
			}
		}
	}
}

// ask lists the rollbacks that nobody has judged, newest first.
func (p *outcomesPage) ask(all []outcome.Life) {
	for _, l := range all {
		if l.Phase != stagger.PhaseRolledBack || l.ByHand || l.Review != nil {
			continue
		}
		if len(p.Ask) == unreviewedShown {
			p.More++
			continue
		}
		p.Ask = append(p.Ask, unreviewed{l, historyURL(l.Rollout)})
	}
}

// exposedIn says how many requests met candidates that were rolled back.
func exposedIn(s outcome.Sums) string {
	if s.Counted == 0 {
		return present.Unknown
	}
	return present.Count(s.Exposed.Requests)
}

// Mid is the middle of a column.
func (c column) Mid() float64 { return c.X + c.W/2 }

// outcomeTable is a table of rows, labelled by the heading ID.
type outcomeTable struct {
	ID, What string
	Rows     []outcomeRow
}

// Monthly is the table by month, newest first.
func (p outcomesPage) Monthly() outcomeTable {
	rows := slices.Clone(p.Rows)
	slices.Reverse(rows)
	return outcomeTable{"by-month", "Month", rows}
}

// Serviced is the table by service.
func (p outcomesPage) Serviced() outcomeTable { return outcomeTable{"by-service", "Service", p.ByName} }
