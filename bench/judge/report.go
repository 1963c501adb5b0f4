package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"time"

	"github.com/stagger-dev/stagger/internal/simulate"
)

// report is all that was measured, raw.
type report struct {
	Date  string `json:"date"`
	Note  string `json:"note,omitempty"`
	Go    string `json:"go"`
	OS    string `json:"os"`
	Cores int    `json:"cores"`      // of the machine
	Used  int    `json:"cores_used"` // by the simulation
	Paths []path `json:"paths,omitempty"`
	Rows  []row  `json:"rows"`
}

func newReport(now time.Time, note string) report {
	return report{
		Date: now.UTC().Format(time.DateOnly), Note: note, Go: runtime.Version(), OS: runtime.GOOS + "/" + runtime.GOARCH,
		Cores: runtime.NumCPU(), Used: runtime.GOMAXPROCS(0),
	}
}

// row is what one cell came to. Delays are in seconds since the model's onset,
// one for each seed from Seed on; never is -1.
type row struct {
	Section  string  `json:"section"`
	By       string  `json:"by"`
	Model    string  `json:"model"`
	Rate     float64 `json:"rate"`
	Share    float64 `json:"share"`
	Harm     string  `json:"guardrails,omitempty"`
	Subjects bool    `json:"subjects,omitempty"`
	Stay     bool    `json:"stays_plain,omitempty"`
	Seed     uint64  `json:"seed"`
	Limit    float64 `json:"limit_seconds,omitempty"` // that no test can beat on average at the level 0.01
	Took     float64 `json:"core_seconds"`
	// Apart says that Suspect is of the candidate alone, and Shared a hold for what
	// both suffer; older results have both in Suspect and nothing of what follows
	// here. A list that is left out is of lives in which it never happened.
	Apart    bool  `json:"apart,omitempty"`
	Suspect  []int `json:"suspect,omitempty"`
	Shared   []int `json:"shared,omitempty"`
	Split    []int `json:"split,omitempty"`
	Placebo  []int `json:"placebo,omitempty"`
	Core     []int `json:"core,omitempty"` // when plain evidence was enough
	Rollback []int `json:"rollback"`

	WantSuspect  float64 `json:"want_suspect,omitempty"`
	WantRollback float64 `json:"want_rollback,omitempty"`
}

// measure runs the cell with so many lives, and returns a row for each who judged
// them. What is known is in the rows even if there is an error.
func (c cell) measure(ctx context.Context, runs int, seed uint64) ([]row, error) {
	r := row{
		Section: c.section, By: ours, Model: c.model, Rate: c.rate, Share: c.share, Harm: c.harm, Subjects: c.depend,
		Stay: c.stay, Seed: seed, WantSuspect: c.want.suspect, WantRollback: c.want.rollback,
	}
	t, err := c.trial()
	if err != nil {
		return nil, err
	}
	if t.Model.Truth == simulate.TruthHarm {
		if information := t.Model.Information(c.share); information > 0 {
			r.Limit = math.Log(100) / information / c.rate
		}
	}
	begin, rows := time.Now(), []row{r}
	if c.peers {
		rows, err = r.theirs(ctx, t, runs)
	} else {
		err = rows[0].ours(ctx, t, runs)
	}
	for i := range rows {
		rows[i].Took = math.Round(time.Since(begin).Seconds()*float64(runtime.GOMAXPROCS(0))*10) / 10
	}
	return rows, err
}

func (r *row) ours(ctx context.Context, t simulate.Trial, runs int) error {
	lives, err := simulate.Each(ctx, runs, func(ctx context.Context, i int) (simulate.Life, error) {
		return t.Live(ctx, r.Seed+uint64(i))
	}, nil)
	of := func(pick func(simulate.Life) time.Duration) []int {
		out, seen := make([]int, len(lives)), false
		for i, l := range lives {
			out[i] = seconds(pick(l))
			seen = seen || out[i] >= 0
		}
		if !seen {
			return nil
		}
		return out
	}
	r.Apart = true
	r.Suspect = of(func(l simulate.Life) time.Duration { return l.Suspect })
	r.Shared = of(func(l simulate.Life) time.Duration { return l.Shared })
	r.Split = of(func(l simulate.Life) time.Duration { return l.Split })
	r.Placebo = of(func(l simulate.Life) time.Duration { return l.Placebo })
	r.Core = of(func(l simulate.Life) time.Duration { return l.Plain })
	for _, l := range lives {
		r.Rollback = append(r.Rollback, seconds(l.Rollback))
	}
	if err != nil {
		return fmt.Errorf("measure %s: %w", r.Model, err)
	}
	return nil
}

