package access

import (
	"regexp"
	"slices"
	"strings"

	"stemma/entity"
)

// Action is what an operation does, as type:verb ("entity:update"); in a role
// also a pattern ("*:view").
type Action string

// split gives both parts.
func (a Action) split() (typ, verb string) {
	typ, verb, _ = strings.Cut(string(a), ":")
	return typ, verb
}

// Any stands for every type, or every verb, in a pattern.
const Any = "*"

// BaseType is the type whose actions reach every type that is not guarded.
const BaseType = "entity"

// Verb is a row of the table of verbs.
type Verb struct {
	Name    string
	Implies []string // other verbs that come with it
	Reads   bool     // changes nothing
}

// verbs is the table. restore comes with update, as delete does: who may bury
// may also dig up (the specification lists it nowhere, and then nobody could).
var verbs = []Verb{
	{Name: "view", Implies: []string{"download", "tip"}, Reads: true},
	{Name: "tip", Reads: true},
	{Name: "download", Reads: true},
	{Name: "create"},
	{Name: "update", Implies: []string{"reupload", "upload", "delete", "restore", "record"}},
	{Name: "delete"},
	{Name: "restore"},
	{Name: "upload"},
	{Name: "reupload"},
	{Name: "manage", Implies: []string{"view", "download", "tip", "create", "update", "reupload", "upload", "delete", "restore", "invoke", "record"}},
	{Name: "invoke"},
	{Name: "record"},
	{Name: "credentials"},
	{Name: "list", Reads: true},
	{Name: "read", Reads: true},
	{Name: "query", Reads: true},
	{Name: "execute", Reads: true},
	{Name: "similar", Reads: true},
	{Name: "verify", Reads: true},
	{Name: "send"},
	{Name: "backup"},
	{Name: "administer"},
}

// Verbs is the table of verbs.
func Verbs() []Verb { return slices.Clone(verbs) }

// Type is a row of the table of types: those with actions of their own.
type Type struct {
	Name    string
	Verbs   []string
	Guarded bool   // patterns reach it only by name, but for view
	Scope   bool   // it says itself who may do what to it
	Sealed  bool   // but for reads it is the operator's alone, whatever roles say
	Note    string // why it is guarded, for GET /permissions

	made string // the verb that makes one; "": create
}

var common = []string{"view", "create", "update", "delete", "restore"}

// types is the table. A type of entity without a row has the verbs of the base
// type.
var types = []Type{
	{Name: BaseType, Verbs: append([]string{"tip"}, common...)},
	{Name: entity.TypeCollection, Verbs: append([]string{"manage"}, common...), Guarded: true, Scope: true, Note: "Of the base type's verbs only view reaches collections; the others must name them, like collection:update"},
	{Name: entity.TypeFolder, Verbs: common},
	{Name: entity.TypeFile, Verbs: append([]string{"upload", "download", "reupload"}, common...)},
	{Name: entity.TypeUser, Verbs: append([]string{"credentials"}, common...), Scope: true},
	{Name: entity.TypeAgent, Verbs: append([]string{"invoke", "manage"}, common...), Scope: true},
	{Name: entity.TypeGroup, Verbs: append([]string{"manage"}, common...), Guarded: true, Scope: true, Note: "Of the base type's verbs only view reaches groups; who is in one is changed with group:manage"},
	{Name: entity.TypeTenant, Verbs: append([]string{"manage"}, common...), Guarded: true, Scope: true, Note: "Of the base type's verbs only view reaches tenants"},
	{Name: entity.TypeService, Verbs: append([]string{"manage"}, common...), Guarded: true, Scope: true, Sealed: true, Note: "Services are the operator's: no role makes or changes one"},
	{Name: "provider", Verbs: append([]string{"manage"}, common...), Guarded: true, Scope: true, Sealed: true, Note: "Providers of language models are the operator's"},
	{Name: "price_table", Verbs: append([]string{"manage"}, common...), Guarded: true, Scope: true, Sealed: true, Note: "Prices of models are the operator's: limits are counted by them"},
	{Name: "run", Verbs: append([]string{"record"}, common...)},
	{Name: "session", Verbs: common},
	{Name: "graph", Verbs: []string{"query"}},
	{Name: "query", Verbs: []string{"execute"}},
	{Name: "search", Verbs: []string{"execute", "query", "similar"}},
	{Name: entity.TypeChat, Verbs: []string{"send", "view", "delete", "restore"}, Scope: true, made: "send"},
	{Name: "events", Verbs: []string{"list"}},
	{Name: "permissions", Verbs: []string{"read"}},
	{Name: "attestation", Verbs: []string{"view", "verify"}},
	{Name: "store", Verbs: []string{"backup", "administer"}, Guarded: true, Note: "A backup holds every secret, and who administers may do everything: the operator alone"},
}

