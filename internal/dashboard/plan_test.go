package dashboard_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/cli"
	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/present"
	"github.com/stagger-dev/stagger/internal/preview"
)

// preview sends a form and takes the answer apart.
func (w world) preview(t *testing.T, form url.Values, status int) (page, http.Header) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/plan", strings.NewReader(form.Encode()))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	response, err := w.HTTP.Do(request)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	content, err := io.ReadAll(response.Body)
	must(t, err)
	if response.StatusCode != status {
		t.Fatalf("status %d, want %d: %.300s", response.StatusCode, status, content)
	}
	root, err := html.Parse(bytes.NewReader(content))
	must(t, err)
	return page{root, string(content)}, response.Header
}

// typed is what stands in the text field.
func (p page) typed() string {
	field := p.tags("textarea")[0]
	if field.FirstChild == nil {
		return ""
	}
	return field.FirstChild.Data
}

// rows are the cells of the table whose region is labelled by name.
func (p page) rows(name string) [][]string {
	var rows [][]string
	for _, region := range p.all(func(n *html.Node) bool {
		return attribute(n, "aria-labelledby") == name && attribute(n, "role") == "group"
	}) {
		inner := page{root: region}
		for _, row := range inner.tags("tr") {
			var cells []string
			for _, cell := range (page{root: row}).all(func(n *html.Node) bool { return n.Data == "td" || n.Data == "th" }) {
				cells = append(cells, text(cell))
			}
			rows = append(rows, cells)
		}
	}
	return rows
}

func TestEveryPresetIsPreviewed(t *testing.T) {
	w := newWorld(t)
	for preset, c := range map[string]struct {
		stages []string
		says   []string
	}{
		"standard": {[]string{"1%", "5%", "25%", "50%"}, []string{"1% for 1h cannot see a doubled error rate", "line 8: timebox: 1h ", "at the latest 4h 10m", "waits for a person", "at most 2% of rollouts"}},
		"fast":     {[]string{"10%", "50%"}, []string{"10% for 10m cannot see a doubled error rate", "goes on as soon as it is healthy"}},
		"cautious": {[]string{"1%", "5%", "10%", "25%", "50%", "75%"}, []string{"at the latest 1d 1h"}},
	} {
		p, _ := w.get(t, "/plan?service=shop&rps=400&users=24000&preset="+preset, http.StatusOK)
		p.wants(t, append(c.says, "At 400 requests per second")...)
		power, blast := p.rows("plan-power"), p.rows("plan-blast")
		var names []string
		for i, row := range power[1:] {
			names = append(names, row[0])
			w, err := stagger.ParseWeight(row[0])
			must(t, err)
			if want := present.Count(uint64(24000 * w.Share())); blast[i+1][1] != want {
				t.Errorf("%s: %s users, want %s", row[0], blast[i+1][1], want)
			}
			if want := present.Count(uint64(60 * 400 * w.Share())); blast[i+1][2] != want {
				t.Errorf("%s: %s requests a minute, want %s", row[0], blast[i+1][2], want)
			}
		}
		if diff := cmp.Diff(c.stages, names); diff != "" {
			t.Errorf("%s:\n%s", preset, diff)
		}
	}
}

// TestThePageTheAPIAndTheCommandTellTheSame asks all three about one plan, with
// lives that are simulated.
func TestThePageTheAPIAndTheCommandTellTheSame(t *testing.T) {
	const rollout = "service: shop\ncandidate: v2\nplan:\n  stages:\n    - {weight: 10%, timebox: 30s, min_time: 0s}\n    - {weight: 50%, timebox: 15s, min_time: 0s}\n"
	w := newWorld(t)
	file := filepath.Join(t.TempDir(), "rollout.yaml")
	must(t, os.WriteFile(file, []byte(rollout), 0o600))
	var told, complaints bytes.Buffer
	arguments := []string{"plan", "-f", file, "--rps", "500", "--harm", "errors=100%", "--harm", "p99=+300%", "-o", "json"}
	if code := cli.Run(t.Context(), arguments, strings.NewReader(""), &told, &complaints, cli.Faces{}); code != 0 {
		t.Fatalf("%d: %s", code, &complaints)
	}
	var want preview.Outlook
	must(t, json.Unmarshal(told.Bytes(), &want))

	asked, err := json.Marshal(map[string]any{"rollout": rollout, "traffic": map[string]any{"rate": 500}, "harms": []string{"errors=100%", "p99=+300%"}, "replicates": 20})
	must(t, err)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/api/v1/plans/preview", bytes.NewReader(asked))
	must(t, err)
	request.Header.Set("Content-Type", "application/json")
	response, err := w.HTTP.Do(request)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	var got preview.Outlook
	must(t, json.NewDecoder(response.Body).Decode(&got))
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the API tells otherwise than the command:\n%s", diff)
	}

	p, _ := w.preview(t, url.Values{"plan": {rollout}, "rps": {"500"}, "other": {"errors=100%, p99=+300%"}, "lives": {"20"}}, http.StatusOK)
	p.wants(t, "Simulated: 20 lives a row, seed 1.", "--rps 500 --harm errors=100% --harm p99=+300%")
	chance := func(x float64) string { return fmt.Sprintf("%.0f%%", 100*x) }
	var rows [][]string
	for _, f := range want.Stages {
		rows = append(rows, []string{f.Stage, "healthy", "–", present.Moment(f.Healthy.Median), present.Moment(f.Healthy.P90), chance(f.Healthy.Share), "–", "–", "–"})
		for _, h := range f.Prospect {
			rows = append(rows, []string{
				f.Stage, h.Harm, present.Moment(h.Suspect.Median), present.Moment(h.Rollback.Median), present.Moment(h.Rollback.P90),
				chance(h.Rollback.Share), chance(h.Passed), present.Count(uint64(h.Exposed)), present.Count(uint64(h.Failed)),
			})
		}
	}
	shown := p.rows("plan-all")
	if len(shown) == 0 {
		t.Fatalf("the page shows no numbers: %s", text(p.root))
	}
	if diff := cmp.Diff(rows, shown[1:]); diff != "" {
		t.Errorf("the page tells otherwise than the command:\n%s", diff)
	}
}

