package api_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"go.uber.org/goleak"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/store"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// answer is a response read to its end.
type answer struct {
	status int
	header http.Header
	body   []byte
}

// call sends one request; headers are "Name: value".
func call(t *testing.T, s *apitest.Server, method, path, body string, headers ...string) answer {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, s.URL+path, strings.NewReader(body))
	must(t, err)
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	for _, h := range headers {
		name, value, _ := strings.Cut(h, ": ")
		if name == "Host" {
			r.Host = value
		}
		r.Header.Set(name, value)
	}
	response, err := s.HTTP.Do(r)
	must(t, err)
	defer func() { must(t, response.Body.Close()) }()
	content, err := io.ReadAll(response.Body)
	must(t, err)
	return answer{response.StatusCode, response.Header, content}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	must(t, err)
	return string(b)
}

// read decodes an answer that must have the status.
func read[T any](t *testing.T, a answer, status int) T {
	t.Helper()
	if a.status != status {
		t.Fatalf("status %d, want %d: %s", a.status, status, a.body)
	}
	var v T
	must(t, json.Unmarshal(a.body, &v))
	return v
}

// wantProblem checks a refusal.
func wantProblem(t *testing.T, a answer, status int, code stagger.Code, part string) {
	t.Helper()
	p := read[api.Problem](t, a, status)
	if kind := a.header.Get("Content-Type"); kind != "application/problem+json" {
		t.Errorf("content type %q", kind)
	}
	if p.Code != code || p.Status != status || p.Title == "" || !strings.Contains(p.Detail, part) {
		t.Errorf("got %+v, want code %s and %q", p, code, part)
	}
}

func TestStartIsCarriedOutOncePerKey(t *testing.T) {
	s := apitest.New(t)
	body := text(t, apitest.Start())
	first := read[stagger.Rollout](t, call(t, s, "POST", "/api/v1/rollouts", body, "Idempotency-Key: k1"), 200)
	if first.Candidate != "v2" || first.Plan.Stages[0].MinTime != time.Minute || first.Plan.Stages[0].Weight != stagger.WeightPercent {
		t.Errorf("rollout: %+v", first)
	}
	again := read[stagger.Rollout](t, call(t, s, "POST", "/api/v1/rollouts", body, "Idempotency-Key: k1"), 200)
	if diff := cmp.Diff(first, again); diff != "" {
		t.Error(diff)
	}
	wantProblem(t, call(t, s, "POST", "/api/v1/rollouts", body, "Idempotency-Key: k2"), 409, stagger.CodeConflict, "still under way")
	wantProblem(t, call(t, s, "POST", "/api/v1/rollouts/"+first.ID+"/pause", "", "Idempotency-Key: k1"), 409, stagger.CodeConflict, "another command")

	list := read[api.RolloutList](t, call(t, s, "GET", "/api/v1/rollouts?service=shop&active=true", ""), 200)
	if len(list.Rollouts) != 1 {
		t.Errorf("%d rollouts, want 1", len(list.Rollouts))
	}
}

// TestRepeatedStartIsNotCheckedAnew: what was fit to start when it was
// recorded may not be any more, and the answer is the same all the same.
func TestRepeatedStartIsNotCheckedAnew(t *testing.T) {
	started := false
	s := apitest.New(t, func(c *api.Config) {
		c.Check = func(stagger.Start) error {
			if started {
				return errors.New("candidate: v2 is the baseline already")
			}
			started = true
			return nil
		}
	})
	body := text(t, apitest.Start())
	first := read[stagger.Rollout](t, call(t, s, "POST", "/api/v1/rollouts", body, "Idempotency-Key: k1"), 200)
	again := read[stagger.Rollout](t, call(t, s, "POST", "/api/v1/rollouts", body, "Idempotency-Key: k1"), 200)
	if first.ID != again.ID {
		t.Errorf("%s, then %s", first.ID, again.ID)
	}
	wantProblem(t, call(t, s, "POST", "/api/v1/rollouts", body, "Idempotency-Key: k2"), 422, stagger.CodeInvalid, "baseline already")
}

func TestGuardBoundsBodies(t *testing.T) {
	var failed error
	guarded := api.Guard("", http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, failed = io.Copy(io.Discard, r.Body)
	}))
	for size, want := range map[int]bool{1 << 20: true, 1<<20 + 1: false} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost/", bytes.NewReader(make([]byte, size)))
		must(t, err)
		guarded.ServeHTTP(&recorder{}, r)
		if (failed == nil) != want {
			t.Errorf("%d bytes: %v", size, failed)
		}
	}
}

