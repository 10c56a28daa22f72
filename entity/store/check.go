package store

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/maphash"

	"stemma/entity"
)

// Report is what [Store.Check] looked at.
type Report struct {
	Blocks, Records, Entities, Versions, ChainBlocks, Rows int
	Changes                                                entity.Seq
}

// Progress is told, now and then, what is being checked and how far it is.
type Progress func(stage string, done int)

// Check reads everything back: every block hashes to its key, the log is dense
// and names blocks that are there, every version links to the one before,
// heads, version rows and chains are what the log says, and every projection's
// rows are those that the log gives. It sees one state and blocks nobody. The
// error lists the first differences; it is nil when there are none.
func (s *Store) Check(ctx context.Context, progress Progress) (Report, error) {
	v, err := s.open("store.Check")
	if err != nil {
		return Report{}, err
	}
	defer v.release()
	c := &checker{view: v, ctx: ctx, progress: progress, heads: make(map[entity.ID]*headTrace), chains: make(map[string]chainTrace), seed: maphash.MakeSeed(), erasures: make(map[entity.ID][]entity.Erasure)}
	if c.progress == nil {
		c.progress = func(string, int) {}
	}
	for _, step := range []func() error{c.blocks, c.log, c.headRows, c.chainRows, c.projections} {
		if err := step(); err != nil {
			return c.report, errors.Join(c.verdict(), err)
		}
	}
	return c.report, c.verdict()
}

const maxFindings = 20

type checker struct {
	*view
	ctx      context.Context
	progress Progress
	report   Report
	heads    map[entity.ID]*headTrace
	chains   map[string]chainTrace // chain head key → what the log says
	seed     maphash.Seed
	gaps     []entity.Change // blocks of content that are missing
	erasures map[entity.ID][]entity.Erasure
	findings []string
	more     int
}

// headTrace is where the log says an entity stands.
type headTrace struct {
	tip entity.Digest
	ver int64
}

// chainTrace is where the log says a chain ends, with a sum of its blocks' places.
type chainTrace struct {
	entity.ChainRef
	places uint64
}

// add is the trace with one more block.
func (c *checker) add(t chainTrace, ref entity.ChainRef) chainTrace {
	d, _ := entity.DigestOf(ref.CID)
	return chainTrace{ref, t.places*31 + maphash.Bytes(c.seed, d[:])}
}

func (c *checker) find(format string, args ...any) {
	if len(c.findings) == maxFindings {
		c.more++
		return
	}
	c.findings = append(c.findings, fmt.Sprintf(format, args...))
}

func (c *checker) verdict() error {
	if len(c.findings) == 0 {
		return nil
	}
	text := "1 difference"
	if n := len(c.findings) + c.more; n > 1 {
		text = fmt.Sprintf("%d differences", n)
	}
	for _, f := range c.findings {
		text += "\n  " + f
	}
	return &entity.Error{Kind: entity.KindInternal, Op: "store.Check", Message: text}
}

func (c *checker) tick(stage string, n int) error {
	if n%4096 != 0 {
		return nil
	}
	c.progress(stage, n)
	return ctxError("store.Check", c.ctx)
}

func (c *checker) blocks() error {
	for row, err := range c.scanCommitted([]byte{spaceBlock}, []byte{spaceBlock}, false) {
		if err != nil {
			return err
		}
		c.report.Blocks++
		if sum := sha256.Sum256(row.Value); !bytes.Equal(sum[:], row.Key[1:]) {
			c.find("block %s holds other bytes, those of %s", entity.CIDOf(entity.Digest(row.Key[1:])), entity.CIDOf(sum))
		}
		if err := c.tick("blocks", c.report.Blocks); err != nil {
			return err
		}
	}
	return nil
}

func (c *checker) log() error {
	next := entity.Seq(1)
	for r, err := range c.records(logKey(1), false) {
		if err != nil {
			return err
		}
		c.report.Records++
		if r.Seq != next || len(r.Changes) == 0 {
			c.find("record %d should begin at %d", r.Seq, next)
		}
		next = r.Last() + 1
		for _, ch := range r.Changes {
			if err := c.change(r.Seq, ch); err != nil {
				return err
			}
		}
		if err := c.tick("log", c.report.Records); err != nil {
			return err
		}
	}
	for _, ch := range c.gaps {
		if entity.ErasureHolding(c.erasures[ch.ID], ch.Ver) == nil {
			c.find("the log names the chain block %s, which is missing and was not erased", ch.CID())
		}
	}
	c.report.Changes = next - 1
	if c.report.Changes != c.at.seq {
		c.find("the log ends at %d, the state at %d", c.report.Changes, c.at.seq)
	}
	return nil
}

