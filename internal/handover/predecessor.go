package handover

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"sync"
	"time"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/listen"
)

// variable tells a process that it is to take another's place: the sockets it
// was given, in order. The line is the first descriptor after the usual three,
// the sockets follow.
const (
	variable  = "STAGGER_HANDOVER"
	lineFile  = 3
	firstFile = 4
)

// Predecessor is the process whose place this one takes.
type Predecessor struct {
	mu   sync.Mutex // one word at a time
	line *line
	gone bool
}

// Before returns the process whose place this one takes, nil when there is
// none, and puts the sockets it gives into those of this process.
func Before(sockets *listen.Sockets) (*Predecessor, error) {
	text, ok := os.LookupEnv(variable)
	if !ok {
		return nil, nil //nolint:nilnil // as a rule there is none
	}
	_ = os.Unsetenv(variable)
	var given []listen.Socket
	if err := json.Unmarshal([]byte(text), &given); err != nil {
		return nil, fmt.Errorf("%s cannot be read: %w", variable, err)
	}
	file := os.NewFile(lineFile, "handover")
	conn, err := net.FileConn(file)
	if err != nil {
		return nil, fmt.Errorf("%s is set, and there is no line to another process: %w", variable, err)
	}
	_ = file.Close()
	for i, one := range given {
		sockets.Give(one, os.NewFile(uintptr(firstFile+i), one.Name))
	}
	return &Predecessor{line: newLine(conn)}, nil
}

// Prepared says that everything is bound, and waits until the other has let go.
// It returns what is in force there.
func (p *Predecessor) Prepared(ctx context.Context) ([]stagger.Split, error) {
	if err := p.line.say(message{Word: prepared}); err != nil {
		return nil, err
	}
	m, err := p.line.expect(ctx, yours)
	return m.Splits, err
}

// Ready says that this process serves.
func (p *Predecessor) Ready() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.line.say(message{Word: ready})
}

// Failed says that it does not and will not.
func (p *Predecessor) Failed(why error) {
	_ = p.line.say(message{Word: failed, Error: why.Error()})
	_ = p.line.conn.Close()
}

// followTime is how long the other may take to follow a split. It is a pointer
// stored over there; one that takes longer has other troubles.
const followTime = time.Second

// Tell lets the other follow a split, for the connections it still has, and
// returns when it does. When the other has gone there is nothing to do.
func (p *Predecessor) Tell(ctx context.Context, s stagger.Split) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, followTime)
	defer cancel()
	err := p.line.say(message{Word: split, Splits: []stagger.Split{s}})
	if err == nil {
		_, err = p.line.expect(ctx, done)
	}
	if err != nil {
		p.gone = true
		_ = p.line.conn.Close()
	}
}
