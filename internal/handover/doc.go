// Package handover lets one Stagger take another's place without a connection
// being refused or a decision being taken twice. The old process starts the new
// one with copies of its listening sockets and a line to talk over:
//
//	new: prepared     the configuration is read, every address is bound
//	old: yours        nothing is decided here any more, the store is closed
//	new: ready        requests are taken, rollouts go on
//	old: (leaves)     the connections it has it serves to their end
//	new: split        what is in force now, until the old one has gone
//	old: done
//
// Until it is ready the new one can fail, and the old one goes on as if nothing
// had been. No socket is ever closed by both, so nobody who connects meanwhile
// is turned away: whoever of the two is willing takes the connection.
package handover
