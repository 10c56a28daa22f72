package native_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"stemma/entity"
)

// fixture makes entities to do wrong with, and names them: $x is an id, $xtip
// its tip.
//
//	note     a note that person knows; $old is the version before $persontip
//	dead     a note that is deleted
//	coll     a collection, with member in it
//	folder   holds sub, which holds leaf; free is a folder by itself
//	none     an id of nobody; far an id of the test network's note
func fixture(t *testing.T, w *rig) map[string]string {
	t.Helper()
	return fixtureIn(t, w, "")
}

// fixtureIn makes the same in one collection, which is made as the members of a
// JSON object say; "" leaves what needs no collection outside of all.
func fixtureIn(t *testing.T, w *rig, in string) map[string]string {
	t.Helper()
	return fixtureMarked(t, w, in, "")
}

// fixtureMarked makes the same with a text in every label and in a property of
// its own.
func fixtureMarked(t *testing.T, w *rig, in, marker string) map[string]string {
	t.Helper()
	vars := map[string]string{"none": unknownID, "nocid": unknownCID, "owner": string(ownerID), "reader": string(readerID)}
	keep := func(name string, e object) {
		vars[name], vars[name+"tip"] = e["id"].(string), e["cid"].(string)
	}
	post := func(name, path, body string) {
		if in != "" && path == "/collections" {
			body = strings.Replace(body, "{", "{"+in+",", 1)
		}
		e := decode(t, []byte(fill(vars, body)))
		if in != "" && (path == "/files" || path == "/folders" || path == "/entities" && e["type"] != entity.TypeUser && e["type"] != entity.TypeAgent) {
			e["collection"] = vars["coll"]
		}
		mark(e, marker)
		keep(name, w.must(t, 201, "POST", path, e))
	}
	refresh := func(names ...string) {
		for _, name := range names {
			keep(name, w.must(t, 200, "GET", "/entities/"+vars[name]+"/tip", nil))
		}
	}
	scopeFixture(t, w, vars, post)
	post("note", "/entities", `{"type":"note","properties":{"label":"note"}}`)
	post("person", "/entities", `{"type":"person","properties":{"label":"person"},"relationships":[{"predicate":"knows","peer":"$note"}]}`)
	vars["old"] = vars["persontip"]
	w.must(t, 200, "PUT", "/entities/"+vars["person"], object{"expect_tip": vars["old"], "note": "again"})
	post("dead", "/entities", `{"type":"note"}`)
	w.must(t, 200, "DELETE", "/entities/"+vars["dead"], object{"expect_tip": vars["deadtip"]})
	post("member", "/entities", `{"type":"note","collection":"$coll","relationships":[{"predicate":"has","peer":"$note"}]}`)
	post("folder", "/folders", `{"label":"folder"}`)
	post("sub", "/folders", `{"label":"sub","parent":"$folder"}`)
	post("free", "/folders", `{"label":"free"}`)
	post("leaf", "/entities", `{"type":"note"}`)
	w.must(t, 200, "POST", "/folders/"+vars["sub"]+"/children", object{"expect_tip": vars["subtip"], "child_id": vars["leaf"]})
	refresh("person", "dead", "folder", "sub", "leaf")
	far := w.call("POST", "/entities", `{"type":"note"}`, "X-Arke-Network", "test")
	vars["far"] = decode(t, far.Body.Bytes())["id"].(string)
	fileFixture(t, w, vars, post, keep)
	agentFixture(t, w, vars, post)
	refresh("idle")
	chatFixture(t, w, vars)
	return vars
}

func mark(e object, marker string) {
	if marker == "" {
		return
	}
	props, ok := e["properties"].(map[string]any)
	if !ok {
		props = object{}
		e["properties"] = props
	}
	props["secret"] = marker
	for _, in := range []object{e, props} {
		if label, ok := in["label"].(string); ok {
			in["label"] = label + marker
		}
	}
	if _, ok := e["filename"]; ok {
		e["filename"] = marker + ".json"
	}
}

// crowd is n relationships to different peers, as JSON.
func crowd(n int) string {
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(',')
		}
		fmt.Fprintf(&b, `{"predicate":"p","peer":"01KDVR%020d"}`, i)
	}
	return "[" + b.String() + "]"
}

// deep is an object nested n levels.
func deep(n int) string { return strings.Repeat(`{"a":`, n) + "1" + strings.Repeat("}", n) }

