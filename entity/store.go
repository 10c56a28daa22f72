package entity

import (
	"context"
	"iter"
)

// Head is the current state of an entity in short: enough for a listing or a
// label without reading the manifest.
type Head struct {
	_          struct{} `cbor:",toarray"`
	ID         ID       `cbor:"-"`
	Tip        Digest
	Ver        int64
	TS         int64 // of the tip, ms since 1970
	CreatedAt  int64 // ms since 1970
	Type       string
	Label      string
	Collection ID   // as in [Change]
	Deleted    bool // the tip is a tombstone
}

// CID is the tip.
func (h Head) CID() CID { return CIDOf(h.Tip) }

// VersionRef points at one version of an entity.
type VersionRef struct {
	Ver int64
	CID CID
}

// Version is a sealed manifest with its name.
type Version struct {
	CID      CID
	Manifest *Manifest // shared: read only
}

// Expect is the condition of a write on the tip it replaces.
type Expect struct {
	any  bool
	tip  CID
	text string // what was given in place of a CID; allows nothing
}

// Any expects nothing: the write applies to whatever the tip is.
var Any = Expect{any: true}

// At expects the tip to be c.
func At(c CID) Expect { return Expect{tip: c} }

// Allows tells whether the condition holds for the tip.
func (e Expect) Allows(tip CID) bool { return e.any || e.text == "" && e.tip == tip }

// String is the expected tip, "none" for none.
func (e Expect) String() string {
	if e.text != "" {
		return e.text
	}
	return tipText(e.tip)
}

// Mismatch is the lost compare-and-swap of e against the tip of id.
func (e Expect) Mismatch(op string, id ID, actual CID) *Error {
	tips := Tips{ID: id, Expected: e.String(), Actual: tipText(actual)}
	return &Error{Kind: KindConflict, Op: op, Message: "expected tip " + tips.Expected + ", got " + tips.Actual, Tips: &tips}
}

// Reader reads one consistent state of a store: all of it as of [Reader.Seq].
// It is valid inside the closure it was given to and used by one goroutine.
//
// Sequences yield an error as their last pair and stop.
type Reader interface {
	Network() Network
	// Seq is the number of the last change that this state includes, 0 for none.
	Seq() Seq
	// Head reads an entity's current state. KindNotFound when there never was one.
	Head(ID) (Head, error)
	// Heads yields the current state of every entity that ever was, ascending by
	// identifier, at a fraction of what looking each up takes.
	Heads() iter.Seq2[Head, error]
	// Manifest reads a version by its CID; shared, read only. KindNotFound.
	Manifest(CID) (*Manifest, error)
	// Block reads any block's bytes, which the caller owns. KindNotFound.
	Block(CID) ([]byte, error)
	// VersionAt is one look-up however long the history. KindNotFound.
	VersionAt(id ID, ver int64) (CID, error)
	// History yields versions of an entity, newest first, from version from
	// (0: the tip) down to 1.
	History(id ID, from int64) iter.Seq2[VersionRef, error]
	// Log yields the records that hold changes after the number given, ascending:
	// shared, read only. The first record may begin at or before it.
	Log(after Seq) iter.Seq2[*Record, error]
	// LogBefore yields the records that hold changes before the number given
	// (0: from the newest), descending. The first may end at or after it.
	LogBefore(before Seq) iter.Seq2[*Record, error]
	// ChainHead is the last block of a chain; N is 0 when nothing was appended.
	ChainHead(id ID, chain string) (ChainRef, error)
	// Chain yields a chain's blocks ascending, from position from (1 is the first).
	Chain(id ID, chain string, from int64) iter.Seq2[ChainRef, error]
	// Secret reads from the secret space; nil when there is no such key.
	Secret(key string) ([]byte, error)
	// Rows are what a projection keeps, read only.
	Rows(projection string) Rows
}

// Draft is an entity to be created.
type Draft struct {
	ID            ID // "" mints one
	Type          string
	Properties    Properties     // the store takes it over
	Relationships []Relationship // the store takes it over
	Note          string
}

// Passing begins the names of secrets that change all the time and matter
// little, such as when a key was last used: a backup has them, but their change
// alone is no reason to make one.
const Passing = "~"

