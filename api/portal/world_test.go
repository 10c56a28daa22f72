package portal_test

import (
	"net/http/httptest"
	"strings"
	"testing"

	"stemma/api/auth"
	"stemma/api/llm/agent"
	"stemma/api/llm/memory"
	"stemma/api/llm/tenant"
	"stemma/api/wire/wiretest"
	"stemma/entity"
	"stemma/entity/access"
)

// world is two tenants and one above the first, with everybody who may come by.
// The people have no passwords, as those take long.
type world struct {
	*rig
	vars map[string]string // what rows are about: ids and tokens by name
	// callers are the Authorization headers of everybody who tries an operation.
	callers map[string]string
}

// Who tries: Ann owns the tenant, Mia is in it, Pat owns the tenant above, Eve
// another one, Bea is in both and comes with a token of Eve's, Leo was removed.
const (
	owner     = "the owner"
	member    = "a member"
	above     = "the owner of the tenant above"
	stranger  = "a stranger"
	both      = "who is in both, with a token of the other"
	looks     = "an owner's key for looking"
	left      = "who has left"
	operator  = "the operator"
	agentKey  = "an agent's key"
	anonymous = "nobody"
	expired   = "an expired token"
	tampered  = "a tampered token"
)

func newWorld(t testing.TB) *world {
	t.Helper()
	w := &world{rig: newRig(t), vars: map[string]string{"nobody": wiretest.UnknownID}, callers: map[string]string{anonymous: "", operator: "ApiKey "}}
	w.callers[operator] += w.root
	people := map[string]entity.ID{}
	lookKey := "uk_" + strings.Repeat("1", 64)
	house := func(tx entity.Tx, name, owner string, parent entity.ID) entity.ID {
		v, err := tenant.Create(tx, tenant.Spec{Name: name, Owner: people[owner], Parent: parent, At: w.clock.Now()})
		w.ok(err)
		return v.Manifest.ID
	}
	var upper, ours, others entity.ID
	_, err := w.store.Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		for _, name := range []string{"ann", "mia", "pat", "eve", "bea", "leo"} {
			v, err := tx.Create(entity.Draft{Type: entity.TypeUser, Properties: entity.Properties{"label": name}})
			w.ok(err)
			people[name] = v.Manifest.ID
		}
		upper = house(tx, "upper house", "pat", "")
		ours = house(tx, "our house", "ann", upper)
		others = house(tx, "other house", "eve", "")
		for in, names := range map[entity.ID][]string{ours: {"mia", "bea", "leo"}, others: {"bea"}} {
			_, err := tx.Put(in, entity.Any, func(m *entity.Manifest) error {
				for _, name := range names {
					tenant.Seat(m, people[name], tenant.RoleMember, w.clock.Now())
				}
				return nil
			})
			w.ok(err)
		}
		_, err := tx.Put(others, entity.Any, func(m *entity.Manifest) error {
			tenant.Seat(m, people["bea"], tenant.RoleOwner, w.clock.Now())
			return nil
		})
		w.ok(err)
		return auth.SetKey(tx, lookKey, access.Principal{ID: people["ann"], Kind: access.User, Scopes: []access.Action{"*:view"}})
	})
	w.ok(err)
	for who, at := range map[string]struct {
		name string
		in   entity.ID
	}{owner: {"ann", ours}, member: {"mia", ours}, above: {"pat", upper}, stranger: {"eve", others}, both: {"bea", others}, left: {"leo", ours}} {
		token, err := w.auth.TenantToken(t.Context(), people[at.name], at.in)
		w.ok(err)
		w.callers[who] = "Bearer " + token
	}
	w.callers[looks] = "ApiKey " + lookKey
	for name, id := range people {
		w.vars[name] = string(id)
	}
	w.vars["tenant"], w.vars["other"], w.vars["upper"] = string(ours), string(others), string(upper)
	w.must(204, w.token(owner), "DELETE", "/members/"+w.vars["leo"], nil)
	w.expire(t)
	w.furnish()
	return w
}

// expire makes the two tokens that are no good.
func (w *world) expire(t testing.TB) {
	ann := w.callers[owner]
	dot := strings.LastIndexByte(ann, '.')
	body := []byte(ann[dot-9:])
	body[0] ^= 1
	w.callers[tampered] = ann[:dot-9] + string(body)
	ctx := t.Context()
	w.clock.Advance(-2 * auth.TenantTokenLifetime)
	token, err := w.auth.TenantToken(ctx, entity.ID(w.vars["ann"]), entity.ID(w.vars["tenant"]))
	w.ok(err)
	w.clock.Advance(2 * auth.TenantTokenLifetime)
	w.callers[expired] = "Bearer " + token
}