// badRows is the table of bad input: what each operation can be asked wrongly
// that the others cannot.
func badRows() map[string]badRow {
	rows := map[string]badRow{}
	for _, group := range []map[string]badRow{badEntityRows(), badCollectionRows(), badFolderRows(), badRelationshipRows(), badReadRows(), badGraphRows(), badFileRows(), badScopeRows(), badAuthRows(), badKeyRows(), badSearchRows(), badAgentRows(), badAttestRows(), badChatRows()} {
		for id, row := range group {
			rows[id] = row
		}
	}
	return rows
}

// badEdits are edits that every route to update refuses; tip names the tip
// that would be right.
func badEdits(tip string) []fault {
	edit := func(name, rest string, status int) fault {
		return fault{name: name, body: `{"expect_tip":"$` + tip + `",` + rest + `}`, status: status}
	}
	return []fault{
		{name: "a tip that was", body: `{"expect_tip":"$old"}`, status: 409},
		{name: "a tip of nothing", body: `{"expect_tip":"$nocid"}`, status: 409},
		{name: "a tip that is no CID", body: `{"expect_tip":"\"><script> expected tip A, got B"}`, status: 409},
		edit("removal by number", `"properties_remove":7`, 400),
		edit("removal by text", `"properties_remove":"label"`, 400),
		edit("removal with a number inside", `"properties_remove":["a",7]`, 400),
		edit("removal that leads to true", `"properties_remove":{"a":true}`, 400),
		edit("a relationship's removal by number", `"relationships_add":[{"predicate":"p","peer":"$note","properties_remove":7}]`, 400),
		edit("a tombstone by hand", `"properties":{"_tombstone":{"original_ver":1}}`, 400),
		edit("a tombstone that is text", `"properties":{"_tombstone":"x"}`, 400),
		edit("10,001 relationships", `"relationships_add":`+crowd(10_001), 400),
		edit("a key of control characters", `"relationships_add":[{"predicate":"a\u0000b","peer":"$note"}]`, 400),
		edit("properties nested too deep", `"properties":`+deep(65), 400),
		edit("an object that looks like a link", `"properties":{"a":{"/":7}}`, 400),
		edit("a manifest past 4 MiB", `"properties":{"a":"`+strings.Repeat("x", 4<<20)+`"}`, 413),
	}
}

