package wire

import (
	"context"
	"net/http"
	"reflect"
	"strings"
	"testing"
	"time"

	"stemma/entity"
)

type predicate string

type paging struct {
	Limit  int `query:"limit" default:"10" min:"1" max:"1000"`
	Offset int `query:"offset" min:"0"`
}

type relationship struct {
	Predicate  predicate         `json:"predicate" req:"true" min:"1" max:"50"`
	Peer       entity.ID         `json:"peer" req:"true" wildcard:"true"`
	Properties entity.Properties `json:"properties"`
	Remove     any               `json:"properties_remove"`
}

type everything struct {
	paging
	ID       entity.ID           `path:"id"`
	Match    string              `header:"if-none-match"`
	Types    []string            `query:"type"`
	From     *time.Time          `query:"from"`
	Deep     bool                `query:"deep"`
	Owner    entity.ID           `query:"owner_id" alias:"owner_pi"`
	Tip      Tip                 `json:"expect_tip" req:"true"`
	Note     *string             `json:"note" max:"5"`
	Status   string              `json:"status" enum:"on,off" default:"on"`
	Coll     entity.ID           `json:"collection_id" alias:"collection_pi,coll"`
	CID      entity.CID          `json:"cid"`
	Small    int8                `json:"small" min:"-5"`
	Unsigned uint32              `json:"unsigned"`
	Expires  int64               `json:"expires" gt:"0"`
	Weight   float64             `json:"weight" max:"1.5"`
	Single   float32             `json:"single"`
	Flag     bool                `json:"flag"`
	Props    map[string]any      `json:"properties"`
	Remove   any                 `json:"properties_remove"`
	Roles    map[string][]string `json:"roles" max:"2"`
	Rels     []relationship      `json:"relationships_add" max:"3"`
	Actions  []string            `json:"actions" min:"1" pattern:"^[a-z]+:[a-z]+$"`
	Nested   *struct {
		A int `json:"a" default:"7"`
	} `json:"nested"`
	List []any `json:"list"`
}

const minimal = `{"expect_tip":"x"}`

func TestBindTakesWhatIsThere(t *testing.T) {
	var got everything
	h := echo(t, "/e/{id}", func(in *everything) { got = *in })
	w := call(h, "POST", "/e/"+anID+"?limit=50&type=a,b&type=c&from=2026-01-02T03:04:05Z&deep=true&owner_pi="+testI, `{
		"expect_tip": "not a cid", "note": "ünïcö", "status": "off", "coll": "`+anID+`", "cid": "`+aCID+`",
		"small": -5, "unsigned": 4294967295, "expires": 1e3, "weight": 1.5, "single": 2, "flag": true,
		"properties": {"a": {"b": [1, 2.5, null]}}, "properties_remove": ["x"], "roles": {"r": ["entity:view"]},
		"relationships_add": [{"predicate": "p", "peer": "*", "direction": "ignored"}, {"predicate": "q", "peer": "`+anID+`", "properties": {"n": 1}}],
		"actions": ["a:b"], "nested": {}, "list": [1, "x"], "unknown": {"is": "ignored"}
	}`, "If-None-Match", `"x"`, "Content-Type", "application/json; charset=UTF-8")
	if w.Code != 204 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	note := "ünïcö"
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cid, _ := entity.ParseCID(aCID)
	want := everything{
		paging: paging{Limit: 50}, ID: anID, Match: `"x"`, Types: []string{"a", "b", "c"}, From: &from, Deep: true, Owner: testI,
		Tip: "not a cid", Note: &note, Status: "off", Coll: anID, CID: cid, Small: -5, Unsigned: 4294967295, Expires: 1000,
		Weight: 1.5, Single: 2, Flag: true,
		Props:  map[string]any{"a": map[string]any{"b": []any{int64(1), 2.5, nil}}},
		Remove: []any{"x"}, Roles: map[string][]string{"r": {"entity:view"}},
		Rels: []relationship{{Predicate: "p", Peer: "*"}, {Predicate: "q", Peer: anID, Properties: entity.Properties{"n": int64(1)}}}, Actions: []string{"a:b"},
		List: []any{int64(1), "x"},
	}
	want.Nested = &struct {
		A int `json:"a" default:"7"`
	}{7}
	equal(t, "input", got, want)
}

