package main

import (
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"testing"

	"stemma/entity"
	"stemma/entity/store"
	"stemma/graph"
)

// Where stemma-crash dies.
const (
	beforeWrite   = "before-write"   // the committer has run the closure, nothing is on disk
	beforePublish = "before-publish" // on disk; projections and readers do not know yet
	beforeAnswer  = "before-answer"  // visible to readers; the writer was not told
	beforeHTTP    = "before-http"    // the handler is done; no byte of the answer was sent
	inRebuild     = "in-rebuild"     // the old rows are gone, the new ones not all there
)

// How much a rebuild writes: more than Badger takes in one transaction.
const (
	rebuildEntities = 110
	rebuildPadding  = 112 << 10
)

// crashAt runs stemma-crash until it dies, and gives what it has printed.
func crashAt(t *testing.T, point, dir string) string {
	t.Helper()
	p, err := launch(t.Context(), nil, "stemma-crash", point, dir)
	if err != nil {
		t.Fatal(err)
	}
	<-p.ended
	if !p.killed() {
		t.Fatalf("%s: %v\n%s%s", point, p.err, p.stdout, p.stderr)
	}
	return p.stdout.String()
}

// reopened opens a store, checks it, runs fn on it and closes it.
func reopened(t *testing.T, o store.Options, fn func(entity.Reader) error) {
	t.Helper()
	s, err := store.Open(o)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := s.Check(t.Context(), nil); err != nil {
		t.Error(err)
	}
	if err := s.View(t.Context(), fn); err != nil {
		t.Error(err)
	}
	if err := s.Close(); err != nil {
		t.Error(err)
	}
}

// A transaction is there as a whole or not at all, wherever its commit was
// interrupted, and what was acknowledged before it is there.
func TestCrashInCommit(t *testing.T) {
	for point, victims := range map[string]int{beforeWrite: 0, beforePublish: 2, beforeAnswer: 2} {
		t.Run(point, func(t *testing.T) {
			dir := t.TempDir()
			acked := strings.Fields(crashAt(t, point, dir))
			index := graph.New()
			reopened(t, store.Options{Dir: dir, Projections: append(projections(index), trap{version: 1})}, func(r entity.Reader) error {
				for i := 0; i+1 < len(acked); i += 2 {
					if err := present(r, ack{ID: entity.ID(acked[i]), CID: acked[i+1], Ver: 1}); err != nil {
						t.Errorf("acknowledged, but: %v", err)
					}
				}
				return nil
			})
			if len(acked) < 80 {
				t.Errorf("%d writes were acknowledged before the crash, at least 40 are", len(acked)/2)
			}
			if n := index.Snapshot().TypeCount(victimType); n != victims {
				t.Errorf("%d entities of the interrupted transaction are there, not %d", n, victims)
			}
		})
	}
}

// A write whose answer was lost is there.
func TestCrashBeforeAnswer(t *testing.T) {
	data := t.TempDir()
	p, err := launch(t.Context(), nil, "stemma-crash", beforeHTTP, data)
	if err != nil {
		t.Fatal(err)
	}
	url := p.url(t)
	answered := 0
	for {
		status, _ := call(t, http.MethodPost, url+"/entities", testKey, `{"type":"note"}`)
		if status != http.StatusCreated {
			break
		}
		answered++
	}
	<-p.ended
	if !p.killed() || answered != 4 {
		t.Fatalf("%d answers, then %v\n%s", answered, p.err, p.stderr)
	}
	index := graph.New()
	reopened(t, store.Options{Dir: filepath.Join(data, "main"), Projections: projections(index)}, func(entity.Reader) error { return nil })
	if n := index.Snapshot().TypeCount("note"); n != 5 {
		t.Errorf("%d of 5 writes are there", n)
	}
}

// An interrupted rebuild starts over, whichever release opens the store next.
func TestCrashInRebuild(t *testing.T) {
	for _, next := range []int{2, 1} {
		t.Run(fmt.Sprint("then version ", next), func(t *testing.T) {
			dir := t.TempDir()
			options := func(version int) store.Options {
				return store.Options{Dir: dir, Projections: []entity.Projection{trap{version: version, padding: rebuildPadding}}}
			}
			s, err := store.Open(options(1))
			if err != nil {
				t.Fatal(err)
			}
			for range rebuildEntities / 10 {
				if _, err := s.Update(t.Context(), loader, func(tx entity.Tx) error {
					for range 10 {
						if _, err := tx.Create(entity.Draft{Type: "note"}); err != nil {
							return err
						}
					}
					return nil
				}); err != nil {
					t.Fatal(err)
				}
			}
			if err := s.Close(); err != nil {
				t.Fatal(err)
			}
			crashAt(t, inRebuild, dir)
			rows := 0
			reopened(t, options(next), func(r entity.Reader) error {
				for range r.Rows("trap").Scan(nil, nil) {
					rows++
				}
				return nil
			})
			if rows != rebuildEntities {
				t.Errorf("%d rows of %d", rows, rebuildEntities)
			}
		})
	}
}

// Whatever the first start left behind, the next one that finds a network
// without a first user prints a key, and that key opens both networks.
func TestCrashBetweenBootstraps(t *testing.T) {
	for _, done := range []entity.Network{entity.Main, entity.Test} {
		t.Run(string(done)+" was done", func(t *testing.T) {
			data := t.TempDir()
			crashAt(t, string(done), data)
			p := serve(t, data)
			p.url(t)
			p.stop(t)
			key := p.key(t)
			p = serve(t, data)
			opensBoth(t, p.url(t), key)
			p.stop(t)
			if printedKey.MatchString(p.stdout.String()) {
				t.Error("the start after that prints a key again")
			}
		})
	}
}

// opensBoth tells whether a key may write in both networks.
func opensBoth(t *testing.T, url, key string) {
	t.Helper()
	for _, network := range []entity.Network{entity.Main, entity.Test} {
		status, body := call(t, http.MethodPost, url+"/entities", key, `{"type":"note"}`, "X-Arke-Network", string(network))
		if status != http.StatusCreated {
			t.Errorf("with the printed key %s answers %d %s", network, status, body)
		}
	}
}

// call is ask in a test.
func call(t *testing.T, method, url, key, body string, headers ...string) (int, string) {
	t.Helper()
	status, text, err := ask(t.Context(), method, url, key, body, headers...)
	if err != nil {
		return 0, err.Error()
	}
	return status, text
}
