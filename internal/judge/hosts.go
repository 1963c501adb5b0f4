package judge

import (
	"slices"
	"time"

	"github.com/stagger-dev/stagger"
)

// Hosts differ: one has a noisy neighbour, another a cold cache. A candidate runs
// on few of them, so that what one is slower by for a while looks like the
// candidate's doing. How much more hosts of the baseline vary than independent
// requests would is measured as it is between groups of subjects, also within
// longer blocks, and allowed for in the same way. What one host is slower by for
// good cannot be told from slow code: no block is long enough.
const (
	longBlock = 5 * time.Minute
	// loadKeeps is how slowly the load of hosts is followed, by batch.
	loadKeeps = 0.95
	// hostMargin is by how much more one host may differ than those of the
	// baseline do on average: a candidate's few do not average out.
	hostMargin = 1.4
	// A host of the candidate may meet so many times less or more requests than
	// one of the baseline for the dispersion to be carried over.
	leastLoad, mostLoad = 1.0 / 16, 16.0
)

// peers are the names of the baseline's hosts, in the order in which they came.
// When there are too many the last is several.
type peers []string

// add takes in what hosts of the baseline met.
func (p *peers) add(b *batch, hosts []stagger.Host) {
	if len(hosts) == 0 {
		return
	}
	if b.Peers == nil {
		b.Peers = make([]arm, stagger.Groups)
	}
	for i := range hosts {
		b.Peers[p.index(hosts[i].Name)].addGroup(&hosts[i].Group)
	}
}

func (p *peers) index(name string) int {
	if i := slices.Index(*p, name); i >= 0 {
		return i
	}
	if len(*p) < stagger.Groups {
		*p = append(*p, name)
	}
	return len(*p) - 1
}

// unlike measures how much hosts differ.
type unlike struct {
	dispersion

	Long block `json:"long"`
}

func (u *unlike) observe(at time.Time, n, x *[stagger.Groups]float64) {
	u.dispersion.observe(at, n, x)
	u.Long.gather(at, longBlock, false, n, x)
}

func (u *unlike) value() float64 {
	return max(u.dispersion.value(), u.Long.Between.value(priorBlocks))
}

// measureHosts takes in how the hosts of the baseline fared, if there are
// several.
func (l *ladder) measureHosts(s slot, at sight) {
	if at.batch.Hosted[armBaseline] < 2 || at.batch.Peers == nil {
		return
	}
	if l.Hosts == nil {
		l.Hosts = new(unlike)
	}
	var n, x [stagger.Groups]float64
	for i := range at.batch.Peers {
		a := &at.batch.Peers[i]
		n[i], x[i] = float64(a.Requests), float64(s.met(a, at.usual))
	}
	l.Known = true
	l.Hosts.observe(at.batch.To, &n, &x)
}

// hostsPhi is the dispersion that hosts bring to a candidate whose hosts meet
// load times as many requests as the baseline's: what a host does to all of its
// requests grows with their number.
func (l *ladder) hostsPhi(load float64) float64 {
	if l.Hosts == nil {
		return 1
	}
	return 1 + (l.Hosts.value()-1)*load*hostMargin
}

// follow follows how many requests a host of the candidate meets for each that
// one of the baseline does.
func (s *state) follow(b *batch) {
	hosts, met := b.Hosted, [arms]int{b.requests(armBaseline), b.requests(armCandidate)}
	if hosts[armBaseline] == 0 || hosts[armCandidate] == 0 || met[armBaseline] == 0 {
		return
	}
	load := float64(met[armCandidate]) / float64(hosts[armCandidate]) / (float64(met[armBaseline]) / float64(hosts[armBaseline]))
	load = min(max(load, leastLoad), mostLoad)
	if s.Load == 0 {
		s.Load = load
	}
	s.Load = loadKeeps*s.Load + (1-loadKeeps)*load
}

// Heed takes over what a watch has measured of how far requests depend on each
// other, so that it is known from the candidate's first request on. Signals that
// the watch does not look at are measured anew.
func (j *Judge) Heed(w *Watch) {
	if w == nil || w.judge.config.Baseline != j.config.Baseline {
		return
	}
	for i, s := range j.slots {
		for k, of := range w.judge.slots {
			if of.guardrail.Signal == s.guardrail.Signal && of.quantile == s.quantile {
				j.state.Banks[i].Ladder.heed(&w.judge.state.Banks[k].Ladder)
			}
		}
	}
	j.state.Peers = slices.Clone(w.judge.state.Peers)
}

// heed copies what was measured, and nothing that was decided on it.
func (l *ladder) heed(of *ladder) {
	l.Known, l.Requests = of.Known, of.Requests
	if of.Subjects != nil {
		subjects := *of.Subjects
		l.Subjects = &subjects
	}
	if of.Hosts != nil {
		hosts := *of.Hosts
		l.Hosts = &hosts
	}
}
