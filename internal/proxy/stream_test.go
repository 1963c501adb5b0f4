package proxy_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/health"
	healthpb "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/stagger-dev/stagger"
	"github.com/stagger-dev/stagger/internal/proxy"
)

func TestWebSocketsPassBothWays(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, func(w http.ResponseWriter, r *http.Request) {
		conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{InsecureSkipVerify: true})
		if err != nil {
			return
		}
		defer func() { _ = conn.CloseNow() }()
		conn.SetReadLimit(1 << 20)
		for {
			kind, text, err := conn.Read(r.Context())
			if err != nil {
				return
			}
			if err := conn.Write(r.Context(), kind, text); err != nil {
				return
			}
		}
	}))))
	ctx := t.Context()
	conn, response, err := websocket.Dial(ctx, w.url+"/chat", nil)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.CloseNow() }()
	if got := response.Header.Get("X-Version"); got != "v1" {
		t.Errorf("version header %q", got)
	}
	conn.SetReadLimit(1 << 20)
	for _, text := range []string{"hello", strings.Repeat("long ", 20_000)} {
		if err := conn.Write(ctx, websocket.MessageText, []byte(text)); err != nil {
			t.Fatal(err)
		}
		if _, got, err := conn.Read(ctx); err != nil || string(got) != text {
			t.Fatalf("got %d bytes, %v", len(got), err)
		}
	}
	// The request was answered with the 101, long before the conversation ends.
	if o := w.observed(t, "v1").Outcomes; o != (stagger.Outcomes{Informational: 1}) {
		t.Errorf("counted %+v", o)
	}
	if err := conn.Close(websocket.StatusNormalClosure, ""); err != nil {
		t.Error(err)
	}
}

// shouting upgrades to a protocol that answers, once the client's half has
// ended, what it said in capitals.
func shouting(w http.ResponseWriter, _ *http.Request) {
	conn, buffered, err := http.NewResponseController(w).Hijack()
	if err != nil {
		return
	}
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: Shout\r\n\r\n")
	said, _ := io.ReadAll(buffered)
	_, _ = io.WriteString(conn, strings.ToUpper(string(said)))
}

func TestAnyUpgradePassesAndHalfCloses(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, shouting))))
	// The client does not wait for the 101: what it says comes along.
	response, reader, conn := raw(t, w.url, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\nhel\x00")
	if response.StatusCode != http.StatusSwitchingProtocols || response.Header.Get("Upgrade") != "Shout" {
		t.Fatalf("got %v", response)
	}
	_, _ = io.WriteString(conn, "lo")
	half, _ := conn.(*net.TCPConn)
	if err := half.CloseWrite(); err != nil {
		t.Fatal(err)
	}
	if got, err := io.ReadAll(reader); err != nil || string(got) != "HEL\x00LO" {
		t.Errorf("got %q, %v", got, err)
	}
}

func TestAnUpgradeThatIsRefusedEndsTheConnection(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", named(t, "v1"))))
	response, reader, _ := raw(t, w.url, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n"+
		"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n")
	if response.StatusCode != http.StatusOK || !response.Close {
		t.Errorf("got %v", response)
	}
	_, _ = io.ReadAll(response.Body)
	if _, err := reader.ReadByte(); err == nil {
		t.Error("a request after it was answered")
	}
}

func TestASwitchNobodyAskedForIsRefused(t *testing.T) {
	w := run(t, proxy.Limits{}, service(version("v1", upstream(t, shouting))))
	status, _, _ := get(t, client(t), w.url)
	if status != http.StatusBadGateway {
		t.Errorf("status %d", status)
	}
}

func TestAnIdleTunnelEnds(t *testing.T) {
	s := service(version("v1", upstream(t, shouting)))
	s.Timeouts.Idle = 50 * time.Millisecond
	w := run(t, proxy.Limits{}, s)
	_, reader, _ := raw(t, w.url, "GET / HTTP/1.1\r\nHost: a\r\nConnection: upgrade\r\nUpgrade: shout\r\n\r\n")
	if _, err := reader.ReadByte(); err == nil {
		t.Error("something arrived")
	}
}

// echo is a gRPC service with one method that streams both ways. It is
// described by hand, without generated code.
type echo struct {
	answer func(grpc.ServerStream) error
}

func (e echo) desc() *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "test.Echo",
		HandlerType: (*any)(nil),
		Streams: []grpc.StreamDesc{{
			StreamName: "Chat", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error { return e.answer(stream) },
		}},
	}
}

// repeat sends every message back.
func repeat(stream grpc.ServerStream) error {
	for {
		var m wrapperspb.StringValue
		if err := stream.RecvMsg(&m); err != nil {
			if errors.Is(err, io.EOF) {
				stream.SetTrailer(metadata.Pairs("x-note", "bye"))
				return nil
			}
			return err
		}
		if err := stream.SendMsg(&m); err != nil {
			return err
		}
	}
}

// grpcWorld runs a proxy in front of a gRPC server.
func grpcWorld(t *testing.T, answer func(grpc.ServerStream) error, change ...func(*stagger.Service)) (*world, *grpc.ClientConn) {
	t.Helper()
	return grpcWorldOn(t, proxy.Listener{Name: "web", Address: "127.0.0.1:0"}, insecure.NewCredentials(), answer, change...)
}