// TestEveryProblemIsShownWhereItIs types files that are wrong in many ways.
func TestEveryProblemIsShownWhereItIs(t *testing.T) {
	w := newWorld(t)
	files, err := filepath.Glob("../config/testdata/rollout-*.yaml")
	must(t, err)
	texts := map[string]string{
		"empty": "", "no YAML": "service: [\n", "a list": "- 1\n", "hostile": "service: \"</textarea><script>alert(1)</script>\"\ncandidate: v2\nplan: {bake: {time: '<b>'}}\n",
		"begins empty": "\n\nservice: shop\ncandidate: v2\nplan: {preset: hasty}\n",
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		must(t, err)
		texts[filepath.Base(file)] = string(data)
	}
	found := 0
	for name, content := range texts {
		_, err := config.ParseRollout("rollout.yaml", []byte(content))
		problems, _ := err.(config.Problems) //nolint:errorlint // it is what the parser returns
		p, _ := w.preview(t, url.Values{"plan": {content}, "rps": {"77"}}, http.StatusOK)
		if got := p.typed(); got != content {
			t.Errorf("%s: what was typed is lost: %q", name, got)
		}
		shown := text(p.root)
		for _, one := range problems {
			found++
			for _, part := range []string{fmt.Sprintf("line %d, column %d", one.Line, one.Column), strings.Join(strings.Fields(one.Message), " ")} {
				if one.Line > 0 && !strings.Contains(shown, part) {
					t.Errorf("%s: the page lacks %q", name, part)
				}
			}
			if marked := fmt.Sprintf("▶%4d  ", one.Line); one.Line > 0 && content != "" && !strings.Contains(p.source, marked) {
				t.Errorf("%s: line %d is not marked", name, one.Line)
			}
		}
		if strings.Contains(p.source, "<script>alert") || len(problems) > 0 && len(p.rows("plan-power")) > 0 {
			t.Errorf("%s: the page shows what it must not", name)
		}
	}
	if found < 20 {
		t.Errorf("only %d problems were found", found)
	}
}

func TestThePlanOfAPastRolloutIsWrittenOut(t *testing.T) {
	w := newWorld(t)
	trial(t, w)
	r, err := w.Store.Rollout(t.Context(), "shop-20261123-120000-4f2a")
	must(t, err)
	p, _ := w.get(t, "/plan?from="+r.ID, http.StatusOK)
	start, err := config.ParseRollout("written.yaml", []byte(p.typed()))
	must(t, err)
	for i := range r.Plan.Stages {
		r.Plan.Stages[i].AtTimebox = stagger.TimeboxHold // which none means, and which is written
	}
	if diff := cmp.Diff(stagger.Start{Service: r.Service, Candidate: r.Candidate, Change: r.Change, Plan: r.Plan}, start); diff != "" {
		t.Error(diff)
	}
	p.wants(t, "staff", "nobody and by rule", "10%", "Users at most", "shop v1 → v2, waiting")
	w.get(t, "/plan?from=nobody", http.StatusNotFound)
	w.get(t, "/plan?preset=hasty", http.StatusNotFound)
}

