package meter

import (
	"cmp"
	"slices"
	"sync/atomic"

	"github.com/stagger-dev/stagger"
)

// maxHosts is how many endpoints of a version are counted apart. Of more, the
// last share one place.
const maxHosts = 16

// otherHosts is what endpoints are called that share a place. No endpoint is
// called that: it would lack a port.
const otherHosts = "other"

// Host is one endpoint of a version, as its requests are counted.
type Host struct {
	name  string
	place int // below maxHosts; a wish, where another host may be already
}

// Hosts returns the hosts of one version, in the order of their names. Of more
// than 16 the first 15 are counted apart and all the others together, as
// "other". Ask once and keep them.
func Hosts(names []string) []*Host {
	hosts := make([]*Host, 0, len(names))
	for i, name := range names {
		if i >= maxHosts-1 && len(names) > maxHosts {
			i, name = maxHosts-1, otherHosts
		}
		hosts = append(hosts, &Host{name: name, place: i})
	}
	return hosts
}

// hostCell counts one tick of one host on one shard.
type hostCell struct {
	name string
	groupCell
}

// hostCells are those of one cell. One is made when its host meets the first
// request of the tick, as most versions have few hosts.
type hostCells struct {
	places [maxHosts]atomic.Pointer[hostCell]
	// other takes in who finds no place, when hosts come and go within a tick.
	other atomic.Pointer[hostCell]
}

// of returns where h is counted.
func (hs *hostCells) of(h *Host) *hostCell {
	if c := hs.places[h.place].Load(); c != nil && c.name == h.name {
		return c
	}
	return hs.find(h)
}

// find is of for the first request of a host in a tick, and for a host whose
// place is another's because the version's endpoints have just changed.
func (hs *hostCells) find(h *Host) *hostCell {
	for i := range maxHosts {
		if c := take(&hs.places[(h.place+i)%maxHosts], h.name); c.name == h.name {
			return c
		}
	}
	return take(&hs.other, otherHosts)
}

// take returns who is at a place; nobody makes it the place of name.
func take(place *atomic.Pointer[hostCell], name string) *hostCell {
	if c := place.Load(); c != nil {
		return c
	}
	place.CompareAndSwap(nil, &hostCell{name: name})
	return place.Load()
}

func (hs *hostCells) addTo(t *sealing) {
	for i := range hs.places {
		if c := hs.places[i].Load(); c != nil {
			c.addTo(t.host(c.name))
		}
	}
	if c := hs.other.Load(); c != nil {
		c.addTo(t.host(c.name))
	}
}

// hostTally is a host's counts added up, no longer shared.
type hostTally struct {
	name string
	groupTally
}

// host returns where the counts of a host are added up.
func (t *sealing) host(name string) *groupTally {
	for i := range t.hosts {
		if t.hosts[i].name == name {
			return &t.hosts[i].groupTally
		}
	}
	t.hosts = append(t.hosts, hostTally{name: name})
	return &t.hosts[len(t.hosts)-1].groupTally
}

// hostList returns what every host met, by name; nil when none was named.
func (t *sealing) hostList() []stagger.Host {
	if len(t.hosts) == 0 {
		return nil
	}
	out := make([]stagger.Host, 0, len(t.hosts))
	for i := range t.hosts {
		out = append(out, stagger.Host{Name: t.hosts[i].name, Group: t.hosts[i].group()})
	}
	slices.SortFunc(out, func(a, b stagger.Host) int { return cmp.Compare(a.Name, b.Name) })
	return out
}
