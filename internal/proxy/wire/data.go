package wire

// Data hands over what of p is content of chunks, run by run, and leaves out what
// frames it. It follows the body as Feed does, so one Chunks does either.
func (c *Chunks) Data(p []byte, take func(run []byte)) {
	for n := 0; n < len(p) && c.state != done; {
		if c.state != inData {
			if !c.step(p[n]) {
				return
			}
			n++
			continue
		}
		k := int(min(c.left, int64(len(p)-n)))
		take(p[n : n+k])
		n += k
		if c.left -= int64(k); c.left == 0 {
			c.state = atDataCR
		}
	}
}
