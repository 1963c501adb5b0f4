package config

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// The bounds of a file.
const (
	maxSize     = 1 << 20
	maxDepth    = 32     // of nesting
	maxNodes    = 20_000 // visited, aliases followed
	maxProblems = 50
)

// reader turns a file into values and gathers what is wrong with it.
type reader struct {
	file     string
	problems Problems
	places   map[string]place // of every value that was visited
	anchors  map[string]ast.Node
	left     int // nodes that may still be visited
}

type place struct{ line, column int }

// value is a node of the file and what may stand there.
type value struct {
	r    *reader
	node ast.Node
	path string
	spec spec
}

// read parses data and returns its root. It is not ok when nothing can be made
// of it; then there are problems.
func read(file string, data []byte, s spec) (v value, ok bool) {
	r := &reader{file: file, places: make(map[string]place), anchors: make(map[string]ast.Node), left: maxNodes}
	v = value{r: r, spec: s}
	if message := unreadable(data); message != "" {
		r.problems = Problems{{File: file, Message: message}}
		return v, false
	}
	data = bytes.ReplaceAll(bytes.TrimPrefix(data, []byte("\ufeff")), []byte("\r\n"), []byte("\n"))
	tree, err := parser.ParseBytes(data, 0, parser.AllowDuplicateMapKey())
	if err != nil {
		r.problems = Problems{syntax(file, err)}
		return v, false
	}
	docs := slices.DeleteFunc(tree.Docs, func(d *ast.DocumentNode) bool { return d.Body == nil })
	switch {
	case len(docs) == 0:
		r.problems = Problems{{File: file, Line: 1, Column: 1, Message: "the file is empty; write " + strings.Join(s.needed, ", ")}}
		return v, false
	case len(docs) > 1:
		r.problems = Problems{{File: file, Line: line(docs[1].Body), Column: 1, Message: "a second document begins here; write one per file"}}
		return v, false
	}
	v.node = v.resolve(docs[0].Body)
	return v, v.node != nil
}

// unreadable says why data is not even parsed.
func unreadable(data []byte) string {
	switch {
	case len(data) > maxSize:
		return fmt.Sprintf("the file has %d bytes; at most %d are read", len(data), maxSize)
	case !utf8.Valid(data):
		return "the file is not UTF-8 text"
	case tooDeep(data):
		return fmt.Sprintf("the file nests more than %d levels deep", maxDepth)
	}
	return ""
}

// tooDeep bounds nesting before the parser, which recurses, sees it. Brackets
// inside strings count too; nobody needs so many.
func tooDeep(data []byte) bool {
	depth := 0
	for text := range bytes.Lines(data) {
		dashes := 0
		for i, c := range text {
			switch c {
			case '[', '{':
				depth++
			case ']', '}':
				depth = max(depth-1, 0)
			case '-', '?', ':':
				if i+1 < len(text) && text[i+1] == ' ' {
					dashes++
				}
			}
		}
		indent := len(text) - len(bytes.TrimLeft(text, " "))
		if depth > maxDepth || dashes > 4*maxDepth || indent > 8*maxDepth {
			return true
		}
	}
	return false
}

// syntax makes a problem of what the parser says.
func syntax(file string, err error) Problem {
	p := Problem{File: file, Message: "this is not YAML: " + strings.TrimSpace(err.Error())}
	if failed, ok := errors.AsType[yaml.Error](err); ok {
		p.Message = "this is not YAML: " + failed.GetMessage()
		if t := failed.GetToken(); t != nil && t.Position != nil {
			p.Line, p.Column = t.Position.Line, t.Position.Column
		}
	}
	return p
}

func line(n ast.Node) int { return position(n).line }

func position(n ast.Node) place {
	if n == nil {
		return place{}
	}
	if m, ok := n.(*ast.MappingNode); ok && len(m.Values) > 0 && m.Start.Type != token.MappingStartType {
		return position(m.Values[0].Key) // a block mapping begins at its first key
	}
	t := n.GetToken()
	if t == nil || t.Position == nil {
		return place{}
	}
	return place{t.Position.Line, t.Position.Column}
}

// fail notes that v is wrong.
func (v value) fail(format string, args ...any) {
	at := position(v.node)
	v.r.add(Problem{File: v.r.file, Line: at.line, Column: at.column, Path: v.path, Message: fmt.Sprintf(format, args...)})
}

func (r *reader) add(p Problem) {
	if len(r.problems) < maxProblems {
		r.problems = append(r.problems, p)
	}
}

// failAt notes that the value at path, or the nearest that holds it, is wrong.
func (r *reader) failAt(path, format string, args ...any) {
	at, ok := r.places[path]
	for p := path; !ok && p != ""; {
		p = p[:max(strings.LastIndexAny(p, ".["), 0)]
		at, ok = r.places[p]
	}
	r.add(Problem{File: r.file, Line: at.line, Column: at.column, Path: path, Message: fmt.Sprintf(format, args...)})
}

