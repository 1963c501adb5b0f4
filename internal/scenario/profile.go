package scenario

import (
	"fmt"
	"time"
)

// The kinds of profiles.
const (
	Constant = "constant" // one rate all the time
	Ramp     = "ramp"     // from one rate to another, in a line
	Stairs   = "steps"    // from one rate to another, in equal steps
	PeakHour = "peak"     // up to the rate in the middle and down again, smoothly
	Day      = "day"      // a whole day's curve, pressed into the time there is
	Bursts   = "bursts"   // from one rate to another and back at once, again and again
)

// Profiles are the kinds of profiles there are.
var Profiles = []string{Constant, Ramp, Stairs, PeakHour, Day, Bursts}

// Profile chooses a shape by name.
type Profile struct {
	Kind     string        // one of Profiles
	From, To float64       // requests per second; the highest is To
	Length   time.Duration // of all of it
	Steps    int           // of Stairs
	// Every is how often a burst begins and Burst how long it lasts.
	Every, Burst time.Duration
}

// hours is how busy each hour of a day is compared with the busiest, where
// customers live in one time zone: a trough at night, a plateau from noon and
// a peak in the evening.
var hours = [24]float64{
	.34, .22, .15, .12, .12, .17, .30, .50, .68, .80, .87, .90,
	.92, .90, .86, .84, .85, .88, .93, 1, .97, .88, .72, .52,
}

// Shape returns the shape of p. Its error says what is wrong with p.
func (p Profile) Shape() (Shape, error) {
	if p.Length <= 0 || p.Length > MaxLength {
		return nil, fmt.Errorf("a run of %s is out of range; use more than 0s and at most %s", p.Length, MaxLength)
	}
	s, err := p.pieces()
	if err != nil {
		return nil, err
	}
	return s, s.Check()
}

func (p Profile) pieces() (Shape, error) {
	switch p.Kind {
	case Constant, "":
		return Shape{{Length: p.Length, From: p.To, To: p.To}}, nil
	case Ramp:
		return Shape{{Length: p.Length, From: p.From, To: p.To}}, nil
	case Stairs:
		return p.stairs()
	case PeakHour:
		half := p.Length / 2
		return Shape{
			{Length: half, From: p.From, To: p.To, Smooth: true},
			{Length: p.Length - half, From: p.To, To: p.From, Smooth: true},
		}, nil
	case Day:
		return p.day(), nil
	case Bursts:
		return p.bursts()
	}
	return nil, fmt.Errorf("there is no profile %q", p.Kind)
}

func (p Profile) stairs() (Shape, error) {
	const most = 1000
	if p.Steps < 2 || p.Steps > most || p.Length < time.Duration(p.Steps) {
		return nil, fmt.Errorf("%d steps are out of range; use 2 to %d", p.Steps, most)
	}
	s := make(Shape, p.Steps)
	for i := range s {
		rate := p.From + (p.To-p.From)*float64(i)/float64(p.Steps-1)
		s[i] = Piece{Length: p.part(i, p.Steps), From: rate, To: rate}
	}
	return s, nil
}

// part is the length of part i of n parts that together are p.Length exactly.
func (p Profile) part(i, n int) time.Duration {
	edge := func(i int) time.Duration { return time.Duration(float64(p.Length) * float64(i) / float64(n)) }
	return edge(i+1) - edge(i)
}

// day joins the hours by lines. From is what there is at any hour, and the day's
// curve stands on it.
func (p Profile) day() Shape {
	level := func(hour int) float64 { return p.From + (p.To-p.From)*hours[hour%len(hours)] }
	s := make(Shape, len(hours))
	for i := range s {
		s[i] = Piece{Length: p.part(i, len(s)), From: level(i), To: level(i + 1)}
	}
	return s
}

func (p Profile) bursts() (Shape, error) {
	if p.Burst <= 0 || p.Every <= p.Burst || p.Length/p.Every >= maxPieces/2 {
		return nil, fmt.Errorf("bursts of %s every %s are out of range; use a burst of more than 0s, and more than that between two", p.Burst, p.Every)
	}
	var s Shape
	add := func(length time.Duration, rate float64) {
		if length = min(length, p.Length-s.Length()); length > 0 {
			s = append(s, Piece{Length: length, From: rate, To: rate})
		}
	}
	for at := time.Duration(0); at < p.Length; at += p.Every {
		add(p.Every-p.Burst, p.From)
		add(p.Burst, p.To)
	}
	return s, nil
}
