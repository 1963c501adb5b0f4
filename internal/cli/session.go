package cli

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/user"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
	"github.com/stagger-dev/stagger/internal/cli/live"
)

// The forms of output.
const (
	outputText = "text"
	outputJSON = "json"
)

// session is one run of the program: its streams and the flags that every
// command has.
type session struct {
	faces Faces
	in    io.Reader
	out   io.Writer
	err   io.Writer

	server, token, tokenFile string
	output                   string
	noColour                 bool

	running bool // a command was found and what was typed for it is right
}

func newSession(f Faces, in io.Reader, out, err io.Writer) *session {
	if f.Connect == nil {
		f.Connect = func(server, token string) (API, error) { return client.New(server, client.WithToken(token)) }
	}
	if f.Now == nil {
		f.Now = time.Now
	}
	return &session{faces: f, in: in, out: out, err: err}
}

func (s *session) flags(set *pflag.FlagSet) {
	set.StringVar(&s.server, "server", "", "`URL` of the server ($STAGGER_SERVER, else "+DefaultServer+")")
	set.StringVar(&s.token, "token", "", "token of the server ($STAGGER_TOKEN)")
	set.StringVar(&s.tokenFile, "token-file", "", "`file` that holds the token ($STAGGER_TOKEN_FILE)")
	set.StringVarP(&s.output, "output", "o", outputText, "output `form`: text or json")
	set.BoolVar(&s.noColour, "no-color", false, "no colours ($NO_COLOR)")
}

// check refuses what the flags of every command may not say.
func (s *session) check() error {
	if s.output != outputText && s.output != outputJSON {
		return invalid("--output %s is not known; use text or json", s.output)
	}
	return nil
}

func invalid(format string, args ...any) error {
	return &stagger.Error{Code: stagger.CodeInvalid, Message: fmt.Sprintf(format, args...)}
}

func (s *session) address() string {
	return cmp.Or(s.server, os.Getenv("STAGGER_SERVER"), DefaultServer)
}

// connect returns the server that the flags and the environment name.
func (s *session) connect() (API, error) {
	token, err := s.secret()
	if err != nil {
		return nil, err
	}
	return s.faces.Connect(s.address(), token)
}

// secret finds the token. What was said on the command line comes before the
// environment.
func (s *session) secret() (string, error) {
	file := s.tokenFile
	if s.token == "" && file == "" {
		s.token, file = os.Getenv("STAGGER_TOKEN"), os.Getenv("STAGGER_TOKEN_FILE")
	}
	if s.token != "" || file == "" {
		return s.token, nil
	}
	content, err := os.ReadFile(file)
	if err != nil {
		return "", invalid("read the token: %v", err)
	}
	return strings.TrimSpace(string(content)), nil
}

// actor is who gives commands.
func (s *session) actor() string {
	if name := os.Getenv("STAGGER_ACTOR"); name != "" {
		return name
	}
	if u, err := user.Current(); err == nil && u.Username != "" {
		return u.Username
	}
	return cmp.Or(os.Getenv("USER"), "cli")
}

// json says whether the output is for machines.
func (s *session) json() bool { return s.output == outputJSON }

// style is how text is painted.
func (s *session) style() live.Style {
	if s.noColour || os.Getenv("NO_COLOR") != "" || !live.Terminal(s.out) {
		return live.Plain()
	}
	return live.Colour()
}

// print writes text.
func (s *session) print(format string, args ...any) error {
	if _, err := fmt.Fprintf(s.out, format, args...); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// complain writes a line to stderr.
func (s *session) complain(format string, args ...any) {
	_, _ = fmt.Fprintf(s.err, format+"\n", args...) // there is nowhere else to say it
}

// show writes v as indented JSON, or lets text write it for people.
func (s *session) show(v any, text func() error) error {
	if !s.json() {
		return text()
	}
	encoder := json.NewEncoder(s.out)
	encoder.SetIndent("", "  ")
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(v); err != nil {
		return fmt.Errorf("write the output: %w", err)
	}
	return nil
}

// runs makes the function of a command that needs a server.
func (s *session) runs(f func(c *cobra.Command, api API, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		s.running = true
		api, err := s.connect()
		if err != nil {
			return err
		}
		return f(c, api, args)
	}
}
