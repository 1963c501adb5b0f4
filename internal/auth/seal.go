package auth

import (
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"time"
)

// flowTime is how long somebody may take at the provider.
const flowTime = 10 * time.Minute

// flow is a sign-in on its way to the provider and back. The browser carries it,
// so that nobody can fill the server with sign-ins that never end.
type flow struct {
	State    string    `json:"state"`
	Nonce    string    `json:"nonce"`
	Verifier string    `json:"verifier"` // of PKCE
	To       string    `json:"to"`       // where to go after
	Until    time.Time `json:"until"`
}

// seal signs what browsers carry. Its key dies with the process.
type seal struct{ key []byte }

func newSeal() seal {
	key := make([]byte, sha256.Size)
	_, _ = rand.Read(key) // it never fails
	return seal{key}
}

func (s seal) sum(content []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	_, _ = mac.Write(content) // it never fails
	return mac.Sum(nil)
}

func (s seal) close(f flow) string {
	content, err := json.Marshal(f)
	if err != nil {
		panic("auth: a flow cannot be encoded: " + err.Error()) // it is texts and a time
	}
	return base64.RawURLEncoding.EncodeToString(append(s.sum(content), content...))
}

// open returns what was sealed, unless its time is over.
func (s seal) open(sealed string, now time.Time) (f flow, ok bool) {
	all, err := base64.RawURLEncoding.DecodeString(sealed)
	if err != nil || len(all) < sha256.Size {
		return flow{}, false
	}
	sum, content := all[:sha256.Size], all[sha256.Size:]
	if !hmac.Equal(sum, s.sum(content)) || json.Unmarshal(content, &f) != nil {
		return flow{}, false
	}
	return f, now.Before(f.Until)
}
