package sequential_test

import (
	"encoding/json"
	"testing"

	"github.com/stagger-dev/stagger/internal/sequential"
)

// TestAProcessSurvivesBeingWrittenDown takes each through some blocks.
func TestAProcessSurvivesBeingWrittenDown(t *testing.T) {
	for tokens := range sequential.MaxTokens + 1 {
		p := sequential.NewProcess(tokens)
		for i := range 20 {
			data, err := json.Marshal(p)
			if err != nil {
				t.Fatal(err)
			}
			var q sequential.Process
			if err := json.Unmarshal(data, &q); err != nil {
				t.Fatal(err)
			}
			if q != p {
				t.Fatalf("%d tokens: %s came back as %+v", tokens, data, q)
			}
			p.Observe(0.3+0.17*float64(i), 0.01)
			if i%3 == 2 {
				p.EndBlock()
			}
			if i%7 == 6 {
				p.Refill()
			}
		}
	}
}

func TestNoProcessIsReadFromSomethingElse(t *testing.T) {
	for _, data := range []string{`[]`, `[1,2]`, `[1,2,3]`, `[1,2,3,4,5,6,7]`, `[1,2,3,4,5,6,7,8,9,10,11,12]`, `{"at":[1]}`, `"no"`} {
		var p sequential.Process
		if err := json.Unmarshal([]byte(data), &p); err == nil {
			t.Errorf("%s was read as %+v", data, p)
		}
	}
}
