package auth

import (
	"slices"
	"strings"
	"unicode"
)

// The usual claims, where the configuration names none.
const (
	usualRoleClaim = "groups"
	emailClaim     = "email"
)

// maxName bounds the name of a person, in bytes.
const maxName = 200

// claims are what a provider says of somebody.
type claims map[string]any

// find returns a claim by its name or, as realm_access.roles, by the way to it.
func (c claims) find(name string) any {
	if v, ok := c[name]; ok {
		return v
	}
	outer, inner, nested := strings.Cut(name, ".")
	if !nested {
		return nil
	}
	below, ok := c[outer].(map[string]any)
	if !ok {
		return nil
	}
	return claims(below).find(inner)
}

// believable says whether a claim may be relied on: an address of mail that the
// provider has not made sure of is whatever somebody wrote.
func (c claims) believable(name string) bool {
	switch c["email_verified"] {
	case false, "false":
		return name != emailClaim
	}
	return true
}

// values are the texts of a claim, one or many.
func (c claims) values(name string) []string {
	if !c.believable(name) {
		return nil
	}
	switch v := c.find(name).(type) {
	case string:
		return []string{v}
	case []any:
		var all []string
		for _, one := range v {
			if s, ok := one.(string); ok {
				all = append(all, s)
			}
		}
		return all
	}
	return nil
}

// name is what somebody is called: by the claim that is asked for, or by the
// first there is of the usual ones.
func (c claims) name(asked string) (name string, ok bool) {
	from := []string{asked}
	if asked == "" {
		from = []string{emailClaim, "preferred_username", "sub"}
	}
	for _, claim := range from {
		if all := c.values(claim); len(all) == 1 && isName(all[0]) {
			return all[0], true
		}
	}
	return "", false
}

// isName refuses what cannot stand in a line of the history.
func isName(s string) bool {
	return s != "" && len(s) <= maxName && strings.TrimSpace(s) == s && !strings.ContainsFunc(s, unicode.IsControl)
}

// named returns those of the values that a role is given for.
func (o OIDC) named(values []string) []string {
	var all []string
	for _, asked := range o.Roles {
		for _, v := range asked {
			if slices.Contains(values, v) && !slices.Contains(all, v) {
				all = append(all, v)
			}
		}
	}
	slices.Sort(all)
	return all
}

// role is the highest that is given for any of the values.
func (o OIDC) role(values []string) (Role, bool) {
	for _, role := range slices.Backward(Roles) {
		if slices.ContainsFunc(o.Roles[role], func(v string) bool { return slices.Contains(values, v) }) {
			return role, true
		}
	}
	return o.DefaultRole, o.DefaultRole != ""
}
