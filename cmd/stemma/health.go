package main

import (
	"cmp"
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/api"
	"stemma/api/admin"
	"stemma/entity"
	"stemma/entity/store"
)

// health tells how the server is, from what it counts anyway: whatever follows a
// log registers a metric of its lag, and is in the answer by that.
type health struct {
	stores  []*store.Store
	metrics prometheus.Gatherer
	data    string // "": all is in memory
	started time.Time
}

// now is the answer.
func (h health) now(context.Context) (out admin.Health, err error) {
	out = admin.Health{Version: api.Version, Go: runtime.Version(), StartedAt: entity.FormatMillis(h.started.UnixMilli())}
	if r := revision(); r != "" {
		out.Revision = &r
	}
	families, err := h.metrics.Gather()
	if err != nil {
		return out, entity.Internal("stemma.health", err)
	}
	gauges := map[entity.Network]map[string]int64{} // by name, and for followers their own
	for _, f := range families {
		for _, m := range f.GetMetric() {
			labels := map[string]string{}
			for _, l := range m.GetLabel() {
				labels[l.GetName()] = l.GetValue()
			}
			network := entity.Network(labels["network"])
			if network == "" || m.GetGauge() == nil {
				continue
			}
			if gauges[network] == nil {
				gauges[network] = map[string]int64{}
			}
			gauges[network][f.GetName()+" "+labels["follower"]] = int64(m.GetGauge().GetValue())
		}
	}
	for _, st := range h.stores {
		n, err := h.network(st, gauges[st.Network()])
		if err != nil {
			return out, err
		}
		out.Networks = append(out.Networks, n)
	}
	return out, nil
}

func (h health) network(st *store.Store, gauges map[string]int64) (admin.NetworkHealth, error) {
	n := admin.NetworkHealth{
		Network: st.Network(), Seq: st.Seq(), Entities: gauges["stemma_graph_nodes "], Relationships: gauges["stemma_graph_edges "], GraphBytes: gauges["stemma_graph_bytes "],
		Waiting: gauges["stemma_commit_queue "], AttestHalted: gauges["stemma_attest_halted "] > 0, Followers: []admin.Follower{}, Storage: []admin.Storage{},
	}
	if err := st.Ready(); err != nil {
		text := userText(err)
		n.Problem = &text
	}
	if size, ok := gauges["stemma_attest_size "]; ok {
		n.AttestedSize = &size
	}
	for name, lag := range gauges {
		if name, ok := strings.CutPrefix(name, "stemma_follower_lag "); ok {
			n.Followers = append(n.Followers, admin.Follower{Name: name, Lag: lag})
		}
	}
	slices.SortFunc(n.Followers, func(a, b admin.Follower) int { return cmp.Compare(a.Name, b.Name) })
	if h.data == "" {
		return n, nil
	}
	for part, dir := range map[string]string{"log, blocks and projections": "", "search": "search", "attestations": "attest"} {
		bytes, err := allocated(filepath.Join(h.data, string(st.Network()), dir), dir != "")
		if err != nil {
			return n, entity.Internal("stemma.health", err)
		}
		n.Storage = append(n.Storage, admin.Storage{Part: part, Bytes: bytes})
	}
	slices.SortFunc(n.Storage, func(a, b admin.Storage) int { return cmp.Compare(a.Part, b.Part) })
	return n, nil
}

// allocated is what the files of a directory take of the disk, those below it as
// well if deep: the store reserves more than it has written. What goes meanwhile
// is left out.
func allocated(dir string, deep bool) (bytes int64, err error) {
	err = filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		switch {
		case errors.Is(err, os.ErrNotExist):
			return nil
		case err != nil:
			return err
		case d.IsDir() && path != dir && !deep:
			return fs.SkipDir
		}
		info, err := d.Info()
		if errors.Is(err, os.ErrNotExist) {
			return nil
		}
		if err == nil {
			if stat, ok := info.Sys().(*syscall.Stat_t); ok && !d.IsDir() {
				bytes += stat.Blocks * 512
			}
		}
		return err
	})
	return bytes, err
}

// revision is what this binary was built from, "" where that is not known.
func revision() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, s := range info.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return ""
}
