package api

import (
	"context"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/stagger-dev/stagger/internal/auth"
)

// roleKey is where an operation keeps the role it needs, and how the document
// calls it.
const (
	roleKey       = "role"
	roleExtension = "x-role"
)

// needs declares the role that an operation needs, for the document and for
// permit.
func needs(role auth.Role, o huma.Operation) huma.Operation {
	o.Metadata = map[string]any{roleKey: role}
	o.Extensions = map[string]any{roleExtension: role}
	o.Security = []map[string][]string{{"token": {string(role)}}, {"session": {string(role)}}, {}}
	if len(o.Errors) > 0 { // without any, the document names one for all
		o.Errors = append(o.Errors, http.StatusUnauthorized, http.StatusForbidden)
	}
	return o
}

// roleOf is the role that an operation needs. One that declares none is for
// admins, so that none is open by oversight.
func roleOf(o *huma.Operation) auth.Role {
	if role, ok := o.Metadata[roleKey].(auth.Role); ok {
		return role
	}
	return auth.Admin
}

// permit lets an operation be called by those who have its role. It comes before
// the request is read any further.
func (s *server) permit(ctx huma.Context, next func(huma.Context)) {
	o := ctx.Operation()
	if err := auth.Require(ctx.Context(), roleOf(o), o.OperationID); err != nil {
		_, w := humago.Unwrap(ctx)
		writeProblem(w, problemOf(err))
		return
	}
	next(ctx)
}

// Me is who asks.
type Me struct {
	Name string `json:"name" doc:"What the history calls the one who asks."`
	Role string `json:"role" enum:"viewer,operator,admin" doc:"Each may all that the one before may."`
	Via  string `json:"via" enum:"loopback,token,oidc" doc:"How they proved it; loopback where nobody has to."`
	// Until is RFC 3339, as times are.
	Until string   `json:"until,omitempty" format:"date-time" doc:"When the session ends at the latest; absent without one."`
	May   []string `json:"may" nullable:"false" doc:"The operations that are allowed, by their operationId."`
}

func (s *server) registerMe(api huma.API) {
	read(s, api, "/me", "get-me", "Who asks, and what they may do", func(ctx context.Context, _ *none) (Me, error) {
		who, _ := auth.Of(ctx) // permit was here
		me := Me{Name: who.Name, Role: string(who.Role), Via: string(who.Via), May: allowed(api.OpenAPI(), who.Role)}
		if who.Session() {
			me.Until = who.Until.UTC().Format("2006-01-02T15:04:05Z07:00")
		}
		return me, nil
	})
}

// allowed lists the operations that a role may call.
func allowed(document *huma.OpenAPI, role auth.Role) []string {
	names := []string{}
	for _, path := range document.Paths {
		for _, o := range []*huma.Operation{path.Get, path.Put, path.Post, path.Patch, path.Delete} {
			if o != nil && role.Covers(roleOf(o)) {
				names = append(names, o.OperationID)
			}
		}
	}
	slices.Sort(names)
	return names
}