func badEntityRows() map[string]badRow {
	return map[string]badRow{
		"createEntity": {path: "/entities", body: `{"type":"note","id":"01KDVR0000000000000000FREE","properties":{"a":1},"collection":"$coll","relationships":[{"predicate":"p","peer":"$note","properties":{}}],"note":"n"}`, status: 201, faults: []fault{
			{name: "an id taken", body: `{"type":"note","id":"$note"}`, status: 409},
			{name: "an id of the other network", body: `{"type":"note","id":"$far"}`, status: 400},
			{name: "an unknown collection", body: `{"type":"note","collection":"$none"}`, status: 404},
			{name: "a collection of the other network", body: `{"type":"note","collection":"$far"}`, status: 404},
			{name: "a collection that is a note", body: `{"type":"note","collection":"$note"}`, status: 400},
			{name: "two collections", body: `{"type":"note","collection":"$coll","collection_id":"$none"}`, status: 400},
			{name: "a collection without a label", body: `{"type":"collection"}`, status: 400},
			{name: "a folder without a label", body: `{"type":"folder","properties":{"label":""}}`, status: 400},
			{name: "a user with a label of 7", body: `{"type":"user","properties":{"label":7}}`, status: 400},
			{name: "10,001 relationships", body: `{"type":"note","relationships":` + crowd(10_001) + `}`, status: 400},
			{name: "10,000 relationships and a collection", body: `{"type":"note","collection":"$coll","relationships":` + crowd(10_000) + `}`, status: 400},
			{name: "a tombstone", body: `{"type":"note","properties":{"_tombstone":{"original_ver":1}}}`, status: 400},
			{name: "nested too deep", body: `{"type":"note","properties":` + deep(65) + `}`, status: 400},
			{name: "a manifest past 4 MiB", body: `{"type":"note","properties":{"a":"` + strings.Repeat("x", 4<<20) + `"}}`, status: 413},
		}},
		"createEntities": {path: "/entities/batch", body: `{"default_collection":"$coll","entities":[{"type":"note","note":"n","properties":{},"collection":"$coll","relationships":[{"predicate":"p","peer":"$note"}]}]}`, status: 201, faults: []fault{
			{name: "an unknown collection", body: `{"entities":[{"type":"a","collection":"$none"}]}`, status: 207},
			{name: "all wrong", body: `{"default_collection":"$none","entities":[{"type":"a"},{"type":"folder"}]}`, status: 207},
			{name: "one past 4 MiB", body: `{"entities":[{"type":"a","properties":{"a":"` + strings.Repeat("x", 4<<20) + `"}}]}`, status: 207},
		}},
		"getEntities":  {path: "/entities/batch-get", body: `{"ids":["$note","$none","$far"]}`},
		"updateEntity": {path: "/entities/$person", body: `{"expect_tip":"$persontip","note":"n","properties":{"a":1},"properties_remove":["b"],"relationships_add":[{"predicate":"p","peer":"$note","properties":{}}],"relationships_remove":[{"predicate":"q"}]}`, faults: append(badEdits("persontip"), fault{name: "a deleted entity", path: "/entities/$dead", body: `{"expect_tip":"$deadtip"}`, status: 400})},
		"deleteEntity": {path: "/entities/$person", body: `{"expect_tip":"$persontip","note":"n","reason":"r"}`, faults: []fault{
			{name: "a tip that was", body: `{"expect_tip":"$old"}`, status: 409},
			{name: "deleted already", path: "/entities/$dead", body: `{"expect_tip":"$deadtip"}`, status: 400},
		}},
		"restoreEntity": {path: "/entities/$dead/restore", body: `{"expect_tip":"$deadtip","ver":1,"note":"n"}`, faults: []fault{
			{name: "a stale tip", body: `{"expect_tip":"$old"}`, status: 409},
			{name: "a live entity", path: "/entities/$person/restore", body: `{"expect_tip":"$persontip"}`, status: 400},
			{name: "a version to come", body: `{"expect_tip":"$deadtip","ver":3}`, status: 404},
			{name: "the largest version", body: `{"expect_tip":"$deadtip","ver":9223372036854775807}`, status: 404},
			{name: "a tombstone", body: `{"expect_tip":"$deadtip","ver":2}`, status: 400},
		}},
		"cascadeDelete": {path: "/entities/$member/cascade", body: `{"expect_tip":"$membertip","collection_id":"$coll","cascade_predicates":["*"],"edited_by_filter":"$owner","max_depth":3,"note":"n","reason":"r"}`, faults: []fault{
			{name: "a stale tip", body: `{"expect_tip":"$old","collection_id":"$coll","cascade_predicates":["*"]}`, status: 409},
			{name: "another collection", path: "/entities/$note/cascade", body: `{"expect_tip":"$notetip","collection_id":"$coll","cascade_predicates":["*"]}`, status: 400},
			{name: "no collection", body: `{"expect_tip":"$membertip","collection_id":"$none","cascade_predicates":["*"]}`, status: 404},
			{name: "a collection that is a note", body: `{"expect_tip":"$membertip","collection_id":"$note","cascade_predicates":["*"]}`, status: 400},
			{name: "the collection itself", path: "/entities/$coll/cascade", body: `{"expect_tip":"$colltip","collection_id":"$coll","cascade_predicates":["*"]}`, status: 400},
			{name: "a star in the middle", body: `{"expect_tip":"$membertip","collection_id":"$coll","cascade_predicates":["a*b"]}`, status: 400},
			{name: "two stars", body: `{"expect_tip":"$membertip","collection_id":"$coll","cascade_predicates":["*a*"]}`, status: 400},
			{name: "an empty pattern", body: `{"expect_tip":"$membertip","collection_id":"$coll","cascade_predicates":[""]}`, status: 400},
		}},
	}
}

