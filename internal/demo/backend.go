package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// BackendCommand is the hidden command by which the binary runs itself as a
// backend: BackendCommand VERSION SEED.
const BackendCommand = "demo-backend"

// Behaviour is how a backend answers. The zero value is a healthy one.
type Behaviour struct {
	Errors float64 `json:"errors,omitempty"` // share of requests that fail, beside the usual
	Slow   float64 `json:"slow,omitempty"`   // factor on every answer; 0 is 1
	Tail   float64 `json:"tail,omitempty"`   // share of requests that are TailBy times slower
	TailBy float64 `json:"tail_by,omitempty"`
}

// A healthy backend: log-normal latency and a few errors, as services have.
const (
	usualMedian = 12 * time.Millisecond
	usualSigma  = 0.4
	usualErrors = 0.001
)

// ServeBackend is the backend process: it serves HTTP on a free loopback port,
// prints the address on out, and takes its behaviour as lines of JSON from in
// until in ends.
func ServeBackend(ctx context.Context, args []string, in io.Reader, out io.Writer) error {
	if len(args) != 2 {
		return fmt.Errorf("%s takes a version and a seed", BackendCommand)
	}
	seed, err := strconv.ParseUint(args[1], 10, 64)
	if err != nil {
		return fmt.Errorf("seed %q: %w", args[1], err)
	}
	var config net.ListenConfig
	listener, err := config.Listen(ctx, "tcp", "127.0.0.1:0")
	if err != nil {
		return fmt.Errorf("listen: %w", err)
	}
	b := &backend{version: args[0], random: rand.New(rand.NewPCG(seed, 1))}
	b.now.Store(&Behaviour{})
	server := &http.Server{Handler: b, ReadHeaderTimeout: 5 * time.Second}
	if _, err := fmt.Fprintln(out, listener.Addr()); err != nil {
		return fmt.Errorf("tell address: %w", err)
	}
	go func() {
		b.follow(in)
		_ = server.Close() // the parent is gone
	}()
	if err := server.Serve(listener); err != http.ErrServerClosed {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// backend answers as its behaviour says.
type backend struct {
	version string
	now     atomic.Pointer[Behaviour]

	mu     sync.Mutex // guards random
	random *rand.Rand
}

func (b *backend) follow(in io.Reader) {
	lines := bufio.NewScanner(in)
	for lines.Scan() {
		var next Behaviour
		if json.Unmarshal(lines.Bytes(), &next) == nil {
			b.now.Store(&next)
		}
	}
}

func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path == "/healthz" {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	wait, fails := b.draw(*b.now.Load())
	select {
	case <-r.Context().Done():
		return
	case <-time.After(wait):
	}
	if fails {
		http.Error(w, "out of order", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/plain")
	_, _ = fmt.Fprintf(w, "hello from %s\n", b.version)
}

// draw decides one answer.
func (b *backend) draw(now Behaviour) (wait time.Duration, fails bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	factor := math.Exp(usualSigma * b.random.NormFloat64())
	if now.Slow > 0 {
		factor *= now.Slow
	}
	if b.random.Float64() < now.Tail {
		factor *= now.TailBy
	}
	return time.Duration(factor * float64(usualMedian)), b.random.Float64() < usualErrors+now.Errors
}

// process is a running backend as its parent sees it.
type process struct {
	address string
	command *exec.Cmd
	input   io.WriteCloser
}

// startBackend runs this very binary as a backend of version.
func startBackend(ctx context.Context, version string, seed uint64) (*process, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, fmt.Errorf("start backend %s: %w", version, err)
	}
	command := exec.CommandContext(ctx, self, BackendCommand, version, strconv.FormatUint(seed, 10))
	command.Stderr = os.Stderr
	input, err := command.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start backend %s: %w", version, err)
	}
	output, err := command.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start backend %s: %w", version, err)
	}
	if err := command.Start(); err != nil {
		return nil, fmt.Errorf("start backend %s: %w", version, err)
	}
	p := &process{command: command, input: input}
	if p.address, err = firstLine(output); err != nil {
		p.stop()
		return nil, fmt.Errorf("start backend %s: %w", version, err)
	}
	return p, nil
}

func firstLine(r io.Reader) (string, error) {
	lines := bufio.NewScanner(r)
	if lines.Scan() {
		return lines.Text(), nil
	}
	if err := lines.Err(); err != nil {
		return "", err
	}
	return "", io.ErrUnexpectedEOF
}

// behave changes how the backend answers from now on.
func (p *process) behave(b Behaviour) error {
	line, err := json.Marshal(b)
	if err != nil {
		return fmt.Errorf("change backend: %w", err)
	}
	if _, err := p.input.Write(append(line, '\n')); err != nil {
		return fmt.Errorf("change backend: %w", err)
	}
	return nil
}

// stop ends the process and waits for it.
func (p *process) stop() {
	_ = p.input.Close()
	_ = p.command.Process.Kill()
	_ = p.command.Wait() // killed: its error says only that
}
