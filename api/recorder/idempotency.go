package recorder

import (
	"crypto/sha256"
	"encoding/hex"
	"strconv"
	"time"

	"github.com/fxamacker/cbor/v2"

	"stemma/api/recorder/run"
	"stemma/entity"
	"stemma/entity/access"
	"stemma/entity/guard"
)

const (
	idemSpace = entity.Passing + "recorder/idem/"
	idemKept  = 24 * time.Hour
	// idemForget is how many old answers a request may forget: more than one, so
	// that what is kept gets less where less is asked.
	idemForget = 2
)

// idem is a request's idempotency key; nil where it has none.
type idem struct {
	space string // of its queue: a principal's sixteenth, so that few requests meet there
	hash  string // of the key
	body  []byte // hash of what is asked for
}

// kept is what is kept of a request that was answered: what its answers are made
// from again.
type kept struct {
	_    struct{} `cbor:",toarray"`
	At   int64    // ms since 1970
	Body []byte
	Refs []keptRef
}

// keptRef is one answer: a place in the chain of a run, or a session.
type keptRef struct {
	_  struct{} `cbor:",toarray"`
	ID entity.ID
	N  int64 // 0: a session
}

// idempotent reads a request's key. What the request asks for is the records as
// they were read, so that white space and the order of members do not count.
func idempotent(p access.Principal, from callerIn, records []record) (*idem, error) {
	if from.Key == "" {
		return nil, nil
	}
	list := make([]any, len(records))
	for i, r := range records {
		body := r.body
		if body == nil {
			body = entity.Properties{}
		}
		at := int64(0)
		if !r.at.IsZero() {
			at = r.at.UnixMilli()
		}
		list[i] = []any{string(r.kind), r.ref, r.agent, r.run, r.session, r.step, r.word, at, body}
	}
	block, _, err := entity.EncodeBlock(map[string]any{"agent": from.Agent, "records": list})
	if err != nil {
		return nil, err
	}
	body := sha256.Sum256(block)
	sum := sha256.Sum256([]byte(from.Key))
	hash := hex.EncodeToString(sum[:])
	return &idem{space: idemSpace + string(p.ID) + "/" + hash[:1] + "/", hash: hash, body: body[:]}, nil
}

// known is what the request was answered before; nil when it was not. KindExists
// when another request has the key.
func (i *idem) known(r entity.Reader, now time.Time) (*kept, error) {
	if i == nil {
		return nil, nil
	}
	b, err := r.Secret(i.space + "k/" + i.hash)
	if err != nil || b == nil {
		return nil, err
	}
	k := new(kept)
	if err := cbor.Unmarshal(b, k); err != nil {
		return nil, entity.Internal("recorder.known", err)
	}
	if now.UnixMilli()-k.At >= idemKept.Milliseconds() {
		return nil, nil
	}
	if string(k.Body) != string(i.body) {
		return nil, entity.Errorf(entity.KindExists, "recorder.known", "this Idempotency-Key was used for another request; take a new key for each request, and the same only to repeat one")
	}
	return k, nil
}

// answers are what was answered, read back.
func (k *kept) answers(r *guard.Reader) ([]answer, error) {
	out := make([]answer, len(k.Refs))
	for i, ref := range k.Refs {
		out[i] = answer{id: ref.ID, kind: kindSession}
		if ref.N == 0 {
			continue
		}
		e, err := run.At(r, ref.ID, ref.N)
		if err != nil {
			return nil, err
		}
		out[i] = answer{id: ref.ID, kind: e.Kind, n: e.N, cid: e.CID, sequence: e.StepsSoFar(), status: e.Status, at: e.Time()}
		switch e.Kind {
		case run.KindStart:
			out[i].status = run.Running
		case run.KindEnd:
			m, err := tipOf(r, ref.ID)
			if err != nil {
				return nil, err
			}
			if s := run.SummaryOf(m); s != nil {
				out[i].duration = s.Duration
			}
		}
	}
	return out, nil
}

// queue is the ends of a queue of hashes, the oldest first.
type queue struct {
	_          struct{} `cbor:",toarray"`
	Head, Tail int64    // the first, and one past the last
}

// keep remembers what a request was answered, and forgets what is old.
func (i *idem) keep(tx entity.Tx, answers []answer, now time.Time) error {
	if i == nil {
		return nil
	}
	k := kept{At: now.UnixMilli(), Body: i.body}
	for _, a := range answers {
		k.Refs = append(k.Refs, keptRef{ID: a.id, N: a.n})
	}
	if err := putCBOR(tx, i.space+"k/"+i.hash, &k); err != nil {
		return err
	}
	var q queue
	if err := getCBOR(tx, i.space+"q", &q); err != nil {
		return err
	}
	for range idemForget {
		done, err := i.forget(tx, &q, now)
		if err != nil {
			return err
		}
		if done {
			break
		}
	}
	tx.SetSecret(i.at(q.Tail), []byte(i.hash))
	q.Tail++
	return putCBOR(tx, i.space+"q", &q)
}

func (i *idem) at(n int64) string { return i.space + "q/" + strconv.FormatInt(n, 10) }

// forget drops the oldest answer when it is old enough; done tells that it is not.
func (i *idem) forget(tx entity.Tx, q *queue, now time.Time) (done bool, err error) {
	if q.Head == q.Tail {
		return true, nil
	}
	hash, err := tx.Secret(i.at(q.Head))
	if err != nil {
		return true, err
	}
	var k kept
	if err := getCBOR(tx, i.space+"k/"+string(hash), &k); err != nil {
		return true, err
	}
	if now.UnixMilli()-k.At < idemKept.Milliseconds() && string(hash) != i.hash {
		return true, nil
	}
	if string(hash) != i.hash { // of one used again after a day the new answer stays
		tx.DeleteSecret(i.space + "k/" + string(hash))
	}
	tx.DeleteSecret(i.at(q.Head))
	q.Head++
	return false, nil
}

func putCBOR(tx entity.Tx, name string, v any) error {
	b, err := cbor.Marshal(v)
	if err != nil {
		return entity.Internal("recorder.putCBOR", err)
	}
	tx.SetSecret(name, b)
	return nil
}

// getCBOR leaves v as it is where nothing is kept.
func getCBOR(r entity.Reader, name string, v any) error {
	b, err := r.Secret(name)
	if err != nil || b == nil {
		return err
	}
	if err := cbor.Unmarshal(b, v); err != nil {
		return entity.Internal("recorder.getCBOR", err)
	}
	return nil
}
