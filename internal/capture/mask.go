package capture

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"regexp"
	"strings"
	"unicode"
)

// masker replaces what must not be kept.
type masker struct {
	key   []byte
	allow map[string]bool // names whose values stay, in lower case
}

// personalName says whether a value of this name is masked, whatever it is.
func (m *masker) personalName(name string) bool {
	return !m.allow[strings.ToLower(name)] && isPersonal(name)
}

// hash returns the keyed hash of a value. The kind keeps equal values of
// different kinds apart.
func (m *masker) hash(kind, value string) []byte {
	mac := hmac.New(sha256.New, m.key)
	_, _ = mac.Write([]byte(kind + "\x00" + value)) // it never fails
	return mac.Sum(nil)
}

// user returns what stands for a person.
func (m *masker) user(id string) string {
	if id == "" {
		return ""
	}
	return hex.EncodeToString(m.hash("user", id)[:8])
}

// whole replaces a value of which nothing may be kept.
func (m *masker) whole(value string) string {
	if value == "" {
		return ""
	}
	return "masked-" + hex.EncodeToString(m.hash("whole", value)[:6])
}

// What gives itself away by its looks.
var (
	mailLike   = regexp.MustCompile(`[^\s@<>"(),:;\[\]\\/?&=]+@[^\s@<>"(),:;\[\]\\/?&=]+`)
	digitsLike = regexp.MustCompile(`\p{Nd}(?:[ ()./-]{0,2}\p{Nd}){8,}`)
	// saidLike is a value that is named within a text, as in password: "x" or token=x.
	saidLike  = regexp.MustCompile(`([\pL_][\pL\p{Nd}_.\[\]-]{0,60})(\\*["']?\s*[:=]\s*)(\\*"[^"]*"?|\\*'[^']*'?|[^\s,;&"']+)`)
	tokenLike = regexp.MustCompile(`[A-Za-z0-9_+~-]{16,}(?:\.[A-Za-z0-9_-]+)*={0,2}`)
)

// text replaces what gives itself away within a text.
func (m *masker) text(s string) string {
	if s == "" {
		return s
	}
	s = saidLike.ReplaceAllStringFunc(s, m.said)
	s = mailLike.ReplaceAllStringFunc(s, func(mail string) string {
		return "masked-" + hex.EncodeToString(m.hash("mail", mail)[:6]) + "@example.invalid"
	})
	s = tokenLike.ReplaceAllStringFunc(s, m.token)
	return digitsLike.ReplaceAllStringFunc(s, m.digits)
}

// said replaces a value that is named within a text, if its name says so.
func (m *masker) said(s string) string {
	parts := saidLike.FindStringSubmatch(s)
	if parts == nil || !m.personalName(parts[1]) {
		return s
	}
	value := strings.Trim(parts[3], `\"'`)
	if value == "" {
		return s
	}
	return parts[1] + parts[2] + strings.Replace(parts[3], value, m.whole(value), 1)
}

// digits replaces digits by others and leaves what stands between them.
func (m *masker) digits(s string) string {
	sum := m.hash("digits", s)
	i := 0
	return strings.Map(func(r rune) rune {
		if !unicode.IsDigit(r) {
			return r
		}
		digit := rune('0' + sum[i%len(sum)]%10)
		if i++; i == 1 && r != '0' {
			digit = rune('1' + sum[0]%9) // a number keeps its length
		}
		return digit
	}, s)
}

// restless is how often a token changes between capitals, small letters and
// digits at least. A text of words does so less.
const restless = 6

// token replaces what looks drawn by chance; words stay.
func (m *masker) token(s string) string {
	if strings.HasPrefix(s, "masked-") || changes(s) < restless {
		return s
	}
	sum := hex.EncodeToString(m.hash("token", s))
	i := 0
	return strings.Map(func(r rune) rune {
		if !unicode.IsLetter(r) && !unicode.IsDigit(r) {
			return r
		}
		i++
		return rune(sum[(i-1)%len(sum)])
	}, s)
}

