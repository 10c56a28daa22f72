package entity_test

import (
	"errors"
	"fmt"
	"math"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"stemma/entity"
)

func TestValidateAccepts(t *testing.T) {
	for name, edit := range map[string]func(*entity.Manifest){
		"as it is":     func(*entity.Manifest) {},
		"longest type": func(m *entity.Manifest) { m.Type = strings.Repeat("é", entity.MaxType) },
		"longest note": func(m *entity.Manifest) { m.Note = strings.Repeat("é", entity.MaxNote) },
		"longest predicate": func(m *entity.Manifest) {
			m.Relationships[0].Predicate = entity.Predicate(strings.Repeat("é", entity.MaxPredicate))
		},
		"wildcard":             func(m *entity.Manifest) { m.Relationships[0].Peer = entity.Wildcard },
		"peer of legacy form":  func(m *entity.Manifest) { m.Relationships[0].Peer = "F1JH8Z0Y6V5RZ4Q8Q9V4T2W3XK" },
		"system actor":         func(m *entity.Manifest) { m.EditedBy = entity.Actor{UserID: "system", Method: entity.MethodSystem} },
		"epoch":                func(m *entity.Manifest) { m.TS = 0 },
		"deepest properties":   func(m *entity.Manifest) { m.Properties["d"] = nest(entity.MaxDepth-1, "x") },
		"label of no type":     func(m *entity.Manifest) { m.Properties["label"] = int64(1) },
		"later version":        func(m *entity.Manifest) { m.Ver, m.Prev = 2, &entity.Link{CID: entity.SumBlock(nil)} },
		"folder":               func(m *entity.Manifest) { m.Type = entity.TypeFolder },
		"user":                 func(m *entity.Manifest) { m.Type = entity.TypeUser },
		"agent":                func(m *entity.Manifest) { m.Type = entity.TypeAgent },
		"collection":           func(m *entity.Manifest) { m.Type = entity.TypeCollection },
		"longest folder label": func(m *entity.Manifest) { m.Type, m.Properties["label"] = entity.TypeFolder, strings.Repeat("é", 500) },
		"roles": func(m *entity.Manifest) {
			m.Type = entity.TypeCollection
			m.Properties["roles"] = object(t, `{"editor":["*:view","entity:update"]}`)
		},
		"buried collection": func(m *entity.Manifest) {
			m.Type, m.Ver, m.Prev = entity.TypeCollection, 2, &entity.Link{CID: entity.SumBlock(nil)}
			m.Bury(entity.Tombstone{OriginalVer: 1})
		},
		"most relationships": func(m *entity.Manifest) {
			m.Relationships = m.Relationships[:0]
			for i := range entity.MaxRelationships {
				m.Relationships = append(m.Relationships, rel(entity.Predicate(fmt.Sprint("p", i)), idB))
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t, `{"label":"Letter"}`, rel("in", idB))
			edit(m)
			if err := m.Validate(); err != nil {
				t.Error(err, issues(err))
			}
		})
	}
}

func issues(err error) []entity.Issue {
	var e *entity.Error
	if errors.As(err, &e) {
		return e.Issues
	}
	return nil
}