// token is a caller's, behind Bearer.
func (w *world) token(who string) string { return strings.TrimPrefix(w.callers[who], "Bearer ") }

// furnish makes what the rows are about.
func (w *world) furnish() {
	w.t.Helper()
	ann := person{token: w.token(owner)}
	w.vars["agent"] = w.agent(ann, object{})
	w.vars["otheragent"] = w.agent(person{token: w.token(stranger)}, object{})
	key := w.must(201, ann.token, "POST", "/api-keys", object{"name": "k", "agentId": w.vars["agent"]})
	w.vars["key"], w.callers[agentKey] = text(key, "id"), "Bearer "+text(key, "key")
	invite := w.must(201, ann.token, "POST", "/invites", object{})
	w.vars["invite"], w.vars["invitetoken"] = text(invite, "id"), text(invite, "token")
	w.vars["conversation"], w.vars["partition"] = w.said(w.vars["tenant"], w.vars["agent"], "Hello", "Hello to you")
	w.vars["otherconversation"], w.vars["otherpartition"] = w.said(w.vars["other"], w.vars["otheragent"], "Hello", "Hello to you")
	w.vars["trace"] = w.asked(w.vars["tenant"], w.vars["agent"], object{})
	w.vars["othertrace"] = w.asked(w.vars["other"], w.vars["otheragent"], object{})
	w.vars["emptypartition"] = text(w.must(201, ann.token, "POST", "/partitions", object{"external_id": "empty"}), "uuid")
	w.vars["below"] = text(w.must(201, ann.token, "POST", "/partitions", object{"external_id": "below", "parent_id": "people"}), "uuid")
}

// said has somebody talk with an agent, question and answer, as the gateway
// records it: in the conversation "talk" of the partition "people".
func (w *rig) said(in, agent string, said ...string) (conversation, partition string) {
	w.t.Helper()
	place := w.place(in, agent)
	_, err := w.store.Update(w.t.Context(), entity.Actor{UserID: entity.ID(agent), Method: entity.MethodAI}, func(tx entity.Tx) error {
		var messages []memory.Message
		for i, text := range said {
			messages = append(messages, memory.Message{Role: []string{"user", "assistant"}[i%2], Content: text})
		}
		s, err := memory.Append(tx, place, place.Box != nil, messages)
		if err != nil {
			return err
		}
		at, err := memory.FindPartition(tx, place.Tenant, place.Workspace, place.Partition)
		conversation, partition = string(s.ID), string(at)
		return err
	})
	w.ok(err)
	return conversation, partition
}

// place is where a tenant's conversation is; sealed where the tenant says so.
func (w *rig) place(in, of string) memory.Place {
	w.t.Helper()
	p := memory.Place{Tenant: entity.ID(in), Agent: entity.ID(of), Partition: "people", Conversation: "talk"}
	w.ok(w.store.View(w.t.Context(), func(r entity.Reader) error {
		got, err := agent.Resolve(r, p.Agent)
		if err != nil {
			return err
		}
		if p.Workspace = got.Workspace; got.SealContent {
			p.Box = w.box.Of(p.Tenant)
		}
		return nil
	}))
	return p
}

// send sends a row's request; headers are key, value, key, value.
func (w *world) send(method, path, body string, headers ...string) *httptest.ResponseRecorder {
	if !strings.HasPrefix(path, "/v1/") {
		path = "/v1/portal" + path
	}
	r := httptest.NewRequest(method, "http://stemma"+wiretest.Fill(w.vars, path), strings.NewReader(wiretest.Fill(w.vars, body)))
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	if strings.HasPrefix(body, "--"+boundary) {
		r.Header.Set("Content-Type", "multipart/form-data; boundary="+boundary)
	}
	for i := 0; i+1 < len(headers); i += 2 {
		r.Header.Del(headers[i])
		if headers[i+1] != "" {
			r.Header.Set(headers[i], wiretest.Fill(w.vars, headers[i+1]))
		}
	}
	out := httptest.NewRecorder()
	w.ServeHTTP(out, r)
	return out
}
