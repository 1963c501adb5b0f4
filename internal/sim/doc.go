// Package sim is a world to try whole rollouts in: users, versions and their
// faults, a journal, a data plane and telemetry that fail when told to, and a
// clock that only moves when it is moved. Everything random comes from one
// seed, so that what went wrong once goes wrong again.
//
// It is support for tests; nothing else imports it.
package sim
