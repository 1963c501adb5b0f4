package e2e_test

import (
	"io"
	"net/http"
	"net/http/httptrace"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stagger-dev/stagger"
)

// page is how long the page is that every version serves.
const page = 6 << 10

func TestReloadKeepsConnections(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": slow})
	s.serve()
	client := &http.Client{Transport: &http.Transport{MaxConnsPerHost: 1}}
	if reused := get(t, client, s.web); reused {
		t.Fatal("the first request found a connection")
	}
	underWay := make(chan bool, 1)
	go func() { underWay <- get(t, client, s.web) }() // takes a second
	time.Sleep(200 * time.Millisecond)

	s.versions["v2"] = nginx(t, "v2", serves)
	s.configure()
	s.hangUp("reloaded")
	if !<-underWay || !get(t, client, s.web) {
		t.Error("the connection did not outlive the reload")
	}
	t.Run("the new version is known", func(*testing.T) {
		s.rollout(quick("v2"))
		s.begin()
		s.must(exitOK, "", "abort")
	})
	t.Run("a bad file is refused and the old services stay", func(t *testing.T) {
		write(t, filepath.Join(s.dir, "stagger.yaml"), "services: [")
		s.hangUp("reload refused")
		if !get(t, client, s.web) {
			t.Error("the connection was lost")
		}
		s.must(exitOK, "v1", "services")
	})
}

func TestReloadUnderTrafficLosesNoRequest(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves, "v3": serves})
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	clients := s.traffic()
	id := s.begin()
	s.must(exitOK, "", "weight", id, "50")

	without := s.versions["v3"]
	delete(s.versions, "v3")
	s.configure()
	s.hangUp("reloaded")
	s.versions["v3"] = without
	s.configure()
	s.hangUp("reloaded")
	t.Run("a version that a rollout needs cannot be taken away", func(*testing.T) {
		candidate := s.versions["v2"]
		delete(s.versions, "v2")
		s.configure()
		s.hangUp("reload refused")
		s.versions["v2"] = candidate
	})
	at := time.Now()
	clients.whileItRuns(t, time.Second)
	busySince(t, s.versions["v2"], at, 50)
	clients.stop(t).fine(t)
	if w := s.status(id).Weight; w != stagger.Percent(50) {
		t.Errorf("the weight is %v after the reloads", w)
	}
}

// hangUp sends SIGHUP and waits until the server has said once more what came
// of it.
func (s *shop) hangUp(says string) {
	s.t.Helper()
	before := strings.Count(s.server.output(), says)
	if err := syscall.Kill(s.server.pid, syscall.SIGHUP); err != nil {
		s.t.Fatal(err)
	}
	eventually(s.t, "the server says "+says, 20*time.Second, func() bool {
		return strings.Count(s.server.output(), says) > before
	})
}

// get asks for the page and says whether it came over an old connection.
func get(t *testing.T, client *http.Client, url string) (reused bool) {
	t.Helper()
	trace := &httptrace.ClientTrace{GotConn: func(i httptrace.GotConnInfo) { reused = i.Reused }}
	request, err := http.NewRequestWithContext(httptrace.WithClientTrace(t.Context(), trace), http.MethodGet, url, nil)
	if err != nil {
		t.Error(err)
		return false
	}
	response, err := client.Do(request)
	if err != nil {
		t.Errorf("get %s: %v", url, err)
		return false
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK || len(body) != page {
		t.Errorf("get %s: %s, %d bytes, %v", url, response.Status, len(body), err)
	}
	return reused
}

func TestAGracefulStopFinishesWhatIsUnderWay(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": slow})
	s.serve()
	var inFlight sync.WaitGroup
	for range 8 {
		inFlight.Go(func() { get(t, &http.Client{Transport: &http.Transport{}}, s.web) })
	}
	time.Sleep(500 * time.Millisecond) // each takes a second
	if code := s.server.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	if dials(s.webPort) || dials(s.adminPort) {
		t.Error("a port is still open")
	}
	inFlight.Wait()
}

func TestAfterAGracefulStopARolloutGoesOn(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	id := s.begin()
	start := s.reaches(id, stagger.EventStageEntered, 0)
	known := s.history(id)
	if code := s.server.signal(t, syscall.SIGTERM); code != exitOK {
		t.Errorf("exit code %d", code)
	}
	s.must(exitUnavailable, "no Stagger server answers", "status")
	s.serve()
	s.stands(t, id, known, start)
}

// SIGINT ends a command that waits, and not the rollout.
func TestWaitingCanBeGivenUp(t *testing.T) {
	needs(t, "nginx", "wrk")
	t.Parallel()
	s := newShop(t, map[string]string{"v1": serves, "v2": serves})
	s.rollout(plan{candidate: "v2", minTime: "60s", bake: "1s"})
	s.serve()
	s.must(exitTimeout, "is not over: ", "start", "-f", "rollout.yaml", "--wait", "--timeout", "1s")
	watch := launch(t, s.dir, "watch", binary, "--server", s.admin, "watch")
	watch.says(t, "stage entered")
	if code := watch.signal(t, syscall.SIGINT); code != exitInterrupted {
		t.Errorf("exit code %d", code)
	}
	if r := s.newest(); r.Phase != stagger.PhaseProgressing {
		t.Errorf("the rollout is %s", r.Phase)
	}
}
