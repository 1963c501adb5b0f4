package judge

import "strconv"

// phrase is a sentence that is being written, in room that is used again: it is
// said anew with each batch, and mostly to nobody.
type phrase []byte

func (p *phrase) add(words ...string) {
	for _, w := range words {
		*p = append(*p, w...)
	}
}

// short writes a number with as many digits as people read.
func (p *phrase) short(v float64) {
	switch {
	case v >= 100:
		*p = strconv.AppendFloat(*p, v, 'f', 0, 64)
		return
	case v >= 10:
		*p = strconv.AppendFloat(*p, v, 'f', 1, 64)
		return
	}
	*p = strconv.AppendFloat(*p, v, 'f', 2, 64)
	for (*p)[len(*p)-1] == '0' {
		*p = (*p)[:len(*p)-1]
	}
	if last := len(*p) - 1; (*p)[last] == '.' {
		*p = (*p)[:last]
	}
}

func (p *phrase) percent(share float64) {
	p.short(100 * share)
	p.add("%")
}

// margin writes a share as a person has written it in a plan: 10%, not 10.0%.
func (p *phrase) margin(share float64) {
	*p = strconv.AppendFloat(*p, 100*share, 'g', 4, 64)
	p.add("%")
}

func (p *phrase) duration(seconds float64) {
	if seconds < 1 {
		p.short(1000 * seconds)
		p.add(" ms")
		return
	}
	p.short(seconds)
	p.add(" s")
}

// count writes a whole number in groups of three.
func (p *phrase) count(n uint64) {
	from := len(*p)
	*p = strconv.AppendUint(*p, n, 10)
	for at := len(*p) - 3; at > from; at -= 3 {
		*p = append(*p, 0)
		copy((*p)[at+1:], (*p)[at:])
		(*p)[at] = ','
	}
}

// These write one thing alone.
func percent(share float64) string    { return written((*phrase).percent, share) }
func duration(seconds float64) string { return written((*phrase).duration, seconds) }
func short(v float64) string          { return written((*phrase).short, v) }
func count(n uint64) string           { return written((*phrase).count, n) }

func written[T any](how func(*phrase, T), what T) string {
	var p phrase
	how(&p, what)
	return string(p)
}
