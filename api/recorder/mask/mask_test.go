package mask_test

import (
	"reflect"
	"testing"

	"stemma/api/recorder/mask"
	"stemma/entity"
)

func TestApply(t *testing.T) {
	parse := func(s string) entity.Properties {
		v, err := entity.ParseJSON([]byte(s), entity.MaxDepth)
		if err != nil {
			t.Fatal(err)
		}
		return v.(map[string]any)
	}
	for _, c := range []struct {
		name     string
		rules    []mask.Rule
		in, want string
	}{
		{"a named pattern", []mask.Rule{{Name: "m", Pattern: "email"}}, `{"input":"write to ann@example.com, bob@x.org","n":1}`, `{"input":"write to [masked], [masked]","n":1}`},
		{"deep and in keys", []mask.Rule{{Name: "m", Pattern: "email"}}, `{"a":[{"ann@example.com":["bob@x.org"]}]}`, `{"a":[{"[masked]":["[masked]"]}]}`},
		{"a replacement", []mask.Rule{{Name: "m", Pattern: "TICKET-[0-9]+", Replacement: "$1<t>"}}, `{"a":"TICKET-7 now"}`, `{"a":"$1<t> now"}`},
		{"a path", []mask.Rule{{Name: "m", Path: "$.metadata.user"}}, `{"metadata":{"user":{"a":1},"x":2},"user":3}`, `{"metadata":{"user":"[masked]","x":2},"user":3}`},
		{"any depth", []mask.Rule{{Name: "m", Path: "$..password"}}, `{"password":1,"a":[{"password":{"b":2}},{"c":{"password":null}}]}`, `{"password":"[masked]","a":[{"password":"[masked]"},{"c":{"password":"[masked]"}}]}`},
		{"each", []mask.Rule{{Name: "m", Path: "$.rows[*].ssn"}}, `{"rows":[{"ssn":"1","a":1},{"ssn":"2"},{}]}`, `{"rows":[{"ssn":"[masked]","a":1},{"ssn":"[masked]"},{}]}`},
		{"a place", []mask.Rule{{Name: "m", Path: "$.rows[1]"}}, `{"rows":[1,2,3]}`, `{"rows":[1,"[masked]",3]}`},
		{"all members", []mask.Rule{{Name: "m", Path: "$.a.*"}}, `{"a":{"b":1,"c":[2]}}`, `{"a":{"b":"[masked]","c":"[masked]"}}`},
		{"a name in quotes", []mask.Rule{{Name: "m", Path: "$['a b'].c"}}, `{"a b":{"c":1}}`, `{"a b":{"c":"[masked]"}}`},
		{"a pattern at a path", []mask.Rule{{Name: "m", Path: "$.input", Pattern: `\d+`}}, `{"input":"call 555","output":"call 555"}`, `{"input":"call [masked]","output":"call 555"}`},
		{"a card", []mask.Rule{{Name: "m", Pattern: "credit_card"}}, `{"a":"4111 1111 1111 1111","b":"2026-01-01"}`, `{"a":"[masked]","b":"2026-01-01"}`},
		{"a key", []mask.Rule{{Name: "m", Pattern: "api_key"}}, `{"a":"sk-proj-abcdefghijklmnopqrstuvwx","b":"skip-this"}`, `{"a":"[masked]","b":"skip-this"}`},
		{"several", []mask.Rule{{Name: "m", Pattern: "email"}, {Name: "n", Path: "$.b"}}, `{"a":"x@y.zz","b":1}`, `{"a":"[masked]","b":"[masked]"}`},
		{"none", nil, `{"a":"x@y.zz"}`, `{"a":"x@y.zz"}`},
	} {
		rules, err := mask.Compile(c.rules)
		if err != nil {
			t.Errorf("%s: %v", c.name, err)
			continue
		}
		in := parse(c.in)
		got := rules.Apply(in)
		if !reflect.DeepEqual(got, parse(c.want)) {
			t.Errorf("%s: %v, want %s", c.name, got, c.want)
		}
		if !reflect.DeepEqual(in, parse(c.in)) {
			t.Errorf("%s: what came in was changed", c.name)
		}
		if again := rules.Apply(got); !reflect.DeepEqual(again, got) {
			t.Errorf("%s: masked again it is %v", c.name, again)
		}
	}
}

// Every text that is no path is refused, and none ends the process.
func FuzzCompile(f *testing.F) {
	for _, s := range []string{"$.a", "$..a[*]", "$['a']", "$", "", "$[", "$.", "$..", "$[-1]", "$['a", "a"} {
		f.Add(s, "x")
	}
	f.Fuzz(func(t *testing.T, path, value string) {
		rules, err := mask.Compile([]mask.Rule{{Name: "m", Path: path}})
		if err != nil || path == "" {
			return
		}
		rules.Apply(entity.Properties{"a": value, "b": []any{value, map[string]any{"a": value}}})
	})
}