// changes counts how often the kind of letter changes in s.
func changes(s string) int {
	n, last := 0, rune(0)
	for _, r := range s {
		var kind rune
		switch {
		case r >= '0' && r <= '9':
			kind = 'd'
		case r >= 'a' && r <= 'z':
			kind = 'l'
		case r >= 'A' && r <= 'Z':
			kind = 'u'
		default:
			continue
		}
		if last != 0 && kind != last {
			n++
		}
		last = kind
	}
	return n
}

// maxLayers bounds how often a value is unescaped to look beneath.
const maxLayers = 4

// escaped is text for a value that is escaped, perhaps more than once. A value
// that comes through unchanged is returned as it was written.
func (m *masker) escaped(s string, unescape func(string) (string, error), escape func(string) string) string {
	plain, err := unescape(s)
	if err != nil {
		return m.whole(s)
	}
	if m.deep(plain) {
		return m.whole(s)
	}
	if masked := m.text(plain); masked != plain {
		return escape(masked)
	}
	return s
}

// plain is text for a value that is not escaped, and may be all the same.
func (m *masker) plain(s string) string {
	if m.deep(s) {
		return m.whole(s)
	}
	return m.text(s)
}

// deep says whether something to be masked lies beneath escapes.
func (m *masker) deep(s string) bool {
	for range maxLayers {
		if spaced := strings.ReplaceAll(s, "+", " "); spaced != s && m.text(spaced) != spaced {
			return true
		}
		if !strings.Contains(s, "%") {
			return false
		}
		next, err := url.PathUnescape(s)
		if err != nil || next == s {
			return false
		}
		if m.text(next) != next {
			return true
		}
		s = next
	}
	return true // nobody escapes so often who has nothing to hide
}

// query masks a query or a form, pair by pair, and leaves its order and its
// oddities.
func (m *masker) query(raw string) string {
	if raw == "" {
		return ""
	}
	pairs := strings.Split(raw, "&")
	for i, pair := range pairs {
		name, value, has := strings.Cut(pair, "=")
		plain, err := url.QueryUnescape(name)
		if err != nil {
			pairs[i] = m.whole(pair)
			continue
		}
		masked := m.escaped(name, url.QueryUnescape, url.QueryEscape)
		switch {
		case !has:
			pairs[i] = masked
		case m.personalName(plain):
			pairs[i] = masked + "=" + m.whole(value)
		default:
			pairs[i] = masked + "=" + m.escaped(value, url.QueryUnescape, url.QueryEscape)
		}
	}
	return strings.Join(pairs, "&")
}

// path masks a path, segment by segment.
func (m *masker) path(raw string) string {
	segments := strings.Split(raw, "/")
	led := false
	for i, segment := range segments {
		if led && !isWord(segment) {
			segments[i] = m.whole(segment)
		} else {
			segments[i] = m.segment(segment)
		}
		led = false
		for _, word := range words(segment) {
			led = led || leading[word]
		}
	}
	return strings.Join(segments, "/")
}

// segment masks one segment and the parameters in it.
func (m *masker) segment(s string) string {
	parts := strings.Split(s, ";")
	for i, part := range parts {
		name, value, has := strings.Cut(part, "=")
		if i > 0 && has && m.personalName(name) {
			parts[i] = name + "=" + m.whole(value)
			continue
		}
		parts[i] = m.escaped(part, url.PathUnescape, url.PathEscape)
	}
	return strings.Join(parts, ";")
}

// isWord says whether a segment is words only, such as new or sign-in.
func isWord(s string) bool {
	return strings.Trim(s, "abcdefghijklmnopqrstuvwxyz-_.") == ""
}

// link masks a header's value that is a URL.
func (m *masker) link(s string) string {
	path, query, has := strings.Cut(s, "?")
	if scheme, rest, ok := strings.Cut(path, "://"); ok {
		path = scheme + "://" + m.path(rest)
	} else {
		path = m.path(path)
	}
	if !has {
		return path
	}
	query, _, _ = strings.Cut(query, "#")
	return path + "?" + m.query(query)
}
