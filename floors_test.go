package stagger_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/stagger-dev/stagger"

// A room is a package and the floor it stands on. It may import every room
// below it, and nothing else of ours.
type room struct {
	path  string
	floor int

	beside []string // rooms of its own floor it may import
	never  []string // what it must not import though it stands below; with all inside it
	needs  []string // for pure rooms: what it may import that is not listed as harmless

	support bool // help for tests: nothing else imports it
}

// pure is the highest floor that touches neither the world nor a clock.
const pure = 2

// house is the table of ARCHITECTURE.md.
var house = []room{
	{path: ".", floor: 0, needs: []string{"reflect"}}, // to compare rules

	{path: "internal/sequential", floor: 1},
	{path: "internal/histogram", floor: 1},
	{path: "internal/distinct", floor: 1},

	{path: "internal/cohort", floor: 2, needs: []string{"github.com/cespare/xxhash/v2"}}, // the hash of ADR 0001
	{path: "internal/balance", floor: 2},
	{path: "internal/judge", floor: 2},
	{path: "internal/difference", floor: 2},
	{path: "internal/engine", floor: 2},
	{path: "internal/course", floor: 2},
	{path: "internal/outcome", floor: 2},
	{path: "internal/scenario", floor: 2, needs: []string{"net/url"}},
	{path: "internal/capture", floor: 2, needs: []string{"crypto/hmac", "crypto/sha256", "encoding/hex", "net/url"}}, // they compute
	{path: "internal/config", floor: 2, beside: []string{"internal/scenario"}, needs: []string{ // what load.yaml says
		"github.com/goccy/go-yaml", // the format of the files
		"net/netip", "net/url",     // addresses as text; neither opens anything
	}},
	{path: "internal/whence", floor: 2, needs: []string{"net/netip"}},          // addresses as text
	{path: "internal/recording", floor: 2, beside: []string{"internal/judge"}}, // it shows the judge what was recorded
	{path: "internal/circuit", floor: 2},
	{path: "internal/limiter", floor: 2},
	{path: "internal/retry", floor: 2},
	{path: "internal/risk", floor: 2, beside: []string{"internal/judge"}}, // and lives that never were

	{path: "internal/meter", floor: 3},
	{path: "internal/listen", floor: 3},
	{path: "internal/handover", floor: 3, beside: []string{"internal/listen"}}, // the sockets that change hands
	{path: "internal/upstream", floor: 3, beside: []string{"internal/meter"}},
	{path: "internal/upstream/dnstest", floor: 3, support: true},
	{path: "internal/proxy", floor: 3, beside: []string{"internal/listen", "internal/meter", "internal/mirror", "internal/upstream", "internal/proxy/wire"}}, // what passes is counted
	{path: "internal/proxy/wire", floor: 3},
	{path: "internal/mirror", floor: 3},
	{path: "internal/store", floor: 3},
	{path: "internal/auth", floor: 3},
	{path: "internal/load", floor: 3},
	{path: "internal/scrape", floor: 3},
	{path: "internal/simulate", floor: 3},                                    // the judge on traffic that never was; internal/sim is whole lives, for tests
	{path: "internal/preview", floor: 3, beside: []string{"internal/store"}}, // what a plan would see, by what was measured

	// The will knows the means only by the interfaces of its ports.go.
	{path: "internal/controller", floor: 4, never: []string{"internal/handover", "internal/listen", "internal/meter", "internal/proxy", "internal/upstream", "internal/store", "internal/load", "internal/scrape", "internal/simulate", "internal/preview"}},

	{path: "client", floor: 5, never: []string{"internal"}}, // users' programs stand on it
	{path: "internal/present", floor: 5, never: []string{"internal"}},
	{path: "internal/inbox", floor: 5, never: aboveTheInbox},
	{path: "internal/api", floor: 5, never: aboveTheInbox, beside: []string{"internal/inbox"}},
	{path: "internal/dashboard", floor: 5, never: aboveTheInbox, beside: []string{"internal/inbox", "internal/present"}},
	{path: "internal/cli", floor: 5, never: overTheWire, beside: []string{"client", "internal/cli/live", "internal/present"}},
	{path: "internal/cli/live", floor: 5, never: overTheWire, beside: []string{"internal/present"}},

	{path: "internal/app", floor: 6},
	{path: "internal/demo", floor: 6, beside: []string{"internal/app"}},
	{path: "cmd/stagger", floor: 6, beside: []string{"internal/app", "internal/demo"}},

	{path: "internal/sim", floor: 4, support: true, beside: []string{"internal/controller"}},
	{path: "internal/dashboard/browsing", floor: 5, support: true},
	{path: "internal/api/apitest", floor: 5, support: true, beside: []string{"internal/api"}},
	{path: "e2e", floor: 6, support: true},
	// What others do is there to be compared with, and never in the binary.
	{path: "bench/peers", floor: 6, support: true},
	{path: "bench/proxy", floor: 6, support: true},
	{path: "bench/judge", floor: 6, support: true, beside: []string{"bench/peers"}},
}

