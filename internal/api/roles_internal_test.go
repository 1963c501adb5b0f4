package api

import (
	"testing"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger/internal/auth"
)

func TestAnOperationThatDeclaresNoRoleIsForAdmins(t *testing.T) {
	if role := roleOf(&huma.Operation{OperationID: "forgotten"}); role != auth.Admin {
		t.Errorf("it needs the role %s", role)
	}
}