// resolve follows anchors, aliases and tags to the node that counts; nil when
// it cannot be followed.
func (v value) resolve(n ast.Node) ast.Node {
	if v.r.left--; v.r.left <= 0 {
		if v.r.left == 0 {
			v.fail("the file has more than %d values, aliases followed", maxNodes)
		}
		return nil
	}
	switch n := n.(type) {
	case *ast.AnchorNode:
		v.r.anchors[n.Name.String()] = n.Value
		return v.resolve(n.Value)
	case *ast.AliasNode:
		target, ok := v.r.anchors[n.Value.String()]
		if !ok {
			v.node = n
			v.fail("*%s refers to nothing above", n.Value)
			return nil
		}
		return v.resolve(target)
	case *ast.TagNode:
		v.node = n
		v.fail("tags such as %s are not read; remove it", n.Start.Value)
		return nil
	}
	return n
}

// at returns the value of a node below v.
func (v value) at(n ast.Node, path string, s spec) (value, bool) {
	below := value{r: v.r, node: n, path: path, spec: s}
	below.node = below.resolve(n)
	if below.node == nil {
		return below, false
	}
	v.r.places[path] = position(below.node)
	return below, true
}

// null says whether nothing is written there.
func (v value) null() bool {
	_, ok := v.node.(*ast.NullNode)
	return ok
}

// entries returns the pairs of a mapping in order.
func (v value) entries() ([]*ast.MappingValueNode, bool) {
	switch n := v.node.(type) {
	case *ast.MappingNode:
		return n.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{n}, true
	case *ast.NullNode:
		return nil, true
	}
	v.fail("%s; write keys and values", v.what())
	return nil, false
}

// pairs returns the values of a mapping by key, and the keys in order. A key
// that is there twice is a problem.
func (v value) pairs() (map[string]*ast.MappingValueNode, []string) {
	entries, _ := v.entries()
	found := make(map[string]*ast.MappingValueNode, len(entries))
	var keys []string
	for _, e := range entries {
		key := strings.TrimSpace(e.Key.String())
		if s, ok := e.Key.(*ast.StringNode); ok {
			key = s.Value
		}
		if first, twice := found[key]; twice {
			value{r: v.r, node: e.Key, path: join(v.path, key)}.fail("the key is there already, at line %d; remove one", line(first.Key))
			continue
		}
		found[key] = e
		keys = append(keys, key)
	}
	return found, keys
}

// fields returns the values of an object by key, as its spec has them. Unknown
// and missing keys are problems; keys with nothing behind them count as absent.
func (v value) fields() map[string]value {
	found, keys := v.pairs()
	out := make(map[string]value, len(keys))
	for _, key := range keys {
		e := found[key]
		s, known := v.spec.field(key)
		if !known {
			value{r: v.r, node: e.Key, path: v.path}.fail("unknown key %s; %s", key, suggest(key, v.spec.names()))
			continue
		}
		if below, ok := v.at(e.Value, join(v.path, key), s); ok && !below.null() {
			out[key] = below
		}
	}
	for _, name := range v.spec.needed {
		if _, ok := out[name]; !ok {
			v.fail("%s is missing; write %s: ...", name, name)
		}
	}
	return out
}

// items returns the values of a list.
func (v value) items() []value {
	n, ok := v.node.(*ast.SequenceNode)
	if !ok {
		v.fail("%s; write a list, - one item a line", v.what())
		return nil
	}
	var out []value
	for i, node := range n.Values {
		if below, ok := v.at(node, fmt.Sprintf("%s[%d]", v.path, i), *v.spec.item); ok {
			out = append(out, below)
		}
	}
	return out
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// what names the sort of value that is there.
func (v value) what() string {
	switch n := v.node.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values stand here"
	case *ast.SequenceNode:
		return "a list stands here"
	case *ast.NullNode:
		return "nothing stands here"
	default:
		return fmt.Sprintf("%q stands here", cut(n.String()))
	}
}

func cut(s string) string {
	if s = strings.TrimSpace(s); len(s) > 40 {
		return strings.ToValidUTF8(s[:40], "") + "…"
	}
	return s
}

// suggest names the key that was probably meant.
func suggest(key string, known []string) string {
	best, least := "", 3
	for _, k := range known {
		if d := distance(key, k); d < least {
			best, least = k, d
		}
	}
	if best != "" {
		return fmt.Sprintf("did you mean %s?", best)
	}
	return "write one of " + strings.Join(known, ", ")
}

// distance counts the edits between two short words; two letters that changed
// places are one.
func distance(a, b string) int {
	if len(a) > 40 || len(b) > 40 {
		return 40
	}
	var rows [3][]int
	for i := range rows {
		rows[i] = make([]int, len(b)+1)
	}
	for j := range rows[1] {
		rows[1][j] = j
	}
	for i := range len(a) {
		rows[2][0] = i + 1
		for j := range len(b) {
			cost := 1
			if a[i] == b[j] {
				cost = 0
			}
			rows[2][j+1] = min(rows[1][j+1]+1, rows[2][j]+1, rows[1][j]+cost)
			if i > 0 && j > 0 && a[i] == b[j-1] && a[i-1] == b[j] {
				rows[2][j+1] = min(rows[2][j+1], rows[0][j-1]+1)
			}
		}
		rows[0], rows[1], rows[2] = rows[1], rows[2], rows[0]
	}
	return rows[1][len(b)]
}
