package present

import "github.com/stagger-dev/stagger"

// Exposure says who met a candidate: "57 of 10,204 requests met v2, 3 of them
// failed; about 41 users". It is empty before anybody could.
func Exposure(e stagger.Exposure, candidate string) string {
	if e.All == 0 {
		return ""
	}
	text := Count(e.Requests) + " of " + Count(e.All) + " requests met " + candidate
	if e.Requests == 0 {
		return text
	}
	if e.Failed > 0 {
		text += ", " + Count(e.Failed) + " of them failed"
	} else {
		text += ", none of them failed"
	}
	if e.Users == 1 {
		return text + "; about 1 user"
	}
	if e.Users > 0 {
		text += "; about " + Count(e.Users) + " users"
	}
	return text
}