func TestValidateRefuses(t *testing.T) {
	label := func(typ string, v any) func(*entity.Manifest) {
		return func(m *entity.Manifest) { m.Type, m.Properties["label"] = typ, v }
	}
	roles := func(text string) func(*entity.Manifest) {
		return func(m *entity.Manifest) { m.Type, m.Properties["roles"] = entity.TypeCollection, parse(t, text) }
	}
	link := func(c entity.CID) *entity.Link { return &entity.Link{CID: c} }
	for name, tt := range map[string]struct {
		edit func(*entity.Manifest)
		path []any
	}{
		"schema":               {func(m *entity.Manifest) { m.Schema = "arke/eidos@v2" }, []any{"schema"}},
		"id":                   {func(m *entity.Manifest) { m.ID = "x" }, []any{"id"}},
		"id wildcard":          {func(m *entity.Manifest) { m.ID = "*" }, []any{"id"}},
		"no type":              {func(m *entity.Manifest) { m.Type = "" }, []any{"type"}},
		"long type":            {func(m *entity.Manifest) { m.Type = strings.Repeat("x", entity.MaxType+1) }, []any{"type"}},
		"type not UTF-8":       {func(m *entity.Manifest) { m.Type = "\xff" }, []any{"type"}},
		"created_at":           {func(m *entity.Manifest) { m.CreatedAt = "2026-11-22T07:00:00Z" }, []any{"created_at"}},
		"created_at offset":    {func(m *entity.Manifest) { m.CreatedAt = "2026-11-22T07:00:00.000+01:00" }, []any{"created_at"}},
		"created_at comma":     {func(m *entity.Manifest) { m.CreatedAt = "2026-11-22T07:00:00,000Z" }, []any{"created_at"}},
		"created_at no day":    {func(m *entity.Manifest) { m.CreatedAt = "2026-02-30T07:00:00.000Z" }, []any{"created_at"}},
		"created_at empty":     {func(m *entity.Manifest) { m.CreatedAt = "" }, []any{"created_at"}},
		"ver 0":                {func(m *entity.Manifest) { m.Ver, m.Prev = 0, link(entity.SumBlock(nil)) }, []any{"ver"}},
		"ver negative":         {func(m *entity.Manifest) { m.Ver, m.Prev = -1, link(entity.SumBlock(nil)) }, []any{"ver"}},
		"prev in version 1":    {func(m *entity.Manifest) { m.Prev = link(entity.SumBlock(nil)) }, []any{"prev"}},
		"no prev in version 2": {func(m *entity.Manifest) { m.Ver = 2 }, []any{"prev"}},
		"prev undefined":       {func(m *entity.Manifest) { m.Ver, m.Prev = 2, &entity.Link{} }, []any{"prev"}},
		"prev raw":             {func(m *entity.Manifest) { m.Ver, m.Prev = 2, link(entity.SumRaw(nil)) }, []any{"prev"}},
		"prev of another hash": {func(m *entity.Manifest) { m.Ver, m.Prev = 2, link(foreignCIDs(t)["sha2-512"]) }, []any{"prev"}},
		"ts":                   {func(m *entity.Manifest) { m.TS = -1 }, []any{"ts"}},
		"properties":           {func(m *entity.Manifest) { m.Properties = nil }, []any{"properties"}},
		"relationships":        {func(m *entity.Manifest) { m.Relationships = nil }, []any{"relationships"}},
		"no editor":            {func(m *entity.Manifest) { m.EditedBy.UserID = "" }, []any{"edited_by"}},
		"editor not UTF-8":     {func(m *entity.Manifest) { m.EditedBy.UserID = "\xff" }, []any{"edited_by"}},
		"behalf not UTF-8":     {func(m *entity.Manifest) { m.EditedBy.OnBehalfOf = "\xff" }, []any{"edited_by"}},
		"method":               {func(m *entity.Manifest) { m.EditedBy.Method = "magic" }, []any{"edited_by"}},
		"no method":            {func(m *entity.Manifest) { m.EditedBy.Method = "" }, []any{"edited_by"}},
		"long note":            {func(m *entity.Manifest) { m.Note = strings.Repeat("x", entity.MaxNote+1) }, []any{"note"}},
		"note not UTF-8":       {func(m *entity.Manifest) { m.Note = "a\xff" }, []any{"note"}},
		"no predicate":         {func(m *entity.Manifest) { m.Relationships[0].Predicate = "" }, []any{"relationships", 0, "predicate"}},
		"long predicate":       {func(m *entity.Manifest) { m.Relationships[0].Predicate = entity.Predicate(strings.Repeat("p", 101)) }, []any{"relationships", 0, "predicate"}},
		"predicate not UTF-8":  {func(m *entity.Manifest) { m.Relationships[0].Predicate = "\xff" }, []any{"relationships", 0, "predicate"}},
		"predicate with NUL":   {func(m *entity.Manifest) { m.Relationships[0].Predicate = "a\x00" }, []any{"relationships", 0, "predicate"}},
		"peer":                 {func(m *entity.Manifest) { m.Relationships[1].Peer = "nobody" }, []any{"relationships", 1, "peer"}},
		"no peer":              {func(m *entity.Manifest) { m.Relationships[1].Peer = "" }, []any{"relationships", 1, "peer"}},
		"peer type not UTF-8":  {func(m *entity.Manifest) { m.Relationships[1].PeerType = "\xff" }, []any{"relationships", 1}},
		"peer label not UTF-8": {func(m *entity.Manifest) { m.Relationships[1].PeerLabel = "\xff" }, []any{"relationships", 1}},
		"relationship twice":   {func(m *entity.Manifest) { m.Relationships[1] = m.Relationships[0] }, []any{"relationships", 1}},
		"relationship's NaN":   {func(m *entity.Manifest) { m.Relationships[1].Properties = entity.Properties{"x": math.NaN()} }, []any{"relationships", 1, "properties"}},
		"10,001 relationships": {func(m *entity.Manifest) { m.Relationships = make([]entity.Relationship, entity.MaxRelationships+1) }, []any{"relationships"}},
		"collection, no label": {label(entity.TypeCollection, nil), []any{"properties", "label"}},
		"folder, empty label":  {label(entity.TypeFolder, ""), []any{"properties", "label"}},
		"user, label number":   {label(entity.TypeUser, int64(1)), []any{"properties", "label"}},
		"agent, long label":    {label(entity.TypeAgent, strings.Repeat("x", 201)), []any{"properties", "label"}},
		"collection, long":     {label(entity.TypeCollection, strings.Repeat("x", 201)), []any{"properties", "label"}},
		"roles array":          {roles(`[]`), []any{"properties", "roles"}},
		"role not array":       {roles(`{"editor":"*"}`), []any{"properties", "roles", "editor"}},
		"role empty":           {roles(`{"editor":[]}`), []any{"properties", "roles", "editor"}},
		"role of numbers":      {roles(`{"editor":["*:view",1]}`), []any{"properties", "roles", "editor", 1}},
		"role without name":    {roles(`{"":["*:view"]}`), []any{"properties", "roles", ""}},
		"role with long name":  {roles(`{"` + strings.Repeat("x", 51) + `":["*:view"]}`), []any{"properties", "roles", strings.Repeat("x", 51)}},
	} {
		t.Run(name, func(t *testing.T) {
			m := sample(t, `{"label":"Letter"}`, rel("in", idB), rel("cites", idC))
			tt.edit(m)
			err := m.Validate()
			got := issues(err)
			if entity.KindOf(err) != entity.KindInvalid || len(got) != 1 || !reflect.DeepEqual(got[0].Path, tt.path) || got[0].Message == "" {
				t.Fatalf("%v, issues %v; want KindInvalid with one issue at %v", err, got, tt.path)
			}
			if strings.Contains(got[0].Message, "entity.") {
				t.Errorf("the message %q names our code", got[0].Message)
			}
			if block, c, err := m.Seal(); err == nil || block != nil || c.Defined() {
				t.Errorf("sealed all the same: %x", block)
			}
		})
	}
}