func badCollectionRows() map[string]badRow {
	return map[string]badRow{
		"createCollection": {path: "/collections", body: `{"label":"c","id":"01KDVR0000000000000000F2EE","description":"d","display_image_url":"u","roles":{"a":["*:view"]},"tenant":"$team","visibility":"public","properties":{},"relationships":[{"predicate":"p","peer":"*"}],"note":"n"}`, status: 201, faults: []fault{
			{name: "an id taken", body: `{"label":"c","id":"$coll"}`, status: 409},
			{name: "an id of the other network", body: `{"label":"c","id":"$far"}`, status: 400},
			{name: "a role without actions", body: `{"label":"c","roles":{"a":[]}}`, status: 400},
			{name: "a role without a name", body: `{"label":"c","roles":{"":["*:view"]}}`, status: 400},
			{name: "roles that are numbers", body: `{"label":"c","roles":{"a":[1]}}`, status: 400},
			{name: "a role that means nothing", body: `{"label":"c","roles":{"a":["b"]}}`, status: 400},
			{name: "a tenant that is none", body: `{"label":"c","tenant":"$none"}`, status: 404},
			{name: "an owner who is nobody, by hand", body: `{"label":"c","visibility":"all"}`, status: 400},
			{name: "9,999 relationships and its own two", body: `{"label":"c","relationships":` + crowd(9_999) + `}`, status: 400},
		}},
		"updateCollection": {path: "/collections/$coll", body: `{"expect_tip":"$colltip","label":"d","description":"d","display_image_url":"u","properties":{"a":1},"relationships_add":[{"predicate":"p","peer":"$note"}],"relationships_remove":[{"predicate":"q"}]}`, faults: append(badEdits("colltip"),
			fault{name: "no collection", path: "/collections/$note", body: `{"expect_tip":"$notetip"}`, status: 404},
			fault{name: "its label removed", body: `{"expect_tip":"$colltip","properties_remove":["label"]}`, status: 400},
			fault{name: "a role of a number", body: `{"expect_tip":"$colltip","properties":{"roles":{"owner":7}}}`, status: 400})},
		"setCollectionRoot": {path: "/collections/$coll/root", body: `{"expect_tip":"$colltip","entity_id":"$member"}`, faults: []fault{
			{name: "a stale tip", body: `{"expect_tip":"$old","entity_id":"$member"}`, status: 409},
			{name: "no member", body: `{"expect_tip":"$colltip","entity_id":"$note"}`, status: 400},
			{name: "an unknown entity", body: `{"expect_tip":"$colltip","entity_id":"$none"}`, status: 404},
			{name: "one of the other network", body: `{"expect_tip":"$colltip","entity_id":"$far"}`, status: 404},
			{name: "a deleted entity", body: `{"expect_tip":"$colltip","entity_id":"$dead"}`, status: 400},
			{name: "two spellings", body: `{"expect_tip":"$colltip","entity_id":"$member","entity_pi":"$note"}`, status: 400},
			{name: "no collection", path: "/collections/$note/root", body: `{"expect_tip":"$notetip","entity_id":"$member"}`, status: 404},
		}},
	}
}

