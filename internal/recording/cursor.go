package recording

import (
	"encoding/json"
	"fmt"
	"strings"
	"unicode/utf8"
)

// cursor walks over one line of JSON and knows the column of everything on it.
// The first problem ends the walk: all that is read after it is empty.
type cursor struct {
	file    string
	line    int
	text    []byte
	at      int // offset of what comes next
	problem *Problem
}

func (c *cursor) ok() bool { return c.problem == nil }

// fail notes what is wrong at an offset, unless something was before.
func (c *cursor) fail(offset int, path, format string, args ...any) {
	if c.problem != nil {
		return
	}
	offset = min(offset, len(c.text))
	c.problem = &Problem{
		File: c.file, Line: c.line, Column: utf8.RuneCount(c.text[:offset]) + 1,
		Path: path, Message: fmt.Sprintf(format, args...),
	}
}

// next skips white space and returns the byte that follows, 0 at the end.
func (c *cursor) next() byte {
	for c.at < len(c.text) {
		if b := c.text[c.at]; b != ' ' && b != '\t' && b != '\r' && b != '\n' {
			return b
		}
		c.at++
	}
	return 0
}

// skip passes b if it comes next.
func (c *cursor) skip(b byte) bool {
	if !c.ok() || c.next() != b {
		return false
	}
	c.at++
	return true
}

// take passes b, or fails.
func (c *cursor) take(b byte, path string) {
	if !c.skip(b) {
		c.fail(c.at, path, "%s; write %q", c.what(), string(b))
	}
}

// what names what comes next, for people.
func (c *cursor) what() string {
	if c.next() == 0 {
		return "the line ends here"
	}
	rest := string(c.text[c.at:])
	for _, word := range []string{"NaN", "-Infinity", "Infinity", "nan", "inf", "-inf"} {
		if strings.HasPrefix(rest, word) {
			return word + " is no number that JSON knows"
		}
	}
	return fmt.Sprintf("%q stands here", cut(rest))
}

func cut(s string) string {
	if len(s) > 24 {
		return strings.ToValidUTF8(s[:24], "") + "…"
	}
	return s
}

// object reads an object; each reads the value of a key that begins at offset.
func (c *cursor) object(path string, each func(key string, offset int)) {
	if !c.skip('{') {
		c.fail(c.at, path, "%s; write an object, {...}", c.what())
		return
	}
	seen := make(map[string]bool)
	for first := true; c.ok() && !c.skip('}'); first = false {
		if !first {
			c.take(',', path)
		}
		c.next()
		offset := c.at
		key := c.string(path)
		if seen[key] {
			c.fail(offset, join(path, key), "the field is there already; remove one of the two")
		}
		seen[key] = true
		if c.take(':', join(path, key)); c.ok() {
			each(key, offset)
		}
	}
}

// list reads a list; each reads one item.
func (c *cursor) list(path string, each func()) {
	if !c.skip('[') {
		c.fail(c.at, path, "%s; write a list, [...]", c.what())
		return
	}
	for first := true; c.ok() && !c.skip(']'); first = false {
		if !first {
			c.take(',', path)
		}
		if c.ok() {
			each()
		}
	}
}

// string reads a text.
func (c *cursor) string(path string) string {
	if !c.ok() {
		return ""
	}
	if c.next() != '"' {
		c.fail(c.at, path, "%s; write a text in double quotes", c.what())
		return ""
	}
	start := c.at
	for c.at++; c.at < len(c.text) && c.text[c.at] != '"'; c.at++ {
		if c.text[c.at] == '\\' {
			c.at++
		}
	}
	c.at = min(c.at+1, len(c.text))
	var s string
	if json.Unmarshal(c.text[start:c.at], &s) != nil {
		c.fail(start, path, "the text that begins here is not JSON; close it with a double quote and escape what needs it")
	}
	return s
}

// number reads a number as it is written, and where it begins. It is not ok
// when there is none.
func (c *cursor) number(path, write string) (text string, offset int, ok bool) {
	if !c.ok() {
		return "", c.at, false
	}
	c.next()
	start := c.at
	for c.at < len(c.text) && strings.IndexByte("+-.0123456789eE", c.text[c.at]) >= 0 {
		c.at++
	}
	if text = string(c.text[start:c.at]); text == "" || !json.Valid(c.text[start:c.at]) {
		c.at = start
		c.fail(start, path, "%s; write %s", c.what(), write)
		return "", start, false
	}
	return text, start, true
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}
