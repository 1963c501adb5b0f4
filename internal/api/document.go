package api

import (
	"bytes"
	"encoding/json"
	"reflect"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"github.com/stagger-dev/stagger"
)

const description = `Progressive delivery: what is rolled out, how it does, what happened, and commands.

Durations are whole numbers of nanoseconds (1 s is 1000000000). Weights are shares of traffic in percent, 0 to 100, with up to four decimals. Times are RFC 3339.

Every command takes an Idempotency-Key: sent again with the same key and the same content, it is carried out once and answered alike. Errors are application/problem+json (RFC 9457) with a "code".`

// registerSchemas describes the nouns whose JSON is not that of their Go kind.
func registerSchemas(r huma.Registry) {
	r.RegisterTypeAlias(reflect.TypeFor[stagger.Weight](), reflect.TypeFor[weightSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[time.Duration](), reflect.TypeFor[durationSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[stagger.TimeboxEnd](), reflect.TypeFor[timeboxEndSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[stagger.Signal](), reflect.TypeFor[signalSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[stagger.Action](), reflect.TypeFor[actionSchema]())
	r.RegisterTypeAlias(reflect.TypeFor[stagger.Judgement](), reflect.TypeFor[judgementSchema]())
}

type weightSchema struct{}

// Schema describes a stagger.Weight.
func (weightSchema) Schema(huma.Registry) *huma.Schema {
	none, full := 0.0, 100.0
	return &huma.Schema{
		Type: huma.TypeNumber, Minimum: &none, Maximum: &full,
		Description: "Share of traffic in percent, up to four decimals.",
	}
}

type durationSchema struct{}

// Schema describes a time.Duration.
func (durationSchema) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeInteger, Format: "int64", Description: "Duration in nanoseconds."}
}

type timeboxEndSchema struct{}

// Schema describes a stagger.TimeboxEnd; empty means hold.
func (timeboxEndSchema) Schema(huma.Registry) *huma.Schema {
	return words("What happens when the timebox ends.", "", stagger.TimeboxHold, stagger.TimeboxAdvance, stagger.TimeboxRollback)
}

type signalSchema struct{}

// Schema describes a stagger.Signal; empty where no signal decides.
func (signalSchema) Schema(huma.Registry) *huma.Schema {
	return words("A measurement.", "", stagger.SignalErrors, stagger.SignalLatency, stagger.SignalGoodput, stagger.SignalRetries,
		stagger.SignalShadow, stagger.SignalCount, stagger.SignalGauge, stagger.SignalSaturation)
}

type actionSchema struct{}

// Schema describes a stagger.Action.
func (actionSchema) Schema(huma.Registry) *huma.Schema {
	return words("What a crossed guardrail does.", "", stagger.ActionRollback, stagger.ActionHold, stagger.ActionAlert)
}

type judgementSchema struct{}

// Schema describes a stagger.Judgement.
func (judgementSchema) Schema(huma.Registry) *huma.Schema {
	return words("What a person makes of a rollout that is over.", stagger.Judgements()...)
}

// words is the schema of a closed list of words.
func words[T ~string](description string, list ...T) *huma.Schema {
	s := &huma.Schema{Type: huma.TypeString, Description: description}
	for _, word := range list {
		s.Enum = append(s.Enum, string(word))
	}
	return s
}

// encodeDocument writes the document the same way each time, for people too.
func encodeDocument(document *huma.OpenAPI) []byte {
	compact, err := json.Marshal(document)
	if err != nil {
		panic("api: the OpenAPI document cannot be encoded: " + err.Error()) // it is made of constants
	}
	var indented bytes.Buffer
	if err := json.Indent(&indented, compact, "", "  "); err != nil {
		panic("api: the OpenAPI document cannot be indented: " + err.Error()) // it was just encoded
	}
	indented.WriteByte('\n')
	return indented.Bytes()
}
