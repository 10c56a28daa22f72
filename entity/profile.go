package entity

import (
	"unicode/utf8"
)

// profile is what a type asks of its manifests beyond the rules for all.
type profile struct {
	labelMax int // the property "label" is required, with at most so many characters; 0: not required
	check    func(*checker, *Manifest)
}

// profiles is the table of types with rules of their own. A type without a
// row has none. To add a resource type add a row.
var profiles = map[string]profile{
	TypeCollection: {labelMax: 200, check: checkRoles},
	TypeFolder:     {labelMax: 500},
	TypeUser:       {labelMax: 500},
	TypeAgent:      {labelMax: 200},
	TypeTenant:     {labelMax: 200, check: checkRoles},
	TypeGroup:      {check: checkRoles},
	TypeService:    {labelMax: 200},
	TypeChat:       {labelMax: 200},
}

func (c *checker) profile(m *Manifest) {
	p, ok := profiles[m.Type]
	if !ok || m.Deleted() {
		return
	}
	if p.labelMax > 0 {
		label, isText := m.Properties["label"].(string)
		switch {
		case !isText || label == "":
			c.add("a "+m.Type+" needs a label: text that is not empty", "properties", "label")
		case utf8.RuneCountInString(label) > p.labelMax:
			c.add("the label of a "+m.Type+" has at most "+itoa(p.labelMax)+" characters", "properties", "label")
		}
	}
	if p.check != nil {
		p.check(c, m)
	}
}

// checkRoles checks a scope's property "roles": a map from the name of a role to
// its actions. What the actions mean is package access's.
func checkRoles(c *checker, m *Manifest) {
	v, ok := m.Properties["roles"]
	if !ok {
		return
	}
	roles, ok := v.(map[string]any)
	if !ok {
		c.add(`must be an object from role to actions, like {"editor":["*:view"]}`, "properties", "roles")
		return
	}
	for name, v := range roles {
		if n := utf8.RuneCountInString(name); n == 0 || n > 50 {
			c.add("the name of a role has 1 to 50 characters", "properties", "roles", name)
		}
		actions, ok := v.([]any)
		if !ok || len(actions) == 0 {
			c.add(`must be a non-empty array of actions, like ["*:view"]`, "properties", "roles", name)
			continue
		}
		for i, a := range actions {
			if _, ok := a.(string); !ok {
				c.add("must be an action, like entity:view", "properties", "roles", name, i)
			}
		}
	}
}
