package auth_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/auth"
)

func TestEachRoleCoversThoseBelow(t *testing.T) {
	for _, row := range []struct {
		has    auth.Role
		covers string
	}{
		{auth.Viewer, "viewer"},
		{auth.Operator, "viewer operator"},
		{auth.Admin, "viewer operator admin"},
		{"", ""},
		{"root", ""},
	} {
		var got []string
		for _, needed := range append([]auth.Role{"", "root"}, auth.Roles...) {
			if row.has.Covers(needed) {
				got = append(got, string(needed))
			}
		}
		if strings.Join(got, " ") != row.covers {
			t.Errorf("%q covers %q, want %q", row.has, got, row.covers)
		}
	}
}

func TestTheHistoryNamesWhoProvedIt(t *testing.T) {
	ci := auth.Identity{Name: "ci", Via: auth.ByToken}
	ana := auth.Identity{Name: "ana@example.org", Via: auth.ByOIDC}
	local := auth.Identity{Name: "local", Via: auth.Loopback}
	for _, row := range []struct {
		who           auth.Identity
		claimed, want string
	}{
		{ci, "", "ci"},
		{ci, "ana", "ana via ci"},
		{ci, " ci ", "ci"},
		{ci, "ana\nboss", "ana boss via ci"},
		{ci, "ana via admin", "ana via admin via ci"}, // the last is what was proved
		{ana, "boss", "ana@example.org"},
		{ana, "", "ana@example.org"},
		{local, "ana", "ana"},
		{local, "\x1b", "local"},
	} {
		if got := row.who.Actor(row.claimed); got != row.want {
			t.Errorf("%s who says %q is %q, want %q", row.who.Name, row.claimed, got, row.want)
		}
	}
}

func TestWhatIsNotAllowedNamesBothRoles(t *testing.T) {
	ctx := auth.With(context.Background(), auth.Identity{Name: "ci", Role: auth.Viewer})
	if err := auth.Require(ctx, auth.Viewer, "looking"); err != nil {
		t.Error(err)
	}
	err := auth.Require(ctx, auth.Operator, "pausing")
	if stagger.CodeOf(err) != stagger.CodeDenied || err.Error() != "pausing needs the role operator; ci has the role viewer" {
		t.Error(err)
	}
	if err := auth.Require(context.Background(), auth.Viewer, "looking"); stagger.CodeOf(err) != stagger.CodeDenied {
		t.Errorf("a stranger looks: %v", err)
	}
}
