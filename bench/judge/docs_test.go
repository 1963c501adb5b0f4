package main

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// kepts reads all results that are kept.
func kepts(t *testing.T) report {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("results", "*.json"))
	if err != nil {
		t.Fatal(err)
	}
	r, err := readAll(files)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestTheDocumentTellsTheResults holds the tables and the plots that people see
// against what was measured.
func TestTheDocumentTellsTheResults(t *testing.T) {
	const document = "../../docs/statistics.md"
	r, dir := kepts(t), t.TempDir()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	want, err := filled(string(text), r)
	if err != nil {
		t.Fatal(err)
	}
	const how = "go run ./bench/judge -plot docs/images -write docs/statistics.md bench/judge/results/*.json"
	if want != string(text) {
		t.Errorf("the tables of %s are not those of the results; %s", document, how)
	}
	for _, v := range views {
		if !strings.Contains(want, "<!-- table "+v.name+" -->\n|") {
			t.Errorf("%s lacks the table %s", document, v.name)
		}
	}
	if err := drawAll(r, dir); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"false-alarms.svg", "delay.svg", "evidence.svg"} {
		drawn, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		shown, err := os.ReadFile(filepath.Join("..", "..", "docs", "images", name))
		if err != nil {
			t.Fatal(err)
		}
		if string(drawn) != string(shown) {
			t.Errorf("docs/images/%s is not what the results draw; %s", name, how)
		}
	}
}

func TestResultsAreReadAsTheyWereWritten(t *testing.T) {
	first := report{Date: "2026-01-02", Note: "one", Rows: []row{
		{Section: sectionNull, By: ours, Model: "healthy", Rate: 100, Share: 0.05, Seed: 1, Suspect: []int{-1, 5}, Rollback: []int{-1, -1}},
		{Section: sectionDelay, By: ours, Model: "errors=1%", Rate: 100, Share: 0.05, Seed: 1, Suspect: []int{3}, Rollback: []int{9}},
	}}
	second := report{Date: "2026-01-03", Note: "two", Rows: []row{first.Rows[0]}}
	second.Rows[0].Rollback = []int{7}
	dir := t.TempDir()
	files := []string{filepath.Join(dir, "new", "a.json"), filepath.Join(dir, "b.json")}
	for i, r := range []report{first, second} {
		if err := r.save(files[i]); err != nil {
			t.Fatal(err)
		}
	}
	got, err := readAll(files)
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Rows) != 2 || got.Rows[0].Rollback[0] != 7 || got.Rows[1].Rollback[0] != 9 || got.Note != "two" {
		t.Errorf("got %+v", got)
	}
	if _, err := readAll(nil); err == nil {
		t.Error("nothing was read without an error")
	}
	if _, err := readAll([]string{"results"}); err == nil {
		t.Error("a directory was read without an error")
	}
}

func TestWordsForNumbers(t *testing.T) {
	for s, want := range map[float64]string{0: "-", 0.3: "<1 s", 1: "1 s", 9.94: "9.9 s", 33.4: "33 s", 99.6: "1.7 min", 5399: "90.0 min", 5400: "1.5 h"} {
		if got := spanOf(s); got != want {
			t.Errorf("%g s is written %q, want %q", s, got, want)
		}
	}
	for share, want := range map[float64]string{0: "0", 0.0005: "0.05%", 0.013: "1.3%", 0.34: "34%", 1: "100%"} {
		if got := percent(share); got != want {
			t.Errorf("%g is written %q, want %q", share, got, want)
		}
	}
}

func TestUnknownSectionsAreRefused(t *testing.T) {
	if _, err := cellsOf("null,bogus"); err == nil || !strings.Contains(err.Error(), `no section "bogus"; there are null, robust`) {
		t.Errorf("got %v", err)
	}
	cells, err := cellsOf("blips")
	if err != nil || len(cells) != 3 {
		t.Errorf("%d cells, %v", len(cells), err)
	}
	for _, c := range allCells(t) {
		if tr, err := c.trial(); err != nil || tr.Refused() != nil {
			t.Errorf("%s cannot be simulated: %v, %v", c.model, err, tr.Refused())
		}
	}
}

func allCells(t *testing.T) []cell {
	t.Helper()
	all, err := cellsOf("")
	if err != nil {
		t.Fatal(err)
	}
	return all
}
