package dashboard

import (
	"fmt"
	"html/template"
	"math"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/present"
)

// functions are what templates may call, besides the methods of what they show.
var functions = template.FuncMap{
	"asset":      address,
	"rolloutURL": rolloutURL,
	"compareURL": compareURL,
	"momentURL":  momentURL,
	"judged":     present.Judgement,
	"phase":      present.Phase,
	"hold":       present.Hold,
	"kind":       present.Kind,
	"change":     present.Change,
	"share":      present.Share,
	"latency":    present.Latency,
	"plain":      present.Plain,
	"rate":       present.Rate,
	"count":      present.Count,
	"estimate":   present.Estimate,
	"percent":    percent,
	"after":      present.Moment,
	"chance":     present.Chance,
	"chances":    func(x float64) string { return fmt.Sprintf("%.0f%%", 100*present.Evidence(x)) },
	"amount":     func(x float64) string { return present.Count(uint64(x)) },
	"span":       func(from, to float64) string { return percent(max(to-from, 0)) },
	"whole":      func(x float64) string { return fmt.Sprintf("%.0f%%", math.Floor(100*x)) },
	"iso":        func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"moment":     func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05") },
	"clock":      func(t time.Time) string { return t.UTC().Format(time.TimeOnly) },
	"over":       func(r stagger.Rollout) bool { return r.Phase.Final() },
	"duration":   func(d time.Duration) string { return present.Span(d.Truncate(time.Second)) },
}

// percent writes a place of 0 to 1 as a coordinate.
func percent(x float64) string { return fmt.Sprintf("%.2f%%", 100*x) }