func badFolderRows() map[string]badRow {
	return map[string]badRow{
		"createFolder": {path: "/folders", body: `{"label":"f","description":"d","rich_description":"r","metadata":{},"properties":{},"relationships":[{"predicate":"p","peer":"$note"}],"collection":"$coll","parent":"$folder","note":"n"}`, status: 201, faults: []fault{
			{name: "an unknown parent", body: `{"label":"f","parent":"$none"}`, status: 404},
			{name: "a parent that is a note", body: `{"label":"f","parent":"$note"}`, status: 404},
			{name: "a parent of the other network", body: `{"label":"f","parent":"$far"}`, status: 404},
			{name: "a deleted parent", body: `{"label":"f","parent":"$dead"}`, status: 404},
			{name: "no label", body: `{"properties":{}}`, status: 400},
		}},
		"updateFolder": {path: "/folders/$folder", body: `{"expect_tip":"$foldertip","label":"f","metadata":{"a":1},"relationships_add":[{"predicate":"p","peer":"$note"}]}`, faults: append(badEdits("foldertip"),
			fault{name: "no folder", path: "/folders/$note", body: `{"expect_tip":"$notetip"}`, status: 404},
			fault{name: "its label removed", body: `{"expect_tip":"$foldertip","properties_remove":["label"]}`, status: 400})},
		"addChild": {path: "/folders/$sub/children", body: `{"expect_tip":"$subtip","child_id":"$free","expect_child_tip":"$freetip","note":"n"}`, faults: []fault{
			{name: "a stale tip", body: `{"expect_tip":"$old","child_id":"$free"}`, status: 409},
			{name: "the child's stale tip", body: `{"expect_tip":"$subtip","child_id":"$free","expect_child_tip":"$old"}`, status: 409},
			{name: "itself", body: `{"expect_tip":"$subtip","child_id":"$sub"}`, status: 400},
			{name: "its parent: a cycle", body: `{"expect_tip":"$subtip","child_id":"$folder"}`, status: 400},
			{name: "an unknown child", body: `{"expect_tip":"$subtip","child_id":"$none"}`, status: 404},
			{name: "a child of the other network", body: `{"expect_tip":"$subtip","child_id":"$far"}`, status: 404},
			{name: "a deleted child", body: `{"expect_tip":"$subtip","child_id":"$dead"}`, status: 400},
			{name: "no folder", path: "/folders/$note/children", body: `{"expect_tip":"$notetip","child_id":"$free"}`, status: 404},
		}},
		"addChildren": {path: "/folders/$sub/children/bulk", body: `{"expect_tip":"$subtip","children":[{"id":"$free","type":"folder"}],"note":"n"}`, faults: []fault{
			{name: "a stale tip", body: `{"expect_tip":"$old","children":[{"id":"$free"}]}`, status: 409},
			{name: "a cycle among good ones", body: `{"expect_tip":"$subtip","children":[{"id":"$free"},{"id":"$folder"}]}`, status: 400},
			{name: "an unknown child among good ones", body: `{"expect_tip":"$subtip","children":[{"id":"$free"},{"id":"$none"}]}`, status: 404},
		}},
		"removeChild": {path: "/folders/$sub/children/$leaf", body: `{"expect_tip":"$subtip","expect_child_tip":"$leaftip","note":"n"}`, faults: []fault{
			{name: "a stale tip", body: `{"expect_tip":"$old","expect_child_tip":"$leaftip"}`, status: 409},
			{name: "the child's stale tip", body: `{"expect_tip":"$subtip","expect_child_tip":"$old"}`, status: 409},
			{name: "no child of it", path: "/folders/$sub/children/$free", body: `{"expect_tip":"$subtip","expect_child_tip":"$freetip"}`, status: 404},
		}},
		"addParent": {path: "/folders/$free/parents", body: `{"expect_tip":"$freetip","parent_id":"$sub","expect_parent_tip":"$subtip","note":"n"}`, faults: []fault{
			{name: "a stale tip", body: `{"expect_tip":"$old","parent_id":"$sub"}`, status: 409},
			{name: "the parent's stale tip", body: `{"expect_tip":"$freetip","parent_id":"$sub","expect_parent_tip":"$old"}`, status: 409},
			{name: "a cycle", path: "/folders/$folder/parents", body: `{"expect_tip":"$foldertip","parent_id":"$sub"}`, status: 400},
			{name: "a parent that is a note", body: `{"expect_tip":"$freetip","parent_id":"$note"}`, status: 404},
			{name: "no folder", path: "/folders/$note/parents", body: `{"expect_tip":"$notetip","parent_id":"$sub"}`, status: 404},
		}},
		"removeParent": {path: "/folders/$sub/parents/$folder", body: `{"expect_tip":"$subtip","expect_parent_tip":"$foldertip","note":"n"}`, faults: []fault{
			{name: "a stale tip", body: `{"expect_tip":"$old","expect_parent_tip":"$foldertip"}`, status: 409},
			{name: "the parent's stale tip", body: `{"expect_tip":"$subtip","expect_parent_tip":"$old"}`, status: 409},
			{name: "no parent of it", path: "/folders/$sub/parents/$free", body: `{"expect_tip":"$subtip","expect_parent_tip":"$freetip"}`, status: 404},
		}},
	}
}

