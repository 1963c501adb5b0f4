package app_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/config"
)

// prices answers in JSON with a time, which is noise, and a price.
func prices(t *testing.T, price int) string {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"at":"%s","order":{"price":%d}}`, time.Now().Format(time.RFC3339Nano), price)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// asked has users ask the service until the test ends; they must only ever see
// what the baseline answers.
func (w *world) asked(t *testing.T) {
	t.Helper()
	ended := make(chan struct{})
	var users sync.WaitGroup
	transport := &http.Transport{}
	client := &http.Client{Transport: transport}
	for range 2 {
		users.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				response, err := client.Get(w.ProxyURL("web"))
				if err != nil {
					t.Error(err)
					return
				}
				body, _ := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if !strings.Contains(string(body), `"price":20}`) {
					t.Errorf("a user got %s", body)
					return
				}
				time.Sleep(time.Millisecond)
			}
		})
	}
	t.Cleanup(func() {
		close(ended)
		users.Wait()
		transport.CloseIdleConnections()
	})
}

// mirroring is a start whose first stage mirrors everything and shows nobody the
// candidate, with a timebox that a person ends.
func mirroring(t *testing.T, action string) stagger.Command {
	t.Helper()
	start, err := config.ParseRollout("rollout.yaml", fmt.Appendf(nil, `
service: shop
candidate: v2
plan:
  cohort: {key: {header: X-User}}
  guardrails: [{signal: errors}, {signal: shadow, action: %s}]
  stages:
    - {name: shadow, weight: 0, shadow: 100%%, min_time: 0s, min_samples: 50}
    - {name: second, weight: 0, cohort: [{header: X-User, equals: ada}], min_time: 1m}
`, action))
	must(t, err)
	return stagger.Command{Verb: stagger.VerbStart, Actor: "ada", Reason: "because", Start: &start}
}

func TestAStageThatOnlyMirrorsLeadsToTheNext(t *testing.T) {
	w := start(t, server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": prices(t, 20), "v2": prices(t, 20)}))
	w.asked(t)
	r := w.do(t, mirroring(t, "hold"))
	r = w.wait(t, r.ID, func(r stagger.Rollout) bool { return r.Stage == 1 })
	if !strings.Contains(r.Reason, "mirrored requests of this stage") {
		t.Errorf("the first stage was left for another reason: %s", r.Reason)
	}
	d, err := w.Client.Differences(t.Context(), r.ID)
	must(t, err)
	if len(d.Paths) != 1 || d.Paths[0].Path != "$.at" || d.Paths[0].Finding != stagger.FoundNoise {
		t.Errorf("differences: %+v", d.Paths)
	}
}

func TestACandidateThatAnswersOtherwiseGoesNoFurther(t *testing.T) {
	for action, stopped := range map[string]func(stagger.Rollout) bool{
		"hold":     func(r stagger.Rollout) bool { return r.Hold == stagger.HoldSuspect },
		"rollback": func(r stagger.Rollout) bool { return r.Phase == stagger.PhaseRolledBack },
	} {
		t.Run(action, func(t *testing.T) {
			w := start(t, server(t, filepath.Join(t.TempDir(), "stagger.db"), map[string]string{"v1": prices(t, 20), "v2": prices(t, 21)}))
			w.asked(t)
			r := w.do(t, mirroring(t, action))
			r = w.wait(t, r.ID, stopped)
			if r.Stage != 0 || !strings.Contains(r.Reason, "of mirrored requests otherwise than v1") {
				t.Errorf("stage %d: %s", r.Stage, r.Reason)
			}
			d, err := w.Client.Differences(t.Context(), r.ID)
			must(t, err)
			if first := d.Paths[0]; first.Path != "$.order.price" || first.Finding != stagger.FoundDifference {
				t.Errorf("differences: %+v", d.Paths)
			}
			_, metrics := get(t, w.AdminURL()+"/metrics")
			for _, want := range []string{
				`stagger_shadow_requests_total{class="2xx",service="shop",version="v2"}`, `stagger_shadow_compared_total{service="shop",version="v2"}`,
				`stagger_shadow_dropped_total{reason="queue",service="shop"}`,
			} {
				if !strings.Contains(metrics, want) {
					t.Errorf("/metrics lacks %s", want)
				}
			}
			if strings.Contains(metrics, `stagger_requests_total{class="2xx",route="all",service="shop",version="v2"}`) {
				t.Error("copies count as requests of users")
			}
			if _, page := get(t, w.AdminURL()+"/rollouts/"+r.ID); !strings.Contains(page, "Mirrored requests") || !strings.Contains(page, "$.order.price") {
				t.Error("the page of the rollout does not show the difference")
			}
		})
	}
}
