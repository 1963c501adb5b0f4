package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
)

//go:embed static
var static embed.FS

// The addresses of the style sheet and the script. They change with the
// content, so that browsers may keep it for ever.
var (
	styleURL  = staticURL("stagger.css")
	scriptURL = staticURL("stagger.js")
)

func staticURL(name string) string {
	content, err := static.ReadFile("static/" + name)
	if err != nil {
		panic("dashboard: " + err.Error()) // it is embedded
	}
	sum := sha256.Sum256(content)
	return "/static/" + name + "?v=" + hex.EncodeToString(sum[:6])
}

// kinds are the content types of what is served, whatever the machine's own
// tables say.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func serveStatic(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("name")
	content, err := static.ReadFile("static/" + path.Base(name))
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kinds[path.Ext(name)])
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Has("v") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(content) // a client that went away is its own loss
}
