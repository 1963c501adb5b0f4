package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/chromedp/chromedp"

	"github.com/stagger-dev/stagger"
)

// learns starts with nothing: the page says how to go on, and what it says works
// when it is copied into a shell.
func (v *visitor) learns() {
	v.opens("/")
	v.sees("h2", "Your first rollout")
	v.sees("#connection", "live")
	var copied []string
	for i := range asks[int](v, `document.querySelectorAll("[data-copy]").length`) {
		copied = append(copied, v.copies(i))
	}
	if len(copied) != 4 {
		v.t.Fatalf("copied %q", copied)
	}
	write(v.t, filepath.Join(v.shop.dir, "rollout.yaml"), copied[0])
	if out, err := v.shell(copied[1]).CombinedOutput(); err != nil || !strings.Contains(string(out), "rollout.yaml: a valid rollout file") {
		v.t.Fatalf("%s: %v\n%s", copied[1], err, out)
	}
	started := v.shell(copied[2])
	v.must(started.Start())
	v.sees(".service", "v1 → v2")
	v.stayed()

	v.follows(".service a")
	v.confirms("a", "that was the first one")
	v.sees(".phase", "aborted")
	if code := exitCode(started.Wait()); code != exitAborted {
		v.t.Errorf("%s ended with %d", copied[2], code)
	}
}

// copies clicks the button beside a command and returns what is to be pasted.
func (v *visitor) copies(i int) string {
	v.t.Helper()
	v.does(chromedp.Click(fmt.Sprintf("(//button[@data-copy])[%d]", i+1)))
	v.until("the button says that it is copied", fmt.Sprintf(`document.querySelectorAll("[data-copy]")[%d].textContent === "Copied"`, i))
	return asks[string](v, `navigator.clipboard.readText()`)
}

// shell is somebody's shell, with stagger on its path.
func (v *visitor) shell(command string) *exec.Cmd {
	c := exec.CommandContext(v.t.Context(), "bash", "-c", command)
	c.Dir, c.Env = v.shop.dir, append(os.Environ(), "PATH="+filepath.Dir(binary)+":"+os.Getenv("PATH"))
	return c
}

// follows clicks a link to a rollout.
func (v *visitor) follows(link string) {
	v.t.Helper()
	v.does(chromedp.Click(chromedp.CSS(link)))
	v.sees(".phase", "")
	v.marks()
	v.until("the page is live, or will not change", `!document.getElementById("stream") || document.getElementById("connection").textContent.includes("live")`)
}

// watchesARollback sees a rollout appear on the first page, goes to it, and looks
// on until it is over.
func (v *visitor) watchesARollback() {
	v.opens("/")
	v.sees("#connection", "live")
	v.shop.rollout(quick("v3"))
	id := v.shop.begin("--reason", "release 13")
	v.sees(".service", "v1 → v3")
	v.stayed()
	v.follows(`.service a[href$="` + id + `"]`)
	v.sees(".rung strong", "10%")
	v.sees(".phase", "rolled back")
	v.until("it is said aloud", `document.getElementById("announcement").textContent.includes("rolled back")`)
	v.until("the stream is over", `!document.getElementById("stream")`)
	v.sees("#panel-evidence", "v3 fails 100% of requests against 0% for v1")
	for _, panel := range []string{"evolution", "course", "distribution"} {
		v.until("the plots of "+panel+" are drawn", `document.querySelectorAll("#panel-`+panel+` .plot canvas").length > 1`)
	}
	v.until("the decision is marked in them", `JSON.parse(document.querySelector("#panel-evolution [data-timeline]").dataset.timeline).marks.some((m) => m.tone === "bad")`)
	events := v.shop.history(id)
	v.until("all that happened is told", fmt.Sprintf(`document.querySelectorAll("[id^=event-]").length === %d`, len(events)))
	v.sees("#panel-history", events[0].Reason)
	v.sees("#panel-history", last(v.t, events, stagger.EventRolledBack).Reason)
	v.stayed()

	v.opens("/rollouts/" + id)
	v.until("the page that is opened later has the plots, too", `document.querySelectorAll("#panel-evolution .plot canvas, #panel-course .plot canvas").length > 4`)
}

// outlivesACrash kills the server under the page and starts it again on the same
// store.
func (v *visitor) outlivesACrash() {
	v.meant = []string{"ERR_CONNECTION_REFUSED", "ERR_CONNECTION_RESET", "ERR_INCOMPLETE_CHUNKED_ENCODING", "ERR_EMPTY_RESPONSE", "ERR_SOCKET_NOT_CONNECTED"}
	id := v.long()
	v.opens("/rollouts/" + id)
	v.sees(".phase", "progressing")
	v.sees("#panel-traffic", "wanted 10%")
	v.shop.kill()
	v.sees("#connection", "connecting again")
	v.sees(".phase", "progressing") // what was known stays
	v.shop.serve()
	v.sees("#connection", "live")
	v.shop.must(exitOK, "", "pause", id, "--reason", "to be seen")
	v.sees(".phase", "paused")
	v.sees("#panel-history", "to be seen")
	v.stayed()
	v.shop.must(exitOK, "", "abort", id, "--reason", "seen")
	v.sees(".phase", "aborted")
}

// long starts a rollout that would take an hour.
func (v *visitor) long() string {
	v.t.Helper()
	write(v.t, filepath.Join(v.shop.dir, "rollout.yaml"), `
service: shop
candidate: v2
change: {commit: 4f2a91c, author: ada, ticket: SHOP-42, summary: Faster basket totals}
plan:
  cohort:
    key: {header: X-User}
  stages:
    - {weight: 10, min_time: 20m, timebox: 30m}
    - {weight: 50, min_time: 20m, timebox: 30m}
  guardrails:
    - {signal: errors, tolerance: 1.5x, floor: 0.2%, healthy: 4%}
    - {signal: latency, tolerance: 20%, floor: 100ms, healthy: 100%}
`)
	return v.shop.begin("--reason", "release 12")
}
