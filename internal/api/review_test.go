package api_test

import (
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

func TestReviewIsForWhatIsOver(t *testing.T) {
	s := apitest.New(t)
	s.Begin(t, "r1")
	const path, body = "/api/v1/rollouts/r1/review", `{"judgement":"false_alarm","actor":"ada","reason":"both versions failed"}`
	wantProblem(t, call(t, s, "POST", path, body), 409, stagger.CodeConflict, "not over")
	read[stagger.Rollout](t, call(t, s, "POST", "/api/v1/rollouts/r1/rollback", "{}"), 200)
	r := read[stagger.Rollout](t, call(t, s, "POST", path, body), 200)
	if r.Review == nil || r.Review.Judgement != stagger.JudgementFalseAlarm || r.Review.Actor != "ada" || r.Review.Reason != "both versions failed" || r.Phase != stagger.PhaseRolledBack {
		t.Errorf("%+v, review %+v", r, r.Review)
	}
	wantProblem(t, call(t, s, "POST", path, `{"judgement":"perhaps"}`), 422, stagger.CodeInvalid, "judgement")
	wantProblem(t, call(t, s, "POST", path, `{}`), 422, stagger.CodeInvalid, "judgement")
}
