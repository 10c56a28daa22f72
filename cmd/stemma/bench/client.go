package bench

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httputil"
	"strconv"

	"golang.org/x/sync/errgroup"
)

// conn is one connection of the client: HTTP/1.1 with keep-alive and bodies of
// a known length, as little as that takes (RFC 9112). Used by one goroutine.
type conn struct {
	net.Conn
	in      *bufio.Reader
	out     []byte
	body    []byte
	key     string // of who asks
	release func() bool
}

// answer is what came back. ETag and body are valid until the next request.
type answer struct {
	status int
	etag   []byte // without its quotes
	body   []byte
}

// dial opens a connection that lets go when ctx ends.
func dial(ctx context.Context, addr string) (*conn, error) {
	c, err := new(net.Dialer).DialContext(ctx, "tcp", addr)
	if err != nil {
		return nil, fmt.Errorf("bench client: %w", err)
	}
	return &conn{Conn: c, in: bufio.NewReaderSize(c, 64<<10), key: Key, release: context.AfterFunc(ctx, func() { c.Close() })}, nil
}

// Close closes the connection.
func (c *conn) Close() error {
	c.release()
	return c.Conn.Close()
}

// dialAll opens n connections; close them with the function given back.
func dialAll(ctx context.Context, addr string, n int) (conns []*conn, hangUp func(), err error) {
	hangUp = func() {
		for _, c := range conns {
			c.Close()
		}
	}
	for range n {
		c, err := dial(ctx, addr)
		if err != nil {
			hangUp()
			return nil, nil, err
		}
		conns = append(conns, c)
	}
	return conns, hangUp, nil
}

// together runs n workers and waits for all of them; the first error ends the
// context of the others.
func together(ctx context.Context, n int, work func(ctx context.Context, worker int) error) error {
	g, ctx := errgroup.WithContext(ctx)
	for w := range n {
		g.Go(func() error { return work(ctx, w) })
	}
	return g.Wait()
}

// do sends a request and reads its answer.
func (c *conn) do(method, path string, body []byte) (a answer, err error) {
	if err = c.send(method, path, "", body); err != nil {
		return a, err
	}
	status, etag, length, chunked, err := c.head()
	if err != nil {
		return a, err
	}
	if chunked {
		return a, fmt.Errorf("bench client: %s %s answered without a length", method, path)
	}
	if cap(c.body) < length {
		c.body = make([]byte, length)
	}
	c.body = c.body[:length]
	if _, err = io.ReadFull(c.in, c.body); err != nil {
		return a, fmt.Errorf("bench client: %s %s: %w", method, path, err)
	}
	return answer{status: status, etag: etag, body: c.body}, nil
}

// must is do for a request that has to be answered with the status.
func (c *conn) must(status int, method, path string, body []byte) (a answer, err error) {
	a, err = c.do(method, path, body)
	if err == nil && a.status != status {
		err = fmt.Errorf("bench client: %s %s answered %d, not %d: %.300s", method, path, a.status, status, a.body)
	}
	return a, err
}

// upload sends a body as it comes, which has to be taken.
func (c *conn) upload(path string, body io.Reader, size int64) error {
	head := fmt.Sprintf("POST %s HTTP/1.1\r\nHost: bench\r\nAuthorization: ApiKey %s\r\nContent-Type: application/octet-stream\r\nContent-Length: %d\r\n\r\n", path, Key, size)
	if _, err := io.WriteString(c, head); err != nil {
		return fmt.Errorf("bench client: POST %s: %w", path, err)
	}
	if _, err := io.CopyBuffer(struct{ io.Writer }{c}, struct{ io.Reader }{body}, make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("bench client: POST %s: %w", path, err)
	}
	status, _, length, _, err := c.head()
	if err != nil {
		return err
	}
	answer, err := io.ReadAll(io.LimitReader(c.in, int64(length)))
	if err == nil && status != 200 {
		err = fmt.Errorf("bench client: POST %s answered %d: %.300s", path, status, answer)
	}
	return err
}

// download reads an answer of size bytes into w.
func (c *conn) download(path string, w io.Writer, size int64) error {
	if err := c.send("GET", path, "", nil); err != nil {
		return err
	}
	status, _, length, _, err := c.head()
	if err != nil {
		return err
	}
	if status != 200 || int64(length) != size {
		return fmt.Errorf("bench client: GET %s answered %d with %d bytes, not %d", path, status, length, size)
	}
	if _, err = io.CopyBuffer(w, struct{ io.Reader }{io.LimitReader(c.in, size)}, make([]byte, 256<<10)); err != nil {
		return fmt.Errorf("bench client: GET %s: %w", path, err)
	}
	return nil
}

// stream asks for an answer that has no length, and gives what arrives.
func (c *conn) stream(path, accept string) (io.Reader, error) {
	if err := c.send("GET", path, accept, nil); err != nil {
		return nil, err
	}
	status, _, _, chunked, err := c.head()
	if err != nil {
		return nil, err
	}
	if status != 200 || !chunked {
		return nil, fmt.Errorf("bench client: GET %s answered %d, not a stream", path, status)
	}
	return httputil.NewChunkedReader(c.in), nil
}

func (c *conn) send(method, path, accept string, body []byte) error {
	b := append(c.out[:0], method...)
	b = append(b, ' ')
	b = append(b, path...)
	b = append(b, " HTTP/1.1\r\nHost: bench\r\nAuthorization: ApiKey "...)
	b = append(b, c.key...)
	b = append(b, "\r\n"...)
	if accept != "" {
		b = append(b, "Accept: "+accept+"\r\n"...)
	}
	if body != nil {
		b = append(b, "Content-Type: application/json\r\nContent-Length: "...)
		b = strconv.AppendInt(b, int64(len(body)), 10)
		b = append(b, "\r\n"...)
	}
	b = append(b, "\r\n"...)
	b = append(b, body...)
	c.out = b
	if _, err := c.Write(b); err != nil {
		return fmt.Errorf("bench client: %s %s: %w", method, path, err)
	}
	return nil
}

// head reads the status line and the fields of an answer.
func (c *conn) head() (status int, etag []byte, length int, chunked bool, err error) {
	line, err := c.line()
	if err != nil {
		return 0, nil, 0, false, err
	}
	if len(line) < 12 {
		return 0, nil, 0, false, fmt.Errorf("bench client: %q is no status line", line)
	}
	if status, err = strconv.Atoi(string(line[9:12])); err != nil {
		return 0, nil, 0, false, fmt.Errorf("bench client: %q is no status line", line)
	}
	for {
		if line, err = c.line(); err != nil || len(line) == 0 {
			return status, etag, length, chunked, err
		}
		name, value, _ := bytes.Cut(line, []byte(": "))
		switch string(name) {
		case "Content-Length":
			if length, err = strconv.Atoi(string(value)); err != nil {
				return status, etag, length, chunked, fmt.Errorf("bench client: length %q: %w", value, err)
			}
		case "Etag":
			etag = bytes.Clone(bytes.Trim(value, `"`))
		case "Transfer-Encoding":
			chunked = true
		}
	}
}

func (c *conn) line() ([]byte, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return nil, fmt.Errorf("bench client: %w", err)
	}
	return bytes.TrimRight(line, "\r\n"), nil
}
