package recording

import (
	"cmp"
	"maps"
	"math"
	"slices"
	"strconv"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/histogram"
)

// finestSchema is the finest resolution that is read: buckets grow by 2^(1/256).
const finestSchema = 8

// mostIndex bounds bucket indexes of any schema: 2^(mostIndex/256) seconds is
// beyond what a number can hold.
const mostIndex = 1 << 20

// longest is the longest duration there is a bucket for; longer ones count there.
const longest = 1e6 // seconds

// histogram reads {"schema":5,"zero":0,"buckets":{"-130":4}}.
func (c *cursor) histogram(path string) stagger.Histogram {
	start, schema := c.at, -1
	counts := make(map[int32]uint64)
	var zero uint64
	c.object(path, func(key string, offset int) {
		below := join(path, key)
		switch key {
		case "schema":
			schema = c.schema(below)
		case "zero":
			zero = c.count(below)
		case "buckets":
			c.buckets(below, counts)
		default:
			c.fail(offset, path, "unknown field %q; write schema, zero, buckets", cut(key))
		}
	})
	if c.ok() && schema < 0 {
		c.fail(start, path, "schema is missing; write %q:%d", "schema", stagger.HistogramSchema)
	}
	if !c.ok() {
		return stagger.Histogram{}
	}
	return merged(counts, zero, schema)
}

// schema reads a resolution that can be brought to ours.
func (c *cursor) schema(path string) int {
	text, start, ok := c.number(path, "a schema from 5 to 8")
	n, err := strconv.Atoi(text)
	switch {
	case !ok:
	case err != nil || n > finestSchema:
		c.fail(start, path, "%s is no schema that is read; write 5 to 8", cut(text))
	case n < stagger.HistogramSchema:
		c.fail(start, path, "the buckets of schema %d are too wide: each holds durations that schema 5 tells apart; "+
			"record with schema 5 to 8, or write latency_seconds", n)
	}
	return max(n, 0)
}

// buckets reads counts by index.
func (c *cursor) buckets(path string, counts map[int32]uint64) {
	c.object(path, func(key string, offset int) {
		index, err := strconv.ParseInt(key, 10, 32)
		switch {
		case err != nil || index < -mostIndex || index > mostIndex:
			c.fail(offset, path, "%q is not the index of a bucket; write a whole number in double quotes, such as \"-130\"", cut(key))
		case len(counts) == maxBuckets:
			c.fail(offset, path, "there are more than %d buckets; write fewer", maxBuckets)
		default:
			counts[int32(index)] += c.count(join(path, key))
		}
	})
}

// merged brings counts of a schema to ours. A bucket of a finer schema lies
// wholly inside one of ours, so nothing is approximated.
func merged(counts map[int32]uint64, zero uint64, schema int) stagger.Histogram {
	ours := make(map[int32]uint64, len(counts))
	shift := schema - stagger.HistogramSchema
	for index, n := range counts {
		ours[clamped((index-1)>>shift+1)] += n
	}
	if zero > 0 {
		ours[histogram.MinIndex] += zero // as the meter counts them
	}
	return listed(ours)
}

func clamped(index int32) int32 {
	return min(max(index, histogram.MinIndex), histogram.MaxIndex)
}

func listed(counts map[int32]uint64) stagger.Histogram {
	var h stagger.Histogram
	for _, index := range slices.SortedFunc(maps.Keys(counts), cmp.Compare[int32]) {
		if counts[index] > 0 {
			h.Buckets = append(h.Buckets, stagger.Bucket{Index: index, Count: counts[index]})
		}
	}
	return h
}

// durations reads a list of seconds.
func (c *cursor) durations(path string) stagger.Histogram {
	counts := make(map[int32]uint64)
	sum := 0.0
	c.list(path, func() {
		v, start := c.quantity(path, "a duration in seconds")
		if v < 0 {
			c.fail(start, path, "%g s is less than nothing; write a duration from 0 on", v)
			return
		}
		counts[histogram.Index(time.Duration(math.Round(min(v, longest)*float64(time.Second))))]++
		sum += v
	})
	h := listed(counts)
	h.Sum = min(sum, math.MaxFloat64)
	return h
}
