package api_test

import (
	"encoding/json"
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api"
	"github.com/stagger-dev/stagger/internal/api/apitest"
	"github.com/stagger-dev/stagger/internal/auth"
)

// declared are the operations of the document, their roles and where they are.
type declared struct {
	method, path string
	role         auth.Role
	schemes      []map[string][]string
}

func operations(t *testing.T) map[string]declared {
	t.Helper()
	content, err := os.ReadFile(golden)
	must(t, err)
	var d struct {
		Paths map[string]map[string]struct {
			OperationID string                `json:"operationId"`
			Role        auth.Role             `json:"x-role"`
			Security    []map[string][]string `json:"security"`
		} `json:"paths"`
	}
	must(t, json.Unmarshal(content, &d))
	all := make(map[string]declared)
	for path, methods := range d.Paths {
		for method, o := range methods {
			all[o.OperationID] = declared{strings.ToUpper(method), path, o.Role, o.Security}
		}
	}
	return all
}

// exceptional are the operations that need more or less than their method says:
// what reads is for viewers, what changes something is for operators.
var exceptional = map[string]auth.Role{
	"capture-requests": auth.Admin,  // it shows what users send
	"preview-plan":     auth.Viewer, // it only computes
}

func TestEveryOperationDeclaresItsRole(t *testing.T) {
	for id, o := range operations(t) {
		want := auth.Operator
		if o.method == "GET" {
			want = auth.Viewer
		}
		if other, ok := exceptional[id]; ok {
			want = other
		}
		if o.role != want {
			t.Errorf("%s needs the role %q, want %q", id, o.role, want)
		}
		security := []map[string][]string{{"token": {string(want)}}, {"session": {string(want)}}, {}}
		if diff := cmp.Diff(security, o.schemes); diff != "" {
			t.Errorf("%s: %s", id, diff)
		}
	}
}

// guarded runs the API behind tokens of every role, named for it.
func guarded(t *testing.T) *apitest.Server {
	t.Helper()
	rules := auth.Rules{}
	for _, role := range auth.Roles {
		rules.Tokens = append(rules.Tokens, auth.Token{Name: "the-" + string(role), Role: role, Secret: secretOf(role)})
	}
	guard := auth.New(auth.Options{Rules: rules})
	t.Cleanup(guard.Close)
	return apitest.New(t, func(c *api.Config) { c.Guard = guard })
}

func secretOf(role auth.Role) string { return "secret-of-the-" + string(role) }

func bearer(role auth.Role) string { return "Authorization: Bearer " + secretOf(role) }

// TestEachRoleMayWhatItMay calls every operation as everybody: who may not is
// told so, and who may is told something else.
func TestEachRoleMayWhatItMay(t *testing.T) {
	s := guarded(t)
	for id, o := range operations(t) {
		for _, role := range auth.Roles {
			t.Run(id+" as "+string(role), func(t *testing.T) {
				path := strings.NewReplacer("{id}", "r9", "{name}", "nowhere").Replace(o.path)
				if id == "stream-events" {
					path += "?after=x" // so that it does not begin
				}
				a := call(t, s, o.method, path, "", bearer(role))
				if !role.Covers(o.role) {
					wantProblem(t, a, 403, stagger.CodeDenied, id+" needs the role "+string(o.role)+"; the-"+string(role)+" has the role "+string(role))
				} else if a.status == 401 || a.status == 403 {
					t.Errorf("status %d: %s", a.status, a.body)
				}
			})
		}
		t.Run(id+" as a stranger", func(t *testing.T) {
			wantProblem(t, call(t, s, o.method, o.path, ""), 401, stagger.CodeDenied, "token")
		})
	}
}

func TestMeIsWhoAsks(t *testing.T) {
	s := guarded(t)
	all := operations(t)
	for _, role := range auth.Roles {
		me := read[api.Me](t, call(t, s, "GET", "/api/v1/me", "", bearer(role)), 200)
		want := api.Me{Name: "the-" + string(role), Role: string(role), Via: "token"}
		for _, id := range slices.Sorted(maps.Keys(all)) {
			if role.Covers(all[id].role) {
				want.May = append(want.May, id)
			}
		}
		if diff := cmp.Diff(want, me); diff != "" {
			t.Error(diff)
		}
	}
	local := read[api.Me](t, call(t, apitest.New(t), "GET", "/api/v1/me", ""), 200)
	if local.Name != "local" || local.Role != "admin" || local.Via != "loopback" || len(local.May) != len(all) {
		t.Errorf("on this machine: %+v", local)
	}
}

func TestTheHistoryCannotBeForged(t *testing.T) {
	s := guarded(t)
	s.Begin(t, "r1")
	for _, body := range []string{`{"actor":"ana"}`, `{}`, `{"actor":"the-admin"}`} {
		read[stagger.Rollout](t, call(t, s, "POST", "/api/v1/rollouts/r1/pause", body, bearer(auth.Operator)), 200)
	}
	var got []string
	for _, e := range read[api.EventList](t, call(t, s, "GET", "/api/v1/rollouts/r1/history?after=1", "", bearer(auth.Viewer)), 200).Events {
		got = append(got, e.Actor)
	}
	if diff := cmp.Diff([]string{"ana via the-operator", "the-operator", "the-admin via the-operator"}, got); diff != "" {
		t.Error(diff)
	}
}