func (c *checker) change(at entity.Seq, ch entity.Change) error {
	if ch.Kind == entity.Appended {
		return c.appended(at, ch)
	}
	c.report.Versions++
	h := c.heads[ch.ID]
	if h == nil {
		h = &headTrace{}
		c.heads[ch.ID] = h
	}
	if ch.Old != h.tip || ch.Ver != h.ver+1 {
		c.find("change of %s in record %d makes version %d of another tip than version %d", ch.ID, at, ch.Ver, h.ver)
	}
	h.tip, h.ver = ch.New, ch.Ver
	m, err := c.Manifest(ch.CID())
	if err != nil {
		c.find("record %d names %s, which is not a manifest here", at, ch.CID())
		return nil
	}
	var prev entity.Digest
	if m.Prev != nil {
		prev, _ = entity.DigestOf(m.Prev.CID)
	}
	if m.ID != ch.ID || m.Ver != ch.Ver || prev != ch.Old {
		c.find("manifest %s is version %d of %s, the log has it as version %d of %s", ch.CID(), m.Ver, m.ID, ch.Ver, ch.ID)
	}
	if ch.Ver == 1 {
		return nil
	}
	row, err := c.get(versionKey(ch.ID, ch.Ver-1)) // the tip's is in its head
	if err != nil {
		return err
	}
	if !bytes.Equal(row, ch.Old[:]) {
		c.find("version %d of %s is not indexed as %s", ch.Ver-1, ch.ID, entity.CIDOf(ch.Old))
	}
	return nil
}

func (c *checker) appended(at entity.Seq, ch entity.Change) error {
	c.report.ChainBlocks++
	key := string(chainHeadKey(ch.ID, ch.Chain))
	last := c.chains[key]
	var prev entity.Digest
	if last.N > 0 {
		prev, _ = entity.DigestOf(last.CID)
	}
	if ch.Ver != last.N+1 || ch.Old != prev {
		c.find("record %d appends block %d to %s/%s after block %d", at, ch.Ver, ch.ID, ch.Chain, last.N)
	}
	c.chains[key] = c.add(last, entity.ChainRef{N: ch.Ver, CID: ch.CID()})
	block, err := c.block(ch.New)
	if err != nil {
		return err
	}
	switch {
	case block != nil && ch.Chain == entity.ChainErased:
		return c.erased(at, ch, block)
	case block == nil && ch.Chain == entity.ChainContent:
		c.gaps = append(c.gaps, ch)
	case block == nil:
		c.find("record %d names the chain block %s, which is missing", at, ch.CID())
	}
	return nil
}

// erased keeps what was erased, and finds what of it is still here.
func (c *checker) erased(at entity.Seq, ch entity.Change, block []byte) error {
	b, _, err := entity.OpenChainBlock(block)
	if err != nil {
		c.find("record %d erases with the block %s, which cannot be read", at, ch.CID())
		return nil
	}
	gone, err := entity.ErasureOf(b)
	if err != nil {
		c.find("record %d erases with the block %s, which does not say what", at, ch.CID())
		return nil
	}
	c.erasures[ch.ID] = append(c.erasures[ch.ID], gone)
	for ref, err := range c.Chain(ch.ID, entity.ChainContent, gone.From) {
		if err != nil || ref.N > gone.To {
			return err
		}
		d, _ := entity.DigestOf(ref.CID)
		if block, err := c.block(d); err != nil {
			return err
		} else if block != nil {
			c.find("block %d of %s/%s was erased in record %d and is still here", ref.N, ch.ID, entity.ChainContent, at)
		}
	}
	return nil
}

func (c *checker) headRows() error {
	for row, err := range c.scanCommitted([]byte{spaceHead}, []byte{spaceHead}, false) {
		if err != nil {
			return err
		}
		c.report.Entities++
		id := entity.ID(row.Key[1:])
		var h entity.Head
		if err := entity.DecodeBlock(row.Value, &h); err != nil {
			c.find("head of %s cannot be read: %v", id, err)
			continue
		}
		want := c.heads[id]
		if want == nil || want.tip != h.Tip || want.ver != h.Ver {
			c.find("head of %s is version %d %s, the log says otherwise", id, h.Ver, h.CID())
		}
		if err := c.tick("heads", c.report.Entities); err != nil {
			return err
		}
	}
	if c.report.Entities != len(c.heads) {
		c.find("%d heads, %d entities in the log", c.report.Entities, len(c.heads))
	}
	return nil
}

