package config_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

func planOf(t *testing.T, plan string) stagger.Plan {
	t.Helper()
	start, err := config.ParseRollout("r", []byte("service: shop\ncandidate: v2\nplan:\n"+plan))
	if err != nil {
		t.Fatal(err)
	}
	return start.Plan
}

func TestAPlanThatMirrorsJudgesWhatItMirrors(t *testing.T) {
	p := planOf(t, "  stages: [{weight: 0, shadow: 10%}, {weight: 5}]\n")
	if diff := cmp.Diff(&stagger.Shadow{Repeat: stagger.WeightFull}, p.Shadow); diff != "" {
		t.Errorf("defaults (-want +got):\n%s", diff)
	}
	last := p.Guardrails[len(p.Guardrails)-1]
	if want := (stagger.Guardrail{Signal: stagger.SignalShadow, Tolerance: 1.5, Floor: 0.001, Healthy: 0.01, Alpha: 0.01, Action: stagger.ActionHold}); last != want {
		t.Errorf("the guardrail is %+v", last)
	}
	if s := p.Stages[0]; s.Name != "shadow 10%" || s.Shadow != 10*stagger.WeightPercent || p.Stages[1].Shadow != 0 {
		t.Errorf("stages %+v", p.Stages)
	}
	if p := planOf(t, "  stages: [{weight: 5}]\n"); p.Shadow != nil || len(p.Guardrails) != 2 {
		t.Errorf("a plan that mirrors nothing has %+v and %d guardrails", p.Shadow, len(p.Guardrails))
	}
}

func TestEverythingAboutAShadowIsRead(t *testing.T) {
	p := planOf(t, `  shadow:
    methods: [GET, POST]
    headers: [etag]
    ignore: ["$.at", status, header.date]
    numbers: 0.1%
    keys: [{array: "$.items", key: id}]
    redact: [ssn]
    repeat: 50%
  stages: [{weight: 5, shadow: 1%}]
`)
	want := &stagger.Shadow{
		Methods: []string{"GET", "POST"}, Headers: []string{"etag"}, Ignore: []string{"$.at", "status", "header.date"}, Numbers: 0.001,
		Keys: []stagger.ArrayKey{{Array: "$.items", Key: "id"}}, Redact: []string{"ssn"}, Repeat: 50 * stagger.WeightPercent,
	}
	if diff := cmp.Diff(want, p.Shadow); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

func TestADataPlaneThatCannotMirrorRefuses(t *testing.T) {
	start := stagger.Start{Service: "shop", Candidate: "v2", Plan: planOf(t, "  stages: [{weight: 0, shadow: 10%}]\n")}
	services := []stagger.Service{{Name: "shop", Versions: []stagger.Version{{Name: "v2"}}}}
	can := able
	can.Mirror = false
	if err := config.Check(start, services, can); err == nil || !strings.Contains(err.Error(), "stages[0].shadow: the data plane mirrors no requests") {
		t.Errorf("got %v", err)
	}
	if err := config.Check(start, services, able); err != nil {
		t.Error(err)
	}
}
