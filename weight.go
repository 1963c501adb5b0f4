package stagger

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Weight is a share of traffic in parts per million. Zero means exactly
// nobody and WeightFull exactly everybody. Parts per million leave two digits
// below the 0.01 % that plans may ask for (ADR 0001).
type Weight uint32

// The ends of the scale, and the unit people write.
const (
	WeightNone    Weight = 0
	WeightFull    Weight = 1_000_000
	WeightPercent Weight = 10_000
)

// Percent returns the weight nearest to p percent, clamped to 0 and 100.
func Percent(p float64) Weight {
	switch {
	case math.IsNaN(p) || p <= 0:
		return WeightNone
	case p >= 100:
		return WeightFull
	}
	return Weight(math.Round(p * float64(WeightPercent)))
}

// ParseWeight reads "5", "5%" or "0.25 %" as a share in percent. It refuses
// anything outside 0 to 100 and anything finer than a part per million.
func ParseWeight(s string) (Weight, error) {
	text := strings.TrimSpace(strings.TrimSuffix(strings.TrimSpace(s), "%"))
	p, err := strconv.ParseFloat(text, 64)
	if err != nil || math.IsNaN(p) || p < 0 || p > 100 {
		return 0, fmt.Errorf("%s is not a share of traffic; write 0 to 100", strings.TrimSpace(s))
	}
	w := Percent(p)
	if math.Abs(w.Percent()-p) > 1e-9 {
		return 0, fmt.Errorf("%s is finer than 0.0001 %%; write at most four decimals", strings.TrimSpace(s))
	}
	return w, nil
}

// Percent returns the share in percent, 0 to 100.
func (w Weight) Percent() float64 { return float64(w) / float64(WeightPercent) }

// Share returns the share as a fraction, 0 to 1.
func (w Weight) Share() float64 { return float64(w) / float64(WeightFull) }

// String writes the share as people do, "5%" or "0.25%".
func (w Weight) String() string {
	return strconv.FormatFloat(w.Percent(), 'f', -1, 64) + "%"
}

// MarshalJSON writes the share in percent, as a number.
func (w Weight) MarshalJSON() ([]byte, error) {
	return []byte(strconv.FormatFloat(w.Percent(), 'f', -1, 64)), nil
}

// UnmarshalJSON reads a share in percent, as a number.
func (w *Weight) UnmarshalJSON(b []byte) error {
	var n json.Number
	if err := json.Unmarshal(b, &n); err != nil {
		return fmt.Errorf("weight: %s is not a number of percent", b)
	}
	v, err := ParseWeight(n.String())
	if err != nil {
		return fmt.Errorf("weight: %w", err)
	}
	*w = v
	return nil
}