// The faces in the server write commands into the store and read from it.
var aboveTheInbox = []string{"internal/controller", "internal/handover", "internal/listen", "internal/proxy", "internal/upstream", "internal/meter", "internal/load", "internal/scrape"}

// The command line asks the server, as everybody does. What never happened it
// simulates by itself, and load it makes itself.
var overTheWire = []string{"internal/store", "internal/controller", "internal/proxy", "internal/meter", "internal/scrape"}

// harmless is all of the standard library that a pure room may import: what
// computes. So no network, no files, no database, no log, no lock, no context
// and no chance.
var harmless = []string{
	"bytes", "cmp", "encoding/json", "errors", "fmt", "iter", "maps", "math", "math/big", "math/bits", "regexp", "slices",
	"sort", "strconv", "strings", "time", "unicode", "unicode/utf8",
}

// clocks are what a pure room must not call: time arrives as data.
var clocks = []string{"Now", "Since", "Until", "Sleep", "After", "AfterFunc", "Tick", "NewTicker", "NewTimer"}

func at(path string) (room, bool) {
	i := slices.IndexFunc(house, func(r room) bool { return r.path == path })
	if i < 0 {
		return room{}, false
	}
	return house[i], true
}

// A source is a file of Go.
type source struct {
	name string // slashed, from the root of the repository
	text any    // nil to read the file
}

func (s source) test() bool { return strings.HasSuffix(s.name, "_test.go") }

// faults says what is wrong with a file, a line each.
func faults(t *testing.T, s source) []string {
	t.Helper()
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, s.name, s.text, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	here, known := at(path.Dir(s.name))
	if !known {
		return []string{fmt.Sprintf("%s: %s stands on no floor; give it one in floors_test.go", s.name, path.Dir(s.name))}
	}
	var found []string
	for _, spec := range file.Imports {
		name := strings.Trim(spec.Path.Value, `"`)
		if why := here.refuses(name, s.test()); why != "" {
			found = append(found, fmt.Sprintf("%s imports %s: %s", files.Position(spec.Pos()), name, why))
		}
	}
	if here.floor <= pure && !s.test() {
		found = append(found, restless(files, file)...)
	}
	return found
}

// refuses says why a room must not import a package, or nothing.
func (r room) refuses(name string, test bool) string {
	if name != module && !strings.HasPrefix(name, module+"/") {
		if r.floor <= pure && !test && !slices.Contains(harmless, name) && !slices.ContainsFunc(r.needs, holds(name)) {
			return "a pure room does without"
		}
		return ""
	}
	there := path.Clean("." + strings.TrimPrefix(name, module))
	target, known := at(there)
	switch {
	case !known:
		return "it stands on no floor"
	case test:
		// Tests may look at what stands beside them; what supports tests is itself
		// tried against the whole house.
		if target.floor > r.floor && !r.support {
			return fmt.Sprintf("a test on floor %d must not climb to floor %d", r.floor, target.floor)
		}
	case target.support && !(r.support && slices.Contains(r.beside, there)):
		return "it is support for tests"
	case target.floor > r.floor:
		return fmt.Sprintf("floor %d must not climb to floor %d", r.floor, target.floor)
	case target.floor == r.floor && !slices.Contains(r.beside, there):
		return fmt.Sprintf("%s must not lean on its neighbour", r.path)
	case slices.ContainsFunc(r.never, holds(there)):
		return fmt.Sprintf("%s must not know it", r.path)
	}
	return ""
}

