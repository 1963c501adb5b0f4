package e2e_test

import (
	"encoding/json"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// The demo promises a whole story within half a minute, with nothing installed.
func TestDemo(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	begin := time.Now()
	out, err := exec.CommandContext(t.Context(), binary, "demo", "--scenario", "errors", "--json").Output()
	took := time.Since(begin)
	if err != nil {
		t.Fatalf("%v:\n%s", err, tail(string(out), 10))
	}
	if took > 30*time.Second {
		t.Errorf("it took %v, promised are 30 s", took)
	}
	lines := strings.Split(strings.TrimSpace(string(out)), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("no JSON: %s", line)
		}
	}
	var end struct{ Outcome string }
	if err := json.Unmarshal([]byte(lines[len(lines)-1]), &end); err != nil || end.Outcome != "rolled_back" {
		t.Errorf("it ends with %s (%v)", lines[len(lines)-1], err)
	}
}
