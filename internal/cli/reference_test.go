package cli_test

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"github.com/stagger-dev/stagger/internal/cli"
)

var update = flag.Bool("update", false, "write the reference anew")

var reference = filepath.Join("..", "..", "docs", "reference", "cli.md")

// TestReferenceIsTheCommittedOne writes the reference from the commands
// themselves.
func TestReferenceIsTheCommittedOne(t *testing.T) {
	var b bytes.Buffer
	b.WriteString("# The command line\n\n<!-- Generated from internal/cli: go test ./internal/cli -run Reference -update -->\n\n")
	root := cli.New(faces())
	about, codes, ok := strings.Cut(root.Long, "Exit codes:\n")
	if !ok {
		t.Fatal("the help has no table of exit codes")
	}
	fmt.Fprintf(&b, "%s\n", about)
	writeFlags(&b, "Every command takes", root.PersistentFlags().FlagUsages())
	b.WriteString("## Exit codes\n\n| code | meaning |\n|---|---|\n")
	for line := range strings.Lines(codes) {
		code, meaning, _ := strings.Cut(strings.TrimSpace(line), "  ")
		fmt.Fprintf(&b, "| %s | %s |\n", code, meaning)
	}
	b.WriteString(machines)
	writeCommands(&b, root)

	if *update {
		if err := os.WriteFile(reference, b.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(reference)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(b.Bytes(), want) {
		t.Errorf("the commands changed; look at it with 'go test ./internal/cli -update' and 'git diff %s'", reference)
	}
}

const machines = `
What goes wrong is told on the standard error in one line that begins with
` + "`stagger:`" + `, and perhaps one that begins with ` + "`hint:`" + `. Lines with the problems of a
file, ` + "`file:line:column: field: problem`" + `, come before it.

## Output for machines

With ` + "`-o json`" + ` a command prints one JSON document. What is in it is described by the
[API](openapi.json); fields may be added, and none is renamed or taken away.

| command | document |
|---|---|
| start, pause, resume, promote, weight, rollback, abort, review | the rollout |
| start --wait, watch | an object per line: ` + "`{\"event\": ...}`" + ` for each event, then ` + "`{\"result\": {\"outcome\", \"exit\", \"rollout\"}}`" + ` |
| list | ` + "`{\"rollouts\": [...]}`" + ` |
| services | ` + "`{\"services\": [...]}`" + ` |
| status | ` + "`{\"rollout\": ..., \"progress\": ...}`" + `, either may be null |
| evidence | ` + "`{\"step\", \"at\": [...], \"advice\": [...], \"slots\": [{\"signal\", \"slot\", \"metric\", \"tolerance\", \"estimate\": [...], \"low\", \"high\", \"suspect\", \"rollback\", \"healthy\"}]}`" + `, lists of one length |
| history | ` + "`{\"events\": [...]}`" + ` |
| verify | ` + "`{\"events\", \"head\", \"broken\"}`" + `; the last only when it is |
| validate | ` + "`{\"files\": [{\"file\", \"kind\", \"valid\", \"problems\": [{\"file\", \"line\", \"column\", \"path\", \"message\"}]}]}`" + ` |
| judge | an object per line: ` + "`{\"decision\": {\"at\", \"kind\", \"after\", \"sentence\"}}`" + ` for each, then ` + "`{\"summary\": {\"outcome\", \"exit\", \"from\", \"to\", \"ticks\", \"missing\", \"first\", \"verdict\", \"warnings\"}}`" + ` |
| simulate | ` + "`{\"model\", \"rps\", \"share\" or \"shares\", \"hours\", \"limit_seconds\", \"runs\", \"asked\", \"seed\", \"suspect\", \"shared\", \"split\", \"shed\", \"rollback\", \"healthy\", \"placebo\"}`" + `, each of the last seven ` + "`{\"seen\", \"share\", \"low\", \"high\", \"median_seconds\", \"p90_seconds\"}`" + ` with null for never |
| plan | ` + "`{\"service\", \"candidate\", \"rate\", \"baseline\", \"replicates\", \"seed\", \"stages\": [{\"stage\", \"share\", \"rate\", \"timebox\", \"healthy\", \"least\", \"harms\": [{\"harm\", \"suspect\", \"rollback\", \"exposed\", \"failed\", \"sees\"}], \"notes\"}]}`" + `; times in seconds, 0 is never |
| demo | an object per line for each event, then a summary |
| version | ` + "`{\"version\", \"go\", \"platform\", \"server\"}`" + ` |

## Commands
`

func writeCommands(b *bytes.Buffer, parent *cobra.Command) {
	for _, c := range parent.Commands() {
		if !c.IsAvailableCommand() || c.Name() == "help" {
			continue
		}
		if c.Name() == "completion" {
			fmt.Fprintf(b, "\n### stagger completion\n\nPrint completions for bash, zsh, fish or powershell: `stagger completion bash --help` tells\nhow to load them. They complete services and rollouts from the server, too.\n")
			continue
		}
		fmt.Fprintf(b, "\n### %s\n\n%s.\n\n", c.CommandPath(), c.Short)
		if c.Long != "" {
			fmt.Fprintf(b, "%s\n\n", c.Long)
		}
		fmt.Fprintf(b, "```\n%s\n```\n", c.UseLine())
		if c.Example != "" {
			fmt.Fprintf(b, "\nFor example:\n\n```\n%s\n```\n", unindented(c.Example))
		}
		if flags := c.LocalNonPersistentFlags().FlagUsages(); flags != "" {
			b.WriteByte('\n')
			writeFlags(b, "Flags", flags)
		}
	}
}

func writeFlags(b *bytes.Buffer, title, flags string) {
	fmt.Fprintf(b, "%s:\n\n```\n%s```\n\n", title, flags)
}

func unindented(text string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		lines[i] = strings.TrimPrefix(lines[i], "  ")
	}
	return strings.Join(lines, "\n")
}
