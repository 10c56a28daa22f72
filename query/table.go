package query

import (
	"fmt"
	"strings"
	"text/tabwriter"
)

// Form is a row of the table of what the language has.
type Form struct {
	Production string // of the grammar
	Form       string
	Meaning    string
	Example    string // a whole query
}

// forms is the language's table: [Syntax] is printed from it, and a test
// holds it against the grammar. To add a form add a row.
var forms = []Form{
	{"query", `[scope] entry [filter] { hop } { | stage }`, "begin at entities, narrow them, hop along relationships", `type:person [born > 1850] -[wrote]-> type:letter | limit 10`},
	{"scope", `@:discover`, "search text in related collections first (the default)", `@:discover "research papers"`},
	{"scope", `@:collections`, "search text among the collections themselves", `@:collections "columbia archives"`},
	{"scope", `@:collection(id)`, "search text, or take a type's entities, in one collection", `@:collection(01JCOLL123) "meeting"`},
	{"scope", `@:public`, "search text in the public domain", `@:public "orphaned data"`},
	{"selector", `"text" or 'text'`, `entities like the text; \ takes the next character as it is`, `"george washington"`},
	{"ids", `@id,@id`, "these entities", `@01KE4ZY69F9R40E88PK9S0TQRQ,@01KE4ZY69F9R40E88PK9S0TQRR`},
	{"ident", `01KE4Z…`, "an id: letters, digits and _", `@01KE4ZY69F9R40E88PK9S0TQRQ`},
	{"types", `type:name,name`, "entities of one of these types", `type:person,organization`},
	{"types", `!type:name,name`, "as a filter: entities of none of these types", `@01KE4ZY69F9R40E88PK9S0TQRQ -[*]-> !type:file,folder`},
	{"name", `name or "any name"`, "a type, in quotes if it is not letters, digits and _", `type:"field note"`},
	{"like", `… ~ "text"`, "of these, the ones like the text", `type:person ~ "physician"`},
	{"where", `[…] or […] ~ "text"`, "as a filter: entities of any type with these properties", `"alice" -[*]-> [born > 1900] ~ "physician"`},
	{"props", `[condition, condition]`, "entities whose properties satisfy all of the conditions", `type:person[born >= 1850, label ~ "ann"]`},
	{"condition", `path = value`, "the property is the value; of a list, one of its elements; = null where there is none", `type:person[address.city = "Rome"]`},
	{"condition", `path != value`, "not so; also where there is no such property", `type:person[died != null]`},
	{"condition", `path < <= > >= value`, "numbers by size, text by its bytes; of unlike kinds never", `type:person[born >= 1850, born < 1900, died > "1900", died <= "1950-12-31"]`},
	{"condition", `path ~ "text"`, "text that contains this one, upper and lower case alike", `type:person[label ~ "ann"]`},
	{"key", `name.name or "any name"`, "the way to a property, through objects and lists", `type:person["first name" = "Ann", works.title ~ "sea"]`},
	{"literal", `"text", number, true, false, null`, "a value, numbers as in JSON", `type:person[height = 1.7, alive = true, retired = false, died = null]`},
	{"hop", `-[relation]-> filter`, "along relationships that the entity holds", `type:person -[wrote]-> type:letter`},
	{"hop", `<-[relation]- filter`, "along relationships that others hold to it", `type:letter <-[wrote]- type:person`},
	{"hop", `<-[relation]-> filter`, "either way; without a filter to any entity", `@01KE4ZY69F9R40E88PK9S0TQRQ <-[knows]->`},
	{"close", `-> or -`, "the end of a hop, with the arrow or without", `@01KE4ZY69F9R40E88PK9S0TQRQ <-[in]- -[contains]->`},
	{"hop", `[*]`, "any relation", `@01KE4ZY69F9R40E88PK9S0TQRQ -[*]-> type:person`},
	{"term", `[name,name]`, "one of these: exactly, if it is a predicate in use, else what means something like it", `type:person -[wrote,signed]-> type:letter`},
	{"term", `[=name]`, "exactly this predicate, in use or not", `type:person -[="wrote to"]-> type:person`},
	{"term", `[~name]`, "predicates that mean something like it", `type:person -[~friend]-> type:person`},
	{"term", `[!name,!name]`, "any predicate but these", `type:folder -[!contains,!in]->`},
	{"range", `{n}`, "along a path of n edges; without a range 1", `type:folder -[contains]{3}-> type:file`},
	{"range", `{n,m}`, "of n to m edges, at most 8", `type:folder -[contains]{1,4}-> type:file`},
	{"range", `{,m}`, "of 1 to m edges", `@:discover "alice" -[*]{,2}-> type:person`},
	{"range", `{n,}`, "of n to 4 edges; for n > 4 of n to 8", `type:folder -[contains]{2,}-> type:file`},
	{"stage", `| limit n`, "at most n results, up to 1000", `type:person | limit 500`},
	{"stage", `| count`, "the number of results instead of them, last in the query", `type:person[born > 1850] -[wrote]-> type:letter | count`},
}

// Forms lists what the language has.
func Forms() []Form { return append([]Form(nil), forms...) }

// Syntax is the language on a page, for people.
func Syntax() string {
	var b strings.Builder
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "FORM\tMEANING\tEXAMPLE")
	for _, f := range forms {
		fmt.Fprintf(w, "%s\t%s\t%s\n", f.Form, f.Meaning, f.Example)
	}
	w.Flush() // to memory: no error
	return b.String()
}
