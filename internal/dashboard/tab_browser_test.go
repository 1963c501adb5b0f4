package dashboard_test

import (
	"context"
	"os"
	"slices"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/heapprofiler"
	"github.com/chromedp/cdproto/performance"
	"github.com/chromedp/cdproto/systeminfo"
	"github.com/chromedp/chromedp"
)

// TestAnOpenTabCostsLittle keeps the first page and that of a rollout open while
// 20 services in hour-long rollouts tell four times a second how they do, and
// says what that costs the browser and the server. It is a measurement: it runs
// for as long as STAGGER_TAB_FOR says (`make bench-dashboard`), and fails where a
// tab takes more than a twentieth of a core or grows.
func TestAnOpenTabCostsLittle(t *testing.T) {
	text := os.Getenv("STAGGER_TAB_FOR")
	if text == "" {
		t.Skip("it measures for minutes; set STAGGER_TAB_FOR, such as 3m")
	}
	length, err := time.ParseDuration(text)
	must(t, err)
	f := newFleet(t)
	f.lives(t)
	for name, path := range map[string]string{"home": "/", "rollout": "/rollouts/" + f.rollouts[0].ID} {
		t.Run(name, func(t *testing.T) {
			f.opens(browser(t), t, path)
			ctx := browserFor(t, length+time.Minute)
			_, err := chromedp.Call(ctx, performance.Enable, performance.EnableParams{})
			must(t, err)
			must(t, chromedp.Do(ctx, chromedp.Navigate(f.url+path), live))
			time.Sleep(10 * time.Second)
			before := costs(ctx, t)
			run(ctx, t, chromedp.Evaluate[bool](`(window.fetches = performance.getEntriesByType("resource").length, performance.setResourceTimingBufferSize(1e6), true)`))
			time.Sleep(length)
			after := costs(ctx, t)
			n := run(ctx, t, chromedp.Evaluate[int](`performance.getEntriesByType("resource").length - window.fetches`))
			share := 100 * (after.cpu - before.cpu) / length.Seconds()
			t.Logf("the tab took %.1f %% of a core (its main thread %.1f %%, scripts %.1f %%, layout and style %.1f %%), %.1f fetches a second; heap %.2f to %.2f MB, %.0f to %.0f nodes, %.0f to %.0f listeners",
				share, 100*(after.task-before.task)/length.Seconds(), 100*(after.script-before.script)/length.Seconds(), 100*(after.layout-before.layout)/length.Seconds(), float64(n)/length.Seconds(),
				before.heap/1e6, after.heap/1e6, before.nodes, after.nodes, before.listeners, after.listeners)
			if share > 5 || after.heap > 1.2*before.heap+1e6 || after.nodes > 1.2*before.nodes+100 {
				t.Error("that is too much, or it grows")
			}
		})
	}
}

// opens opens a page as from another of the same server, some times, and says how
// soon it is painted.
func (f *fleet) opens(ctx context.Context, t *testing.T, path string) {
	t.Helper()
	const times = 9
	var all [4][]float64
	for range times {
		must(t, chromedp.Do(ctx, chromedp.Navigate(f.url+"/outcomes"), chromedp.Navigate(f.url+path), live))
		took := run(ctx, t, chromedp.Evaluate[[]float64](`new Promise((done) => {
			const look = () => {
				const [painted] = performance.getEntriesByName("first-contentful-paint");
				const [at] = performance.getEntriesByType("navigation");
				if (painted) done([at.responseStart, at.responseEnd, at.domContentLoadedEventEnd, painted.startTime]);
				else setTimeout(look, 20);
			};
			look();
		})`, chromedp.EvalAwaitPromise))
		for i, one := range took {
			all[i] = append(all[i], one)
		}
	}
	for i, what := range []string{"the first byte", "the last", "all scripts", "the first paint"} {
		slices.Sort(all[i])
		t.Logf("%.0f ms to %s (%.0f to %.0f, %d times)", all[i][times/2], what, all[i][0], all[i][times-1], times)
	}
}

// lives lets time pass as it does, until the test ends.
func (f *fleet) lives(t *testing.T) {
	t.Helper()
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		clock := time.NewTicker(250 * time.Millisecond)
		defer clock.Stop()
		for n := 1; ; n++ {
			select {
			case <-ctx.Done():
				return
			case <-clock.C:
			}
			f.ticks()
			for _, r := range f.rollouts {
				f.tells(t, r)
			}
			if n%20 == 0 {
				f.keeps(t)
			}
		}
	}()
	t.Cleanup(func() {
		stop()
		<-done
	})
}

// cost is what a tab has taken so far.
type cost struct{ cpu, task, script, layout, heap, nodes, listeners float64 }

func costs(ctx context.Context, t *testing.T) cost {
	t.Helper()
	_, err := chromedp.Call(ctx, heapprofiler.CollectGarbage, cdp.Empty{})
	must(t, err)
	metrics, err := chromedp.Call(ctx, performance.GetMetrics, cdp.Empty{})
	must(t, err)
	var c cost
	for _, m := range metrics.Metrics {
		switch m.Name {
		case "ScriptDuration":
			c.script = m.Value
		case "TaskDuration":
			c.task = m.Value
		case "LayoutDuration", "RecalcStyleDuration":
			c.layout += m.Value
		case "JSHeapUsedSize":
			c.heap = m.Value
		case "Nodes":
			c.nodes = m.Value
		case "JSEventListeners":
			c.listeners = m.Value
		}
	}
	processes, err := chromedp.CallBrowser(ctx, systeminfo.GetProcessInfo, cdp.Empty{})
	must(t, err)
	for _, p := range processes.ProcessInfo {
		if p.Type == "renderer" {
			c.cpu += p.CPUTime
		}
	}
	return c
}
