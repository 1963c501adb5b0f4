// Package scenario says what load is made of: how the rate of requests goes over
// time, which requests there are and how often each is made, by whom, what an
// answer must look like, and when to give up. It makes no request and knows no
// clock: chance and time arrive as data.
package scenario
