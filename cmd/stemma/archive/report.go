package archive

import (
	"sync"

	"stemma/entity"
)

// Refusal is a block that an import did not take.
type Refusal struct {
	CID    string    `json:"cid"`
	Entity entity.ID `json:"entity,omitempty"`
	Chain  string    `json:"chain,omitempty"`
	N      int64     `json:"n,omitempty"` // the version, or the block of the chain
	Reason string    `json:"reason"`
}

// ImportReport is what became of a file's blocks.
type ImportReport struct {
	Roots       []entity.CID
	Versions    int // adopted
	Created     int // of these, first versions: entities that are new here
	ChainBlocks int // adopted
	Contents    int // taken in
	Known       int // of each, here already
	Index       int // blocks of an export's index, of no further use
	Missing     int // versions adopted without their file's content
	Refused     int
}

// tally gathers a report from several goroutines.
type tally struct {
	mu      sync.Mutex
	report  ImportReport
	refused func(Refusal)
}

func (t *tally) count(fn func(*ImportReport)) {
	t.mu.Lock()
	defer t.mu.Unlock()
	fn(&t.report)
}

func (t *tally) refuse(all ...Refusal) {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, r := range all {
		t.report.Refused++
		if t.refused != nil {
			t.refused(r)
		}
	}
}

func (it *item) refusal(reason string) Refusal {
	return Refusal{CID: it.cid.String(), Entity: it.id, Chain: it.chain, N: it.n, Reason: reason}
}
