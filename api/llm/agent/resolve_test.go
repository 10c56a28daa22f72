package agent_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"stemma/api/llm/agent"
	"stemma/entity"
	"stemma/entity/store"
)

// world is a store with entities that are made by name.
type world struct {
	*testing.T
	*store.Store
	ids map[string]entity.ID
}

func newWorld(t *testing.T) *world {
	t.Helper()
	s, err := store.Open(store.Options{Network: entity.Main})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return &world{t, s, map[string]entity.ID{}}
}

type rel = map[entity.Predicate]string

// make creates an entity, or writes its next version.
func (w *world) make(name, typ string, p entity.Properties, rels rel) {
	w.Helper()
	p["label"] = name
	_, err := w.Update(context.Background(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		var all []entity.Relationship
		for predicate, peer := range rels {
			all = append(all, entity.Relationship{Predicate: predicate, Peer: w.ids[peer]})
		}
		if id := w.ids[name]; id != "" {
			_, err := tx.Put(id, entity.Any, func(m *entity.Manifest) error {
				m.Properties, m.Relationships = p, append([]entity.Relationship{}, all...)
				return nil
			})
			return err
		}
		v, err := tx.Create(entity.Draft{Type: typ, Properties: p, Relationships: all})
		if err == nil {
			w.ids[name] = v.Manifest.ID
		}
		return err
	})
	if err != nil {
		w.Fatal(err)
	}
}

func (w *world) resolve(name string) (out *agent.Resolved, err error) {
	w.Helper()
	if e := w.View(context.Background(), func(r entity.Reader) error { out, err = agent.Resolve(r, w.ids[name]); return nil }); e != nil {
		w.Fatal(e)
	}
	return out, err
}

// show is a resolved agent in a line.
func (w *world) show(name string) string {
	w.Helper()
	r, err := w.resolve(name)
	if err != nil {
		w.Fatal(err)
	}
	of := map[entity.ID]string{}
	for name, id := range w.ids {
		of[id] = name
	}
	var b strings.Builder
	if r.Provider != nil {
		fmt.Fprintf(&b, "%s/%s key of %s; ", r.Provider.Config.Kind, r.Provider.Config.Model, of[r.Credential])
	}
	if r.SystemPrompt != nil {
		fmt.Fprintf(&b, "%q; ", *r.SystemPrompt)
	}
	for _, s := range r.Skills {
		fmt.Fprintf(&b, "%s=%v ", agent.SkillName(s), s["from"])
	}
	for _, s := range r.MCPEndpoints {
		fmt.Fprintf(&b, "%s=%v ", s["name"], s["url"])
	}
	fmt.Fprintf(&b, "active=%v", r.Active)
	for _, l := range r.Chain {
		b.WriteString(" " + l.Name)
	}
	return b.String()
}

func tool(name, from string) map[string]any {
	return map[string]any{"type": "function", "from": from, "function": map[string]any{"name": name}}
}

func endpoint(name, url string) map[string]any { return map[string]any{"name": name, "url": url} }

// What is nearest wins: a provider and a prompt whole, tools and endpoints by
// name, up to the tenants above.
func TestResolve(t *testing.T) {
	w := newWorld(t)
	w.make("top", entity.TypeTenant, entity.Properties{"settings": map[string]any{
		"provider_config": map[string]any{"provider": "anthropic", "model": "m-top"}, "system_prompt": "of top",
		"skills": []any{tool("a", "top"), tool("c", "top")}, "mcp_endpoints": []any{endpoint("x", "http://top"), endpoint("z", "http://top")},
	}}, nil)
	w.make("house", entity.TypeTenant, entity.Properties{"settings": map[string]any{"skills": []any{tool("b", "house"), tool("a", "house"), tool("a", "twice"), "no tool", map[string]any{}}}}, rel{entity.PredicateParent: "top"})
	w.make("rooms", entity.TypeCollection, entity.Properties{}, rel{entity.PredicateTenant: "house"})
	w.make("bot", entity.TypeAgent, entity.Properties{"skills": []any{tool("b", "bot")}, "mcp_endpoints": []any{endpoint("x", "http://bot"), map[string]any{"url": "http://nameless"}}}, rel{entity.PredicateCollection: "rooms"})
	if got, want := w.show("bot"), `anthropic/m-top key of top; "of top"; b=bot a=house c=top x=http://bot z=http://top active=true bot house top`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// The agent's own come first, and a provider without a key takes nobody's.
	w.make("bot", entity.TypeAgent, entity.Properties{"system_prompt": "of bot", "provider_config": map[string]any{"provider": "openai", "base_url": "https://bot.example/v1"}}, rel{entity.PredicateCollection: "rooms"})
	if got, want := w.show("bot"), `openai/ key of bot; "of bot"; b=house a=house c=top x=http://top z=http://top active=true bot house top`; got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}

	// Who is above and switched off switches off what is below.
	w.make("top", entity.TypeTenant, entity.Properties{"status": agent.StatusInactive}, nil)
	if r, _ := w.resolve("bot"); r.Active {
		t.Error("active under a tenant that is not")
	}
}