func grpcWorldOn(
	t *testing.T, front proxy.Listener, trust credentials.TransportCredentials, answer func(grpc.ServerStream) error,
	change ...func(*stagger.Service),
) (*world, *grpc.ClientConn) {
	t.Helper()
	var listen net.ListenConfig
	l, err := listen.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	server.RegisterService(echo{answer}.desc(), nil)
	healthpb.RegisterHealthServer(server, health.NewServer())
	done := make(chan struct{})
	go func() {
		defer close(done)
		_ = server.Serve(l)
	}()
	t.Cleanup(func() {
		server.Stop()
		<-done
	})
	s := service(version("v1", "h2c://"+l.Addr().String()))
	for _, f := range change {
		f(&s)
	}
	w := runOn(t, front, proxy.Limits{}, s)
	conn, err := grpc.NewClient("passthrough:///"+strings.TrimPrefix(w.url, "http://"), grpc.WithTransportCredentials(trust))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	return w, conn
}

func chat(t *testing.T, ctx context.Context, conn *grpc.ClientConn) grpc.ClientStream {
	t.Helper()
	stream, err := conn.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/test.Echo/Chat")
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

func TestGRPCCallsPass(t *testing.T) {
	w, conn := grpcWorld(t, repeat)
	health := healthpb.NewHealthClient(conn)
	answer, err := health.Check(t.Context(), &healthpb.HealthCheckRequest{})
	if err != nil || answer.GetStatus() != healthpb.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v", answer, err)
	}
	_, err = health.Check(t.Context(), &healthpb.HealthCheckRequest{Service: "nobody"})
	if status.Code(err) != codes.NotFound {
		t.Errorf("got %v", err)
	}
	if o := w.observed(t, "v1").Outcomes; o != (stagger.Outcomes{OK: 1, ClientError: 1}) {
		t.Errorf("counted %+v", o)
	}
}

func TestGRPCStreamsPassBothWaysAtOnce(t *testing.T) {
	streamsBothWays(t, func() (*world, *grpc.ClientConn) { return grpcWorld(t, repeat) })
}

func TestGRPCStreamsPassOverTLS(t *testing.T) {
	streamsBothWays(t, func() (*world, *grpc.ClientConn) {
		l, trust := secured(t)
		return grpcWorldOn(t, l, credentials.NewTLS(trust), repeat)
	})
}

func streamsBothWays(t *testing.T, between func() (*world, *grpc.ClientConn)) {
	t.Helper()
	w, conn := between()
	stream := chat(t, t.Context(), conn)
	for _, text := range []string{"one", "two", strings.Repeat("three", 50_000)} {
		if err := stream.SendMsg(wrapperspb.String(text)); err != nil {
			t.Fatal(err)
		}
		var got wrapperspb.StringValue
		if err := stream.RecvMsg(&got); err != nil || got.GetValue() != text {
			t.Fatalf("got %d bytes, %v", len(got.GetValue()), err)
		}
	}
	if err := stream.CloseSend(); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); !errors.Is(err, io.EOF) {
		t.Fatalf("got %v at the end", err)
	}
	if got := stream.Trailer().Get("x-note"); len(got) != 1 || got[0] != "bye" {
		t.Errorf("trailer %v", stream.Trailer())
	}
	if o := w.observed(t, "v1").Outcomes; o != (stagger.Outcomes{OK: 1}) {
		t.Errorf("counted %+v", o)
	}
}

func TestAGRPCErrorDoesNotWaitForTheClientToFinish(t *testing.T) {
	for _, row := range []struct {
		rule   string
		answer func(grpc.ServerStream) error
		code   codes.Code
		want   stagger.Outcomes
	}{
		{
			"at once", func(grpc.ServerStream) error { return status.Error(codes.Unavailable, "no") },
			codes.Unavailable,
			stagger.Outcomes{ServerError: 1},
		},
		{"after a message", func(s grpc.ServerStream) error {
			var m wrapperspb.StringValue
			if err := s.RecvMsg(&m); err != nil {
				return err
			}
			if err := s.SendMsg(&m); err != nil {
				return err
			}
			return status.Error(codes.DataLoss, "no")
		}, codes.DataLoss, stagger.Outcomes{ServerError: 1}},
		{
			"the client's fault", func(grpc.ServerStream) error { return status.Error(codes.InvalidArgument, "no") },
			codes.InvalidArgument,
			stagger.Outcomes{ClientError: 1},
		},
	} {
		t.Run(row.rule, func(t *testing.T) {
			w, conn := grpcWorld(t, row.answer)
			ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
			defer cancel()
			stream := chat(t, ctx, conn)
			_ = stream.SendMsg(wrapperspb.String("hello"))
			// The client's half stays open.
			var err error
			for err == nil {
				err = stream.RecvMsg(new(wrapperspb.StringValue))
			}
			if status.Code(err) != row.code {
				t.Errorf("got %v, want %v", err, row.code)
			}
			if o := w.observed(t, "v1").Outcomes; o != row.want {
				t.Errorf("counted %+v, want %+v", o, row.want)
			}
		})
	}
}

func TestAGRPCClientThatCancelsIsAnAbort(t *testing.T) {
	ended := make(chan struct{})
	w, conn := grpcWorld(t, func(s grpc.ServerStream) error {
		defer close(ended)
		return repeat(s)
	})
	ctx, cancel := context.WithCancel(t.Context())
	stream := chat(t, ctx, conn)
	if err := stream.SendMsg(wrapperspb.String("x")); err != nil {
		t.Fatal(err)
	}
	if err := stream.RecvMsg(new(wrapperspb.StringValue)); err != nil {
		t.Fatal(err)
	}
	cancel()
	select {
	case <-ended:
	case <-time.After(30 * time.Second):
		t.Fatal("the server still streams")
	}
	if o := w.observed(t, "v1").Outcomes; o != (stagger.Outcomes{ClientAbort: 1}) {
		t.Errorf("counted %+v", o)
	}
}
