package dashboard_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/chromedp"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/api/apitest"
)

// stale tells what of the page that is open differs from the one that is opened
// now. Panels that follow every ten seconds count where later says so.
const stale = `(async (later) => {
	const answer = await fetch(location.href);
	const opened = new DOMParser().parseFromString(await answer.text(), "text/html");
	const parts = (page) => [...page.querySelectorAll("#live > *, main > .panel")].filter((e) => e.id !== "stream" && (later || !(e.getAttribute("hx-trigger") ?? "").includes("10s")));
	if (opened.title !== document.title) return "the title stands " + document.title + "\nshould " + opened.title;
	const bare = (e) => {
		const copy = (e ?? document.createElement("nothing")).cloneNode(true);
		for (const plot of copy.querySelectorAll("[data-chart]")) plot.replaceChildren(); // what the script drew
		for (const one of [copy, ...copy.querySelectorAll("*")]) {
			one.removeAttribute("data-htmx-powered");
			for (const { name, value } of [...one.attributes].sort((a, b) => (a.name < b.name ? -1 : 1))) { // in one order
				one.removeAttribute(name);
				one.setAttribute(name, value);
			}
		}
		return copy.outerHTML.replaceAll(/\s+/g, " ").replaceAll("> <", "><");
	};
	const [ours, theirs] = [parts(document), parts(opened)];
	for (let i = 0; i < Math.max(ours.length, theirs.length); i++) {
		const [a, b] = [bare(ours[i]), bare(theirs[i])];
		if (a === b) continue;
		let at = 0;
		while (a[at] === b[at]) at++;
		return "stands " + a.slice(Math.max(at - 80, 0), at + 120) + "\nshould " + b.slice(Math.max(at - 80, 0), at + 120);
	}
	return "";
})(%t)`

// TestAPageThatFollowsIsTheOneThatIsOpened lets anything happen, and wants the
// page that followed it to be the one that somebody opens then.
func TestAPageThatFollowsIsTheOneThatIsOpened(t *testing.T) {
	t.Parallel()
	t.Run("a rollout", func(t *testing.T) {
		t.Parallel() // it waits for the most part
		w, r, ctx := watched(t, rolloutPath)
		random := rand.New(rand.NewPCG(7, 1))
		r = anythingHappens(ctx, t, w, random, r.ID)
		plotsFollow(ctx, t, w, r, random)
		itEnds(ctx, t, w, r)
		if n := run(ctx, t, chromedp.Evaluate[int](`document.querySelectorAll("#stream").length`)); n != 0 {
			t.Errorf("%d streams are followed when the rollout is over", n)
		}
	})
	t.Run("the first page", func(t *testing.T) {
		t.Parallel()
		w := newTown(t)
		ctx, random := browser(t), rand.New(rand.NewPCG(7, 2))
		must(t, chromedp.Do(ctx, chromedp.Navigate(w.url), live))
		r := anythingHappens(ctx, t, w, random, "basket-20261123-120000-4f2a", "catalog-20261123-120000-4f2a", "mail-20261123-120000-4f2a")
		itEnds(ctx, t, w, r)
	})
}

// anythingHappens lets some time pass over some rollouts, of which it returns one.
func anythingHappens(ctx context.Context, t *testing.T, w world, random *rand.Rand, ids ...string) (r stagger.Rollout) {
	t.Helper()
	for look := range 10 {
		var err error
		r, err = w.Store.Rollout(ctx, one(random, ids...))
		must(t, err)
		if random.IntN(3) == 0 {
			somethingHappens(t, w, &r, random)
		}
		must(t, w.Store.SaveProgress(ctx, anything(r, random)))
		follows(ctx, t, fmt.Sprintf("change %d", look), false)
	}
	return r
}

// itEnds rolls a rollout back.
func itEnds(ctx context.Context, t *testing.T, w world, r stagger.Rollout) {
	t.Helper()
	r.Phase, r.Hold, r.Weight, r.EndedAt, r.Converged = stagger.PhaseRolledBack, "", 0, apitest.Epoch.Add(40*time.Second), apitest.Epoch.Add(41*time.Second)
	enter(t, w, &r, stagger.EventRolledBack, "the evidence is beyond doubt")
	follows(ctx, t, "the end", true)
}

