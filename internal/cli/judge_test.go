package cli_test

import (
	"bytes"
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stagger-dev/stagger/internal/cli"
	"github.com/stagger-dev/stagger/internal/recording"
)

// TestARecordingThatCannotBeReadIsSaid gives judge an endless line, and an input
// that breaks.
func TestARecordingThatCannotBeReadIsSaid(t *testing.T) {
	for name, c := range map[string]struct {
		from io.Reader
		code int
		want string
	}{
		"an endless line": {
			strings.NewReader("\n" + strings.Repeat("a", 2*recording.MaxLine)), 2,
			"-:2:1: the line is longer than 1048576 bytes; is it JSON Lines, one object a line?\nstagger: 1 problem\n",
		},
		"a line as long as may be": {
			strings.NewReader(strings.Repeat("a", recording.MaxLine) + "\r\n"), 2,
			"-:1:1: \"aaaaaaaaaaaaaaaaaaaaaaaa…\" stands here; write an object, {...}\n",
		},
		"too many problems": {
			strings.NewReader(strings.Repeat("x\n", 100)), 2, "-:20:1: \"x\" stands here; write an object, {...}\nstagger: 20 problems or more\n",
		},
		"a broken input": {iotest.ErrReader(errors.New("the line is dead")), 1, "stagger: read -: the line is dead\n"},
	} {
		t.Run(name, func(t *testing.T) {
			var out bytes.Buffer
			code := cli.Run(t.Context(), []string{"judge", "--input", "-"}, c.from, &out, &out, faces())
			if code != c.code || !strings.Contains(out.String(), c.want) {
				t.Errorf("exit code %d, want %d; told\n%s\nwant %q", code, c.code, &out, c.want)
			}
		})
	}
}
