// Package config reads the files people write, stagger.yaml and rollout.yaml,
// and says everything that is wrong with them at once, with file, line, column
// and what to write instead. It opens no file itself.
//
// What may be written stands in one place, schema.go: the reader takes its keys
// from there, and the published JSON Schemas and the reference page are made
// from it.
package config
