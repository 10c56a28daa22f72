package wire

import (
	"slices"
	"strings"
)

// preamble explains what the lines of a reference mean.
const preamble = `## Authentication

**Token** (bearerAuth) - ` + "`Authorization: Bearer <JWT>`" + `
**API key** (apiKeyAuth) - ` + "`Authorization: ApiKey uk_…`" + ` of a user, ` + "`ak_…`" + ` of an agent, ` + "`sk_…`" + ` of a service, ` + "`ark_live_…`" + ` for recording; or ` + "`X-Api-Key: uk_…`" + `

## Headers

**X-Arke-Network** (main | test), default: main
The network a request is about. Ids of the test network begin with II; the two share nothing.

**X-On-Behalf-Of** (string)
The user a service account acts for; refused from anybody else.

**X-Request-Id** (string)
Names the request in the server's log; every answer has one, and yours is taken when you send one.

## Levels

- ` + "`[required]`" + ` - a registered caller
- ` + "`[optional]`" + ` - anonymous callers are let in
- ` + "`[jwt-only]`" + ` - a valid token whose user need not be registered yet
- (none) - no credential is looked at

What is marked with ` + "`*`" + ` must be there. A name in brackets is another accepted spelling.
`

// Reference prints the operations that are not hidden as text for people and
// models: a group for each tag, in the order of the table.
func Reference(info Info, ops []Operation) string {
	var b strings.Builder
	b.WriteString("# " + info.Title + ": operations\n\n")
	if info.Description != "" {
		b.WriteString(info.Description + "\n\n")
	}
	if info.Server != "" {
		b.WriteString("## Base URL\n\n- " + info.Server + "\n\n")
	}
	b.WriteString(preamble)
	var tags []string
	for i := range ops {
		if !ops[i].Hidden && !slices.Contains(tags, ops[i].Tag) {
			tags = append(tags, ops[i].Tag)
		}
	}
	for _, tag := range tags {
		b.WriteString("\n---\n\n## " + tag + "\n")
		for i := range ops {
			if op := &ops[i]; op.Tag == tag && !op.Hidden {
				op.writeReference(&b)
			}
		}
	}
	return b.String()
}

func (op *Operation) writeReference(b *strings.Builder) {
	b.WriteString("\n" + op.Method + " " + documentPath(op.Path))
	if op.Auth != AuthNone {
		b.WriteString(" [" + op.Auth.String() + "]")
	}
	b.WriteString(" - " + op.Summary + "\n")
	line := func(name, text string) {
		if text != "" {
			b.WriteString(name + ": " + text + "\n")
		}
	}
	names := op.pathParams()
	for i, n := range names {
		if n == "*" {
			names[i] = restName
		}
	}
	line("path", strings.Join(names, ", "))
	if p := op.in; p != nil {
		line("query", listFields(p.query))
		line("header", listFields(p.header))
		switch {
		case p.body != nil:
			line("body", "{"+listFields(p.body.fields)+"}")
		case p.whole != nil:
			line("body", typeText(p.whole.node, &p.whole.rules))
		case p.upload != nil:
			line("body", "bytes")
		}
	}
	if op.Description != "" {
		b.WriteString("\n" + strings.TrimSpace(op.Description) + "\n")
	}
	b.WriteString("\n")
	if op.Permission != "" {
		b.WriteString("**Permission:** `" + op.Permission + "`\n")
	}
	b.WriteString("**Auth:** " + op.Auth.String())
	if op.BearerKeys {
		b.WriteString(", and an API key may come as `Authorization: Bearer`")
	}
	b.WriteString("\n")
}

// listFields is "label*:string, source_ids*:string[] (source_pis)".
func listFields(fields []*field) string {
	var parts []string
	for _, f := range fields {
		s := f.name
		if f.rules.required {
			s += "*"
		}
		s += ":" + typeText(f.node, &f.rules)
		if len(f.alias) > 0 {
			s += " (" + strings.Join(f.alias, ", ") + ")"
		}
		parts = append(parts, s)
	}
	return strings.Join(parts, ", ")
}

func typeText(n *node, r *rules) string {
	if len(r.enum) > 0 && n.kind == kindText {
		return strings.Join(r.enum, "|")
	}
	switch n.kind {
	case kindBool:
		return "boolean"
	case kindInt:
		return "integer"
	case kindFloat:
		return "number"
	case kindAny:
		return "any"
	case kindArray:
		return "any[]"
	case kindObject, kindMap, kindStruct:
		return "object"
	case kindPointer:
		return typeText(n.elem, r)
	case kindList:
		items := r.ofItems()
		return typeText(n.elem, &items) + "[]"
	}
	return "string"
}
