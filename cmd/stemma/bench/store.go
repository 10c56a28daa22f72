package bench

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"path/filepath"
	"sync/atomic"
	"syscall"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// actor makes the changes that are measured.
var actor = entity.Actor{UserID: "01JBENCH00000000000000000A", Method: entity.MethodManual}

// mainStore is where a server keeps its main network below its data directory.
func mainStore(data string) string { return filepath.Join(data, string(entity.Main)) }

// openStore opens a store as the server does: with its projections, so that no
// command that opens it afterwards has to make their rows.
func (r *runner) openStore(dir string) (*store.Store, *prometheus.Registry, error) {
	registry := prometheus.NewRegistry()
	s, err := store.Open(store.Options{Dir: dir, Registry: registry, Projections: r.Projections(graph.New())})
	return s, registry, err
}

// withStore opens a store in a directory of the row's own.
func (r *runner) withStore(fn func(s *store.Store, registry *prometheus.Registry) error) (err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, done()) }()
	s, registry, err := r.openStore(dir)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return fn(s, registry)
}

// fill creates n entities, so many to an update, by several writers at once.
// Those of one update are in order.
func fill(ctx context.Context, s entity.Store, n, workers, each int, draft func(i int) entity.Draft) error {
	var next atomic.Int64
	return together(ctx, workers, func(ctx context.Context, _ int) error {
		for {
			from := int(next.Add(int64(each))) - each
			if from >= n {
				return nil
			}
			_, err := s.Update(ctx, actor, func(tx entity.Tx) error {
				for i := from; i < min(from+each, n); i++ {
					if _, err := tx.Create(draft(i)); err != nil {
						return err
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
	})
}

// idOf is the i-th of the ids that are made up here: they ascend with i.
func idOf(i int) entity.ID { return entity.ID(fmt.Sprintf("01J%023d", i)) }

// prose gives texts that do not compress well and cost nothing to make.
type prose string

func newProse() prose {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789  "
	rng := rand.New(rand.NewPCG(7, 7))
	b := make([]byte, 1<<20)
	for i := range b {
		b[i] = letters[rng.IntN(len(letters))]
	}
	return prose(b)
}

// text is n characters of it.
func (p prose) text(n int) string {
	at := rand.IntN(len(p) - n)
	return string(p[at : at+n])
}

// textSize makes properties of about 1 KB.
const textSize = 1000

// properties are about 1 KB.
func (p prose) properties() entity.Properties {
	return entity.Properties{"label": p.text(12), "text": p.text(textSize)}
}

// diskSize is what the files below a directory take, their holes left out.
func diskSize(dir string) (n int64, err error) {
	err = filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		if st, ok := info.Sys().(*syscall.Stat_t); ok {
			n += st.Blocks * 512
		}
		return nil
	})
	return n, err
}
