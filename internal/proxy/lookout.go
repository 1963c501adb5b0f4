package proxy

import "time"

// lookout looks at something once a second.
type lookout struct {
	stop  chan struct{}
	ended chan struct{}
}

// noticeEvery is how late a page may know of what no request told.
const noticeEvery = time.Second

func (l *lookout) begin(look func(time.Time)) {
	stop, ended := make(chan struct{}), make(chan struct{})
	l.stop, l.ended = stop, ended
	go func() {
		defer close(ended)
		clock := time.NewTicker(noticeEvery)
		defer clock.Stop()
		for {
			look(time.Now())
			select {
			case <-clock.C:
			case <-stop:
				return
			}
		}
	}()
}

func (l *lookout) end() {
	close(l.stop)
	<-l.ended
}
