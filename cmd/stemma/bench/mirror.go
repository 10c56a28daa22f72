package bench

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
)

// mirrored is a bound of the issue, in events a second.
const mirrored = 10_000

// mirror copies the server of the large store by 'stemma mirror'.
func (r *runner) mirror(ctx context.Context) (results []Result, err error) {
	l, err := r.largeStore(ctx)
	if err != nil {
		return nil, err
	}
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	data := filepath.Join(dir, "copy")
	err = r.served(ctx, Child{Data: l.dir}, 1, func(p *process, conns []*conn) error {
		n, err := latest(conns[0])
		if err != nil {
			return err
		}
		s, err := r.tool(ctx, "mirror", "http://"+p.Addr, data, "--key", Key, "--network", "main", "--once")
		if err != nil {
			return err
		}
		if err := r.holds(data, n); err != nil {
			return err
		}
		results = append(results, bound(fmt.Sprintf("'mirror' of a server with %d events, each with its manifest", n), "events/s", s.rate(int64(n)), mirrored, Goal{AtLeast: 1, Text: "≥ 10k events/s"}).
			also(true, fmt.Sprintf("server and mirror share the cores, %.1f s of CPU the mirror; at most %d MiB resident", s.cpu.Seconds(), s.peak>>20)))
		return nil
	})
	return results, err
}
