package dashboard_test

import (
	"testing"

	"github.com/chromedp/chromedp"
)

// TestAPlanIsPreviewedAsOneTypes changes the file and the traffic, without any
// button, and sees the preview follow, the address with it, and what is wrong
// marked; then takes another plan.
func TestAPlanIsPreviewedAsOneTypes(t *testing.T) {
	w := newWorld(t)
	ctx := browser(t)
	must(t, chromedp.Do(ctx,
		chromedp.Navigate(w.url+"/plan?preset=fast&service=shop"),
		chromedp.WaitVisible(`//p[contains(., "100 requests per second are assumed")]`),
	))
	run(ctx, t, chromedp.Evaluate[bool](`window.stays = true`))
	must(t, chromedp.Do(ctx,
		chromedp.SendKeys(chromedp.CSS("#plan-rps"), "400"),
		chromedp.WaitVisible(`//p[contains(., "At 400 requests per second")]`),
		chromedp.SendKeys(chromedp.CSS("#plan-file"), "oops: 1\n"),
		chromedp.WaitVisible(`//pre/code/span[contains(@class, "bad")][contains(., "oops")]`),
	))
	focused := run(ctx, t, chromedp.Evaluate[string](`document.activeElement.id`))
	address := run(ctx, t, chromedp.Evaluate[string](`location.search`))
	run(ctx, t, chromedp.Evaluate[bool](`(() => { const f = document.getElementById("plan-file"); f.value = f.value.replace("oops: 1\n", "").replace("10%, min", "20%, min"); return f.dispatchEvent(new Event("input", { bubbles: true })); })()`))
	must(t, chromedp.Do(ctx, chromedp.WaitVisible(`//ol[@class="laps"]//strong[.="20%"]`)))
	stays := run(ctx, t, chromedp.Evaluate[bool](`window.stays === true`))
	if focused != "plan-file" || !stays || len(address) < 60 {
		t.Errorf("focus in %q, the page stayed %t, the address was %s", focused, stays, address)
	}
	must(t, chromedp.Do(ctx,
		chromedp.Reload(),
		chromedp.WaitVisible(`//ol[@class="laps"]//strong[.="20%"]`),
	))
	run(ctx, t, chromedp.Evaluate[bool](`document.getElementById("pick-plan").value = "preset:cautious"; true`))
	must(t, chromedp.Do(ctx,
		chromedp.Click(chromedp.CSS(".picks button")),
		chromedp.WaitVisible(`//ol[@class="laps"]//strong[.="75%"]`),
	))
}