// TestAPreviewHasAnAddress follows it; what is too long for one has none.
func TestAPreviewHasAnAddress(t *testing.T) {
	w := newWorld(t)
	form := url.Values{
		"service": {"shop"}, "pick": {"preset:fast"}, "plan": {"service: shop\ncandidate: v2\nplan: {preset: fast}\n"},
		"rps": {"400"}, "users": {"9,000"}, "errors": {"0.2%"}, "p50": {"12"}, "p99": {"180"}, "harm": {"errors=2x"}, "other": {"p50=+20%"},
	}
	p, header := w.preview(t, form, http.StatusOK)
	again, _ := w.get(t, header.Get("HX-Replace-Url"), http.StatusOK)
	if diff := cmp.Diff(text(p.root), text(again.root)); diff != "" || p.typed() != again.typed() {
		t.Errorf("the address leads elsewhere:\n%s", diff)
	}
	p.wants(t, "0.20% errors, p50 12.0ms, p99 181ms (as it was given)", "a doubled error rate", "every request taking 20% longer", "900")
	if head := p.rows("plan-power")[0]; len(head) != 4 {
		t.Errorf("other harms than were chosen: %v", head)
	}
	form.Set("plan", form.Get("plan")+"# "+strings.Repeat("long ", 1000))
	if _, header := w.preview(t, form, http.StatusOK); header.Get("HX-Replace-Url") != "/plan" {
		t.Errorf("a long plan has the address %.80s", header.Get("HX-Replace-Url"))
	}
	unchanged, _ := w.get(t, "/plan?preset=fast&service=shop&rps=5", http.StatusOK)
	_, header = w.preview(t, url.Values{"service": {"shop"}, "pick": {"preset:fast"}, "plan": {strings.ReplaceAll(unchanged.typed(), "\n", "\r\n")}, "rps": {"5"}}, http.StatusOK)
	if got := header.Get("HX-Replace-Url"); got != "/plan?preset=fast&rps=5&service=shop" {
		t.Errorf("a plan as it was picked has the address %s", got)
	}
}

func TestTheTrafficThatIsMeasuredCounts(t *testing.T) {
	w := newWorld(t)
	p, _ := w.get(t, "/plan", http.StatusOK)
	p.wants(t, "Nobody has measured shop: 100 requests per second are assumed")
	must(t, w.Store.SaveWatch(t.Context(), stagger.Watch{Service: "shop", Version: "v1", Level: stagger.Level{Rate: 321, Errors: 0.004, P50: 0.010, P95: 0.040, P99: 0.100}}))
	p, _ = w.get(t, "/plan", http.StatusOK)
	p.wants(t, "At 321 requests per second", "0.40% errors, p50 10.1ms", "v1 in the last seconds, drawn through")
	p, _ = w.get(t, "/plan?rps=50&errors=1", http.StatusOK)
	p.wants(t, "At 50.0 requests per second", "1.0% errors, p50 10.1ms", "errors as they were given; latency: v1 in the last seconds")
}

func TestWhatCannotBeForecastIsSaid(t *testing.T) {
	w := newWorld(t)
	const file = "service: shop\ncandidate: v2\n"
	for want, form := range map[string]url.Values{
		`requests per second: "many" cannot be used`:                  {"plan": {file}, "rps": {"many"}},
		`errors: "NaN" cannot be used; write a number from 0 to 100`:  {"plan": {file}, "errors": {"NaN"}},
		"write a p50 above 0 and a p99 above it":                      {"plan": {file}, "p50": {"20"}},
		`"slow" is not a harm; write errors=1%`:                       {"plan": {file}, "other": {"slow"}},
		"the plan has no guardrail on errors":                         {"plan": {file + "plan: {guardrails: [{signal: latency}]}\n"}},
		"which does so already or of which too little is known":       {"plan": {file}, "other": {"errors=0.01%"}, "harm": {"errors=2x"}},
		`it would not be started: candidate: shop has no version "x"`: {"plan": {"service: shop\ncandidate: x\n"}},
		"nobody meets it":                 {"plan": {file + "plan: {stages: [{shadow: 10%}, {weight: 5}]}\n"}},
		"never ends by itself":            {"plan": {file + "plan: {stages: [{weight: 5, timebox: 0s}]}\n"}},
		"a server simulates 4000 at most": {"plan": {file + "plan: {growth: {kind: linear, from: 1, step: 1}}\n"}, "lives": {"20"}},
	} {
		p, _ := w.preview(t, form, http.StatusOK)
		p.wants(t, want)
		if p.typed() != form.Get("plan") {
			t.Errorf("%s: what was typed is lost", want)
		}
	}
	w.preview(t, url.Values{"plan": {strings.Repeat("x", 2<<20)}}, http.StatusUnprocessableEntity)
	list, err := w.Store.Last(t.Context())
	must(t, err)
	if list != 0 {
		t.Error("a preview left something in the record")
	}
}

func TestAPageOfAnotherOriginGetsNoPreview(t *testing.T) {
	w := newWorld(t)
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, w.url+"/plan", strings.NewReader("plan=x"))
	must(t, err)
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Sec-Fetch-Site", "cross-site")
	response, err := w.HTTP.Do(request)
	must(t, err)
	must(t, response.Body.Close())
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("status %d", response.StatusCode)
	}
}
