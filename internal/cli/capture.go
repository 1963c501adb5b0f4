package cli

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/client"
)

// captureOptions are the flags of capture.
type captureOptions struct {
	client.Capture

	share, file string
}

func (s *session) capture() *cobra.Command {
	var o captureOptions
	c := &cobra.Command{
		Use: "capture SERVICE", Short: "Capture requests of a service, without their secrets, to make them again",
		Long: `Let the proxy write down requests of a service as they come, so that
'stagger load --replay' can make them again.

Authorization and Cookie are never kept, and of the other headers those that
tell nothing about anybody, or that --header names. Values are masked by their
names (passwords, tokens, e-mail, names, addresses, ...) and by how they look
(e-mail addresses, long numbers, tokens), in path, query and body. A body that
is neither JSON nor a form cannot be masked and is left out; its length is kept.
People stay apart by a hash whose key is drawn for the capture and not kept.

It ends when the time is over, or as many requests or bytes were written; what
was written until an interrupt can be used.`,
		Example: `  stagger capture shop --for 1m --share 10% --write traffic.jsonl
  stagger capture shop --whole-users --share 1% --header X-Tenant > traffic.jsonl`,
		Args: cobra.ExactArgs(1), ValidArgsFunction: nothing,
		RunE: s.runs(func(c *cobra.Command, api API, args []string) error { return s.captureTo(c.Context(), api, args[0], o) }),
	}
	f := c.Flags()
	f.StringVarP(&o.file, "write", "w", "-", "`file` to write; - is the standard output")
	f.DurationVar(&o.For, "for", time.Minute, "how long, at most 1h")
	f.StringVar(&o.share, "share", "10%", "`percent` of requests, or of users with --whole-users")
	f.BoolVar(&o.Users, "whole-users", false, "choose users rather than requests, and keep all of theirs")
	f.IntVar(&o.Requests, "requests", 0, "at most so many")
	f.Int64Var(&o.Bytes, "bytes", 64<<20, "at most so much is written")
	f.IntVar(&o.Body, "body", 64<<10, "a body of more `bytes` is not kept")
	f.StringSliceVar(&o.Headers, "header", nil, "`names` of headers to keep beside the harmless ones")
	f.StringSliceVar(&o.Allow, "allow", nil, "`names` whose values are not masked by their name")
	return c
}

func (s *session) captureTo(ctx context.Context, api API, service string, o captureOptions) error {
	share, err := stagger.ParseWeight(o.share)
	if err != nil {
		return usage(err)
	}
	o.Share = share.Share()
	to, finish, err := s.create(o.file)
	if err != nil {
		return err
	}
	count := &counter{}
	err = api.Capture(ctx, service, o.Capture, io.MultiWriter(to, count))
	if closing := finish(); err == nil {
		err = closing
	}
	if errors.Is(err, context.Canceled) && ctx.Err() != nil {
		return &exit{code: exitInterrupted, message: "interrupted; what was written so far can be used"}
	}
	if err != nil {
		return err
	}
	s.complain("captured %d requests of %s", max(count.lines-2, 0), service) // a head and an end are no requests
	return nil
}

// create opens a file to be written, which may not be there yet, or the standard
// output.
func (s *session) create(file string) (to io.Writer, finish func() error, err error) {
	if file == "-" {
		return s.out, func() error { return nil }, nil
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) // what people sent is nobody else's business
	if errors.Is(err, os.ErrExist) {
		return nil, nil, invalid("%s is there already; choose another name or remove it", file)
	}
	if err != nil {
		return nil, nil, invalid("%v", err)
	}
	return f, f.Close, nil
}

// counter counts lines.
type counter struct{ lines int }

// Write implements io.Writer.
func (c *counter) Write(p []byte) (int, error) {
	for _, b := range p {
		if b == '\n' {
			c.lines++
		}
	}
	return len(p), nil
}
