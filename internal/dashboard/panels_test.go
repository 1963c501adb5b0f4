package dashboard_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestAPanelIsItsOwnFiles holds that one can be added, or taken away, without
// touching the others.
func TestAPanelIsItsOwnFiles(t *testing.T) {
	templates, err := filepath.Glob("panel_*.html")
	must(t, err)
	if len(templates) < 9 {
		t.Errorf("%d panels", len(templates))
	}
	for _, template := range templates {
		name := strings.TrimSuffix(template, ".html")
		for _, file := range []string{name + ".go", name + "_test.go"} {
			if _, err := os.Stat(file); err != nil {
				t.Error(err)
			}
		}
	}
}