// holds asks a path whether another one is it, or inside it.
func holds(name string) func(string) bool {
	return func(outer string) bool { return name == outer || strings.HasPrefix(name, outer+"/") }
}

// restless finds the goroutines and the clocks in a file.
func restless(files *token.FileSet, file *ast.File) []string {
	var found []string
	clock := ""
	for _, spec := range file.Imports {
		if spec.Path.Value != `"time"` {
			continue
		}
		clock = "time"
		if spec.Name != nil {
			clock = spec.Name.Name
		}
		if clock == "." {
			found = append(found, fmt.Sprintf("%s: time must be imported by a name", files.Position(spec.Pos())))
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			found = append(found, fmt.Sprintf("%s: a pure room starts no goroutine", files.Position(n.Pos())))
		case *ast.SelectorExpr:
			if x, ok := n.X.(*ast.Ident); ok && x.Name == clock && slices.Contains(clocks, n.Sel.Name) {
				found = append(found, fmt.Sprintf("%s: time.%s: in a pure room time arrives as data", files.Position(n.Pos()), n.Sel.Name))
			}
		}
		return true
	})
	return found
}

// sources are all files of Go in this module, with those that only other
// systems build.
func sources(t *testing.T) []source {
	t.Helper()
	var all []source
	err := filepath.WalkDir(".", func(name string, entry fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if entry.IsDir() {
			base := entry.Name()
			if name != "." && (strings.HasPrefix(base, ".") || strings.HasPrefix(base, "_") || base == "testdata" || anotherModule(name)) {
				return fs.SkipDir
			}
			return nil
		}
		if strings.HasSuffix(name, ".go") {
			all = append(all, source{name: filepath.ToSlash(name)})
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

func anotherModule(folder string) bool {
	_, err := os.Stat(filepath.Join(folder, "go.mod"))
	return err == nil
}

func TestImportsGoDownOnly(t *testing.T) {
	inhabited := map[string]bool{}
	for _, s := range sources(t) {
		inhabited[path.Dir(s.name)] = true
		for _, fault := range faults(t, s) {
			t.Error(fault)
		}
	}
	for _, r := range house {
		if !inhabited[r.path] {
			t.Errorf("floors_test.go has a floor for %s, which is gone", r.path)
		}
		for _, other := range slices.Concat(r.beside, r.never) {
			if _, known := at(other); !known && other != "internal" {
				t.Errorf("floors_test.go has a rule about %s, which is gone", other)
			}
		}
	}
}

// TestTheFloorsCanFail tries every rule on a file that breaks it.
func TestTheFloorsCanFail(t *testing.T) {
	ours := func(room string) string { return fmt.Sprintf("import _ %q", path.Join(module, room)) }
	for _, row := range []struct {
		rule, file, text, want string
	}{
		{"down is free", "internal/proxy/a.go", ours("internal/cohort"), ""},
		{"up is not", "internal/judge/a.go", ours("internal/store"), "floor 2 must not climb to floor 3"},
		{"the words stand lowest", "a.go", ours("internal/cohort"), "floor 0 must not climb to floor 2"},
		{"nor in a test", "internal/judge/a_test.go", ours("internal/sim"), "a test on floor 2 must not climb to floor 4"},
		{"a test looks beside itself", "client/a_test.go", ours("internal/api"), ""},
		{"neighbours", "internal/judge/a.go", ours("internal/engine"), "must not lean on its neighbour"},
		{"but those who belong together", "internal/proxy/a.go", ours("internal/meter"), ""},
		{"a face and the controller", "internal/api/a.go", ours("internal/controller"), "internal/api must not know it"},
		{"the command line and the store", "internal/cli/a.go", ours("internal/store"), "internal/cli must not know it"},
		{"the controller and its means", "internal/controller/a.go", ours("internal/proxy"), "internal/controller must not know it"},
		{"the client and what is internal", "client/a.go", ours("internal/engine"), "client must not know it"},
		{"a peer in the program", "internal/simulate/a.go", ours("bench/peers"), "it is support for tests"},
		{"a peer beside us", "bench/judge/a.go", ours("bench/peers"), ""},
		{"support outside tests", "internal/app/a.go", ours("internal/sim"), "it is support for tests"},
		{"a room without a floor", "internal/cellar/a.go", "", "internal/cellar stands on no floor"},
		{"an import without a floor", "internal/app/a.go", ours("internal/cellar"), "it stands on no floor"},
		{"the world", "internal/engine/a.go", `import _ "net/http"`, "a pure room does without"},
		{"a lock", "internal/histogram/a.go", `import _ "sync/atomic"`, "a pure room does without"},
		{"chance", "internal/sequential/a.go", `import _ "math/rand/v2"`, "a pure room does without"},
		{"a module nobody granted", "a.go", `import _ "github.com/cespare/xxhash/v2"`, "a pure room does without"},
		{"a module that was", "internal/config/a.go", `import _ "github.com/goccy/go-yaml/ast"`, ""},
		{"the world in a test", "internal/engine/a_test.go", `import _ "os"`, ""},
		{"a clock", "internal/engine/a.go", `import "time"; var _ = time.Now()`, "a.go:1:35: time.Now: in a pure room"},
		{"by another name", "internal/engine/a.go", `import T "time"; var _ = T.Since`, "time.Since: in a pure room"},
		{"by no name", "internal/engine/a.go", `import . "time"; var _ = Now()`, "time must be imported by a name"},
		{"time as data", "internal/engine/a.go", `import "time"; var _ = time.Second`, ""},
		{"a clock above the rules", "internal/meter/a.go", `import "time"; var _ = time.Now()`, ""},
		{"a goroutine", "internal/judge/a.go", `func f() { go f() }`, "a pure room starts no goroutine"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			got := strings.Join(faults(t, source{row.file, "package x; " + row.text}), "\n")
			if !strings.Contains(got, row.want) || row.want == "" && got != "" {
				t.Errorf("got %q, want %q", got, row.want)
			}
		})
	}
}

// TestTheDrawingIsTrue holds the table of ARCHITECTURE.md against the house.
func TestTheDrawingIsTrue(t *testing.T) {
	text, err := os.ReadFile("ARCHITECTURE.md")
	if err != nil {
		t.Fatal(err)
	}
	drawn := map[string]int{}
	row := regexp.MustCompile(`(?m)^\| (words|[1-9] [a-z]+) \| ([^|]*) \|`)
	name := regexp.MustCompile("`([a-z/]+)`")
	for _, line := range row.FindAllStringSubmatch(string(text), -1) {
		floor := 0
		if line[1] != "words" {
			floor = int(line[1][0] - '0')
		}
		for _, match := range name.FindAllStringSubmatch(line[2], -1) {
			drawn[match[1]] = floor
		}
	}
	built := map[string]int{}
	for _, r := range house {
		if !r.support {
			built[asDrawn(r.path)] = r.floor
		}
	}
	for name, floor := range built {
		if on, ok := drawn[name]; !ok || on != floor {
			t.Errorf("%s stands on floor %d; the table of ARCHITECTURE.md says otherwise", name, floor)
		}
	}
	for name := range drawn {
		if _, ok := built[name]; !ok {
			t.Errorf("ARCHITECTURE.md draws %s, which is not in floors_test.go", name)
		}
	}
}

// asDrawn is a room as the table writes it; a room inside another goes with it.
func asDrawn(room string) string {
	switch inner := strings.TrimPrefix(room, "internal/"); {
	case room == ".":
		return "stagger"
	case room == "client":
		return "client/"
	case inner != room:
		outer, _, _ := strings.Cut(inner, "/")
		return outer
	}
	return room
}
