package meter

// maxProbes is how many places are looked at for one subject, so that subjects
// made up to fall on each other cost little. Among others that is never reached
// as long as a quarter of the places is free.
const maxProbes = 256

// probeFrom returns where looking for a subject begins, in a table of 2^size
// places. The factor is 2^64 divided by the golden ratio: it spreads subjects
// that differ in any bits (Knuth, The Art of Computer Programming 3, 6.4).
func probeFrom(subject uint64, size int) uint64 { return subject * 0x9e3779b97f4a7c15 >> (64 - size) }
