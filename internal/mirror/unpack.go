package mirror

import (
	"bytes"
	"compress/gzip"
	"io"
	"strings"

	"github.com/cespare/xxhash/v2"

	"github.com/stagger-dev/stagger/internal/difference"
)

// unpackedMost is how many times larger than packed a body may be.
const unpackedMost = 4

// unpacked returns an answer with its body as it was before gzip; it is not ok
// for one that is packed otherwise, not at all, or not kept whole.
func unpacked(a *difference.Answer, bound int) (*difference.Answer, bool) {
	if encodings := a.Header["Content-Encoding"]; len(encodings) != 1 || !strings.EqualFold(encodings[0], "gzip") || a.Cut {
		return nil, false
	}
	reader, err := gzip.NewReader(bytes.NewReader(a.Body))
	if err != nil {
		return nil, false
	}
	most := int64(unpackedMost * bound)
	body, err := io.ReadAll(io.LimitReader(reader, most+1))
	if err != nil || int64(len(body)) > most {
		return nil, false
	}
	out := *a
	out.Body, out.Length, out.Sum = body, int64(len(body)), xxhash.Sum64(body)
	return &out, true
}