// What no encoder could write, or none would read back, is never sealed.
func TestSealRefusesValues(t *testing.T) {
	for name, v := range map[string]any{
		"NaN":                math.NaN(),
		"+Inf":               math.Inf(1),
		"-Inf":               math.Inf(-1),
		"whole float":        1.0,
		"minus zero":         math.Copysign(0, -1),
		"bad text":           "\xff",
		"bad key":            map[string]any{"\xff": nil},
		"undefined link":     entity.Link{},
		"foreign link":       entity.Link{CID: foreignCIDs(t)["version 0"]},
		"too deep":           nest(entity.MaxDepth, "x"),
		"map for a link":     map[string]any{"/": "text"},
		"map for bytes":      map[string]any{"/": map[string]any{"bytes": "aGVsbG8"}},
		"inside a container": []any{map[string]any{"a": math.NaN()}},
	} {
		m := sample(t, `{}`)
		m.Properties["v"] = v
		if block, _, err := m.Seal(); err == nil || entity.KindOf(err) != entity.KindInvalid {
			t.Errorf("%s: sealed to %x, %v; want KindInvalid", name, block, err)
		}
	}
	m := sample(t, `{}`)
	m.Properties["v"] = 7 // an int is a defect of the caller's, not the client's
	if _, _, err := m.Seal(); entity.KindOf(err) != entity.KindInternal || err == nil {
		t.Errorf("an int in properties: %v, want KindInternal", err)
	}
}

// The bound on bytes is the only one that large content meets, and what is
// sealed under it can be read back: also one array of very many elements.
func TestSealSize(t *testing.T) {
	m := sample(t, `{}`)
	m.Properties["text"] = strings.Repeat("x", entity.MaxManifest)
	if _, _, err := m.Seal(); entity.KindOf(err) != entity.KindTooLarge {
		t.Errorf("over the bound: %v, want KindTooLarge", err)
	}
	many := make([]any, 1<<20+1) // of null: one byte each
	m = sample(t, `{}`)
	m.Properties["many"] = many
	block, _, err := m.Seal()
	if err != nil {
		t.Fatal(err)
	}
	if err := entity.ValidateBlock(block); err != nil {
		t.Error(err)
	}
	if back, err := entity.DecodeManifest(block); err != nil || len(back.Properties["many"].([]any)) != len(many) {
		t.Errorf("what was sealed cannot be read: %v", err)
	}
}

