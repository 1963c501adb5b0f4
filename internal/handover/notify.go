package handover

import (
	"net"
	"os"
)

// What systemd is told of a service of Type=notify.
const (
	ServiceReady = "READY=1"
	ServiceStops = "STOPPING=1"
)

// Notify tells systemd the state of this process, if it asks for that; see
// sd_notify(3).
func Notify(state string) error {
	path := os.Getenv("NOTIFY_SOCKET")
	if path == "" {
		return nil
	}
	conn, err := net.DialUnix("unixgram", nil, &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close() }()
	_, err = conn.Write([]byte(state))
	return err
}
