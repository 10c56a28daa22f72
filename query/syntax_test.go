package query

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"stemma/entity"
)

// TestForms: every example of the table parses, and every production, sign and
// word of the grammar is in it.
func TestForms(t *testing.T) {
	written := map[string]bool{}
	var all strings.Builder
	for _, f := range Forms() {
		written[f.Production] = true
		q, err := Parse(f.Example)
		if err != nil {
			t.Errorf("%s: %v", f.Form, err)
			continue
		}
		if again, err := Parse(q.String()); err != nil || again.String() != q.String() {
			t.Errorf("%s: prints %s, which reads %v, %v", f.Example, q, again, err)
		}
		all.WriteString(f.Form + " " + f.Example + "\n")
		if !strings.Contains(Syntax(), f.Form) || !strings.Contains(Syntax(), f.Example) {
			t.Errorf("Syntax does not print the row of %s", f.Form)
		}
	}
	grammar := newParser().String()
	productions := regexp.MustCompile(`(?m)^(\w+)Syntax = `).FindAllStringSubmatch(grammar, -1)
	if len(productions) < 15 {
		t.Fatalf("the grammar has %d productions:\n%s", len(productions), grammar)
	}
	for _, m := range productions {
		name := strings.ToLower(m[1])
		if !written[name] {
			t.Errorf("no row for the production %s", name)
		}
		delete(written, name)
	}
	for name := range written {
		t.Errorf("a row for %s, which is no production", name)
	}
	for _, m := range regexp.MustCompile(`"([^"]+)"`).FindAllStringSubmatch(grammar, -1) {
		if !strings.Contains(all.String(), m[1]) {
			t.Errorf("no row has %q", m[1])
		}
	}
}

// TestCanonical: one way to print each meaning.
func TestCanonical(t *testing.T) {
	for text, want := range map[string]string{
		`type:a`: `type:a`,
		"\ttype : a\n, b\r\n-[ x , ! y ]\n{ 2 , }\n->  @c , @d|limit 3|count": `type:a,b -[x,!y]{2,4}-> @c,@d | limit 3 | count`,
		`'it\'s "so" \n\\'`:                        `"it's \"so\" n\\"`,
		`type:"field note",b2,2b`:                  `type:"field note",b2,2b`,
		`@a<-[*]-[n=-1.50e1,"a b".c!="x",d~'Y']`:   `@a <-[*]- [n = -15, "a b".c != "x", d ~ "Y"]`,
		`@a [n = 0.1, m = 1e300, o<=12]`:           `@a [n = 0.1, m = 1e+300, o <= 12]`,
		`@a<-[=x,~y,"a-b"]{,3}->[x=true]~"t"`:      `@a <-[=x,~y,"a-b"]{1,3}-> [x = true] ~ "t"`,
		`@a -[x]{1}-> -[x]{3,3}-> -[x]{5,}->`:      `@a -[x]-> -[x]{3}-> -[x]{5,8}->`,
		`@a -[x]{1,}-> !type:b[x=null,y=false]`:    `@a -[x]{1,4}-> !type:b[x = null, y = false]`,
		`@:discover"x" !type:y~"z"`:                `@:discover "x" !type:y ~ "z"`,
		`@:collection ( C ) type:a ~ "x"`:          `@:collection(C) type:a ~ "x"`,
		`@type @count -[limit]-> @limit | limit 2`: `@type @count -[limit]-> @limit | limit 2`,
	} {
		q, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
		} else if q.String() != want {
			t.Errorf("%s prints\n%s, want\n%s", text, q, want)
		}
	}
}

