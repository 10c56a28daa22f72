package bench

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"path/filepath"
	"time"

	"stemma/entity"
)

// contentMemory is a bound of the issue, in MiB.
const contentMemory = 64

// content uploads a file of the largest size and downloads it, beside a plain
// copy to the same disk through SHA-256.
func (r *runner) content(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	var plain, up, down []float64
	var added int64
	err = r.served(ctx, Child{Data: filepath.Join(dir, "data")}, 1, func(p *process, conns []*conn) error {
		before, err := p.forgetPeak()
		if err != nil {
			return err
		}
		for i := range r.Repeat + 1 {
			a, b, c, err := r.contentOnce(conns[0], filepath.Join(dir, "plain"))
			if err != nil {
				return err
			}
			if i == 0 {
				continue // the first finds a cold disk
			}
			plain, up, down = append(plain, a), append(up, b), append(down, c)
		}
		after, err := p.memory()
		added = max(after.peak-before.resident, 1)
		return err
	})
	if err != nil {
		return nil, err
	}
	const against = "io.Copy to disk with SHA-256"
	size := fmt.Sprintf("%d MB", r.Sizes.Content>>20)
	half := Goal{AtLeast: 0.5, Text: "≥ 0.5"}
	return []Result{
		compare("upload of "+size+" over HTTP", "MB/s", against, up, plain, half),
		compare("download of it", "MB/s", against, down, plain, half).also(true, "the client hashes it on the same cores"),
		bound("additional memory of the server meanwhile", "MiB", []float64{float64(added) / (1 << 20)}, contentMemory, Goal{AtMost: 1, Text: "< 64 MiB"}),
	}, nil
}

// contentOnce gives the speeds in megabytes a second. What is uploaded is new
// each time.
func (r *runner) contentOnce(c *conn, path string) (plain, up, down float64, err error) {
	size := r.Sizes.Content
	speed := func(fn func() error) (mbs float64, err error) {
		began := time.Now()
		err = fn()
		return float64(size) / 1e6 / time.Since(began).Seconds(), err
	}
	seed := rand.Uint64()
	var sum string
	if plain, err = speed(func() (err error) { sum, err = plainCopy(path, newNoise(seed, size)); return err }); err != nil {
		return 0, 0, 0, err
	}
	if err := os.Remove(path); err != nil {
		return 0, 0, 0, err
	}
	a, err := c.must(201, "POST", "/files", fmt.Appendf(nil, `{"key":"v1","filename":"noise.bin","content_type":"application/octet-stream","size":%d}`, size))
	if err != nil {
		return 0, 0, 0, err
	}
	id, err := textAfter(a.body, `"id":"`)
	if err != nil {
		return 0, 0, 0, err
	}
	at := "/files/" + id + "/content"
	if up, err = speed(func() error { return c.upload(at, newNoise(seed, size), size) }); err != nil {
		return 0, 0, 0, err
	}
	hash := sha256.New()
	if down, err = speed(func() error { return c.download(at, hash, size) }); err != nil {
		return 0, 0, 0, err
	}
	if got := hex.EncodeToString(hash.Sum(nil)); got != sum {
		return 0, 0, 0, entity.Errorf(entity.KindInternal, "bench.content", "what came back has the hash %s, not %s", got, sum)
	}
	return plain, up, down, nil
}

func plainCopy(path string, in io.Reader) (sum string, err error) {
	f, err := os.Create(path)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	hash := sha256.New()
	if _, err := io.Copy(io.MultiWriter(hash, f), in); err != nil {
		return "", err
	}
	return hex.EncodeToString(hash.Sum(nil)), f.Sync()
}

// noise is bytes that cost next to nothing to make and are others for another
// seed.
type noise struct {
	at, left int64
	block    []byte
}

func newNoise(seed uint64, size int64) *noise {
	n := &noise{left: size, block: make([]byte, 256<<10)}
	rng := rand.New(rand.NewPCG(seed, 3))
	for i := range n.block {
		n.block[i] = byte(rng.Uint32())
	}
	return n
}

// Read gives the block over and over.
func (n *noise) Read(p []byte) (int, error) {
	if n.left == 0 {
		return 0, io.EOF
	}
	did := copy(p[:min(int64(len(p)), n.left)], n.block[n.at%int64(len(n.block)):])
	n.at += int64(did)
	n.left -= int64(did)
	return did, nil
}
