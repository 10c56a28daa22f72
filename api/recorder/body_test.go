package recorder

import (
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"
)

// closingBody is a body as net/http gives it: its end comes with its last bytes,
// and once the answer has begun it is closed.
type closingBody struct {
	io.Reader
	left int
}

func (b *closingBody) Read(p []byte) (int, error) {
	if b.left == 0 {
		return 0, http.ErrBodyReadAfterClose
	}
	n, err := b.Reader.Read(p)
	if b.left -= n; b.left == 0 && err == nil {
		err = io.EOF
	}
	return n, err
}

func (*closingBody) Close() error { return nil }

// A body that has ended has ended, whatever has become of what it was read from;
// one that broke off has not.
func TestEndingBody(t *testing.T) {
	text := "all of it"
	b := &endingBody{ReadCloser: &closingBody{strings.NewReader(text), len(text)}}
	if got, err := io.ReadAll(b); string(got) != text || err != nil {
		t.Fatalf("%q %v", got, err)
	}
	if n, err := b.Read(make([]byte, 1)); n != 0 || err != io.EOF {
		t.Errorf("behind the end: %d %v", n, err)
	}
	broken := errors.New("broken")
	b = &endingBody{ReadCloser: io.NopCloser(io.MultiReader(strings.NewReader(text), errorReader{broken}))}
	if _, err := io.ReadAll(b); err != broken {
		t.Errorf("a broken body gave %v", err)
	}
	if _, err := b.Read(make([]byte, 1)); err != broken {
		t.Errorf("and then %v", err)
	}
}

type errorReader struct{ err error }

func (r errorReader) Read([]byte) (int, error) { return 0, r.err }
