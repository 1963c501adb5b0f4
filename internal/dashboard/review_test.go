package dashboard_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/auth"
	"github.com/stagger-dev/stagger/internal/dashboard"
)

// asked is how the dashboard answers a person.
func asked(h http.Handler, who auth.Identity, method, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r.WithContext(auth.With(r.Context(), who)))
	return w
}

func TestViewersSeeReviewsAndGiveNone(t *testing.T) {
	s := apitest.Open(t)
	r := over(t, world{Server: &apitest.Server{Store: s}}, "shop-old", "shop", apitest.Epoch, 8)
	var given []stagger.Command
	h := dashboard.New(dashboard.Config{Store: s, Services: apitest.Services, Ask: func(_ context.Context, c stagger.Command) (stagger.Command, error) {
		given = append(given, c)
		return c, nil
	}})
	form := url.Values{"judgement": {"missed"}, "reason": {"why"}, "who": {"bob"}}
	viewer := auth.Identity{Name: "wall", Role: auth.Viewer, Via: auth.ByToken}
	page := asked(h, viewer, http.MethodGet, "/rollouts/"+r.ID+"/history", nil)
	if body := page.Body.String(); strings.Contains(body, "<textarea") || !strings.Contains(body, "reviewing a rollout needs the role operator; wall has the role viewer") {
		t.Error("a viewer is offered the form, or not told why not")
	}
	if refused := asked(h, viewer, http.MethodPost, "/rollouts/"+r.ID+"/review", form); refused.Code != http.StatusForbidden || len(given) > 0 {
		t.Errorf("%d, %v", refused.Code, given)
	}
	ana := auth.Identity{Name: "ana", Role: auth.Operator, Via: auth.ByOIDC}
	if done := asked(h, ana, http.MethodPost, "/rollouts/"+r.ID+"/review", form); done.Code != http.StatusSeeOther || len(given) != 1 || given[0].Actor != "ana" {
		t.Errorf("%d, %+v", done.Code, given)
	}
}