// plotsFollow lets the evidence grow, and wants the plots to be drawn as on a page
// that is opened then.
func plotsFollow(ctx context.Context, t *testing.T, w world, r stagger.Rollout, random *rand.Rand) {
	t.Helper()
	trail, err := grown(anything(r, random).Verdict).State()
	must(t, err)
	must(t, w.Store.SavePath(ctx, r.ID, trail))
	must(t, w.Store.SaveProgress(ctx, anything(r, random)))
	follows(ctx, t, "the evidence has grown", true)
	must(t, chromedp.Do(ctx, chromedp.EmulateViewport(1200, 6000))) // plots follow when they are seen
	followed := pictures(ctx, t)
	must(t, chromedp.Do(ctx, chromedp.Navigate(w.url+rolloutPath), live))
	for i, opened := range pictures(ctx, t) {
		if i >= len(followed) || followed[i] != opened {
			t.Errorf("plot %d of %d that followed is not drawn as the one that is opened", i, len(followed))
		}
	}
}

// pictures are the plots of a page as they are drawn, at least ten.
func pictures(ctx context.Context, t *testing.T) []string {
	t.Helper()
	must(t, chromedp.Do(ctx, chromedp.WaitReady(`(//*[@data-chart]//canvas)[10]`), chromedp.Sleep(200*time.Millisecond)))
	return run(ctx, t, chromedp.Evaluate[[]string](`[...document.querySelectorAll("[data-chart] canvas")].map((c) => c.toDataURL())`))
}

// follows waits until the page is as it is opened now.
func follows(ctx context.Context, t *testing.T, after string, later bool) {
	t.Helper()
	wrong := ""
	for range 300 {
		must(t, chromedp.Do(ctx, chromedp.Sleep(50*time.Millisecond)))
		if wrong = run(ctx, t, chromedp.Evaluate[string](fmt.Sprintf(stale, later), chromedp.EvalAwaitPromise)); wrong == "" {
			return
		}
	}
	t.Fatalf("after %s\n%s", after, wrong)
}

// somethingHappens holds a rollout, or lets it go on.
func somethingHappens(t *testing.T, w world, r *stagger.Rollout, random *rand.Rand) {
	t.Helper()
	if r.Hold == "" {
		r.Phase, r.Hold = stagger.PhaseWaiting, stagger.HoldSuspect
		enter(t, w, r, stagger.EventHeld, fmt.Sprintf("held, as die %d says", random.IntN(1000)))
		return
	}
	r.Phase, r.Hold = stagger.PhaseProgressing, ""
	enter(t, w, r, stagger.EventReleased, "nothing holds it any more")
}

// anything is how a rollout might do: signals come and go, in any order, with and
// without an estimate.
func anything(r stagger.Rollout, random *rand.Rand) stagger.Progress {
	p := progress(r)
	p.At, p.Observed = time.Now(), random.Float64()
	p.Candidate.Rate, p.Candidate.Errors = 500*random.Float64(), random.Float64()
	p.Verdict.Sentence, p.Verdict.Outcome = fmt.Sprintf("seen %d times", random.IntN(1000)), one(random, stagger.OutcomeHealthy, stagger.OutcomeInconclusive)
	p.Verdict.Advice = one(random, stagger.AdviseNothing, stagger.AdviseHold)
	p.Next = one(random, "", "goes on soon", "waits")
	if random.IntN(2) == 0 {
		backlog := 100 * random.Float64()
		p.Candidate.Backlog = &backlog
	}
	all := slices.Clone(p.Verdict.Findings)
	random.Shuffle(len(all), func(i, k int) { all[i], all[k] = all[k], all[i] })
	all = all[:random.IntN(len(all)+1)]
	for i := range all {
		f := &all[i]
		f.Outcome, f.Suspect, f.Healthy = one(random, stagger.OutcomeHealthy, stagger.OutcomeInconclusive), random.Float64(), random.Float64()
		if f.Estimate = 0; random.IntN(2) == 0 {
			f.Estimate = 0.5 + random.Float64()
		}
		f.Low, f.High = f.Estimate*0.8, f.Estimate*1.2
	}
	p.Verdict.Findings, p.Verdict.At = all, apitest.Epoch.Add(41*time.Second)
	return p
}

func one[T any](random *rand.Rand, of ...T) T { return of[random.IntN(len(of))] }
