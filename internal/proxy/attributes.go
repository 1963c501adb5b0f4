package proxy

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"

	"github.com/stagger-dev/stagger/internal/whence"
)

// maxToken bounds the payload of a bearer token that is looked into.
const maxToken = 8 << 10

// attributes reads from a request what the cohort asks for, when it asks.
type attributes struct {
	request *http.Request
	rules   *whence.Rules
	claims  map[string]json.RawMessage // nil until asked for
}

// Header implements cohort.Attributes; name is canonical.
func (a *attributes) Header(name string) string {
	if name == "Host" {
		return a.request.Host
	}
	if values := a.request.Header[name]; len(values) > 0 {
		return values[0]
	}
	return ""
}

// Cookie implements cohort.Attributes. The first cookie of the name counts.
func (a *attributes) Cookie(name string) string {
	for _, line := range a.request.Header["Cookie"] {
		if value, ok := cookie(line, name); ok {
			return value
		}
	}
	return ""
}

// cookie returns the value of the first cookie of the name in a line.
func cookie(line, name string) (value string, ok bool) {
	for part := range strings.SplitSeq(line, ";") {
		key, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		if key != name {
			continue
		}
		if n := len(value); n > 1 && value[0] == '"' && value[n-1] == '"' {
			value = value[1 : n-1]
		}
		return value, true
	}
	return "", false
}

// Address implements cohort.Attributes.
func (a *attributes) Address() string {
	hop := hopOf(a.request)
	if !hop.Trusted {
		return hop.Address
	}
	return textOf(a.rules.Client(hop, toldBy(a.request.Header)))
}

// Claim implements cohort.Attributes.
func (a *attributes) Claim(name string) string {
	if a.claims == nil {
		a.claims = claims(a.Header("Authorization"))
	}
	return claim(a.claims[name])
}

// claim returns the value of a claim. A text is returned as such, a number or a
// truth value as JSON writes it; anything else has no value.
func claim(raw json.RawMessage) string {
	if len(raw) == 0 {
		return ""
	}
	switch raw[0] {
	case '"':
		var text string
		if json.Unmarshal(raw, &text) != nil {
			return ""
		}
		return text
	case '{', '[', 'n':
		return ""
	}
	return string(raw)
}

// claims returns the payload of a bearer token, empty when there is none that
// can be read. The signature is the upstream's to verify: a cohort is no
// access right.
func claims(authorization string) map[string]json.RawMessage {
	found := make(map[string]json.RawMessage)
	scheme, token, _ := strings.Cut(authorization, " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return found
	}
	_, rest, _ := strings.Cut(token, ".")
	payload, _, signed := strings.Cut(rest, ".")
	if !signed || len(payload) > maxToken {
		return found
	}
	text, err := base64.RawURLEncoding.DecodeString(payload)
	if err != nil || json.Unmarshal(text, &found) != nil || found == nil {
		return make(map[string]json.RawMessage)
	}
	return found
}

// clientAddress returns the IP of an ip:port without brackets and zone.
func clientAddress(remote string) string {
	if i := strings.LastIndexByte(remote, ':'); i >= 0 {
		remote = remote[:i]
	}
	remote = strings.TrimSuffix(strings.TrimPrefix(remote, "["), "]")
	remote, _, _ = strings.Cut(remote, "%")
	return remote
}
