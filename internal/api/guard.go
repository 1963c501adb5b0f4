package api

import (
	"net/http"

	"github.com/stagger-dev/stagger/internal/auth"
)

const maxBody = 1 << 20 // bytes

// Guard lets through what may ask, and refuses the rest with a problem: with a
// token, whoever shows it, and they may do everything; without, this machine. See
// auth.Guard, which knows more. A guard inside a guard does nothing.
func Guard(token string, next http.Handler) http.Handler {
	var rules auth.Rules
	if token != "" {
		rules.Tokens = []auth.Token{{Name: "admin", Role: auth.Admin, Secret: token}}
	}
	return auth.New(auth.Options{Rules: rules}).Handler(next)
}
