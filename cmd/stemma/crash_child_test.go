package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"stemma/api/auth"
	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// die is kill -9 by one's own hand: nothing runs after it, no deferred call, no
// other goroutine.
func die() {
	syscall.Kill(os.Getpid(), syscall.SIGKILL)
	select {}
}

// trap is a projection with a row per entity, and a place to die in. It is how
// a test gets between the steps of a commit and of a rebuild.
type trap struct {
	version   int
	padding   int // bytes of each row, so that a rebuild is more than one write
	apply     func(entity.Transition)
	committed func(entity.Transition)
}

func (trap) Name() string { return "trap" }

func (p trap) Version() int { return p.version }

func (p trap) Apply(t entity.Transition, w entity.RowWriter) error {
	if p.apply != nil {
		p.apply(t)
	}
	w.Set([]byte(t.ID), fmt.Append(nil, p.version, t.After.Ver, strings.Repeat(string(t.ID), p.padding/26)))
	return nil
}

func (trap) Load(entity.Rows) error { return nil }

func (p trap) Committed(ts []entity.Transition) {
	if p.committed == nil {
		return
	}
	for _, t := range ts {
		p.committed(t)
	}
}

var loader = entity.Actor{UserID: "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK", Method: entity.MethodManual}

const victimType = "victim"

// crashMain is `stemma-crash POINT DIR`: it writes to a store and prints what
// was acknowledged, until it dies at the point.
func crashMain() {
	point, dir := os.Args[1], os.Args[2]
	err := errors.New("no such point")
	switch point {
	case beforeWrite, beforePublish, beforeAnswer:
		err = dieCommitting(point, dir)
	case inRebuild:
		err = dieRebuilding(dir)
	case beforeHTTP:
		err = dieAnswering(dir)
	case string(entity.Main), string(entity.Test):
		err = dieBootstrapping(dir, entity.Network(point))
	}
	fmt.Fprintln(os.Stderr, "stemma-crash", point, "did not die:", err)
	os.Exit(1)
}

// dieCommitting writes with many goroutines, and then a victim of two entities
// in one transaction.
func dieCommitting(point, dir string) error {
	var inCommitter atomic.Bool // the victim's closure runs for the second time
	t := trap{version: 1}
	switch point {
	case beforeWrite:
		t.apply = func(step entity.Transition) {
			if step.After.Type == victimType && inCommitter.Load() {
				die()
			}
		}
	case beforePublish:
		t.committed = func(step entity.Transition) {
			if step.After.Type == victimType {
				die()
			}
		}
	}
	s, err := store.Open(store.Options{Dir: dir, Projections: append(projections(graph.New()), t)})
	if err != nil {
		return err
	}
	var acked atomic.Int64
	enough := make(chan struct{})
	for range 8 {
		go func() {
			for {
				var v *entity.Version
				if _, err := s.Update(context.Background(), loader, func(tx entity.Tx) (err error) {
					v, err = tx.Create(entity.Draft{Type: "note"})
					return err
				}); err != nil {
					return
				}
				fmt.Println(v.Manifest.ID, v.CID)
				if acked.Add(1) == 40 {
					close(enough)
				}
			}
		}()
	}
	<-enough
	visible := s.Seq()
	if point == beforeAnswer {
		go func() {
			for s.View(context.Background(), func(r entity.Reader) error {
				for record, err := range r.Log(visible) {
					if err == nil && record.Changes[0].Type == victimType {
						die() // others can see it, and its writer was not told yet
					}
				}
				visible = r.Seq()
				return nil
			}) == nil && s.Wait(context.Background(), visible) == nil {
			}
		}()
	}
	runs := 0
	_, err = s.Update(context.Background(), loader, func(tx entity.Tx) error {
		if runs++; runs == 2 {
			inCommitter.Store(true)
		}
		for range tx.Rows("trap").Scan(nil, nil) { // what scans a range is run by the committer
			break
		}
		for range 2 {
			if _, err := tx.Create(entity.Draft{Type: victimType}); err != nil {
				return err
			}
		}
		return nil
	})
	if point == beforeAnswer && err == nil {
		select {} // the answer never reaches anybody
	}
	return err
}

// dieRebuilding opens a store whose projection has a new version, and dies
// before the replay is through.
func dieRebuilding(dir string) error {
	n := 0
	t := trap{version: 2, padding: rebuildPadding, apply: func(entity.Transition) {
		if n++; n == rebuildEntities-1 {
			die()
		}
	}}
	_, err := store.Open(store.Options{Dir: dir, Projections: []entity.Projection{t}})
	return err
}

// dieAnswering serves, and dies as the fifth creation is about to be answered.
func dieAnswering(data string) error {
	logger := slog.New(slog.DiscardHandler)
	s, err := openServer(context.Background(), serverOptions{data: data, bootstrapKey: testKey, logger: logger})
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	fmt.Printf("Stemma serves on http://%s\n", l.Addr())
	var creations atomic.Int64
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost && creations.Add(1) == 5 {
			w = silent{w}
		}
		s.handler.ServeHTTP(w, r)
	})
	return serveHTTP(context.Background(), l, h, time.Second, logger)
}

// silent is a connection that nothing is sent on.
type silent struct{ http.ResponseWriter }

func (silent) WriteHeader(int) { die() }

func (silent) Write([]byte) (int, error) {
	die()
	return 0, nil
}

// dieBootstrapping leaves a data directory in which one network has its first
// user, and the other not.
func dieBootstrapping(data string, done entity.Network) error {
	for _, network := range []entity.Network{entity.Main, entity.Test} {
		s, err := store.Open(store.Options{Dir: filepath.Join(data, string(network)), Network: network, Projections: projections(graph.New())})
		if err != nil {
			return err
		}
		if network != done {
			continue
		}
		if _, err := auth.Bootstrap(context.Background(), s, ""); err != nil {
			return err
		}
	}
	die()
	return nil
}
