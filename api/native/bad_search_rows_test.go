package native_test

import "strings"

// badSearchRows is the part of the table about searches. The good texts find
// what the fixture has, also where a marker is in every label.
func badSearchRows() map[string]badRow {
	const text = `"query":"note* person folder* coll*","mode":"hybrid","highlights":true,"since":1,"fresh":true,"expand":"preview"`
	texts := func(path, rest string) []fault {
		f := func(name, text string) fault {
			return fault{name: name, body: `{"query":` + text + rest + `}`, status: 400}
		}
		return []fault{
			f("an empty text", `""`), f("501 characters", `"`+strings.Repeat("ü", 501)+`"`), f("a text of 7", `7`), f("no text", `null`),
			f("a mode that is none", `"a","mode":"fuzzy"`), f("an expansion that is none", `"a","expand":"all"`),
			f("a change to come", `"a","since":999999999`), f("a change before the first", `"a","since":-1`), f("limit 0", `"a","limit":0`), f("limit 101", `"a","limit":101`),
			{name: "a change to come in the query", path: path + "?since=999999999", status: 400},
		}
	}
	in := `,"collection_id":"$coll"`
	entities := append(texts("/search/entities", in),
		fault{name: "nowhere", body: `{"query":"a"}`, status: 400},
		fault{name: "in no collections", body: `{"query":"a","collection_ids":[]}`, status: 400},
		fault{name: "in one and several", body: `{"query":"a","collection_pi":"$coll","collection_pis":["$coll"]}`, status: 400},
		fault{name: "in an unknown collection", body: `{"query":"a","collection_pi":"$none"}`, status: 404},
		fault{name: "in a known and an unknown one", body: `{"query":"a","collection_pis":["$coll","$none"]}`, status: 404},
		fault{name: "in a note", body: `{"query":"a","collection_pi":"$note"}`, status: 404},
		fault{name: "in a deleted note", body: `{"query":"a","collection_pi":"$dead"}`, status: 404},
		fault{name: "in one of the other network", body: `{"query":"a","collection_pi":"$far"}`, status: 404},
		fault{name: "in no id", body: `{"query":"a","collection_pi":"here"}`, status: 400},
		fault{name: "two spellings", body: `{"query":"a","collection_pi":"$coll","collection_id":"$none"}`, status: 400},
	)
	like := func(path string) []fault {
		return []fault{
			{name: "an unknown entity", body: `{"pi":"$none"}`, status: 404},
			{name: "a deleted one", body: `{"pi":"$dead"}`, status: 404},
			{name: "one of the other network", body: `{"pi":"$far"}`, status: 404},
			{name: "no id", body: `{"pi":"me"}`, status: 400},
			{name: "nothing", body: `{"limit":3}`, status: 400},
			{name: "a change to come", path: path + "?since=999999999", status: 400},
		}
	}
	return map[string]badRow{
		"searchEntities":    {path: "/search/entities", body: `{` + text + in + `,"limit":5,"types":["note","person"],"per_collection_limit":4}`, faults: entities},
		"searchCollections": {path: "/search/collections", body: `{` + text + `,"limit":5,"types":["note"]}`, faults: texts("/search/collections", "")},
		"searchAgents":      {path: "/search/agents", body: `{` + text + `,"limit":5,"scope":"all"}`, faults: append(texts("/search/agents", ""), fault{name: "a scope that is none", body: `{"query":"a","scope":"some"}`, status: 400})},
		"searchDiscover":    {path: "/search/discover", body: `{` + text + `,"limit":5,"types":["note"],"collection_limit":5,"per_collection_limit":5}`, faults: texts("/search/discover", "")},
		"searchMyCollections": {path: "/users/me/search", body: `{` + text + `,"limit":5,"type":"note","role":"editor","include_public":true}`, faults: append(texts("/users/me/search", ""),
			fault{name: "a role that is none", body: `{"query":"a","role":"king"}`, status: 400})},
		"searchSimilarCollections": {path: "/search/similar/collections", body: `{"id":"$coll","limit":5,"refresh":true,"since":1,"fresh":true,"expand":"full"}`, faults: append(like("/search/similar/collections"),
			fault{name: "a note", body: `{"pi":"$note"}`, status: 404})},
		"searchSimilarItems": {path: "/search/similar/items", body: `{"id":"$person","limit":5,"tier1_limit":3,"tier2_limit":3,"include_same_collection":true,"refresh":true,"since":1,"fresh":true,"expand":"none"}`, faults: append(like("/search/similar/items"),
			fault{name: "in an unknown collection", body: `{"pi":"$person","collection_pi":"$none"}`, status: 404},
			fault{name: "in a note", body: `{"pi":"$person","collection_pi":"$note"}`, status: 404})},
	}
}
