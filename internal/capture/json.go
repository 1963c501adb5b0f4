package capture

import (
	"bytes"
	"encoding/json"
	"errors"
)

// maxDepth bounds the nesting of a body that is kept.
const maxDepth = 64

// object masks JSON value by value, and keeps order and keys that are there
// twice. It is not ok for what is not JSON.
func (m *masker) object(body []byte) (masked []byte, ok bool) {
	if !json.Valid(body) {
		return nil, false
	}
	j := rewriter{masker: m, from: json.NewDecoder(bytes.NewReader(body))}
	j.from.UseNumber()
	if j.value(false, 0) != nil {
		return nil, false
	}
	return j.to.Bytes(), true
}

// rewriter writes JSON again as it is read.
type rewriter struct {
	masker *masker
	from   *json.Decoder
	to     bytes.Buffer
}

var errDeep = errors.New("nested too deep")

// value copies one value; a personal one is masked with all that is in it.
func (j *rewriter) value(personal bool, depth int) error {
	if depth > maxDepth {
		return errDeep
	}
	token, err := j.from.Token()
	if err != nil {
		return err
	}
	switch token := token.(type) {
	case json.Delim:
		if token == '{' {
			return j.members(personal, depth)
		}
		return j.elements(personal, depth)
	case string:
		if personal {
			token = j.masker.whole(token)
		} else {
			token = j.masker.plain(token)
		}
		return j.write(token)
	case json.Number:
		if personal {
			token = "0"
		} else {
			token = json.Number(j.number(token.String()))
		}
		_, _ = j.to.WriteString(token.String())
		return nil
	case bool:
		return j.write(token && !personal)
	default:
		return j.write(nil)
	}
}

// number masks a long number, and keeps its length.
func (j *rewriter) number(s string) string {
	return digitsLike.ReplaceAllStringFunc(s, j.masker.digits)
}

func (j *rewriter) members(personal bool, depth int) error {
	_ = j.to.WriteByte('{')
	for first := true; j.from.More(); first = false {
		if !first {
			_ = j.to.WriteByte(',')
		}
		token, err := j.from.Token()
		if err != nil {
			return err
		}
		key, isText := token.(string)
		if !isText {
			return errors.New("a key is no text")
		}
		if err := j.write(j.masker.plain(key)); err != nil {
			return err
		}
		_ = j.to.WriteByte(':')
		if err := j.value(personal || j.masker.personalName(key), depth+1); err != nil {
			return err
		}
	}
	return j.end('}')
}

func (j *rewriter) elements(personal bool, depth int) error {
	_ = j.to.WriteByte('[')
	for first := true; j.from.More(); first = false {
		if !first {
			_ = j.to.WriteByte(',')
		}
		if err := j.value(personal, depth+1); err != nil {
			return err
		}
	}
	return j.end(']')
}

// end reads the closing bracket and writes it.
func (j *rewriter) end(bracket byte) error {
	if _, err := j.from.Token(); err != nil {
		return err
	}
	return j.to.WriteByte(bracket)
}

func (j *rewriter) write(v any) error {
	encoder := json.NewEncoder(&j.to)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return err
	}
	j.to.Truncate(j.to.Len() - 1) // the newline
	return nil
}