var wrong = []struct {
	text string
	at   int
	says string
}{
	{``, 0, `found the end of the query, expected a scope like @:collection(id), @id, type:name`},
	{`   `, 3, `found the end of the query`},
	{`type:a & b`, 7, `found "&", expected @id, type:name, "!", text in quotes, a property filter like [born > 1850], "~", a comma, a hop like -[relation]->, | count or | limit n or the end of the query`},
	{`type`, 4, `expected ":"`},
	{`type:`, 5, `expected a name or text in quotes`},
	{`type:""`, 5, `the name of a type is empty`},
	{`@a,`, 3, `expected @id`},
	{`@a,b`, 3, `found "b", expected @id`},
	{`@a @b @c`, 6, `found "@c", expected a comma, a hop like -[relation]->, | count or | limit n or the end of the query`},
	{`@a -[x]-> @b ]`, 13, `found "]"`},
	{`@a -[x]-> @b @c`, 13, `found "@c"`},
	{`@a -[]->`, 5, `expected a name, "!", text in quotes, "*", "=" or "~"`},
	{`@a -[*,x]->`, 6, `expected "]"`},
	{`@a -[x`, 6, `found the end of the query, expected a comma or "]"`},
	{`@a -[x]`, 7, `expected a range like {1,3}, "->" or "-"`},
	{`@a -[x]{3 4}->`, 10, `found "4}->", expected a comma or "}"`},
	{`@a -[x]{}->`, 8, `expected a number or a comma`},
	{`@a -[x]{0}->`, 7, `a path has at least 1 edge`},
	{`@a -[x]{9}->`, 7, `at most 8 edges`},
	{`@a -[x]{2,9}->`, 7, `at most 8 edges`},
	{`@a -[x]{3,2}->`, 7, `the range is empty: write {2,3}`},
	{`@a -[x]{99999999999999999999}->`, 7, `is too large`},
	{`@a -[x]- @b`, 7, `this hop has no arrow`},
	{"@a\n  -[x]=> @b", 9, `line 2, column 7 (position 9): found "=>"`},
	{"\"é\"\n\n\"ü\" &", 11, `line 3, column 5 (position 11): found "&"`},
	{`"abc`, 0, `the text that begins here is not closed`},
	{`@a 'abc\'`, 3, `the text that begins here is not closed`},
	{`""`, 0, `the text to look for is empty`},
	{`type:a ~ " "`, 7, `the text to look for is empty`},
	{`@a[x`, 4, `expected ".", "=", "!=", "<", "<=", ">", ">=" or "~"`},
	{`type:a[x=]`, 9, `expected text in quotes, a number, true, false or null`},
	{`type:a[x=1`, 10, `expected a comma or "]"`},
	{`type:a[x=01]`, 9, `01 is not a number`},
	{`type:a[x=1e999]`, 9, `1e999 is not a number`},
	{`type:a[x ~ 1]`, 11, `~ looks for text inside text`},
	{`type:a[x < null]`, 11, `null has no order`},
	{`[x=1]`, 0, `a query begins with "text", @id or type:name`},
	{`!type:a`, 0, `a query begins with`},
	{`@:x`, 2, `expected collections, collection(id), discover or public`},
	{`@:public @a`, 0, `leave the scope out`},
	{`@:collections type:a`, 0, `leave the scope out`},
	{`@:collection(c) @a`, 0, `leave the scope out`},
	{`@a | foo`, 5, `found "foo", expected count or limit n`},
	{`@a |`, 4, `expected count or limit n`},
	{`@a | limit 0`, 3, `from 1 to 1000`},
	{`@a | limit 1001`, 3, `from 1 to 1000`},
	{`@a | limit 1 | limit 2`, 13, `has a limit already`},
	{`@a | count | limit 1`, 11, `| count is the last word`},
	{"@a \xff", 3, `not valid UTF-8`},
	{`@a` + strings.Repeat(" ", MaxText), MaxText, `at most 16384 are read`},
	{strings.Repeat(`@a,`, 5000) + `&`, 15000, `found "&", expected something else`},
}

// TestErrors: an error says where and what would be right.
func TestErrors(t *testing.T) {
	for _, c := range wrong {
		q, err := Parse(c.text)
		var at *SyntaxError
		var ours *entity.Error
		if !errors.As(err, &at) || !errors.As(err, &ours) || ours.Kind != entity.KindInvalid {
			t.Errorf("%.40q: %v, %v; want an error of KindInvalid with a SyntaxError", c.text, q, err)
			continue
		}
		if at.Position != c.at || !strings.Contains(ours.Message, c.says) {
			t.Errorf("%.40q: at %d: %s; want at %d: %s", c.text, at.Position, ours.Message, c.at, c.says)
		}
	}
}

// FuzzParse: no text makes Parse panic or overflow, and what it reads prints
// as a text that reads and prints the same.
func FuzzParse(f *testing.F) {
	for _, form := range forms {
		f.Add(form.Example)
	}
	for _, c := range wrong[:len(wrong)-2] {
		f.Add(c.text)
	}
	f.Add(strings.Repeat("[", 5000))
	f.Add("@a" + strings.Repeat(" -[x]->", 2000))
	f.Fuzz(func(t *testing.T, text string) {
		q, err := Parse(text)
		if err != nil {
			var at *SyntaxError
			if !errors.As(err, &at) || at.Position < 0 || at.Position > len(text) {
				t.Fatalf("%q: %v", text, err)
			}
			return
		}
		printed := q.String()
		if len(printed) > MaxText {
			return // blanks that were left out in the text
		}
		again, err := Parse(printed)
		if err != nil {
			t.Fatalf("%q prints %q, which does not read: %v", text, printed, err)
		}
		if again.String() != printed {
			t.Fatalf("%q prints %q and then %q", text, printed, again)
		}
	})
}

func BenchmarkParse(b *testing.B) {
	const text = `type:person[born >= 1850, label ~ "ann"] -[contains,!in]{,3}-> type:letter,file | limit 10`
	for b.Loop() {
		if _, err := Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