func TestVerbsKeepWhoAndWhy(t *testing.T) {
	s := apitest.New(t)
	s.Begin(t, "r1")
	for _, c := range []struct{ verb, body string }{
		{"pause", `{"actor":"ada","reason":"lunch"}`},
		{"resume", ``},
		{"promote", `{"all":true,"actor":"ada"}`},
		{"weight", `{"weight":12.5,"actor":"ada"}`},
		{"rollback", `{"reason":"enough"}`},
	} {
		read[stagger.Rollout](t, call(t, s, "POST", "/api/v1/rollouts/r1/"+c.verb, c.body), 200)
	}
	wantProblem(t, call(t, s, "POST", "/api/v1/rollouts/r1/abort", "{}"), 409, stagger.CodeConflict, "is over")

	type row struct {
		Kind          stagger.EventKind
		Actor, Reason string
		Stage         int
		Weight        stagger.Weight
	}
	var got []row
	for _, e := range read[api.EventList](t, call(t, s, "GET", "/api/v1/rollouts/r1/history?after=1", ""), 200).Events {
		got = append(got, row{e.Kind, e.Actor, e.Reason, e.Stage, e.Weight})
	}
	want := []row{
		{stagger.EventPaused, "ada", "lunch", -1, 0},
		{stagger.EventResumed, "local", "", -1, 0},
		{stagger.EventStageEntered, "ada", "", 2, 0},
		{stagger.EventWeightSet, "ada", "", 2, stagger.Percent(12.5)},
		{stagger.EventRolledBack, "local", "enough", 2, 0},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestCommandThatStillWaitsIsAccepted(t *testing.T) {
	s := apitest.NewIdle(t, func(c *api.Config) { c.Patience = 10 * time.Millisecond })
	s.Begin(t, "r1")
	a := call(t, s, "POST", "/api/v1/rollouts/r1/pause", `{}`, "Idempotency-Key: k1")
	pending := read[stagger.Command](t, a, 202)
	if pending.ID != "k1" || pending.Verb != stagger.VerbPause || a.header.Get("Retry-After") == "" {
		t.Errorf("pending: %+v", pending)
	}
	read[stagger.Command](t, call(t, s, "POST", "/api/v1/rollouts/r1/pause", `{}`, "Idempotency-Key: k1"), 202)
	if waiting, err := s.Store.Pending(t.Context()); len(waiting) != 1 || err != nil {
		t.Errorf("%d commands wait (%v), want 1", len(waiting), err)
	}
	s.CarryOut(t)
	for {
		if a = call(t, s, "POST", "/api/v1/rollouts/r1/pause", `{}`, "Idempotency-Key: k1"); a.status == 200 {
			break
		}
	}
	if r := read[stagger.Rollout](t, a, 200); r.Phase != stagger.PhasePaused || r.Events != 2 {
		t.Errorf("rollout: %+v", r)
	}
}

func TestBadRequestsAreRefusedBeforeAnythingIsRecorded(t *testing.T) {
	s := apitest.New(t)
	start := func(change func(*stagger.Start)) string {
		v := apitest.Start()
		change(&v)
		return text(t, v)
	}
	good := text(t, apitest.Start())
	for name, c := range map[string]struct {
		path, body string
		status     int
		code       stagger.Code
		part       string
	}{
		"unknown service":           {"/rollouts", start(func(v *stagger.Start) { v.Service = "x" }), 422, stagger.CodeInvalid, `no service "x"`},
		"unknown candidate":         {"/rollouts", start(func(v *stagger.Start) { v.Candidate = "v9" }), 422, stagger.CodeInvalid, `no version "v9"`},
		"candidate is baseline":     {"/rollouts", start(func(v *stagger.Start) { v.Candidate = "v1" }), 422, stagger.CodeInvalid, "baseline already"},
		"unknown field":             {"/rollouts", strings.Replace(good, `"min_time"`, `"min_tme"`, 1), 422, stagger.CodeInvalid, "body.plan.stages[0].min_tme"},
		"weight above all":          {"/rollouts", strings.Replace(good, `"weight":100`, `"weight":101`, 1), 422, stagger.CodeInvalid, "body.plan.stages[1].weight"},
		"unknown action":            {"/rollouts", strings.Replace(good, `"action":"rollback"`, `"action":"pray"`, 1), 422, stagger.CodeInvalid, "body.plan.guardrails[0].action"},
		"duration in words":         {"/rollouts", strings.Replace(good, `"min_time":60000000000`, `"min_time":"1m"`, 1), 422, stagger.CodeInvalid, "body.plan.stages[0].min_time"},
		"no JSON":                   {"/rollouts", `{`, 400, stagger.CodeInvalid, ""},
		"no body":                   {"/rollouts", ``, 400, stagger.CodeInvalid, "body is required"},
		"too large":                 {"/rollouts", strings.Repeat(" ", 1<<20) + good, 413, stagger.CodeInvalid, "too large"},
		"weight missing":            {"/rollouts/r1/weight", `{}`, 422, stagger.CodeInvalid, "weight"},
		"weight finer than allowed": {"/rollouts/r1/weight", `{"weight":0.00001}`, 422, stagger.CodeInvalid, "finer"},
		"all is not for pause":      {"/rollouts/r1/pause", `{"all":true}`, 422, stagger.CodeInvalid, "body.all"},
		"unknown rollout":           {"/rollouts/r9/pause", `{}`, 404, stagger.CodeNotFound, "no rollout r9"},
		"unknown verb":              {"/rollouts/r1/explode", `{}`, 404, stagger.CodeNotFound, "not part of the API"},
	} {
		t.Run(name, func(t *testing.T) {
			wantProblem(t, call(t, s, "POST", "/api/v1"+c.path, c.body), c.status, c.code, c.part)
			pending, err := s.Store.Pending(t.Context())
			must(t, err)
			rollouts, err := s.Store.Rollouts(t.Context(), store.Filter{})
			must(t, err)
			if len(pending)+len(rollouts) != 0 {
				t.Errorf("recorded: %v %v", pending, rollouts)
			}
		})
	}
}

func TestUnansweredPathsAreProblems(t *testing.T) {
	s := apitest.NewIdle(t)
	wantProblem(t, call(t, s, "GET", "/api/v1/nothing", ""), 404, stagger.CodeNotFound, "/api/openapi.json")
	a := call(t, s, "DELETE", "/api/v1/rollouts", "")
	wantProblem(t, a, 405, stagger.CodeInvalid, "DELETE")
	if allow := a.header.Get("Allow"); allow != "GET, HEAD, POST" {
		t.Errorf("Allow: %q", allow)
	}
	wantProblem(t, call(t, s, "GET", "/api/v1/rollouts/r9/history", ""), 404, stagger.CodeNotFound, "no rollout r9")
	wantProblem(t, call(t, s, "GET", "/api/v1/rollouts/r9/evidence", ""), 404, stagger.CodeNotFound, "no rollout r9")
	wantProblem(t, call(t, s, "GET", "/api/v1/rollouts/r9/events", ""), 404, stagger.CodeNotFound, "no rollout r9")
	wantProblem(t, call(t, s, "GET", "/api/v1/rollouts?limit=0", ""), 422, stagger.CodeInvalid, "query.limit")
	wantProblem(t, call(t, s, "GET", "/api/v1/rollouts?servce=shop", ""), 422, stagger.CodeInvalid, "query.servce")
}

func TestServicesTellTheRecordedBaseline(t *testing.T) {
	s := apitest.New(t)
	before := read[api.ServiceList](t, call(t, s, "GET", "/api/v1/services", ""), 200)
	s.Begin(t, "r1")
	during := read[api.ServiceList](t, call(t, s, "GET", "/api/v1/services", ""), 200)
	r, err := s.Store.Rollout(t.Context(), "r1")
	must(t, err)
	r, e := apitest.Follow(r, stagger.Command{Verb: stagger.VerbPromote})
	r.Phase, e.Phase, e.Kind = stagger.PhasePromoted, stagger.PhasePromoted, stagger.EventPromoted
	must(t, s.Store.Commit(t.Context(), r, []stagger.Event{e}))
	after := read[api.ServiceList](t, call(t, s, "GET", "/api/v1/services", ""), 200)

	if got := before.Services[0]; got.Baseline != "v1" || got.Rollout != nil {
		t.Errorf("before: %+v", got)
	}
	if got := during.Services[0]; got.Baseline != "v1" || got.Rollout == nil || got.Rollout.ID != "r1" {
		t.Errorf("during: %+v", got)
	}
	if got := after.Services[0]; got.Baseline != "v2" || got.Rollout != nil {
		t.Errorf("after: %+v", got)
	}
}

func TestGuard(t *testing.T) {
	open := apitest.NewIdle(t)
	closed := apitest.NewIdle(t, func(c *api.Config) { c.Token = "s3cret" })
	for name, c := range map[string]struct {
		server  *apitest.Server
		method  string
		path    string
		headers []string
		status  int
	}{
		"loopback address":            {open, "GET", "/api/v1/version", nil, 200},
		"localhost":                   {open, "GET", "/api/v1/version", []string{"Host: localhost:8080"}, 200},
		"IPv6 loopback":               {open, "GET", "/api/v1/version", []string{"Host: [::1]:8080"}, 200},
		"rebound name":                {open, "GET", "/api/v1/version", []string{"Host: evil.example:8080"}, 403},
		"rebound name like localhost": {open, "GET", "/api/v1/version", []string{"Host: localhost.evil.example"}, 403},
		"other address":               {open, "GET", "/api/v1/version", []string{"Host: 10.0.0.7"}, 403},
		"probe by any name":           {open, "GET", "/healthz", []string{"Host: 10.0.0.7"}, 200},
		"readiness":                   {open, "GET", "/readyz", nil, 200},
		"page of another origin":      {open, "POST", "/api/v1/rollouts/r1/abort", []string{"Sec-Fetch-Site: cross-site"}, 403},
		"page of another origin, old": {open, "POST", "/api/v1/rollouts/r1/abort", []string{"Origin: http://evil.example"}, 403},
		"page of the same origin":     {open, "POST", "/api/v1/rollouts/r1/abort", []string{"Sec-Fetch-Site: same-origin"}, 404},
		"no token":                    {closed, "GET", "/api/v1/version", nil, 401},
		"wrong token":                 {closed, "GET", "/api/v1/version", []string{"Authorization: Bearer s3cre"}, 401},
		"token":                       {closed, "GET", "/api/v1/version", []string{"Authorization: Bearer s3cret"}, 200},
		"token, any host":             {closed, "GET", "/api/v1/version", []string{"Authorization: Bearer s3cret", "Host: stagger.example"}, 200},
		"token as cookie":             {closed, "GET", "/api/v1/version", []string{"Cookie: stagger_token=s3cret"}, 200},
		"token as password":           {closed, "GET", "/api/v1/version", []string{"Authorization: Basic YWRhOnMzY3JldA=="}, 200},
		"wrong cookie":                {closed, "GET", "/api/v1/version", []string{"Cookie: stagger_token=x"}, 401},
		"cookie from another origin":  {closed, "POST", "/api/v1/rollouts/r1/abort", []string{"Cookie: stagger_token=s3cret", "Sec-Fetch-Site: cross-site"}, 403},
		"readiness needs it":          {closed, "GET", "/readyz", nil, 401},
		"the document needs it":       {closed, "GET", "/api/openapi.json", nil, 401},
		"probe needs none":            {closed, "GET", "/healthz", nil, 200},
	} {
		t.Run(name, func(t *testing.T) {
			a := call(t, c.server, c.method, c.path, "", c.headers...)
			if a.status != c.status {
				t.Fatalf("status %d, want %d: %s", a.status, c.status, a.body)
			}
			if c.status == 401 || c.status == 403 {
				wantProblem(t, a, c.status, stagger.CodeDenied, "")
			}
			if challenge := a.header.Get("WWW-Authenticate"); (c.status == 401) != (challenge == "Bearer") {
				t.Errorf("challenge %q", challenge)
			}
		})
	}
}

func TestGuardInsideAGuardDoesNothing(t *testing.T) {
	s := apitest.Open(t)
	outer := api.Guard("s3cret", apitest.Handler(s))
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://stagger.example/api/v1/version", nil)
	must(t, err)
	r.Header.Set("Authorization", "Bearer s3cret")
	var w recorder
	outer.ServeHTTP(&w, r)
	if !strings.Contains(w.String(), "1.2.3") {
		t.Errorf("got %s", w.String())
	}
}

// recorder is a response kept in memory.
type recorder struct {
	bytes.Buffer

	header http.Header
}

func (r *recorder) Header() http.Header {
	if r.header == nil {
		r.header = http.Header{}
	}
	return r.header
}

func (r *recorder) WriteHeader(int) {}