func TestBindDefaultsAndNull(t *testing.T) {
	var got everything
	h := echo(t, "/e/{id}", func(in *everything) { got = *in })
	w := call(h, "POST", "/e/"+anID+"?limit=&owner_id=", `{"expect_tip":"t","note":null,"status":null,"collection_id":null,"properties":null,"roles":null,"relationships_add":null,"properties_remove":null}`)
	if w.Code != 204 {
		t.Fatalf("status %d: %s", w.Code, w.Body)
	}
	equal(t, "input", got, everything{paging: paging{Limit: 10}, ID: anID, Tip: "t", Status: "on"})
}

// TestBindSaysWhatIsWrong: every issue names its place and what would be right,
// and nothing reaches the handler.
func TestBindSaysWhatIsWrong(t *testing.T) {
	h := echo(t, "/e/{id}", func(*everything) { t.Error("the handler was called") })
	long := strings.Repeat("x", maxTip+1)
	cases := []struct {
		name, query, body string
		want              []string
	}{
		{"nothing given", "", `{}`, []string{"expect_tip: is required"}},
		{"no body", "", ``, []string{"expect_tip: is required"}},
		{"blank body", "", " \n", []string{"expect_tip: is required"}},
		{"null body", "", "null", []string{"expect_tip: is required"}},
		{"required and null", "", `{"expect_tip":null}`, []string{"expect_tip: is required"}},
		{"empty tip", "", `{"expect_tip":""}`, []string{"expect_tip: must be the CID of the tip you expect; it is empty"}},
		{"tip of another kind", "", `{"expect_tip":1}`, []string{"expect_tip: must be the CID of the tip you expect, not a number"}},
		{"endless tip", "", `{"expect_tip":"` + long + `"}`, []string{"expect_tip: must have at most 512 characters, not 513"}},
		{"body is an array", "", `[]`, []string{": must be a JSON object, not an array"}},
		{"body is a link", "", `{"/":"` + aCID + `"}`, []string{": must be a JSON object, not a link"}},
		{"query", "?limit=0&offset=-1&deep=maybe&from=monday", minimal, []string{"limit: must be at least 1", "offset: must be at least 0",
			"from: must be a time like 2006-01-02T15:04:05Z", "deep: must be true or false"}},
		{"query not a number", "?limit=ten", minimal, []string{"limit: must be a whole number, and between -9223372036854775808 and 9223372036854775807"}},
		{"query past int64", "?offset=9223372036854775808", minimal, []string{"offset: must be a whole number, and between -9223372036854775808 and 9223372036854775807"}},
		{"query over the limit", "?limit=1001", minimal, []string{"limit: must be at most 1000"}},
		{"query in two spellings", "?owner_id=" + anID + "&owner_pi=" + testI, minimal, []string{"owner_pi: differs from owner_id, which is the same thing under another name; give one of them"}},
		{"query not UTF-8", "?type=%ff", minimal, []string{"type: must be valid UTF-8"}},
		{"query malformed", "?limit=%zz", minimal, []string{`: the query is not well formed: invalid URL escape "%zz"`}},
		{"too long", "", `{"expect_tip":"x","note":"123456"}`, []string{"note: must have at most 5 characters, not 6"}},
		{"not of the enum", "", `{"expect_tip":"x","status":"maybe"}`, []string{"status: must be one of on, off"}},
		{"two spellings", "", `{"expect_tip":"x","collection_id":"` + anID + `","coll":"` + testI + `"}`,
			[]string{"coll: differs from collection_id, which is the same thing under another name; give one of them"}},
		{"bad id under an alias", "", `{"expect_tip":"x","collection_pi":"short"}`, []string{`collection_pi: id "short" has 5 characters; an id has 26, like 01JH8Z0Y6V5RZ4Q8Q9V4T2W3XK`}},
		{"bad cid", "", `{"expect_tip":"x","cid":"bafyno"}`, []string{`cid: "bafyno" is not a CID; one looks like bafyrei followed by 52 characters of base32`}},
		{"integers out of range", "", `{"expect_tip":"x","small":128,"unsigned":-1,"expires":0}`, []string{"small: must be between -128 and 127",
			"unsigned: must be between 0 and 4294967295", "expires: must be greater than 0"}},
		{"huge number", "", `{"expect_tip":"x","expires":1e300,"single":1e300}`, []string{
			"expires: must be a whole number, and between -9223372036854775808 and 9223372036854775807", "single: must be within the range of a 32-bit float"}},
		{"fraction", "", `{"expect_tip":"x","small":1.5,"weight":1.6}`, []string{"small: must be a whole number, and between -128 and 127", "weight: must be at most 1.5"}},
		{"wrong kinds", "", `{"expect_tip":"x","note":1,"small":"1","weight":"1","flag":1,"properties":[],"roles":[],"relationships_add":{},"nested":1,"list":{},"cid":true}`,
			[]string{"note: must be text, not a number", "cid: must be a CID: text like bafyrei…, not true or false", "small: must be a whole number, not text",
				"weight: must be a number, not text", "flag: must be true or false, not a number", "properties: must be an object, not an array",
				"roles: must be an object, not an array", "relationships_add: must be an array, not an object", "nested: must be an object, not a number", "list: must be an array, not an object"}},
		{"link where an object should be", "", `{"expect_tip":"x","properties":{"/":"` + aCID + `"}}`, []string{"properties: must be an object, not a link"}},
		{"inside an array", "", `{"expect_tip":"x","relationships_add":[{"predicate":"p","peer":"*"},{"predicate":"","peer":"*"},null]}`,
			[]string{"relationships_add.1.predicate: must have at least 1 character, not 0", "relationships_add.2: must be an object, not null"}},
		{"required inside an array", "", `{"expect_tip":"x","relationships_add":[{}]}`, []string{"relationships_add.0.predicate: is required", "relationships_add.0.peer: is required"}},
		{"too many", "", `{"expect_tip":"x","relationships_add":[0,0,0,0]}`, []string{"relationships_add: must have at most 3 items, not 4"}},
		{"too few", "", `{"expect_tip":"x","actions":[]}`, []string{"actions: must have at least 1 item, not 0"}},
		{"pattern of items", "", `{"expect_tip":"x","actions":["a:b","A"]}`, []string{"actions.1: must match ^[a-z]+:[a-z]+$"}},
		{"inside a map", "", `{"expect_tip":"x","roles":{"r":[1]}}`, []string{"roles.r.0: must be text, not a number"}},
		{"too many members", "", `{"expect_tip":"x","roles":{"a":[],"b":[],"c":[]}}`, []string{"roles: must have at most 2 members, not 3"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			w := call(h, "POST", "/e/"+anID+c.query, c.body)
			equal(t, "status", w.Code, 400)
			equal(t, "issues", problems(t, w), c.want)
			contains(t, "error", w.Body.String(), `"error":"Validation failed"`)
		})
	}
	t.Run("path", func(t *testing.T) {
		w := call(h, "POST", "/e/01JH8Z0Y6V5RZ4Q8Q9V4T2W3XU", minimal)
		equal(t, "issues", problems(t, w), []string{`id: id "01JH8Z0Y6V5RZ4Q8Q9V4T2W3XU" has the character 'U'; an id is written in Crockford base32 (0-9 and A-Z without I, L, O, U)`})
	})
}

