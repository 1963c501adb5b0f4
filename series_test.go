package stagger_test

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/stagger-dev/stagger"
)

func TestSeriesWritesNullForWhatIsNotKnown(t *testing.T) {
	text, err := json.Marshal(stagger.Series{1, stagger.Unknown(), 0.25, math.Inf(1), 0})
	if err != nil || string(text) != `[1,null,0.25,null,0]` {
		t.Fatalf("%s, %v", text, err)
	}
	var s stagger.Series
	if err := json.Unmarshal(text, &s); err != nil || len(s) != 5 {
		t.Fatalf("%v, %v", s, err)
	}
	for i, known := range []bool{true, false, true, false, true, false} {
		if _, ok := s.At(i); ok != known {
			t.Errorf("moment %d is known: %t", i, ok)
		}
	}
	if _, ok := s.At(-1); ok || !s.Known() || (stagger.Series{stagger.Unknown()}).Known() {
		t.Error("what is known is not told from what is not")
	}
	if text, err := json.Marshal(stagger.Series(nil)); err != nil || string(text) != `[]` {
		t.Errorf("nothing is %s, %v", text, err)
	}
	if json.Unmarshal([]byte(`["a"]`), &s) == nil {
		t.Error("a word is read as a number")
	}
}
