package auth

import (
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// maxKept is how much is read of the file, in bytes. All sessions there can be
// are less.
const maxKept = 64 << 20

// kept is what the file holds: hashes of ids, so that whoever reads it can sign
// in as nobody.
type kept struct {
	Version  int        `json:"version"`
	Sessions []*session `json:"sessions"`
}

const keptVersion = 1

// load returns the sessions that the process before kept. Without them people
// sign in again, so what cannot be read is told and no more.
func (s *sessions) load(now time.Time) []*session {
	if s.file == "" {
		return nil
	}
	all, err := readKept(s.file)
	if err != nil {
		if !errors.Is(err, fs.ErrNotExist) {
			s.log.Warn("the sessions that were kept cannot be read; people sign in again", "file", s.file, "error", err)
		}
		return nil
	}
	var live []*session
	for _, one := range all {
		if one != nil && now.Before(one.Until) && !one.Seen.After(now) && len(live) < maxSessions {
			live = append(live, one)
		}
	}
	return live
}

func readKept(file string) ([]*session, error) {
	f, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	var k kept
	if err := json.NewDecoder(io.LimitReader(f, maxKept)).Decode(&k); err != nil {
		return nil, err
	}
	if k.Version != keptVersion {
		return nil, errors.New("they are of another version")
	}
	return k.Sessions, nil
}

// save writes the file when something has changed. A file that cannot be
// written costs sessions at the next restart, not now.
func (s *sessions) save(now time.Time) {
	if s.file == "" || !s.dirty {
		return
	}
	k := kept{Version: keptVersion, Sessions: make([]*session, 0, len(s.all))}
	for _, one := range s.all {
		k.Sessions = append(k.Sessions, one)
	}
	s.saved, s.dirty = now, false
	content, err := json.Marshal(k)
	if err == nil {
		err = replace(s.file, content)
	}
	if err != nil {
		s.log.Warn("sessions cannot be kept; they end with the process", "file", s.file, "error", err)
	}
}

// replace puts content in the place of a file at once, for the owner's eyes
// only.
func replace(file string, content []byte) (err error) {
	f, err := os.CreateTemp(filepath.Dir(file), filepath.Base(file)+".*") // it is 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(content)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	return os.Rename(f.Name(), file)
}