// Tip is the latest version of an entity, deleted or not. KindNotFound.
func Tip(r interface {
	Head(ID) (Head, error)
	Manifest(CID) (*Manifest, error)
}, id ID) (*Version, error) {
	h, err := r.Head(id)
	if err != nil {
		return nil, err
	}
	m, err := r.Manifest(h.CID())
	if err != nil {
		return nil, err
	}
	return &Version{CID: h.CID(), Manifest: m}, nil
}

// Tx is the one way to write. Reads see what the transaction has written.
type Tx interface {
	Reader
	Actor() Actor
	// NewID mints an identifier of the store's network.
	NewID() ID
	// Create writes version 1. KindExists when the id is taken, KindInvalid
	// when it is of the other network or the draft breaks a rule.
	Create(Draft) (*Version, error)
	// Put writes the next version: edit changes a copy of the tip. Version
	// number, times, prev and editor are set by the store, and the note is
	// cleared before edit. KindNotFound, KindConflict with [Tips], KindInvalid,
	// or what edit returns.
	Put(id ID, expect Expect, edit func(*Manifest) error) (*Version, error)
	// Adopt writes a version that was made elsewhere, as it is: its bytes, times
	// and editor. It must follow the tip, or be version 1 of an entity that is not
	// here. What is in the history already is given back and nothing written.
	// KindInvalid when the block is not a strict manifest of this network,
	// KindConflict with [Tips] when it follows another version than the tip.
	Adopt(block []byte) (*Version, error)
	// Append adds a block to a chain of an existing entity. expect is the
	// chain's head before, or [Any]. KindNotFound, KindConflict.
	Append(id ID, chain string, expect Expect, body Properties) (ChainRef, error)
	// AdoptBlock is [Tx.Adopt] for a block of a chain: it must follow the chain's
	// head, or be block 1 of a chain that is not here. KindNotFound when its
	// entity is not here.
	AdoptBlock(block []byte) (ChainRef, error)
	// Erase removes the bytes of blocks of an entity's chain [ChainContent], and
	// appends to [ChainErased] that it did. Hashes, places and the log stay. Bytes
	// that are gone already stay so. KindNotFound, KindInvalid where there are no
	// such blocks.
	Erase(id ID, what Erasure) (ChainRef, error)
	// AdoptGap is [Tx.AdoptBlock] for a block of [ChainContent] whose bytes are
	// nowhere any more: its place and its CID. [Tx.AdoptBlock] of the block of
	// [ChainErased] that names it has to follow.
	AdoptGap(id ID, n int64, c CID) (ChainRef, error)
	// AppendSealed adds blocks to a chain of an existing entity which were sealed
	// before the transaction: the first must follow the chain's head, or be block
	// 1 of a chain that is not here, and each other the one before it. The bytes
	// are the store's from then on. KindNotFound, KindConflict with [Tips],
	// KindInvalid for no blocks, and for those of several chains.
	AppendSealed(blocks ...*SealedBlock) (ChainRef, error)
	// SetSecret writes to the secret space, in this transaction. No secret is
	// ever part of a block or a record.
	SetSecret(key string, value []byte)
	// DeleteSecret removes a secret; the bytes are gone after compaction.
	DeleteSecret(key string)
}

// Store is a network's log with everything derived from it.
type Store interface {
	Network() Network
	// View runs fn on the latest committed state.
	View(ctx context.Context, fn func(Reader) error) error
	// Update runs fn and commits all it wrote as one record, or nothing when
	// fn returns an error, which Update hands on. It returns once the record is
	// on disk and in every inline projection, with the number of its last
	// change (of the state read, when fn wrote nothing).
	//
	// fn may run more than once, against newer states, and only the last run
	// counts: it must do no I/O, and set what it captures afresh in each run.
	Update(ctx context.Context, by Actor, fn func(Tx) error) (Seq, error)
	// Wait returns when a change after the number given is visible, or with
	// ctx's error as KindCanceled or KindTimeout.
	Wait(ctx context.Context, after Seq) error
}

// AtText is [At] for a tip as a client wrote it. Text that is not a CID is the
// tip of nothing, and so in conflict with whatever the tip is.
func AtText(text string) Expect {
	c, err := ParseCID(text)
	if err != nil {
		return Expect{text: text}
	}
	return At(c)
}
