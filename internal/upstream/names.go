package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Resolver looks names up, as *net.Resolver does.
type Resolver interface {
	LookupNetIP(ctx context.Context, network, host string) ([]netip.Addr, error)
	LookupSRV(ctx context.Context, service, proto, name string) (string, []*net.SRV, error)
}

// The bounds of names.
const (
	maxPlaces  = 256             // per upstream
	lookUpTime = 5 * time.Second // for one upstream
)

var errEmpty = errors.New("the answer is empty")

// whole is the weight of a place that has no other.
const whole = 1000

// found is a place that a target leads to now.
type found struct {
	place    place
	weight   uint64
	priority uint16 // those with the lowest get everything while one of them is well
}

// lookUp asks where a target leads, in the order of addresses.
func lookUp(ctx context.Context, r Resolver, t target) ([]found, error) {
	ctx, cancel := context.WithTimeout(ctx, lookUpTime)
	defer cancel()
	list, err := addresses(ctx, r, t)
	if t.srv {
		list, err = services(ctx, r, t)
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("look up %s: %w", t.host, err)
	case len(list) == 0:
		return nil, fmt.Errorf("look up %s: %w", t.host, errEmpty)
	case len(list) > maxPlaces:
		list = list[:maxPlaces]
	}
	return list, nil
}

// addresses are those of a host.
func addresses(ctx context.Context, r Resolver, t target) ([]found, error) {
	if t.srv {
		return nil, nil
	}
	ips, err := r.LookupNetIP(ctx, "ip", t.host)
	if err != nil {
		return nil, err
	}
	for i := range ips {
		ips[i] = ips[i].Unmap()
	}
	slices.SortFunc(ips, netip.Addr.Compare)
	ips = slices.Compact(ips)
	list := make([]found, 0, len(ips))
	for _, ip := range ips {
		list = append(list, found{weight: whole, place: place{
			speaks: t.speaks, network: "tcp", address: net.JoinHostPort(ip.String(), t.port), name: t.host,
		}})
	}
	return list, nil
}

// services are the addresses of all hosts of an SRV name (RFC 2782). One host
// that cannot be looked up fails them all: fewer places than there are would
// look like an answer.
func services(ctx context.Context, r Resolver, t target) ([]found, error) {
	_, records, err := r.LookupSRV(ctx, "", "", t.host)
	if err != nil {
		return nil, err
	}
	if len(records) > maxPlaces {
		records = records[:maxPlaces]
	}
	weights := srvWeights(records)
	var list []found
	for i, record := range records {
		host := target{
			speaks: t.speaks, network: "tcp",
			host: strings.TrimSuffix(record.Target, "."), port: strconv.Itoa(int(record.Port)),
		}
		there, err := addresses(ctx, r, host)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", host.host, err)
		}
		for _, one := range there {
			one.weight, one.priority = max(1, weights[i]/uint64(len(there))), record.Priority
			list = append(list, one)
		}
	}
	slices.SortFunc(list, func(a, b found) int { return cmp.Compare(a.place.address, b.place.address) })
	return list, nil
}

// srvWeights are the weights of records. One of weight zero beside others gets a
// hundredth of the lightest's: "a very small chance", says the RFC.
func srvWeights(records []*net.SRV) []uint64 {
	weights := make([]uint64, len(records))
	lightest := uint16(0)
	for _, r := range records {
		if r.Weight > 0 && (lightest == 0 || r.Weight < lightest) {
			lightest = r.Weight
		}
	}
	for i, r := range records {
		switch {
		case lightest == 0:
			weights[i] = whole
		case r.Weight == 0:
			weights[i] = max(1, uint64(lightest)*whole/100)
		default:
			weights[i] = uint64(r.Weight) * whole
		}
	}
	return weights
}
