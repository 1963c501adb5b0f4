// Package balance decides which endpoint of a version gets a request: by load,
// in turn or by who asks, and who is left out for a while because it fails more
// than the others.
//
// It knows endpoints as numbers and weights, and the time as an argument; what
// the numbers stand for is the caller's business.
package balance
