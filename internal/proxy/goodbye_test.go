package proxy

import (
	"bytes"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
)

// TestTheGoodbyeIsSaidBetweenFrames writes frames in pieces of any size, asks for
// the goodbye somewhere in between, and reads all of it as a client does.
func TestTheGoodbyeIsSaidBetweenFrames(t *testing.T) {
	for seed := range uint64(200) {
		chance := rand.New(rand.NewPCG(seed, 1))
		var plain bytes.Buffer
		framer := http2.NewFramer(&plain, nil)
		_ = framer.WriteSettings()
		for stream := uint32(1); stream < 20; stream += 2 {
			var block bytes.Buffer
			encoder := hpack.NewEncoder(&block)
			for range 1 + chance.IntN(20) {
				_ = encoder.WriteField(hpack.HeaderField{Name: "x", Value: string(make([]byte, chance.IntN(50)))})
			}
			half := chance.IntN(block.Len() + 1)
			_ = framer.WriteHeaders(http2.HeadersFrameParam{StreamID: stream, BlockFragment: block.Bytes()[:half]})
			_ = framer.WriteContinuation(stream, true, block.Bytes()[half:])
			_ = framer.WriteData(stream, true, make([]byte, chance.IntN(5000)))
		}
		whole := plain.Len()

		var sent bytes.Buffer
		f := &frames{to: &sent}
		when := chance.IntN(whole)
		for rest := plain.Bytes(); len(rest) > 0; {
			n := min(len(rest), 1+chance.IntN(1+chance.IntN(3000)))
			if _, err := f.write(rest[:n]); err != nil {
				t.Fatal(err)
			}
			if rest = rest[n:]; whole-len(rest) > when {
				f.leave()
			}
		}
		read, goodbyes, count := http2.NewFramer(nil, &sent), 0, 0
		for sent.Len() > 0 {
			frame, err := read.ReadFrame()
			if err != nil {
				t.Fatalf("seed %d: frame %d: %v", seed, count, err)
			}
			if away, ok := frame.(*http2.GoAwayFrame); ok {
				goodbyes++
				if away.LastStreamID != 1<<31-1 || away.ErrCode != http2.ErrCodeNo || count == 0 {
					t.Fatalf("seed %d: %v after %d frames", seed, away, count)
				}
			}
			count++
		}
		if goodbyes != 1 || count != 32 {
			t.Fatalf("seed %d: %d frames, %d goodbyes", seed, count, goodbyes)
		}
	}
}
