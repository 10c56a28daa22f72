package portal_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"stemma/api/llm/memory"
	"stemma/entity"
)

// Partitions are a tree, which has no circles and no strangers in it.
func TestPartitions(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	make := func(name, parent string) string {
		return text(w.must(201, ann.token, "POST", "/partitions", object{"external_id": name, "parent_id": parent}), "uuid")
	}
	shape := func() string {
		return strings.TrimSpace(shapeOf(w.must(200, ann.token, "GET", "/partitions", nil), "partitions"))
	}
	a := make("a", "")
	b := make("b", a)
	c := make("c", "b")
	make("d", "")
	if got := shape(); got != "d a(b(c))" {
		t.Error(got)
	}
	w.must(400, ann.token, "PUT", "/partitions/"+a, object{"parent_id": c})
	if got := w.must(200, ann.token, "PUT", "/partitions/"+c, object{"parent_id": "", "title": "Sea"}); got["success"] != true {
		t.Error(got)
	}
	if got := shape(); got != "d c a(b)" {
		t.Error(got)
	}
	w.must(200, ann.token, "PUT", "/partitions/"+a, object{"parent_id": c}) // no circle now
	if got := shape(); got != "d c(a(b))" {
		t.Error(got)
	}
	w.must(409, ann.token, "DELETE", "/partitions/"+a, nil)
	w.must(200, ann.token, "DELETE", "/partitions/"+b, nil)
	w.must(200, ann.token, "DELETE", "/partitions/"+a, nil)
	make("a", "") // its name is free again
	if got := shape(); got != "a d c" {
		t.Error(got)
	}
	// As deep as they may lie, and no deeper.
	above := ""
	for i := range 32 {
		above = make(fmt.Sprint("deep", i), above)
	}
	w.must(400, ann.token, "POST", "/partitions", object{"external_id": "deeper", "parent_id": above})
	w.must(400, ann.token, "PUT", "/partitions/"+c, object{"parent_id": above})
	deep := text(w.must(200, ann.token, "GET", "/partitions", nil), "partitions", 0, "uuid")
	w.must(400, ann.token, "PUT", "/partitions/"+deep, object{"parent_id": c})
}

// Where the tenant wants content sealed no version of a partition has its title, and
// the tenant reads it; titles from before stay as they are until they are set again.
func TestPartitionTitlesAreSealed(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	const title = "the-marker-of-this-test"
	before := text(w.must(201, ann.token, "POST", "/partitions", object{"external_id": "before", "title": "Before"}), "uuid")
	w.must(200, ann.token, "PATCH", "/settings", object{"sealContent": true})
	made := w.must(201, ann.token, "POST", "/partitions", object{"external_id": "made", "title": title + "-1"})
	bare := w.must(201, ann.token, "POST", "/partitions", object{"external_id": "bare"})
	w.must(200, ann.token, "PUT", "/partitions/"+before, object{"title": title + "-2"})
	w.must(200, ann.token, "PUT", "/partitions/"+text(bare, "uuid"), object{"parent_id": "made"})
	if text(made, "title") != title+"-1" || text(bare, "title") != "bare" {
		t.Errorf("%v, %v", made, bare)
	}
	list := w.must(200, ann.token, "GET", "/partitions", nil)
	if text(list, "partitions", 0, "title") != title+"-1" || text(list, "partitions", 0, "children", 0, "title") != "bare" || text(list, "partitions", 1, "title") != title+"-2" {
		t.Errorf("%v", list)
	}
	if err := w.store.View(t.Context(), func(r entity.Reader) error {
		for rec, err := range r.Log(0) {
			if err != nil {
				return err
			}
			for _, c := range rec.Changes {
				if raw, err := r.Block(c.CID()); err != nil || strings.Contains(string(raw), title) {
					t.Errorf("version %d of the %s %s has it: %v", c.Ver, c.Type, c.ID, err)
				}
			}
		}
		return nil
	}); err != nil {
		t.Error(err)
	}
	w.must(200, ann.token, "PATCH", "/settings", object{"sealContent": false})
	if list := w.must(200, ann.token, "GET", "/partitions", nil); text(list, "partitions", 0, "title") != title+"-1" {
		t.Errorf("%v", list)
	}
}

func shapeOf(v any, list string) (out string) {
	all, _ := at(v, list).([]any)
	for _, p := range all {
		out += text(p, "id")
		if below := shapeOf(p, "children"); below != "" {
			out += "(" + strings.TrimSpace(below) + ")"
		}
		out += " "
	}
	return out
}