func TestBindEscapedPath(t *testing.T) {
	type in struct {
		Name string `path:"name"`
		Rest string `path:"*"`
	}
	var got in
	h := echo(t, "/x/{name}/y/*", func(v *in) { got = *v })
	equal(t, "status", call(h, "POST", "/x/a%2Fb%20c/y/d/e%2Ff", "").Code, 204)
	equal(t, "input", got, in{"a/b c", "d/e/f"})
	equal(t, "status of an empty rest", call(h, "POST", "/x/n/y/", "").Code, 204)
	equal(t, "invalid UTF-8", problems(t, call(h, "POST", "/x/%ff%2F/y/", "")), []string{"name: must be valid UTF-8"})
}

func TestBindManyIssuesAreBounded(t *testing.T) {
	type in struct {
		Rels []relationship `json:"rels"`
	}
	h := echo(t, "/e", func(*in) { t.Error("the handler was called") })
	w := call(h, "POST", "/e", `{"rels":[`+strings.Repeat("0,", 50_000)+`0]}`)
	equal(t, "issues", len(problems(t, w)), maxIssues)
}

func TestBindLongList(t *testing.T) {
	type in struct {
		IDs []entity.ID `json:"ids"`
	}
	var got in
	h := echo(t, "/e", func(v *in) { got = *v })
	const n = 5000
	equal(t, "status", call(h, "POST", "/e", `{"ids":[`+strings.Repeat(`"`+anID+`",`, n-1)+`"`+testI+`"]}`).Code, 204)
	equal(t, "length", len(got.IDs), n)
	equal(t, "first, last", []entity.ID{got.IDs[0], got.IDs[n-1]}, []entity.ID{anID, testI})
}

