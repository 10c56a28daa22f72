package turn

import (
	"sync"

	"github.com/tiktoken-go/tokenizer"
)

// longText is from where on tokens are not counted but estimated: counting a
// megabyte of one letter takes seconds.
const longText = 256 << 10

// counter counts tokens; what it needs is loaded at the first text.
type counter struct {
	once  sync.Once
	codec tokenizer.Codec
}

func (c *counter) tokens(text string) int64 {
	if len(text) > longText {
		return int64(len(text)+3) / 4
	}
	c.once.Do(func() { c.codec, _ = tokenizer.Get(tokenizer.O200kBase) })
	if c.codec != nil {
		if n, err := c.codec.Count(text); err == nil {
			return int64(n)
		}
	}
	return int64(len(text)+3) / 4
}
