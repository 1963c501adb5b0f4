package difference

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// masked stands for a value that is not shown.
const masked = "(masked)"

// confidential are parts of names whose values are never shown, squeezed.
var confidential = []string{
	"password", "passwd", "passphrase", "secret", "token", "authorization", "apikey", "privatekey", "credential",
	"email", "mail", "phone", "cookie", "session", "iban", "ssn", "card", "cvv", "birth",
}

// squeeze takes case and separators out of a name, so that api-key, apiKey and
// API_KEY are one.
func squeeze(name string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r >= 'A' && r <= 'Z':
			return r - 'A' + 'a'
		case r == '-' || r == '_' || r == ' ':
			return -1
		}
		return r
	}, name)
}

// hides says whether the name of a member or field sounds confidential.
func (r *Rules) hides(name string) bool {
	name = squeeze(name)
	for _, part := range r.redact {
		if part != "" && strings.Contains(name, part) {
			return true
		}
	}
	return false
}

// tells says whether a text is itself confidential: an address of mail, a token.
func tells(text string) bool {
	at := strings.IndexByte(text, '@')
	return at > 0 && strings.IndexByte(text[at:], '.') > 0 || strings.HasPrefix(text, "eyJ") ||
		len(text) > 7 && strings.EqualFold(text[:7], "bearer ")
}

// maxShown bounds a value as it is shown, in bytes.
const maxShown = 120

// short cuts a text off where it is long, and takes out what would move the
// cursor of whoever reads it.
func short(text string) string {
	text = strings.Map(func(r rune) rune {
		if unicode.IsControl(r) {
			return '·'
		}
		return r
	}, text)
	if len(text) <= maxShown {
		return text
	}
	n := maxShown
	for n > 0 && !utf8.RuneStart(text[n]) {
		n--
	}
	return text[:n] + "…"
}