func badRelationshipRows() map[string]badRow {
	both := `{"source_id":"$person","target_id":"$note","source_predicate":"knows","target_predicate":"known","expect_source_tip":"$persontip","expect_target_tip":"$notetip","note":"n"}`
	twoSided := []fault{
		{name: "the source's stale tip", body: strings.Replace(both, "$persontip", "$old", 1), status: 409},
		{name: "the target's stale tip", body: strings.Replace(both, "$notetip", "$old", 1), status: 409},
		{name: "no target tip", body: strings.Replace(both, `"expect_target_tip":"$notetip",`, "", 1), status: 400},
		{name: "itself, both ways", body: strings.Replace(both, `"$note"`, `"$person"`, 1), status: 400},
		{name: "an unknown source", body: strings.Replace(both, `"$person"`, `"$none"`, 1), status: 404},
		{name: "an unknown target", body: strings.Replace(both, `"$note"`, `"$none"`, 1), status: 404},
		{name: "a target of the other network", body: strings.Replace(both, `"$note"`, `"$far"`, 1), status: 404},
		{name: "a deleted source", body: strings.Replace(both, `"$person"`, `"$dead"`, 1), status: 400},
		{name: "two spellings", body: strings.Replace(both, `{`, `{"source_pi":"$note",`, 1), status: 400},
	}
	one := `{"source_id":"$person","target_id":"$note","expect_tip":"$persontip","predicate":"knows","note":"n"}`
	oneSided := []fault{
		{name: "a stale tip", body: strings.Replace(one, "$persontip", "$old", 1), status: 409},
		{name: "an unknown source", body: strings.Replace(one, `"$person"`, `"$none"`, 1), status: 404},
		{name: "an unknown target", body: strings.Replace(one, `"$note"`, `"$none"`, 1), status: 404},
		{name: "a deleted source", body: strings.Replace(one, `"$person"`, `"$dead"`, 1), status: 400},
	}
	return map[string]badRow{
		"addRelationship": {path: "/relationships", body: both, status: 201, faults: twoSided},
		"removeRelationship": {path: "/relationships", body: `{"source_id":"$person","target_id":"$note","source_predicate":"knows","expect_source_tip":"$persontip"}`, faults: append(slices.Clone(twoSided),
			fault{name: "no such relationship", body: `{"source_id":"$person","target_id":"$note","source_predicate":"hates","expect_source_tip":"$persontip"}`, status: 404})},
		"connect": {path: "/connect", body: strings.Replace(one, "{", `{"label":"l","description":"d",`, 1), status: 201, faults: oneSided},
		"disconnect": {path: "/connect/disconnect", body: one, faults: append(slices.Clone(oneSided),
			fault{name: "no such relationship", body: strings.Replace(one, `"knows"`, `"hates"`, 1), status: 404})},
	}
}

func badReadRows() map[string]badRow {
	deadTree := []fault{{name: "a deleted entity", path: "/entities/$dead/tree", status: 404}}
	return map[string]badRow{
		"getEntity":              {path: "/entities/$person", faults: []fault{{name: "expand", path: "/entities/$person?expand=peers", status: 400}, {name: "expand mode", path: "/entities/$person?expand=relationships:all", status: 400}}},
		"previewEntity":          {path: "/entities/$person/preview"},
		"getTip":                 {path: "/entities/$person/tip"},
		"getEntityCollection":    {path: "/entities/$person/collection"},
		"getTree":                {path: "/entities/$person/tree", faults: deadTree},
		"diffEntity":             {path: "/entities/$person/diff", faults: badDiffs()},
		"listVersions":           {path: "/versions/$person", faults: badHistories()},
		"getBlocks":              {path: "/ipfs/blocks", body: `{"cids":["$persontip","$nocid"]}`},
		"getBlock":               {path: "/ipfs/$persontip?format=raw", faults: badGateway()},
		"getManifest":            {path: "/versions/manifest/$persontip"},
		"getCollection":          {path: "/collections/$coll", faults: []fault{{name: "a note", path: "/collections/$note", status: 404}, {name: "expand", path: "/collections/$coll?expand=all", status: 400}}},
		"listCollectionEntities": {path: "/collections/$coll/entities", faults: []fault{{name: "a note", path: "/collections/$note/entities", status: 404}}},
		"getFolder":              {path: "/folders/$folder", faults: []fault{{name: "a note", path: "/folders/$note", status: 404}}},
		"listEvents":             {path: "/events", faults: badFeeds()},
	}
}

func badGateway() []fault {
	return []fault{
		{name: "no form", path: "/ipfs/$persontip", status: 400},
		{name: "a form not spoken", path: "/ipfs/$persontip?format=dag-json", status: 400},
		{name: "a type not spoken", path: "/ipfs/$persontip", headers: []string{"Accept", "application/x-tar"}, status: 400},
		{name: "a CAR not spoken", path: "/ipfs/$persontip?format=car", headers: []string{"Accept", "application/vnd.ipld.car;version=2"}, status: 400},
		{name: "a CAR of no version 1", path: "/ipfs/$persontip?format=car&car-version=2", status: 400},
		{name: "a range of nothing", path: "/ipfs/$persontip?format=car&entity-bytes=1", status: 400},
		{name: "no CID", path: "/ipfs/note?format=raw", status: 400},
		{name: "an id", path: "/ipfs/$person?format=raw", status: 400},
		{name: "nothing here", path: "/ipfs/$nocid?format=raw", status: 404},
		{name: "nothing here as CAR", path: "/ipfs/$nocid?format=car", status: 404},
		{name: "a service worker", headers: []string{"Service-Worker", "script"}, status: 400},
		{name: "a range past the end", headers: []string{"Range", "bytes=100000-"}, status: 416},
	}
}