// chainRows holds the rows of all chains against the log. Those of blocks come
// before those of heads, which have the last blocks.
func (c *checker) chainRows() error {
	rowed := make(map[string]chainTrace, len(c.chains))
	for row, err := range c.scanCommitted([]byte{spaceChain}, []byte{spaceChain}, false) {
		if err != nil {
			return err
		}
		key := chainOf(row.Key)
		t := rowed[key]
		digests(row.Value, int64(tailNumber(row.Key)), 1, func(ref entity.ChainRef, _ error) bool {
			if ref.N != t.N+1 {
				c.find("block %d of chain %q is indexed behind block %d", ref.N, key[1:], t.N)
			}
			t = c.add(t, ref)
			return true
		})
		rowed[key] = t
	}
	seen := 0
	for row, err := range c.scanCommitted([]byte{spaceChainHead}, []byte{spaceChainHead}, false) {
		if err != nil {
			return err
		}
		seen++
		key, head := string(row.Key), chainRow(row.Value)
		want, t := c.chains[key], rowed[key]
		delete(rowed, key)
		if head.head() != want.ChainRef {
			c.find("head of chain %q is block %d, the log says otherwise", key[1:], head.n())
			continue
		}
		if t.N != head.rowed() {
			c.find("the rows of chain %q end at block %d, and its head goes on from %d", key[1:], t.N, head.rowed())
			continue
		}
		digests(head.tail(), head.n(), 1, func(ref entity.ChainRef, _ error) bool {
			t = c.add(t, ref)
			return true
		})
		if t.places != want.places {
			c.find("the blocks of chain %q are not indexed as the log says", key[1:])
		}
	}
	for key := range rowed {
		c.find("chain %q has blocks and no head", key[1:])
	}
	if seen != len(c.chains) {
		c.find("%d chains, %d in the log", seen, len(c.chains))
	}
	return nil
}

// projections replays the log into hashes of the rows that it gives, and
// compares them with the rows that are there.
func (c *checker) projections() error {
	seed := maphash.MakeSeed()
	for _, p := range c.s.projections {
		want := rowHashes{seed: seed, rows: make(map[string]uint64), sums: make(map[string]uint64)}
		whole, err := c.replayed(p, want)
		if err != nil {
			return err
		}
		if !whole {
			continue
		}
		if err := c.projectionRows(p, want); err != nil {
			return err
		}
	}
	return nil
}

// replayed applies the whole log to w. It is not whole where a version of the
// log cannot be read.
func (c *checker) replayed(p entity.Projection, w entity.RowWriter) (whole bool, err error) {
	n := 0
	for r, err := range c.records(logKey(1), false) {
		if err != nil {
			return false, err
		}
		if err := c.replay(r, p, w); err != nil {
			c.find("projection %s: record %d cannot be replayed: %v", p.Name(), r.Seq, err)
			return false, nil
		}
		n++
		if err := c.tick(p.Name(), n); err != nil {
			return false, err
		}
	}
	return true, nil
}

func (c *checker) projectionRows(p entity.Projection, want rowHashes) error {
	prefix := rowsPrefix(p.Name())
	for row, err := range c.scanCommitted(prefix, prefix, false) {
		if err != nil {
			return err
		}
		c.report.Rows++
		key := string(row.Key[len(prefix):])
		if h, ok := want.sums[key]; ok {
			if is, err := want.sum(row.Value); err != nil || is != h {
				c.find("projection %s: the sums of row %q are not what the log gives", p.Name(), key)
			}
			delete(want.sums, key)
			continue
		}
		if h, ok := want.rows[key]; !ok || h != maphash.Bytes(want.seed, row.Value) {
			c.find("projection %s: row %q is not what the log gives", p.Name(), key)
		}
		delete(want.rows, key)
	}
	for _, left := range []map[string]uint64{want.rows, want.sums} {
		for key := range left {
			c.find("projection %s: row %q is missing", p.Name(), key)
		}
	}
	return nil
}

// rowHashes stands for a projection's rows in a fraction of their memory.
type rowHashes struct {
	seed maphash.Seed
	rows map[string]uint64
	sums map[string]uint64 // of rows of sums: each place's hash times its amount, added up
}

func (w rowHashes) Set(key, value []byte) { w.rows[string(key)] = maphash.Bytes(w.seed, value) }

func (w rowHashes) Delete(key []byte) { delete(w.rows, string(key)) }

func (w rowHashes) Add(key []byte, more entity.Sums) {
	h := w.sums[string(key)]
	for _, s := range more {
		h += w.place(s.Place) * uint64(s.Amount)
	}
	w.sums[string(key)] = h
}

func (w rowHashes) place(n uint32) uint64 { return maphash.Comparable(w.seed, n) }

func (w rowHashes) sum(row []byte) (h uint64, err error) {
	err = entity.EachSum(row, func(place uint32, amount int64) { h += w.place(place) * uint64(amount) })
	return h, err
}
