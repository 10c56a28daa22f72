package turn

import (
	"encoding/hex"
	"io"
	"sync"

	"stemma/entity"
)

// each runs f for 0 up to n at once, and waits.
func each(n int, f func(int)) {
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { f(i) })
	}
	all.Wait()
}

// uuid is a random UUID, RFC 9562 version 4.
func (e *Engine) uuid() (string, error) {
	var b [16]byte
	if _, err := io.ReadFull(e.o.Entropy, b[:]); err != nil {
		return "", entity.Internal("turn.uuid", err)
	}
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:], nil
}
