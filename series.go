package stagger

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
)

// Series are numbers in order of time, one a moment. What is not known is NaN
// here and null in JSON.
type Series []float64

// Unknown is the number that stands for none.
func Unknown() float64 { return math.NaN() }

// At returns the number at moment i; it is not known where it is NaN, or where
// the series has no such moment.
func (s Series) At(i int) (x float64, known bool) {
	if i < 0 || i >= len(s) || math.IsNaN(s[i]) || math.IsInf(s[i], 0) {
		return 0, false
	}
	return s[i], true
}

// Known says whether any of the numbers is known.
func (s Series) Known() bool {
	for i := range s {
		if _, ok := s.At(i); ok {
			return true
		}
	}
	return false
}

// MarshalJSON writes a list of numbers, null where one is not known.
func (s Series) MarshalJSON() ([]byte, error) {
	b := append(make([]byte, 0, 2+8*len(s)), '[')
	for i := range s {
		if i > 0 {
			b = append(b, ',')
		}
		if x, known := s.At(i); known {
			b = strconv.AppendFloat(b, x, 'g', -1, 64)
		} else {
			b = append(b, "null"...)
		}
	}
	return append(b, ']'), nil
}

// UnmarshalJSON reads a list of numbers, null for one that is not known.
func (s *Series) UnmarshalJSON(b []byte) error {
	var list []*float64
	if err := json.Unmarshal(b, &list); err != nil {
		return fmt.Errorf("series: %w", err)
	}
	*s = make(Series, len(list))
	for i, x := range list {
		if (*s)[i] = Unknown(); x != nil {
			(*s)[i] = *x
		}
	}
	return nil
}