type comment struct {
	Text    string     `json:"text" req:"true"`
	Replies []*comment `json:"replies"`
}

func TestBindTypeThatContainsItself(t *testing.T) {
	type in struct {
		Root *comment `json:"root"`
	}
	var got in
	h := echo(t, "/e", func(v *in) { got = *v })
	equal(t, "status", call(h, "POST", "/e", `{"root":{"text":"a","replies":[{"text":"b"}]}}`).Code, 204)
	equal(t, "input", got, in{&comment{"a", []*comment{{Text: "b"}}}})
	equal(t, "issues", problems(t, call(h, "POST", "/e", `{"root":{"text":"a","replies":[{}]}}`)), []string{"root.replies.0.text: is required"})
}

func TestBindWholeBody(t *testing.T) {
	type in struct {
		All   any    `body:"json" req:"true"`
		Model string `json:"model"`
	}
	var got in
	h := echo(t, "/e", func(v *in) { got = *v })
	equal(t, "status", call(h, "POST", "/e", `{"model":"m","x":1}`).Code, 204)
	equal(t, "input", got, in{map[string]any{"model": "m", "x": int64(1)}, "m"})
	equal(t, "absent", problems(t, call(h, "POST", "/e", "")), []string{": a JSON body is required"})

	type list struct {
		All []int `body:"json"`
	}
	var gotList list
	h = echo(t, "/e", func(v *list) { gotList = *v })
	equal(t, "status", call(h, "POST", "/e", `[1,2]`).Code, 204)
	equal(t, "input", gotList, list{[]int{1, 2}})
	equal(t, "issues", problems(t, call(h, "POST", "/e", `[1,"2"]`)), []string{"1: must be a whole number, not text"})
}

func TestTip(t *testing.T) {
	cid, _ := entity.ParseCID(aCID)
	equal(t, "a CID", Tip(aCID).CID(), cid)
	equal(t, "its condition holds", Tip(aCID).Expect().Allows(cid), true)
	equal(t, "no tip", []any{Tip("").CID().Defined(), Tip("").Expect()}, []any{false, entity.Any})
	for _, text := range []string{"x", "null", "bafkrei", strings.Repeat("y", 100)} {
		tip := Tip(text)
		equal(t, "defined", tip.CID().Defined(), true)
		equal(t, "allows "+text, []bool{tip.Expect().Allows(cid), tip.Expect().Allows(entity.CID{})}, []bool{false, false})
		equal(t, "in the client's words", tip.Expect().Mismatch("t", anID, cid).Tips.Expected, text)
	}
}

