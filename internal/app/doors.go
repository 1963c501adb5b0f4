package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"sync"

	"github.com/stagger-dev/stagger/internal/config"
	"github.com/stagger-dev/stagger/internal/listen"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/whence"
)

// adminDoor is what the admin port is called where doors are named.
const adminDoor = "admin"

// makeDoors reads the certificates and makes a door of every listener and of
// the admin port, the last. Nothing is bound yet.
func (a *App) makeDoors() error {
	if a.doors != nil {
		return nil
	}
	var doors listen.Doors
	for _, l := range a.config.Listeners {
		d := &listen.Door{
			Name: l.Name, Addresses: append([]string{l.Address}, l.Also...), Preface: prefaceOf(l.ProxyProtocol),
			Trusted: trustOf(l), Sockets: a.sockets, Log: a.log,
		}
		if err := a.identify(d, l.TLS, fmt.Sprintf("listener %q", l.Name)); err != nil {
			return err
		}
		doors = append(doors, d)
	}
	admin := &listen.Door{
		Name: adminDoor, Label: "admin port", Key: "admin.address", Addresses: []string{a.config.Admin.Address},
		Sockets: a.sockets, Log: a.log,
	}
	if err := a.identify(admin, a.config.Admin.TLS, admin.Label); err != nil {
		return err
	}
	a.doors = append(doors, admin)
	return nil
}

// Bind takes every address without letting anybody in. Start does so itself; to
// bind before is for a process that takes another's place.
func (a *App) Bind(ctx context.Context) error {
	if err := a.makeDoors(); err != nil {
		return err
	}
	for _, d := range a.doors {
		if err := d.Bind(ctx); err != nil {
			a.closeDoors()
			return err
		}
	}
	return nil
}

// closeDoors gives up what was bound and is not open.
func (a *App) closeDoors() {
	for _, d := range a.doors {
		d.Close()
	}
}

// identify gives a door its certificates.
func (a *App) identify(d *listen.Door, t *config.ServerTLS, label string) (err error) {
	if t == nil {
		return nil
	}
	if d.Identity, err = listen.NewIdentity(d.Name, termsOf(t), a.log); err != nil {
		return invalid("%s: %v", label, err)
	}
	return nil
}

func termsOf(t *config.ServerTLS) listen.Terms {
	terms := listen.Terms{ClientCA: t.ClientCA, MinVersion: tls.VersionTLS12}
	if t.MinVersion == "tls1.3" {
		terms.MinVersion = tls.VersionTLS13
	}
	for _, c := range t.Certificates {
		terms.Pairs = append(terms.Pairs, listen.Pair(c))
	}
	if t.ACME != nil {
		terms.ACME = (*listen.ACME)(t.ACME)
	}
	return terms
}

func prefaceOf(word string) listen.Mode {
	switch word {
	case "optional":
		return listen.Optional
	case "required":
		return listen.Required
	}
	return listen.Off
}

func formOf(word string) whence.Form {
	switch word {
	case "rfc7239":
		return whence.RFC7239
	case "both":
		return whence.Both
	}
	return whence.XForwarded
}

func trustOf(l config.Listener) whence.Trust {
	return whence.Trust{Networks: l.Trusted, Local: l.TrustUnix}
}

// listeners are those of the proxy.
func (a *App) listeners() []proxy.Listener {
	all := make([]proxy.Listener, 0, len(a.config.Listeners))
	for i, l := range a.config.Listeners {
		all = append(all, proxy.Listener{
			Name: l.Name, Address: l.Address, Door: a.doors[i], RedirectHTTPS: l.RedirectHTTPS,
			Whence: whence.Rules{Trusted: trustOf(l), Form: formOf(l.Forwarded)},
		})
	}
	return all
}

// startIdentities follows the files of certificates.
func (a *App) startIdentities() {
	ctx, cancel := context.WithCancel(context.Background())
	var lives sync.WaitGroup
	for _, d := range a.doors {
		if d.Identity != nil {
			lives.Go(func() { d.Identity.Run(ctx) })
		}
	}
	a.onStop("certificates", func(context.Context) error {
		cancel()
		lives.Wait()
		return nil
	})
}

// reloadIdentities reads the certificates anew. One that cannot be used has been
// told of, and its predecessor stays.
func (a *App) reloadIdentities() {
	for _, d := range a.doors {
		if d.Identity != nil {
			_ = d.Identity.Reload()
		}
	}
}
