// Package capture says what of a real request may be kept so that it can be made
// again, and how it is written down: a file of JSON Lines whose first line tells
// what was captured and whose last line how it ended.
//
// The rules forget by default. A header is kept only if it is known to be
// harmless or was asked for; credentials and cookies never are. Values are
// masked by the name they have (passwords, tokens, names, addresses, ...) and by
// how they look (e-mail addresses, long numbers, tokens). A body is kept if it is
// JSON or a form, which can be masked value by value; of any other only the
// length is kept.
//
// What is masked is replaced by a keyed hash: the same value looks the same
// all over one capture, so that people stay apart, and nobody can tell who
// they were, as the key is drawn for one capture and never written down.
package capture
