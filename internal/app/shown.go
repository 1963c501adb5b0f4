package app

import (
	"context"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
	"github.com/stagger-dev/stagger/internal/store"
)

// shown is the store as the faces see it, with what only the proxy knows: how
// versions bear their traffic, and what users are told.
type shown struct {
	*store.Store

	proxy *proxy.Proxy
}

// Statuses returns how the given services are now.
func (s shown) Statuses(ctx context.Context, services []stagger.Service) ([]stagger.ServiceStatus, error) {
	list, err := s.Store.Statuses(ctx, services)
	for i := range list {
		list[i].Strain = s.proxy.Strain(list[i].Service.Name)
		list[i].Degraded = s.proxy.Degraded(list[i].Service.Name)
	}
	return list, err
}