// A conversation is read by whoever is in the tenant, opened where it is sealed,
// and is no longer remembered once it is deleted.
func TestConversations(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	mia, eve := w.join(ann, "mia"), w.signUp("eve")
	w.must(200, ann.token, "PATCH", "/settings", object{"sealContent": true})
	bot := w.agent(ann, object{})
	id, partition := w.said(ann.tenant, bot, "Where is the umbrella?", "By the door.")
	place := w.place(ann.tenant, bot)
	_, err := w.store.Update(t.Context(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		return memory.Summarise(tx, entity.ID(id), place.Box, true, 2, "The umbrella is by the door.")
	})
	w.ok(err)
	w.clock.Advance(time.Minute)
	w.said(ann.tenant, bot, "Thanks!")
	w.noSecret("umbrella", "Thanks!")
	for _, p := range []person{ann, mia} {
		c := w.must(200, p.token, "GET", "/conversations/"+id, nil)["conversation"]
		snapshot := text(c, "snapshots", 0, "id")
		if text(c, "messages", 0, "content") != "Where is the umbrella?" || text(c, "messages", 1, "role") != "assistant" || text(c, "snapshots", 0, "summary") != "The umbrella is by the door." || at(c, "snapshots", 0, "messages_archived") != 2.0 {
			t.Error(c)
		}
		if snapshot == "" || text(c, "messages", 1, "snapshot_id") != snapshot || at(c, "messages", 2, "snapshot_id") != nil || at(c, "message_count") != 3.0 || text(c, "last_active_at") != text(c, "messages", 2, "created_at") {
			t.Error(c)
		}
		if text(c, "agent_id") != bot || text(c, "partition_id") != partition || text(c, "external_id") != "talk" || text(c, "begins") != "Where is the umbrella?" {
			t.Error(c)
		}
	}
	w.must(404, eve.token, "GET", "/conversations/"+id, nil)
	w.must(403, mia.token, "DELETE", "/conversations/"+id, nil)
	w.must(409, ann.token, "DELETE", "/partitions/"+partition, nil)
	w.must(204, ann.token, "DELETE", "/conversations/"+id, nil)
	w.must(404, ann.token, "GET", "/conversations/"+id, nil)
	w.must(200, ann.token, "DELETE", "/partitions/"+partition, nil)
	w.ok(w.store.View(t.Context(), func(r entity.Reader) error {
		s, err := memory.Load(r, place)
		if s.ID != "" || s.Messages != nil {
			t.Errorf("it is remembered: %+v", s)
		}
		return err
	}))
	if again, _ := w.said(ann.tenant, bot, "Hello?"); again == id {
		t.Error("the deleted one goes on")
	}
}

// Pages hold each conversation once, newest first, also of one partition, and
// whatever others put there meanwhile.
func TestConversationPages(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	bot := w.agent(ann, object{})
	var made []string
	talk := func(partition, name string) {
		p := w.place(ann.tenant, bot)
		p.Partition, p.Conversation = partition, name
		_, err := w.store.Update(t.Context(), entity.Actor{UserID: entity.ID(bot), Method: entity.MethodAI}, func(tx entity.Tx) error {
			s, err := memory.Append(tx, p, false, []memory.Message{{Role: "user", Content: name}})
			made = append(made, string(s.ID))
			return err
		})
		w.ok(err)
		w.clock.Advance(time.Second)
	}
	for i := range 7 {
		talk([]string{"", "p"}[i%2], fmt.Sprint("c", i))
	}
	read := func(query string) (ids []string) {
		for cursor := ""; ; {
			page := w.must(200, ann.token, "GET", "/conversations?limit=2"+query+cursor, nil)
			for _, c := range page["conversations"].([]any) {
				ids = append(ids, text(c, "id"))
			}
			if page["next_cursor"] == nil {
				return ids
			}
			cursor = "&cursor=" + text(page, "next_cursor")
			if len(ids) == 2 {
				talk("p", "late"+query)
			}
		}
	}
	want := slices.Clone(made)
	slices.Reverse(want)
	if got := read(""); !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
	if got, want := read("&partition_id=p"), []string{made[7], made[5], made[3], made[1]}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// The conversations with one agent are told from those with others, page by page.
func TestConversationsOfAnAgent(t *testing.T) {
	w := newRig(t)
	ann := w.signUp("ann")
	bots := []string{w.agent(ann, object{}), w.agent(ann, object{})}
	made := map[string][]string{}
	for i := range 6 {
		bot := bots[i%2]
		p := w.place(ann.tenant, bot)
		p.Conversation = fmt.Sprint("c", i)
		_, err := w.store.Update(t.Context(), entity.Actor{UserID: entity.ID(bot), Method: entity.MethodAI}, func(tx entity.Tx) error {
			s, err := memory.Append(tx, p, false, []memory.Message{{Role: "user", Content: "Hello"}})
			made[bot] = append([]string{string(s.ID)}, made[bot]...)
			return err
		})
		w.ok(err)
		w.clock.Advance(time.Second)
	}
	for _, bot := range bots {
		var got []string
		for cursor := ""; ; {
			page := w.must(200, ann.token, "GET", "/conversations?limit=2&agent_id="+bot+cursor, nil)
			for _, c := range page["conversations"].([]any) {
				got = append(got, text(c, "id"))
			}
			if page["next_cursor"] == nil {
				break
			}
			cursor = "&cursor=" + text(page, "next_cursor")
		}
		if !slices.Equal(got, made[bot]) {
			t.Errorf("%v, want %v", got, made[bot])
		}
	}
}
