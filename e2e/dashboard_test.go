package e2e_test

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/browser"
	"github.com/chromedp/cdproto/emulation"
	cdplog "github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"

	"github.com/stagger-dev/stagger/internal/dashboard/browsing"
)

// TestDashboard is what people do in front of the dashboard, with one browser and
// one server under traffic. It has the machine to itself. Each journey is one
// story, the last of which ends the server; none of them reloads a page that it watches, and a browser that
// complains of anything (a script, the Content-Security-Policy) fails it, as does
// a page that asks anybody but this machine.
func TestDashboard(t *testing.T) {
	needs(t, "nginx", "wrk")
	s := newShop(t, map[string]string{"v1": serves, "v2": serves, "v3": errorPage})
	s.serve()
	s.traffic()
	v := visit(t, s)
	for _, journey := range []struct {
		name string
		goes func(*visitor)
	}{
		{"the first start teaches the first rollout", (*visitor).learns},
		{"a rollback is watched from start to end", (*visitor).watchesARollback},
		{"a key pauses, a click resumes, a reason promotes", (*visitor).acts},
		{"who may not act is told so, and refused", (*visitor).signsIn},
		{"a plan is tried before anybody meets it", (*visitor).previews},
		{"nothing sticks out of a telephone, in the dark", (*visitor).looksSmall},
		{"everything is reached by keyboard", (*visitor).tabs},
		{"the page goes on by itself after a crash of the server", (*visitor).outlivesACrash},
	} {
		t.Run(journey.name, func(t *testing.T) { v.in(t, journey.goes) })
	}
}

// visitor is somebody with a browser.
type visitor struct {
	t    *testing.T
	ctx  context.Context
	shop *shop

	mu         sync.Mutex
	complaints []string
	meant      []string // what the browser may complain of
}

// visit starts a browser. Without one the test is skipped, but not in CI.
func visit(t *testing.T, s *shop) *visitor {
	t.Helper()
	v := &visitor{t: t, shop: s}
	v.ctx = browsing.Start(t, v.hears)
	v.does(chromedp.Navigate("about:blank"))
	_, err := chromedp.Call(v.ctx, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true})
	v.must(err)
	for _, name := range []string{"clipboard-read", "clipboard-write"} {
		_, err = chromedp.CallBrowser(v.ctx, browser.SetPermission, browser.SetPermissionParams{
			Permission: &browser.PermissionDescriptor{Name: name}, Setting: browser.PermissionSettingGranted,
		})
		v.must(err)
	}
	return v
}

// in goes on a journey, and holds what the browser said on it.
func (v *visitor) in(t *testing.T, goes func(*visitor)) {
	outer := v.t
	v.t, v.shop.t, v.meant = t, t, nil
	defer func() {
		v.t, v.shop.t = outer, outer
		v.mu.Lock()
		defer v.mu.Unlock()
		for _, c := range v.complaints {
			expected := func(part string) bool { return strings.Contains(c, part) }
			if !slices.ContainsFunc(v.meant, expected) {
				t.Error(c)
			}
		}
		v.complaints = nil
		if t.Failed() {
			v.picture(t)
		}
	}()
	goes(v)
}

// hears keeps what a browser complains of.
func (v *visitor) hears(event any) {
	complaint := ""
	switch e := event.(type) {
	case *network.EventRequestWillBeSent:
		if at, err := url.Parse(e.Request.URL); err != nil || slices.Contains([]string{"http", "https", "ws", "wss"}, at.Scheme) && at.Hostname() != "127.0.0.1" {
			complaint = "a page asked for " + e.Request.URL
		}
	case *runtime.EventExceptionThrown:
		complaint = "the script failed: " + e.ExceptionDetails.Text
	case *cdplog.EventEntryAdded:
		if e.Entry.Level == cdplog.EntryLevelError {
			complaint = "the browser complains: " + e.Entry.Text + " " + e.Entry.URL
		}
	}
	if complaint == "" {
		return
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.complaints = append(v.complaints, complaint)
}

// picture keeps what was to be seen when a journey failed.
func (v *visitor) picture(t *testing.T) {
	picture, err := chromedp.Run(v.ctx, chromedp.CaptureScreenshot())
	if err != nil {
		return
	}
	path := filepath.Join(os.TempDir(), filepath.Base(t.Name())+".png")
	if os.WriteFile(path, picture, 0o600) == nil {
		t.Logf("what was to be seen is in %s", path)
	}
}

func (v *visitor) must(err error) {
	v.t.Helper()
	if err != nil {
		v.t.Fatal(err)
	}
}

func (v *visitor) does(actions ...chromedp.Action[chromedp.Void]) {
	v.t.Helper()
	v.must(chromedp.Do(v.ctx, actions...))
}

// opens goes to a page and marks it, so that a reload is noticed.
func (v *visitor) opens(path string) {
	v.t.Helper()
	v.does(chromedp.Navigate(v.shop.admin + path))
	v.marks()
}

func (v *visitor) marks() {
	v.t.Helper()
	asks[bool](v, `window.stays = true`)
}

// stayed fails the test when the page was loaded anew since it was marked.
func (v *visitor) stayed() {
	v.t.Helper()
	if !asks[bool](v, `window.stays === true`) {
		v.t.Error("the page was loaded anew")
	}
}

// asks has the page say something.
func asks[T any](v *visitor, script string) T {
	v.t.Helper()
	value, err := chromedp.Run(v.ctx, chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
	v.must(err)
	return value
}

// until waits for what a script says to hold.
func (v *visitor) until(what, script string) {
	v.t.Helper()
	eventually(v.t, what, 40*time.Second, func() bool {
		holds, err := chromedp.Run(v.ctx, chromedp.Evaluate[bool](script))
		return err == nil && holds
	})
}

// sees waits until an element that can be seen holds a text.
func (v *visitor) sees(selector, text string) {
	v.t.Helper()
	v.until("one sees "+text+" in "+selector, `[...document.querySelectorAll(`+strconv.Quote(selector)+
		`)].some((e) => e.checkVisibility() && e.textContent.includes(`+strconv.Quote(text)+`))`)
}

// presses are keys, each pressed and let go.
func (v *visitor) presses(keys ...string) {
	v.t.Helper()
	for _, key := range keys {
		v.does(chromedp.KeyEvent(key))
	}
}
