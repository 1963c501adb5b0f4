package dashboard

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"io/fs"
	"maps"
	"net/http"
	"path"
)

// Ours, and what others wrote: vendored/README.md says what that is.
//
//go:embed static vendored
var files embed.FS

// assets are what pages load, by name. Their addresses change with the content,
// so that browsers may keep them for ever.
var assets = func() map[string]asset {
	all := map[string]asset{}
	for _, folder := range []string{"static", "vendored"} {
		maps.Copy(all, assetsIn(folder))
	}
	all[scripts] = together(all, "htmx.js", "htmx-sse.js", "uplot.js", "stagger.js", "chart.js")
	return all
}()

// scripts is the name of all scripts in one: they come together, when the page
// has been read, and in the order in which they need each other.
const scripts = "scripts.js"

func together(all map[string]asset, names ...string) asset {
	var content []byte
	for _, name := range names {
		one, ok := all[name]
		if !ok {
			panic("dashboard: there is no " + name) // it is embedded
		}
		content = append(append(content, one.content...), ";\n"...)
	}
	return assetOf(scripts, content)
}

type asset struct {
	content []byte
	kind    string
	address string
}

// kinds are the content types of what is served, whatever the machine's own
// tables say.
var kinds = map[string]string{
	".css": "text/css; charset=utf-8",
	".js":  "text/javascript; charset=utf-8",
	".svg": "image/svg+xml",
}

func assetsIn(folder string) map[string]asset {
	in := map[string]asset{}
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		panic("dashboard: " + err.Error()) // it is embedded
	}
	for _, e := range entries {
		if _, served := kinds[path.Ext(e.Name())]; !served {
			continue
		}
		content, err := files.ReadFile(folder + "/" + e.Name())
		if err != nil {
			panic("dashboard: " + err.Error()) // it is embedded
		}
		in[e.Name()] = assetOf(e.Name(), content)
	}
	return in
}

func assetOf(name string, content []byte) asset {
	sum := sha256.Sum256(content)
	return asset{content, kinds[path.Ext(name)], "/static/" + name + "?v=" + hex.EncodeToString(sum[:6])}
}

// address is where a page finds an asset.
func address(name string) string {
	a, ok := assets[name]
	if !ok {
		panic("dashboard: there is no " + name) // a template names it
	}
	return a.address
}

func serveStatic(w http.ResponseWriter, r *http.Request) {
	a, ok := assets[r.PathValue("name")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", a.kind)
	w.Header().Set("Cache-Control", "no-cache")
	if r.URL.Query().Has("v") {
		w.Header().Set("Cache-Control", "public, max-age=31536000, immutable")
	}
	_, _ = w.Write(a.content) // a client that went away is its own loss
}
