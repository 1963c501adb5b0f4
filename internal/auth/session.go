package auth

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/base64"
	"log/slog"
	"slices"
	"sync"
	"time"
)

// The bounds of what is kept.
const (
	maxSessions    = 10_000
	maxPerIdentity = 100
)

// grant is what a session rests on. Who that is now is for the rules to say.
type grant struct {
	Way Way `json:"way"`
	// Token is the hash of the token it began with.
	Token digest `json:"token,omitzero"`
	// What the provider said.
	Issuer  string   `json:"issuer,omitempty"`
	Client  string   `json:"client,omitempty"`
	Subject string   `json:"subject,omitempty"`
	Name    string   `json:"name,omitempty"`
	Values  []string `json:"values,omitempty"` // of the claim that roles rest on
}

// owner is the same for all sessions of one person or token.
type owner struct {
	token           digest
	issuer, subject string
}

func (g grant) owner() owner { return owner{g.Token, g.Issuer, g.Subject} }

// session is one browser that somebody signed in with.
type session struct {
	Hash    digest    `json:"hash"` // of its id, which only the browser has
	Grant   grant     `json:"grant"`
	Created time.Time `json:"created"`
	Seen    time.Time `json:"seen"` // when it was used last
	Until   time.Time `json:"until"`

	under int // requests under way: whoever follows a stream is there
	life  context.Context
	end   context.CancelFunc
}

// live gives the session its life, which ends at the latest when its time is
// over.
func (s *session) live() {
	s.life, s.end = context.WithDeadline(context.Background(), s.Until)
}

func (s *session) over(now time.Time, idle time.Duration) bool {
	return !now.Before(s.Until) || s.under == 0 && now.Sub(s.Seen) >= idle
}

// sessions are all that live. They outlive the process, as far as the file can
// be written.
type sessions struct {
	file string // "" keeps nothing
	log  *slog.Logger

	mu    sync.Mutex
	all   map[digest]*session
	saved time.Time
	dirty bool
}

func newSessions(file string, log *slog.Logger) *sessions {
	s := &sessions{file: file, log: log, all: make(map[digest]*session)}
	for _, one := range s.load(time.Now()) {
		one.live()
		s.all[one.Hash] = one
	}
	return s
}

// begin makes a session and returns its id.
func (s *sessions) begin(g grant, ttl, idle time.Duration) (id string, until time.Time) {
	secret := make([]byte, 32)
	_, _ = rand.Read(secret) // it never fails
	id = base64.RawURLEncoding.EncodeToString(secret)
	now := time.Now()
	one := &session{Hash: digestOf(id), Grant: g, Created: now, Seen: now, Until: now.Add(ttl)}
	one.live()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.sweep(now, idle)
	s.makeRoom(g.owner())
	s.all[one.Hash] = one
	s.dirty = true
	s.save(now)
	return id, one.Until
}

// sweep ends the sessions whose time is over.
func (s *sessions) sweep(now time.Time, idle time.Duration) {
	for _, one := range s.all {
		if one.over(now, idle) {
			s.drop(one)
		}
	}
}

// makeRoom ends the sessions that were used longest ago, when there are too many
// of one owner or of all.
func (s *sessions) makeRoom(o owner) {
	oldest := func(a, b *session) int { return cmp.Compare(a.Seen.UnixNano(), b.Seen.UnixNano()) }
	var own, all []*session
	for _, one := range s.all {
		all = append(all, one)
		if one.Grant.owner() == o {
			own = append(own, one)
		}
	}
	if len(own) >= maxPerIdentity {
		s.drop(slices.MinFunc(own, oldest))
	} else if len(all) >= maxSessions {
		s.drop(slices.MinFunc(all, oldest))
	}
}

func (s *sessions) drop(one *session) {
	one.end()
	delete(s.all, one.Hash)
	s.dirty = true
}

// use finds the session with an id and counts a request of it until it leaves.
// There is none when holds says that nobody holds its grant any more.
func (s *sessions) use(id string, r *ruling) (who Identity, life context.Context, leave func(), ok bool) {
	now := time.Now()
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.all[digestOf(id)]
	if one == nil {
		return Identity{}, nil, nil, false
	}
	until := one.Created.Add(r.TTL)
	if one.Until.Before(until) {
		until = one.Until
	}
	who, holds := r.holder(one.Grant)
	if !holds || one.over(now, r.Idle) || !now.Before(until) {
		s.drop(one)
		s.save(now)
		return Identity{}, nil, nil, false
	}
	who.Until = until
	one.under++
	s.see(one, now, r.Idle)
	return who, one.life, func() { s.leave(one, r.Idle) }, true
}

func (s *sessions) leave(one *session, idle time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one.under--
	s.see(one, time.Now(), idle)
}

// see keeps that the session is used. A file that lags behind a little does no
// harm: after a restart it seems idle for longer by that.
func (s *sessions) see(one *session, now time.Time, idle time.Duration) {
	one.Seen = now
	s.dirty = true
	if now.Sub(s.saved) > idle/10 {
		s.save(now)
	}
}

// end ends the session with an id, if there is one.
func (s *sessions) end(id string) (ended bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	one := s.all[digestOf(id)]
	if one == nil {
		return false
	}
	s.drop(one)
	s.save(time.Now())
	return true
}

// endUnheld ends the sessions whose grants nobody holds any more.
func (s *sessions) endUnheld(r *ruling) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, one := range s.all {
		if _, holds := r.holder(one.Grant); !holds {
			s.drop(one)
		}
	}
	s.save(time.Now())
}

// close keeps what lives for the next process, and ends what is under way.
func (s *sessions) close() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.save(time.Now())
	s.file = "" // from here on it is the next one's
	for _, one := range s.all {
		one.end()
	}
}
