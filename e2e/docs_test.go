package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"
)

// Every block marked sh in these pages is run, in order, in one session of bash
// in an empty folder (those of README.md in a copy of the repository), and ends at the first command that fails. A block marked
// text after it is what it prints: each of its lines must be found in the
// output, in order. In such a line "…" stands for anything, and times of day,
// dates, names of rollouts and hashes for any of their kind; all else must be
// equal, but for the width of spaces. Blocks marked otherwise are not run.
func TestDocs(t *testing.T) {
	pages, err := filepath.Glob("../docs/how-to/*.md")
	if err != nil {
		t.Fatal(err)
	}
	pages = append(pages, "../docs/tutorial.md", "../README.md")
	for _, page := range pages {
		t.Run(filepath.Base(page), func(t *testing.T) {
			needs(t, "nginx", "wrk", "bash", "curl")
			t.Parallel()
			blocks := readPage(t, page)
			if len(blocks) == 0 {
				t.Skip("nothing to run in it")
			}
			told := session(t, page, blocks)
			for i, b := range blocks {
				if i >= len(told) {
					t.Fatalf("%s:%d: the session ended before this block", page, b.line)
				}
				if missing, ok := b.holds(told[i]); !ok {
					t.Errorf("%s:%d: not in the output: %s\nthe output was:\n%s", page, b.line, missing, told[i])
				}
			}
		})
	}
}

// block is one block of commands and the output the page shows for it.
type block struct {
	line     int
	commands string
	prints   []string
}

var fence = regexp.MustCompile("^```([a-z]*)$")

// prelude marks a page whose commands need a server and traffic to be there.
const prelude = "<!-- The test starts testdata/prelude.sh before. -->"

// readPage finds the blocks of a page. A page that is not there has none.
func readPage(t *testing.T, path string) []block {
	t.Helper()
	content, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return nil
	}
	if err != nil {
		t.Fatal(err)
	}
	var blocks []block
	if strings.Contains(string(content), prelude) {
		setup, err := os.ReadFile("testdata/prelude.sh")
		if err != nil {
			t.Fatal(err)
		}
		blocks = append(blocks, block{commands: string(setup)})
	}
	kind, shown := "", false // shown: the last block was run, so a text is its output
	for i, line := range strings.Split(string(content), "\n") {
		switch m := fence.FindStringSubmatch(line); {
		case m != nil && kind != "":
			kind = ""
		case m != nil:
			if kind = m[1]; kind == "" {
				kind = "plain"
			}
			if kind == "sh" {
				blocks = append(blocks, block{line: i + 1})
			}
			shown = kind == "sh" || shown && kind == "text"
		case kind == "sh":
			blocks[len(blocks)-1].commands += line + "\n"
		case kind == "text" && shown:
			blocks[len(blocks)-1].prints = append(blocks[len(blocks)-1].prints, line)
		}
	}
	return blocks
}

// separator ends the output of a block.
const separator = "\x1e"

// session runs the blocks and returns what each printed.
func session(t *testing.T, page string, blocks []block) []string {
	t.Helper()
	dir := t.TempDir()
	if filepath.Base(page) == "README.md" {
		copyRepository(t, dir)
	}
	script := "set -e\n"
	for _, b := range blocks {
		script += fmt.Sprintf("%s\nprintf '\\x1e'\n", b.commands)
	}
	write(t, filepath.Join(dir, "page.sh"), script)
	out, err := os.Create(filepath.Join(dir, "page.out"))
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	bash := exec.Command("bash", "page.sh")
	bash.Dir, bash.Stdout, bash.Stderr = dir, out, out
	bash.Env = append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"), "STAGGER_ACTOR=ada", "NO_COLOR=1", fmt.Sprintf("PRELUDE_PORT=%d", freePorts(t, 6)))
	bash.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := bash.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Kill(-bash.Process.Pid, syscall.SIGKILL) })
	done := make(chan error, 1)
	go func() { done <- bash.Wait() }()
	select {
	case err = <-done:
	case <-time.After(150 * time.Second):
		err = fmt.Errorf("it still runs after 150 s")
	}
	content, readErr := os.ReadFile(out.Name())
	if readErr != nil {
		t.Fatal(readErr)
	}
	told := strings.Split(string(content), separator)
	if n := len(told) - 1; err != nil {
		t.Fatalf("the block at line %d: %v\n%s", blocks[min(n, len(blocks)-1)].line, err, tail(told[n], 30))
	}
	if os.Getenv("E2E_SHOW") != "" {
		t.Logf("%s", content)
	}
	return told[:len(told)-1]
}

// copyRepository copies what the repository holds, but for hidden files.
func copyRepository(t *testing.T, dir string) {
	t.Helper()
	entries, err := os.ReadDir("..")
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") || e.Name() == "stagger" || strings.Contains(e.Name(), ".db") {
			continue
		}
		if out, err := exec.Command("cp", "-r", filepath.Join("..", e.Name()), dir).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
	}
}

// What differs from run to run, and how it is written here.
var varying = []struct {
	re *regexp.Regexp
	as string
}{
	{regexp.MustCompile(`shop-\d{8}-\d{6}-[0-9a-f]{4}`), "ROLLOUT"},
	{regexp.MustCompile(`\b[0-9a-f]{64}\b`), "HASH"},
	{regexp.MustCompile(`\d{4}-\d\d-\d\d`), "DATE"},
	{regexp.MustCompile(`\d\d:\d\d:\d\d`), "TIME"},
	{regexp.MustCompile(`\s+`), " "},
}

func level(line string) string {
	for _, v := range varying {
		line = v.re.ReplaceAllString(line, v.as)
	}
	return strings.TrimSpace(line)
}

// holds says whether all that the page shows was printed; if not, what is
// missing.
func (b block) holds(told string) (missing string, ok bool) {
	lines := strings.Split(told, "\n")
	for _, want := range b.prints {
		if want = level(want); want == "" || want == "…" {
			continue
		}
		i := 0
		for i < len(lines) && !alike(want, level(lines[i])) {
			i++
		}
		if i == len(lines) {
			return want, false
		}
		lines = lines[i+1:]
	}
	return "", true
}

// alike compares with "…" as a wildcard.
func alike(want, got string) bool {
	parts := strings.Split(want, "…")
	for i, p := range parts {
		parts[i] = regexp.QuoteMeta(strings.TrimSpace(p))
	}
	return regexp.MustCompile("^"+strings.Join(parts, ".*")+"$").MatchString(got) ||
		regexp.MustCompile("^"+strings.Join(parts, " ?.* ?")+"$").MatchString(got)
}

func TestAPageThatIsWrongIsFoundOut(t *testing.T) {
	b := block{prints: []string{"shop  v1 → v2…", "…", "12:00:00 done"}}
	for told, want := range map[string]string{
		"shop v1 → v2  promoted\nx\n13:01:02   done\n": "",
		"shop v1 → v3\n13:01:02 done\n":                "shop v1 → v2…",
		"13:01:02 done\nshop v1 → v2\n":                "TIME done",
		"shop v1 → v2\n13:01:02 done for\n":            "TIME done",
	} {
		if missing, _ := b.holds(told); missing != want {
			t.Errorf("%q: missing is %q, want %q", told, missing, want)
		}
	}
}