func badDiffs() []fault {
	return []fault{
		{name: "a version of another", path: "/entities/$person/diff?from=$notetip", status: 400},
		{name: "to another's", path: "/entities/$person/diff?to=$notetip", status: 400},
		{name: "an unknown version", path: "/entities/$person/diff?to=$nocid", status: 404},
		{name: "no CID", path: "/entities/$person/diff?from=1", status: 400},
	}
}

func badHistories() []fault {
	return []fault{
		{name: "from another's version", path: "/versions/$person?from=$notetip", status: 400},
		{name: "from an unknown version", path: "/versions/$person?from=$nocid", status: 404},
		{name: "from no CID", path: "/versions/$person?from=tip", status: 400},
	}
}

func badFeeds() []fault {
	sse := []string{"Accept", "text/event-stream"}
	return []fault{
		{name: "both directions", path: "/events?since=1&cursor=1", status: 400},
		{name: "waiting for the past", path: "/events?wait=1", status: 400},
		{name: "no kind", path: "/events?kind=create,explode", status: 400},
		{name: "no id", path: "/events?entity=$note,me", status: 400},
		{name: "no collection", path: "/events?collection=here", status: 400},
		{name: "a number to come", path: "/events?since=999999999", status: 400},
		{name: "waiting for a number to come", path: "/events?since=999999999&wait=1", status: 400},
		{name: "the largest number", path: "/events?since=9223372036854775807", status: 400},
		{name: "two spellings", path: "/events?entity=$note&pi=$person", status: 400},
		{name: "a stream from a number to come", path: "/events?since=999999999", headers: sse, status: 400},
		{name: "a stream from no number", headers: append([]string{"Last-Event-ID", "x"}, sse...), status: 400},
		{name: "a stream from before the first", headers: append([]string{"Last-Event-ID", "-1"}, sse...), status: 400},
		{name: "a stream from past all numbers", headers: append([]string{"Last-Event-ID", "18446744073709551615"}, sse...), status: 400},
	}
}

func badGraphRows() map[string]badRow {
	path := func(name, q string, status int) fault {
		return fault{name: name, body: `{"path":"` + q + `"}`, status: status}
	}
	queries := []fault{
		path("half an arrow", "@$person -[knows->", 400),
		path("text after the end", "@$person @$note @$note", 400),
		path("an unclosed string", `\"a`, 400),
		path("ten thousand brackets", strings.Repeat("[", 10_000), 400),
		path("a range backwards", "@$person -[knows]{3,2}-> type:note", 400),
		path("two scopes", "@:collection($coll) @:collection($coll) type:note", 400),
		path("a NUL", `@$person\u0000`, 400),
	}
	return map[string]badRow{
		"findPaths":      {path: "/graph/paths", body: `{"source_ids":["$person"],"target_ids":["$note"],"max_depth":2,"direction":"both","limit":10}`},
		"findReachable":  {path: "/graph/reachable", body: `{"source_ids":["$person"],"target_type":"note","max_depth":2,"direction":"both","limit":10}`},
		"getGraphEntity": {path: "/graph/entity/$person", faults: []fault{{name: "a deleted entity", path: "/graph/entity/$dead", status: 404}}},
		"query": {path: "/query", body: `{"path":"@$person -[*]-> type:note","k":5,"k_explore":5,"collection":"$coll","expand":"none","since":1,"fresh":true}`, faults: append(queries, path("empty text", `\"\"`, 400), path("text of 501 characters", `\"`+strings.Repeat("ä", 501)+`\"`, 400), path("an empty text to rerank by", `@$person \"\"`, 400),
			fault{name: "a change to come", body: `{"path":"@$person","since":999999999}`, status: 400}, fault{name: "no number", path: "/query?since=x", status: 400})},
		"querySyntax":  {path: "/query/syntax"},
		"explainQuery": {path: "/query/explain", body: `{"path":"@$person -[knows]-> type:note","k":5,"k_explore":5,"collection":"$coll","expand":"none"}`, faults: queries},
	}
}