func seconds(d time.Duration) int {
	if d == simulate.Never {
		return -1
	}
	return int(math.Round(d.Seconds()))
}

// sum is the measure of some of the delays of r.
func (r row) sum(raw []int) simulate.Measure {
	if raw == nil {
		raw = slices.Repeat([]int{-1}, len(r.Rollback))
	}
	return sum(raw)
}

// sum is the measure of raw delays.
func sum(raw []int) simulate.Measure {
	out := make([]time.Duration, len(raw))
	for i, s := range raw {
		if out[i] = simulate.Never; s >= 0 {
			out[i] = time.Duration(s) * time.Second
		}
	}
	return simulate.MeasureOf(out)
}

// line says in a line what came out.
func (r row) line() string {
	s, b := r.sum(r.Suspect), sum(r.Rollback)
	return fmt.Sprintf("%-12s %-12s %-16s %6g x %-5g n=%-5d suspect %5.1f%% %6s (%6s)  rollback %5.1f%% %6s (%6s) p90 %6s  %6.1f core s",
		r.Section, r.By, r.Model, r.Rate, r.Share, len(r.Rollback), 100*s.Share(), span(s.Median), spanOf(r.WantSuspect),
		100*b.Share(), span(b.Median), spanOf(r.WantRollback), span(b.P90), r.Took)
}

// save writes the report, in place of an older one; an empty name keeps nothing.
func (r report) save(name string) error {
	if name == "" {
		return nil
	}
	data, err := r.encode()
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(name), 0o755); err != nil { //nolint:gosec // results are for everybody to read
		return fmt.Errorf("keep the results: %w", err)
	}
	if err := os.WriteFile(name, data, 0o644); err != nil { //nolint:gosec // results are for everybody to read
		return fmt.Errorf("keep the results: %w", err)
	}
	return nil
}

// encode writes a row to a line, so that two results can be compared.
func (r report) encode() ([]byte, error) {
	rows := r.Rows
	r.Rows = nil
	data, err := json.Marshal(r)
	if err != nil {
		return nil, fmt.Errorf("write the results: %w", err)
	}
	data = append(data[:len(data)-len(`null}`)], '[')
	for i, each := range rows {
		line, err := json.Marshal(each)
		if err != nil {
			return nil, fmt.Errorf("write the results: %w", err)
		}
		if i > 0 {
			data = append(data, ',')
		}
		data = append(append(data, '\n'), line...)
	}
	return append(data, "\n]}\n"...), nil
}

// readAll reads results; a cell that is in several files is taken from the last.
func readAll(files []string) (report, error) {
	if len(files) == 0 {
		return report{}, fmt.Errorf("name the files with the results")
	}
	var all report
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return report{}, fmt.Errorf("read the results: %w", err)
		}
		var one report
		if err := json.Unmarshal(data, &one); err != nil {
			return report{}, fmt.Errorf("read the results in %s: %w", file, err)
		}
		rows, paths := all.Rows, all.Paths
		all, one.Rows = one, append(rows, one.Rows...)
		all.Rows = nil
		if len(all.Paths) == 0 {
			all.Paths = paths
		}
		for _, r := range one.Rows {
			all.Rows = r.into(all.Rows)
		}
	}
	return all, nil
}

// same says whether two rows are of one cell.
func (r row) same(other row) bool {
	return r.Section == other.Section && r.By == other.By && r.Model == other.Model && r.Rate == other.Rate &&
		r.Share == other.Share && r.Harm == other.Harm && r.Subjects == other.Subjects && r.Stay == other.Stay
}

// into puts a row among others, in place of what is known of its cell.
func (r row) into(rows []row) []row {
	if i := slices.IndexFunc(rows, r.same); i >= 0 {
		rows[i] = r
		return rows
	}
	return append(rows, r)
}

// has says whether a cell need not be measured again: whoever judges it did so
// for as many lives, from the same seed on.
func (r report) has(c cell, o options) bool {
	known, judges := 0, 1
	if c.peers {
		judges = len(contenders)
	}
	for _, each := range r.Rows {
		if each.same(row{Section: c.section, By: each.By, Model: c.model, Rate: c.rate, Share: c.share, Harm: c.harm, Subjects: c.depend, Stay: c.stay}) &&
			each.Seed == o.seed && len(each.Rollback) >= c.lives(o) && each.Apart != c.peers {
			known++
		}
	}
	return known == judges
}

// keptRows reads the rows of a file that may not be there yet.
func keptRows(file string) ([]row, error) {
	if _, err := os.Stat(file); errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	r, err := readAll([]string{file})
	return r.Rows, err
}
