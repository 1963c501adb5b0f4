package auth

import "slices"

// Role is what somebody may do. Each may all that the one before may.
type Role string

// The roles.
const (
	// Viewer may see everything but the content of users' requests.
	Viewer Role = "viewer"
	// Operator may also start rollouts and act on them.
	Operator Role = "operator"
	// Admin may also see what users send.
	Admin Role = "admin"
)

// Roles are all there are, the least first.
var Roles = []Role{Viewer, Operator, Admin}

// Covers says whether one who has r may do what needs the other. What is no role
// covers nothing, and nothing covers it.
func (r Role) Covers(needed Role) bool {
	own, other := slices.Index(Roles, r), slices.Index(Roles, needed)
	return other >= 0 && own >= other
}