// A provider of the operator's counts while it is open to the tenant whose level
// names it.
func TestReference(t *testing.T) {
	w := newWorld(t)
	shared := func(all bool, rels rel) {
		w.make("shared", agent.TypeProvider, entity.Properties{"kind": "openai", "model": "m1", "base_url": "https://op.example/v1", "tenant_available": all}, rels)
	}
	w.make("top", entity.TypeTenant, entity.Properties{}, nil)
	w.make("house", entity.TypeTenant, entity.Properties{}, rel{entity.PredicateParent: "top"})
	w.make("rooms", entity.TypeCollection, entity.Properties{}, rel{entity.PredicateTenant: "house"})
	shared(false, nil)
	ref := map[string]any{"gateway_provider_id": string(w.ids["shared"]), "model": "m2", "base_url": "https://evil.example"}
	w.make("bot", entity.TypeAgent, entity.Properties{"provider_config": ref}, rel{entity.PredicateCollection: "rooms"})
	if r, _ := w.resolve("bot"); r.Provider != nil || r.Credential != "" || r.Withheld != w.ids["shared"] {
		t.Errorf("a closed provider: %+v, withheld is %q", r.Provider, r.Withheld)
	}
	for name, open := range map[string]func(){"to all": func() { shared(true, nil) }, "to the tenant": func() { shared(false, rel{agent.PredicateAvailableTo: "house"}) }} {
		open()
		if r, _ := w.resolve("bot"); r.Provider == nil || r.Withheld != "" || r.Credential != w.ids["shared"] || r.Provider.Config.Base() != "https://op.example/v1" || r.Provider.Config.Model != "m2" {
			t.Errorf("open %s: %+v", name, r.Provider)
		}
	}
	shared(false, rel{agent.PredicateAvailableTo: "top"})
	if r, _ := w.resolve("bot"); r.Provider != nil {
		t.Errorf("open to the tenant above, which does not name it: %+v", r.Provider)
	}
	w.make("bot", entity.TypeAgent, entity.Properties{}, rel{entity.PredicateCollection: "rooms"})
	w.make("top", entity.TypeTenant, entity.Properties{"settings": map[string]any{"provider_config": ref}}, nil)
	if r, _ := w.resolve("bot"); r.Provider == nil || r.Credential != w.ids["shared"] {
		t.Error("inherited from the tenant that it is open to, it is not there")
	}
	w.make("bot", entity.TypeAgent, entity.Properties{"provider_config": map[string]any{"gateway_provider_id": string(w.ids["house"])}}, rel{entity.PredicateCollection: "rooms"})
	if r, _ := w.resolve("bot"); r.Provider != nil {
		t.Error("a tenant is taken for a provider")
	}
}

