package proxy

import (
	"fmt"
	"testing"
	"time"
)

// told is what a chronicle knows, in a line.
func told(c *chronicle, zero time.Time) string {
	_, now, past := c.read()
	text := ""
	at := func(t time.Time) string {
		if t.IsZero() {
			return "never"
		}
		return t.Sub(zero).String()
	}
	for _, one := range now {
		text += fmt.Sprintf("%s %s%s, changed %s", one.title, one.state, one.mode, at(one.changed))
		if one.state != works {
			text += ", since " + at(one.since)
		}
		text += "; "
	}
	for _, e := range past {
		text += fmt.Sprintf("%s was %s%s %s to %s; ", e.title, e.state, e.mode, at(e.since), at(e.until))
	}
	return text
}

func TestAChronicleTellsWhenARouteChanged(t *testing.T) {
	zero := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	at := zero.Add
	well := condition{state: works}
	down := condition{state: unavailable}
	cached := func(since time.Duration) condition {
		return condition{state: degraded, mode: "cached", since: at(since)}
	}
	type step struct {
		at    time.Duration
		found condition
	}
	for _, row := range []struct {
		rule  string
		steps []step
		want  string
	}{
		{"that works never changed", []step{{0, well}, {time.Hour, well}}, "a works, changed never; "},
		{"that is not there from the beginning", []step{{0, down}}, "a unavailable, changed 0s, since 0s; "},
		{
			"that began before it was seen",
			[]step{{0, well}, {time.Minute, cached(50 * time.Second)}, {2 * time.Minute, cached(50 * time.Second)}},
			"a degradedcached, changed 1m0s, since 50s; ",
		},
		{
			"that works again",
			[]step{{0, well}, {time.Minute, down}, {3 * time.Minute, well}},
			"a works, changed 3m0s; a was unavailable 1m0s to 3m0s; ",
		},
		{
			"that gets worse",
			[]step{{0, well}, {time.Minute, cached(time.Minute)}, {2 * time.Minute, down}},
			"a unavailable, changed 2m0s, since 2m0s; a was degradedcached 1m0s to 2m0s; ",
		},
		{
			"that comes and goes within a minute",
			[]step{{0, well}, {time.Minute, down}, {2 * time.Minute, well}, {2*time.Minute + 59*time.Second, down}},
			"a unavailable, changed 2m59s, since 1m0s; ",
		},
		{
			"that comes back later",
			[]step{{0, well}, {time.Minute, down}, {2 * time.Minute, well}, {3 * time.Minute, down}, {4 * time.Minute, well}},
			"a works, changed 4m0s; a was unavailable 3m0s to 4m0s; a was unavailable 1m0s to 2m0s; ",
		},
		{
			"of which the episode is a day old",
			[]step{{0, down}, {time.Minute, well}, {24*time.Hour + time.Minute, well}},
			"a works, changed 1m0s; a was unavailable 0s to 1m0s; ",
		},
		{
			"of which the episode is older",
			[]step{{0, down}, {time.Minute, well}, {24*time.Hour + time.Minute + 1, well}},
			"a works, changed 1m0s; ",
		},
	} {
		t.Run(row.rule, func(t *testing.T) {
			var c chronicle
			for _, s := range row.steps {
				c.note(at(s.at), []string{"a"}, []condition{s.found})
			}
			if got := told(&c, zero); got != row.want {
				t.Errorf("got  %s\nwant %s", got, row.want)
			}
		})
	}
}

func TestAChronicleIsBounded(t *testing.T) {
	var c chronicle
	zero := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	for i := range 3 * maxEpisodes {
		state := works
		if i%2 == 1 {
			state = unavailable
		}
		c.note(zero.Add(time.Duration(i)*2*time.Minute), []string{"a"}, []condition{{state: state}})
	}
	_, _, past := c.read()
	if last := zero.Add((3*maxEpisodes - 2) * 2 * time.Minute); len(past) != maxEpisodes || !past[0].until.Equal(last) {
		t.Errorf("%d episodes, the last until %s", len(past), past[0].until)
	}
}

func TestARouteThatIsGoneEndsItsEpisode(t *testing.T) {
	var c chronicle
	zero := time.Date(2026, 11, 26, 10, 0, 0, 0, time.UTC)
	c.note(zero, []string{"a", "b"}, []condition{{state: works}, {state: unavailable}})
	c.note(zero.Add(time.Minute), []string{"c", "a"}, []condition{{state: works}, {state: works}})
	if got, want := told(&c, zero), "c works, changed never; a works, changed never; b was unavailable 0s to 1m0s; "; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

func TestWhoSaysSoGetsJSON(t *testing.T) {
	for accept, want := range map[string]bool{
		"": false, "*/*": false, "text/html": false, "application/json": true, "Application/JSON; charset=utf-8": true,
		"text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8": false,
		"application/json, text/plain, */*":                               true,
		"text/html, application/json":                                     false,
		"text/html;q=0.5, application/json":                               true,
		"application/json;q=0":                                            false,
		"application/json;q=x":                                            false,
	} {
		if got := prefersJSON([]string{accept}); got != want {
			t.Errorf("%q gets JSON: %v", accept, got)
		}
	}
}
