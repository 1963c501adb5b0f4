package config

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// ServerSchema returns the JSON Schema (draft 2020-12) of stagger.yaml.
func ServerSchema() []byte { return document("stagger.yaml", server) }

// RolloutSchema returns the JSON Schema of rollout.yaml.
func RolloutSchema() []byte { return document("rollout.yaml", rollout) }

// LoadSchema returns the JSON Schema of load.yaml.
func LoadSchema() []byte { return document("load.yaml", load) }

func document(title string, s spec) []byte {
	schema := s.schema()
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = title
	data, err := json.MarshalIndent(schema, "", "  ")
	if err != nil {
		panic(fmt.Sprintf("schema of %s: %v", title, err)) // it is made of maps and texts
	}
	return append(data, '\n')
}

// schema describes what may be written. A key with nothing behind it counts as
// absent, so null is allowed wherever a key is not needed.
func (s spec) schema() map[string]any {
	out := s.shape()
	doc := s.doc
	if s.usual != "" {
		doc = strings.TrimSpace(doc + " Default: " + s.usual + ".")
	}
	if doc != "" {
		out["description"] = doc
	}
	return out
}

func (s spec) shape() map[string]any {
	switch s.kind {
	case kindObject:
		return s.objectShape()
	case kindList:
		return map[string]any{"type": "array", "items": s.item.schema()}
	case kindMap:
		return map[string]any{
			"type": "object", "minProperties": 1, "additionalProperties": s.item.schema(),
			"propertyNames": map[string]any{"pattern": "^[A-Za-z0-9._-]{1,100}$"},
		}
	case kindCount:
		return map[string]any{"type": "integer", "minimum": 0}
	case kindFlag:
		return map[string]any{"type": "boolean"}
	case kindChoice:
		return map[string]any{"enum": s.choices}
	case kindDuration:
		return pattern(`^([0-9]+(\.[0-9]+)?(ns|us|µs|ms|s|m|h))+$`)
	case kindWeight:
		return numberOr(100, `^ *[0-9]+(\.[0-9]+)? *%? *$`)
	case kindShare:
		return numberOr(0, `^ *[0-9]+(\.[0-9]+)?([eE]-?[0-9]+)? *%? *$`)
	case kindTolerance:
		return numberOr(0, `^ *[0-9].*$`)
	case kindNumber:
		return numberOr(0, `^ *[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)? *$`)
	case kindHeaderOff:
		return map[string]any{"type": []string{"string", "boolean"}}
	default:
		return map[string]any{"type": []string{"string", "number", "boolean"}, "minLength": 1, "maxLength": maxText}
	}
}

func (s spec) objectShape() map[string]any {
	properties := make(map[string]any, len(s.fields))
	for _, f := range s.fields {
		below := f.spec.schema()
		if t, ok := below["type"].(string); ok && !s.needs(f.name) {
			below["type"] = []string{t, "null"}
		}
		properties[f.name] = below
	}
	out := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(s.needed) > 0 {
		out["required"] = s.needed
	}
	return out
}

func (s spec) needs(name string) bool {
	return slices.Contains(s.needed, name)
}

func pattern(p string) map[string]any { return map[string]any{"type": "string", "pattern": p} }

// numberOr is a number from 0 up to most, without end when that is 0, or a text.
func numberOr(most int, text string) map[string]any {
	number := map[string]any{"type": "number", "minimum": 0}
	if most > 0 {
		number["maximum"] = most
	}
	return map[string]any{"anyOf": []any{number, pattern(text)}}
}

// Reference returns the reference page of the files, in Markdown.
func Reference() []byte {
	var page strings.Builder
	page.WriteString("# Configuration\n\n" +
		"Three files, all YAML. `stagger validate FILE...` says everything that is wrong with them at once;\n" +
		"`stagger schema server`, `rollout` and `load` print JSON Schemas for editors.\n\n" +
		"Durations have a unit: `90s`, `10m`, `1h30m`. Weights are percent, down to 0.01: `5` or `5%`.\n" +
		"Shares of requests are fractions or percent: `0.002` or `0.2%`.\n\n" +
		"This page is made from `internal/config/schema.go`.\n")
	for _, file := range []struct {
		name string
		spec spec
	}{{"stagger.yaml", server}, {"rollout.yaml", rollout}, {"load.yaml", load}} {
		fmt.Fprintf(&page, "\n## %s\n\n%s\n\n| key | what | default |\n|---|---|---|\n", file.name, file.spec.doc)
		file.spec.rows(&page, "")
	}
	page.WriteString("\n## Presets\n\n| preset | stages | least time a stage | timebox, and at its end | samples | bake |\n|---|---|---|---|---|---|\n")
	for _, name := range []string{"cautious", "standard", "fast"} {
		p := preset(name)
		weights := make([]string, len(p.Stages))
		for i, s := range p.Stages {
			weights[i] = s.Weight.String()
		}
		first := p.Stages[0]
		fmt.Fprintf(&page, "| %s | %s | %s | %s, %s | %d | %s |\n", name, strings.Join(weights, ", "),
			short(first.MinTime), short(first.Timebox), first.AtTimebox, first.MinSamples, short(p.Bake.Time))
	}
	page.WriteString("\n## Guardrails unless written\n\n" +
		"| signal | tolerance | floor | healthy | alpha | action |\n|---|---|---|---|---|---|\n" +
		"| errors | 1.5x the odds | 0.05% of requests | 0.2% of requests | 1% | rollback |\n" +
		"| latency | 4.4% | 2ms | 24% | 1% | rollback |\n" +
		"\nThe others are judged only where a plan names them:\n\n" +
		"| signal | tolerance | floor | healthy | alpha | action |\n|---|---|---|---|---|---|\n" +
		"| goodput | 1.5x the odds | 0.5% of requests | 2% of requests | 1% | rollback |\n" +
		"| retries | 1.5x the odds | 0.5% of users | not asked for | 1% | hold |\n" +
		"| count | 1.5x the rate | 0 per request | | 1% | hold |\n" +
		"| gauge, saturation | 25% | 0 | | 1% | hold |\n")
	return []byte(page.String())
}

// rows writes a table row per key, and those below it.
func (s spec) rows(page *strings.Builder, path string) {
	for _, f := range s.fields {
		name, below := join(path, f.name), f.spec
		doc := below.doc
		if len(below.choices) > 0 {
			doc += " One of " + strings.Join(below.choices, ", ") + "."
		}
		if s.needs(f.name) {
			doc += " **Needed.**"
		}
		fmt.Fprintf(page, "| `%s` | %s | %s |\n", name, strings.ReplaceAll(strings.TrimSpace(doc), "|", `\|`), below.usual)
		switch below.kind {
		case kindObject:
			below.rows(page, name)
		case kindList:
			below.item.rows(page, name+"[]")
		case kindMap:
			below.item.rows(page, name+".NAME")
		default:
		}
	}
}
