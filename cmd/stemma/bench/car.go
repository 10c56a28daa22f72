package bench

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"sync/atomic"

	"stemma/entity"
)

// Bounds of the issue, in megabytes a second.
const (
	exportSpeed = 100
	importSpeed = 50
)

// car exports a store of many versions by 'stemma export' and brings the file
// into another by 'stemma import car'.
func (r *runner) car(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	from, to, file := filepath.Join(dir, "from"), filepath.Join(dir, "to"), filepath.Join(dir, "all.car")
	n := r.Sizes.Blocks
	if err := r.fillVersions(ctx, from, n); err != nil {
		return nil, err
	}
	out, err := r.tool(ctx, "export", "--all", file, "--data", from)
	if err != nil {
		return nil, err
	}
	info, err := os.Stat(file)
	if err != nil {
		return nil, err
	}
	const mb = 1e6
	what := fmt.Sprintf("of %d blocks of %d bytes on average", n, info.Size()/int64(n))
	speed := func(name string, s spent, least float64) Result {
		rate := s.rate(info.Size())
		rate[0] /= mb
		return bound(name+" "+what, "MB/s", rate, least, Goal{AtLeast: 1, Text: fmt.Sprintf("≥ %.0f MB/s", least)}).
			also(true, fmt.Sprintf("%.0f blocks a second, opening and closing included; %.1f s of CPU, at most %d MiB resident", float64(n)/s.took.Seconds(), s.cpu.Seconds(), s.peak>>20))
	}
	results = append(results, speed("'export'", out, exportSpeed))
	if err := os.RemoveAll(from); err != nil {
		return results, err
	}
	in, err := r.tool(ctx, "import", "car", file, "--data", to)
	if err != nil {
		return results, err
	}
	if err := r.holds(to, n); err != nil {
		return results, err
	}
	return append(results, speed("'import car'", in, importSpeed)), nil
}

// fillVersions makes a store of n/2 entities with two versions each: about 900
// bytes of properties and two relationships to earlier ones.
func (r *runner) fillVersions(ctx context.Context, data string, n int) (err error) {
	const each, text = 500, 900
	r.logf("writing %d versions", n)
	s, _, err := r.openStore(mainStore(data))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	words := newProse()
	draft := func(i int) entity.Draft {
		d := entity.Draft{ID: idOf(i), Type: "letter", Properties: entity.Properties{"label": words.text(12), "year": int64(1800 + i%200), "text": words.text(text)}}
		for p, predicate := range []entity.Predicate{"answers", "cites"} {
			if i > 0 {
				d.Relationships = append(d.Relationships, entity.Relationship{Predicate: predicate, Peer: idOf(rand.New(rand.NewPCG(uint64(i), uint64(p))).IntN(i)), PeerType: "letter"})
			}
		}
		return d
	}
	var next atomic.Int64
	return together(ctx, 4, func(ctx context.Context, _ int) error {
		for {
			from := int(next.Add(each)) - each
			until := min(from+each, n/2)
			if from >= until {
				return nil
			}
			for version := range 2 {
				_, err := s.Update(ctx, actor, func(tx entity.Tx) (err error) {
					for i := from; i < until && err == nil; i++ {
						if version == 0 {
							_, err = tx.Create(draft(i))
							continue
						}
						_, err = tx.Put(idOf(i), entity.Any, func(m *entity.Manifest) error {
							m.Properties["text"] = words.text(text)
							return nil
						})
					}
					return err
				})
				if err != nil {
					return err
				}
			}
		}
	})
}