// The default stands in where no level names a provider, while it is open, and
// never for one that is named.
func TestDefault(t *testing.T) {
	w := newWorld(t)
	w.make("house", entity.TypeTenant, entity.Properties{}, nil)
	w.make("chosen", agent.TypeProvider, entity.Properties{"kind": "openai", "model": "m1"}, rel{agent.PredicateAvailableTo: "house"})
	w.make("closed", agent.TypeProvider, entity.Properties{"kind": "openai", "model": "m2"}, nil)
	w.make("bot", entity.TypeAgent, entity.Properties{}, rel{entity.PredicateTenant: "house"})
	w.make("loner", entity.TypeAgent, entity.Properties{}, nil)
	w.make("picky", entity.TypeAgent, entity.Properties{"provider_config": map[string]any{"gateway_provider_id": string(w.ids["closed"])}}, rel{entity.PredicateTenant: "house"})
	for _, c := range []struct {
		chosen, bot, picky string
	}{{"", "", "closed"}, {"chosen", "chosen", "closed"}, {"closed", "", "closed"}, {"house", "", "closed"}, {"", "", "closed"}} {
		if _, err := w.Update(context.Background(), entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
			agent.SetDefault(tx, w.ids[c.chosen])
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		bot, _ := w.resolve("bot")
		loner, _ := w.resolve("loner")
		picky, _ := w.resolve("picky")
		if bot.Credential != w.ids[c.bot] || (bot.Provider == nil) != (c.bot == "") || bot.Withheld != "" {
			t.Errorf("default %s: %+v of %s", c.chosen, bot.Provider, bot.Credential)
		}
		if loner.Provider != nil || loner.Withheld != "" {
			t.Errorf("default %s, of no tenant: %+v", c.chosen, loner.Provider)
		}
		if picky.Provider != nil || picky.Withheld != w.ids[c.picky] {
			t.Errorf("default %s in place of one that is named: %+v", c.chosen, picky.Provider)
		}
	}
}

// A circle of tenants ends, and so does a long line of them.
func TestClimbEnds(t *testing.T) {
	w := newWorld(t)
	w.make("t0", entity.TypeTenant, entity.Properties{}, nil)
	for i := 1; i < 14; i++ {
		w.make(fmt.Sprint("t", i), entity.TypeTenant, entity.Properties{}, rel{entity.PredicateParent: fmt.Sprint("t", i-1)})
	}
	w.make("bot", entity.TypeAgent, entity.Properties{}, rel{entity.PredicateTenant: "t13"})
	if r, _ := w.resolve("bot"); len(r.Chain) != 1+agent.MostLevels {
		t.Errorf("%d levels", len(r.Chain))
	}
	w.make("t0", entity.TypeTenant, entity.Properties{}, rel{entity.PredicateParent: "t2"})
	w.make("bot", entity.TypeAgent, entity.Properties{}, rel{entity.PredicateTenant: "t0"})
	if r, _ := w.resolve("bot"); len(r.Chain) != 1+3 {
		t.Errorf("%d levels of a circle of three", len(r.Chain))
	}
	if _, err := w.resolve("t0"); entity.KindOf(err) != entity.KindNotFound {
		t.Errorf("a tenant is an agent: %v", err)
	}
}

// What an agent has of the wrong form is as good as absent.
func TestForms(t *testing.T) {
	s := agent.Of(&entity.Manifest{Properties: entity.Properties{
		"kind": "robot", "system_prompt": int64(7), "provider_config": "openai", "skills": "none", "mcp_endpoints": map[string]any{}, "merge_policies": []any{},
		"available_models": []any{"m", int64(1), ""}, "conversation_token_limit": int64(-1), "limits": map[string]any{"usd_per_day": 1.5, "requests_per_minute": int64(-2)},
	}})
	if s.Kind != agent.Inference || s.SystemPrompt != nil || s.Provider != nil || s.Skills != nil || s.MCPEndpoints != nil || s.Policies != agent.DefaultPolicies ||
		fmt.Sprint(s.Models) != "[m]" || s.TokenLimit != agent.DefaultTokenLimit || s.Limits != (agent.Limits{USDPerDay: 1.5}) {
		t.Errorf("%+v", s)
	}
	if s := agent.Of(&entity.Manifest{Properties: entity.Properties{"provider_config": map[string]any{"provider": "robots"}}}); s.Provider != nil {
		t.Errorf("%+v", s.Provider)
	}
}