// Types is the table of types.
func Types() []Type { return slices.Clone(types) }

// The tables by name.
var (
	verbRows = index(verbs, func(v Verb) string { return v.Name })
	typeRows = index(types, func(t Type) string { return t.Name })
)

func index[T any](rows []T, name func(T) string) map[string]T {
	m := make(map[string]T, len(rows))
	for _, row := range rows {
		m[name(row)] = row
	}
	return m
}

// Registered tells whether the action is one of the tables': type and verb.
func Registered(a Action) bool {
	typ, verb := a.split()
	return slices.Contains(typeRows[typ].Verbs, verb)
}

// Actions lists every concrete action, in the order of the tables.
func Actions() (all []Action) {
	for _, t := range types {
		for _, v := range t.Verbs {
			all = append(all, Action(t.Name+":"+v))
		}
	}
	return all
}

// aboutStore are types of actions that are about no entity: what they answer is
// filtered, and whoever comes in may take them.
var aboutStore = map[string]bool{"graph": true, "query": true, "search": true, "events": true, "permissions": true, "attestation": true}

// Making is the action that makes an entity of the type: T:create, but for those
// that come of something else, as a chat does of its first message.
func Making(typ string) Action {
	verb := typeRows[typ].made
	if verb == "" {
		verb = "create"
	}
	return Action(typ + ":" + verb)
}

// Own tells that entities of the type say themselves who may do what to them.
func Own(typ string) bool { return typeRows[typ].Scope }

var patternForm = regexp.MustCompile(`^(\*|[a-z][a-z0-9_.-]*):(\*|[a-z_]+)$`)

// CheckPattern makes sure that a role, or the scope of a credential, can hold
// the action. KindInvalid says what would be right.
func CheckPattern(a Action) error {
	const op = "access.CheckPattern"
	if !patternForm.MatchString(string(a)) {
		return entity.Invalid(op, "%q is not an action; write type:verb, like entity:view or *:update", string(a))
	}
	typ, verb := a.split()
	switch {
	case typ == Any && verb == Any:
		return entity.Invalid(op, "*:* is too much; name the verbs, like *:view and *:update")
	case verb == Any && typeRows[typ].Guarded:
		return entity.Invalid(op, "%s:* is not allowed; name the verbs, like %s:update", typ, typ)
	case verb != Any && verbRows[verb].Name == "":
		return entity.Invalid(op, "%q has no such verb; there are %s", string(a), strings.Join(names(verbs), ", "))
	}
	return nil
}

func names(rows []Verb) (out []string) {
	for _, v := range rows {
		out = append(out, v.Name)
	}
	return out
}

// impliedBy are, by verb, the verbs that it comes with, itself among them.
var impliedBy = func() map[string][]string {
	by := map[string][]string{}
	for _, v := range verbs {
		by[v.Name] = append(by[v.Name], v.Name)
		for _, implied := range v.Implies {
			by[implied] = append(by[implied], v.Name)
		}
	}
	return by
}()

// wanted is a concrete type and verb, looked up once for all the patterns that
// may grant it.
type wanted struct {
	typ     string
	guarded bool
	looks   bool     // the verb is one that view comes to on a guarded type
	by      []string // the verbs that grant it
}

func wantedOf(typ, verb string) wanted {
	return wanted{typ: typ, guarded: typeRows[typ].Guarded, looks: verb == "view" || verb == "tip", by: impliedBy[verb]}
}

// grantedBy tells whether a pattern grants it.
func (w *wanted) grantedBy(pattern Action) bool {
	typ, verb := pattern.split()
	if verb != Any && !slices.Contains(w.by, verb) {
		return false
	}
	switch {
	case typ == w.typ:
		return true
	case typ != Any && typ != BaseType:
		return false
	case w.guarded:
		return w.looks && (verb == "view" || verb == Any)
	}
	return true
}

// Grants tells whether one of the patterns grants a concrete action.
func Grants(patterns []Action, a Action) bool {
	typ, verb := a.split()
	return granted(patterns, typ, verb)
}

func granted(patterns []Action, typ, verb string) bool {
	w := wantedOf(typ, verb)
	return w.grantedByAny(patterns)
}

func (w *wanted) grantedByAny(patterns []Action) bool {
	for _, p := range patterns {
		if w.grantedBy(p) {
			return true
		}
	}
	return false
}

// chainVerbs are what reading a chain takes where that is more than viewing the
// entity it hangs on.
var chainVerbs = map[string]string{AuditChain: "manage"}

// AuditChain is the chain of a tenant that tells who came in and who was kept
// out.
const AuditChain = "audit"

// ReadChain is the action that reading a chain of an entity takes.
func ReadChain(chain string) Action {
	if verb, ok := chainVerbs[chain]; ok {
		return Action(BaseType + ":" + verb)
	}
	return BaseType + ":view"
}