// TestOpRefusesWhatCannotBeBound: a wrong table is found when the server starts.
func TestOpRefusesWhatCannotBeBound(t *testing.T) {
	cases := map[string]func(){
		"needs one of the tags": refused[struct{ A string }]("/x"),
		"has both path and query": refused[struct {
			A string `path:"a" query:"a"`
		}]("/x/{a}"),
		`the path has no parameter "a"`: refused[struct {
			A string `path:"a"`
		}]("/x"),
		`nothing binds the path parameter`: refused[struct{}]("/x/{a}"),
		"a pattern is a regular": refused[struct {
			A string `json:"a" pattern:"("`
		}]("/x"),
		"min is a number": refused[struct {
			A string `json:"a" min:"x"`
		}]("/x"),
		"min and max are for": refused[struct {
			A bool `json:"a" min:"1"`
		}]("/x"),
		"gt is for numbers": refused[struct {
			A string `json:"a" gt:"1"`
		}]("/x"),
		"enum is for text": refused[struct {
			A int `json:"a" enum:"1"`
		}]("/x"),
		"wildcard is for": refused[struct {
			A string `json:"a" wildcard:"true"`
		}]("/x"),
		`the default "ten"`: refused[struct {
			A int `json:"a" default:"ten"`
		}]("/x"),
		`the default "0"`: refused[struct {
			A int `json:"a" default:"0" min:"1"`
		}]("/x"),
		"default is for an optional": refused[struct {
			A []int `json:"a" default:"1"`
		}]("/x"),
		`req is "true"`: refused[struct {
			A int `json:"a" req:"yes"`
		}]("/x"),
		"is bound twice": refused[struct {
			A int `json:"a"`
			B int `json:"b" alias:"a"`
		}]("/x"),
		"a query cannot carry": refused[struct {
			A map[string]any `query:"a"`
		}]("/x"),
		"a map[int]int cannot be read": refused[struct {
			A map[int]int `json:"a"`
		}]("/x"),
		"a header cannot carry": refused[struct {
			A []string `header:"a"`
		}]("/x"),
		"cannot be read from a request": refused[struct {
			A chan int `json:"a"`
		}]("/x"),
		"needs a json tag": refused[struct {
			A struct{ B int } `json:"a"`
		}]("/x"),
		"An input is a struct": refused[int]("/x"),
		"is for a field of type": refused[struct {
			A string `body:"raw"`
		}]("/x"),
		"exclude each other": refused[struct {
			A Upload `body:"raw"`
			B int    `json:"b"`
		}]("/x"),
		"the path must begin":              refused[struct{}]("x"),
		"documented operation needs an ID": func() { Handle(Operation{Method: "GET", Path: "/"}, nil) },
		"method must be one of":            func() { Handle(Operation{Method: "get", Path: "/", ID: "x"}, nil) },
		"not a success":                    func() { Handle(Operation{Method: "GET", Path: "/", ID: "x", Success: []Success{{Status: 404}}}, nil) },
		"no JSON form": func() {
			Handle(Operation{Method: "GET", Path: "/", ID: "x", Success: []Success{{Status: 200, Body: func() {}}}}, nil)
		},
		"two operations serve GET /x/{}": func() { New(Options{Ops: []Operation{constant("/x/{a}"), constant("/x/{b}")}}) },
		"was not made by Op":             func() { New(Options{Ops: []Operation{{Method: "GET", Path: "/x"}}}) },
	}
	for want, make := range cases {
		t.Run(want, func(t *testing.T) {
			defer func() {
				p := recover()
				if p == nil {
					t.Fatal("no panic")
				}
				text, _ := p.(string)
				if err, ok := p.(error); ok {
					text = err.Error()
				}
				contains(t, "panic", strings.ToLower(text), strings.ToLower(want))
			}()
			make()
		})
	}
}

func refused[In any](path string) func() {
	return func() {
		Op(Operation{Method: "GET", Path: path, ID: "x"}, func(context.Context, *In) (*Reply, error) { return nil, nil })
	}
}

// constant is an operation with whatever path.
func constant(path string) Operation {
	return Handle(Operation{Method: "GET", Path: path, ID: "constant" + identifier(path)}, http.NotFoundHandler())
}

// FuzzBind: whatever body and query arrive, binding answers 204 or 400 and
// never panics.
func FuzzBind(f *testing.F) {
	for _, body := range []string{minimal, `{}`, ``, `[`, `{"a":1,"a":2}`, `{"expect_tip":"x","roles":{"a":[1,null,{}]},"relationships_add":[[],{"peer":{}}],"nested":{"a":1e400}}`,
		`{"expect_tip":"x","small":-129,"weight":-0.0,"single":3.5e38,"list":[{"/":"x"}]}`, strings.Repeat("[", 100)} {
		f.Add(body, "limit=1&type=a,b")
	}
	f.Add(minimal, "%=&&;=&limit=+1&from=-&deep=t")
	p := compile(Operation{Method: "POST", Path: "/e/{id}"}, reflect.TypeFor[everything]())
	f.Fuzz(func(t *testing.T, body, query string) {
		in := new(everything)
		dst := reflect.ValueOf(in).Elem()
		var b binder
		b.fromQuery(p.query, query, dst)
		v, err := entity.ParseJSON([]byte(body), entity.MaxDepth+bodyDepth)
		if err == nil {
			p.fromBody(&b, v, dst)
		}
		if err := b.err(); err != nil && entity.KindOf(err) != entity.KindInvalid {
			t.Fatalf("kind %v: %v", entity.KindOf(err), err)
		}
		if b.err() == nil && err == nil && in.Tip == "" {
			t.Fatal("the required tip is missing and nobody said so")
		}
	})
}
