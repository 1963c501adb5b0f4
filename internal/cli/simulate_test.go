package cli_test

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stagger-dev/stagger/internal/cli"
)

// An interrupt shows what is known, and says that it was one.
func TestAnInterruptedSimulationShowsWhatIsKnown(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var out, errors bytes.Buffer
	code := cli.Run(ctx, []string{"simulate", "--runs", "1000", "-o", "json"}, strings.NewReader(""), &out, &errors, faces())
	if code != 130 {
		t.Errorf("exit code %d, want 130", code)
	}
	if want := "stagger: interrupted after 0 of 1000 lives\n"; errors.String() != want {
		t.Errorf("told %q, want %q", errors.String(), want)
	}
	var found struct {
		Runs, Asked int
		Rollback    struct{ Seen int }
	}
	if err := json.Unmarshal(out.Bytes(), &found); err != nil {
		t.Fatal(err)
	}
	if found.Runs != 0 || found.Asked != 1000 {
		t.Errorf("%d of %d lives are told of", found.Runs, found.Asked)
	}
}