func TestManifestAccessors(t *testing.T) {
	for text, want := range map[string]string{
		`{"label":"L","filename":"F","name":"N"}`: "L",
		`{"label":"","filename":"F","name":"N"}`:  "F",
		`{"label":1,"name":"N"}`:                  "N",
		`{"title":"T"}`:                           "",
	} {
		if got := sample(t, text).Label(); got != want {
			t.Errorf("Label() of %s = %q, want %q", text, got, want)
		}
	}
	m := sample(t, `{}`, rel("in", idB), rel("collection", idC), rel("collection", idB))
	if got := m.Collection(); got != idC {
		t.Errorf("Collection() = %s, want the first, %s", got, idC)
	}
	if got := m.Related("collection", idB); got != 2 {
		t.Errorf("Related = %d, want 2", got)
	}
	if got := m.Related("in", idC); got != -1 {
		t.Errorf("Related = %d, want -1", got)
	}
	m.Type = entity.TypeCollection
	if got := m.Collection(); got != m.ID {
		t.Errorf("a collection's collection is %s, want itself", got)
	}
	if m.PrevCID().Defined() {
		t.Error("version 1 has a version before it")
	}
	m.Prev = &entity.Link{CID: entity.SumBlock(nil)}
	if m.PrevCID() != entity.SumBlock(nil) {
		t.Error("PrevCID is not prev")
	}
}

func TestManifestClone(t *testing.T) {
	m := sample(t, `{"a":{"b":[1]}}`, rel("in", idB))
	m.Relationships[0].Properties = object(t, `{"x":{"y":1}}`)
	want := m.Clone()
	c := m.Clone()
	if diff := cmp.Diff(m, c); diff != "" {
		t.Fatalf("clone differs:\n%s", diff)
	}
	scribble(c.Properties)
	scribble(c.Relationships[0].Properties)
	c.Relationships[0].Peer, c.Note = idC, "x"
	c.Unrelate(entity.RelationshipRef{Predicate: "in"})
	if diff := cmp.Diff(want, m); diff != "" {
		t.Errorf("editing the clone changed the original:\n%s", diff)
	}
}

// What is sealed is checked while it is written: nothing passes that Validate refuses,
// and what it allows is sealed.
func TestSealChecksValues(t *testing.T) {
	deep := any("x")
	for range entity.MaxDepth {
		deep = []any{deep}
	}
	for name, c := range map[string]struct {
		value any
		kind  entity.Kind
		legal bool
	}{
		"text that is not UTF-8": {value: "\xff", kind: entity.KindInvalid}, "a key that is not": {value: map[string]any{"\xff": "x"}, kind: entity.KindInvalid},
		"a whole float": {value: 3.0, kind: entity.KindInvalid}, "not a number": {value: math.NaN(), kind: entity.KindInvalid}, "infinity": {value: math.Inf(1), kind: entity.KindInvalid},
		"a link to nothing": {value: entity.Link{}, kind: entity.KindInvalid}, "an object that reads as a link": {value: map[string]any{"/": "x"}, kind: entity.KindInvalid},
		"too deep": {value: deep, kind: entity.KindInvalid}, "an int": {value: 1, kind: entity.KindInternal},
		"a large float": {value: 1e300, legal: true}, "a slash beside another key": {value: map[string]any{"/": "x", "y": "z"}, legal: true}, "as deep as may be": {value: deep.([]any)[0], legal: true},
	} {
		for place, value := range map[string]any{"plain": c.value, "in an array": []any{c.value}} {
			if name == "as deep as may be" && place != "plain" {
				continue
			}
			m := sample(t, "{}")
			m.Properties = entity.Properties{"value": value}
			want := m.Validate()
			_, _, err := m.Seal()
			b := entity.ChainBlock{ID: m.ID, Chain: "notes", N: 1, TS: 1, Body: entity.Properties{"value": value}}
			_, _, blockErr := b.Seal()
			for _, err := range []error{want, err, blockErr} {
				if (err == nil) != c.legal || err != nil && entity.KindOf(err) != c.kind {
					t.Errorf("%s, %s: %v, want %v, legal %t", name, place, err, c.kind, c.legal)
				}
			}
			if err != nil && err.Error() != want.Error() {
				t.Errorf("%s, %s: sealing says %q, validating %q", name, place, err, want)
			}
		}
	}
}
