package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/stagger-dev/stagger"
)

// The exit codes. They are part of what scripts rely on: none ever changes its
// meaning.
const (
	exitOK          = 0
	exitInternal    = 1
	exitInvalid     = 2
	exitNotFound    = 3
	exitRefused     = 4
	exitUnavailable = 5
	exitRolledBack  = 10
	exitAborted     = 11
	exitSuperseded  = 12
	exitTimeout     = 13

	// Of recorded data that is judged.
	exitRegressed    = 10
	exitInconclusive = 14
	exitBlind        = 15

	// Of load that was made.
	exitUnkept = 16

	exitInterrupted = 130
)

const exitTable = `Exit codes:
    0  done; of a rollout that was waited for: promoted; of what was judged: healthy
    1  an error inside, or a history that was tampered with
    2  what was typed or written is wrong
    3  there is no such rollout or service
    4  refused: the state does not allow it now, or the token does not
    5  the server does not answer
   10  rolled back; of what was judged: regressed
   11  aborted
   12  superseded by another rollout
   13  not over yet when --timeout ended
   14  what was judged is inconclusive: too little evidence
   15  what was judged is blind: measurements are missing
   16  a check of the load that was made failed, or it was given up
  130  interrupted`

// exit ends the program with a code that tells an outcome, nothing being wrong
// with the command itself. The message may be empty.
type exit struct {
	code    int
	message string
	hint    string
}

func (e *exit) Error() string { return e.message }

// outcomeCode is the exit code of a rollout that has ended.
func outcomeCode(p stagger.Phase) int {
	switch p {
	case stagger.PhasePromoted:
		return exitOK
	case stagger.PhaseRolledBack:
		return exitRolledBack
	case stagger.PhaseAborted:
		return exitAborted
	case stagger.PhaseSuperseded:
		return exitSuperseded
	case stagger.PhasePending, stagger.PhaseProgressing, stagger.PhaseWaiting, stagger.PhasePaused, stagger.PhaseBaking:
	}
	return exitTimeout
}

// verdictCode is the exit code of a verdict on recorded data.
func verdictCode(o stagger.Outcome) int {
	switch o {
	case stagger.OutcomeHealthy:
		return exitOK
	case stagger.OutcomeRegressed:
		return exitRegressed
	case stagger.OutcomeInconclusive:
		return exitInconclusive
	case stagger.OutcomeBlind:
	}
	return exitBlind
}

// hinted is an error with advice for the person at the terminal.
type hinted struct {
	error

	hint string
}

func (h *hinted) Unwrap() error { return h.error }

// advise adds a hint to err unless it has one, or is nil.
func advise(err error, format string, args ...any) error {
	if _, ok := errors.AsType[*hinted](err); ok || err == nil {
		return err
	}
	return &hinted{error: err, hint: fmt.Sprintf(format, args...)}
}

// fail says on stderr what went wrong with the command and returns the exit
// code.
func (s *session) fail(ctx context.Context, command string, err error) int {
	code, hint := s.judge(ctx, command, err)
	if message := err.Error(); message != "" {
		s.complain("stagger: %s", strings.ReplaceAll(strings.TrimSpace(message), "\n", "; "))
	}
	if hint != "" {
		s.complain("hint: %s", hint)
	}
	return code
}

// judge finds the exit code and the hint of err.
func (s *session) judge(ctx context.Context, command string, err error) (code int, hint string) {
	if e, ok := errors.AsType[*exit](err); ok {
		return e.code, e.hint
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return exitInterrupted, ""
	}
	code, hint = s.byCode(command, stagger.CodeOf(err))
	if strings.HasSuffix(command, " serve") && code != exitInvalid {
		hint = "" // the others help whoever asks a server
	}
	if e, ok := errors.AsType[*hinted](err); ok {
		hint = e.hint
	}
	return code, hint
}

func (s *session) byCode(command string, c stagger.Code) (code int, hint string) {
	switch c {
	case stagger.CodeInvalid:
		return exitInvalid, fmt.Sprintf("'%s --help' says what it takes", command)
	case stagger.CodeNotFound:
		return exitNotFound, "'stagger list' shows the rollouts there are, 'stagger services' the services"
	case stagger.CodeConflict:
		return exitRefused, "'stagger status' shows how it stands"
	case stagger.CodeDenied:
		return exitRefused, "--token-file or STAGGER_TOKEN shows the server its token"
	case stagger.CodeUnavailable:
		return exitUnavailable, fmt.Sprintf("--server or STAGGER_SERVER says where the server is; asked was %s", s.address())
	case stagger.CodeInternal:
	}
	return exitInternal, ""
}
