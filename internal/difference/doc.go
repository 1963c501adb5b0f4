// Package difference compares what two versions answer to the same request, and
// tells a difference from noise.
//
// An answer has a status, fields and a body; JSON is compared by structure,
// anything else as a whole. What differs is a list of places: "status",
// "header.location", "$.items[].price". Indexes of arrays are left out of places,
// so that what differs in each item is one difference and not thousands.
//
// Answers differ by themselves: times, identifiers, the order of what has none.
// So the baseline is asked a second time, at the moment at which the candidate
// is. If both versions do the same, the two late answers could be swapped and
// nobody would notice: given that exactly one of them differs from the first
// answer at a place, it is the candidate's with probability one half, whatever
// the requests are and however they depend on each other. A ledger holds every
// place to that, by an e-process that may be looked at at any time.
//
// Everything here is bounded: places, examples, the bytes of what is shown.
package difference
