package mask

import (
	"regexp"
	"slices"
	"strings"

	"stemma/entity"
)

// Default replaces what is masked where a rule says nothing else.
const Default = "[masked]"

// Rule is what is to be masked.
type Rule struct {
	Name        string `json:"name" req:"true" min:"1" max:"100"`
	Pattern     string `json:"pattern,omitempty" max:"1000" doc:"a regular expression (RE2), or one of email, credit_card, phone, ipv4, us_ssn, api_key, jwt"`
	Path        string `json:"path,omitempty" max:"1000" doc:"a JSONPath of a record, like $..password"`
	Replacement string `json:"replacement,omitempty" max:"200" doc:"left out: [masked]"`
}

// Named are patterns by name.
func Named() map[string]string {
	return map[string]string{
		"email":       `[A-Za-z0-9._%+\-]+@[A-Za-z0-9.\-]+\.[A-Za-z]{2,}`,
		"credit_card": `\b(?:\d[ -]?){12,18}\d\b`,
		"phone":       `\+\d[\d ()\-]{6,16}\d`,
		"ipv4":        `\b(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)\b`,
		"us_ssn":      `\b\d{3}-\d{2}-\d{4}\b`,
		"api_key":     `\b(?:sk|pk|rk|ghp|gho|xox[abp]|ark_live|uk|ak)[-_][A-Za-z0-9_\-]{16,}|\bAIza[A-Za-z0-9_\-]{30,}|\bAKIA[A-Z0-9]{16}\b`,
		"jwt":         `\beyJ[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]+\.[A-Za-z0-9_\-]*`,
	}
}

// Rules are rules made ready. The zero value masks nothing.
type Rules struct{ list []compiled }

type compiled struct {
	pattern     *regexp.Regexp // nil: everything
	path        []segment      // nil: everywhere
	replacement string
}

// Compile makes rules ready. KindInvalid, with an issue for each that cannot be.
func Compile(rules []Rule) (Rules, error) {
	var issues []entity.Issue
	var out Rules
	named := Named()
	for i, r := range rules {
		fail := func(field, message string) {
			issues = append(issues, entity.Issue{Path: []any{"rules", i, field}, Message: message})
		}
		c := compiled{replacement: r.Replacement}
		if c.replacement == "" {
			c.replacement = Default
		}
		if r.Pattern == "" && r.Path == "" {
			fail("pattern", "is required where there is no path")
		}
		if r.Pattern != "" {
			text := r.Pattern
			if known, ok := named[text]; ok {
				text = known
			}
			re, err := regexp.Compile(text)
			switch {
			case err != nil:
				fail("pattern", "must be a regular expression (RE2) or the name of one: "+err.Error())
			case re.MatchString(""):
				fail("pattern", "matches empty text, and so between any two characters; write one that needs a character")
			}
			c.pattern = re
		}
		if r.Path != "" {
			path, problem := parsePath(r.Path)
			if problem != "" {
				fail("path", problem)
			}
			c.path = path
		}
		out.list = append(out.list, c)
	}
	if len(issues) > 0 {
		return Rules{}, &entity.Error{Kind: entity.KindInvalid, Op: "mask.Compile", Message: "Validation failed", Issues: issues}
	}
	return out, nil
}

// Empty tells that nothing is masked.
func (r Rules) Empty() bool { return len(r.list) == 0 }

// Apply gives the record with everything masked.
func (r Rules) Apply(body entity.Properties) entity.Properties {
	if r.Empty() || body == nil {
		return body
	}
	out := entity.CloneProperties(body)
	for i := range r.list {
		out = r.list[i].apply(out)
	}
	return out
}

// Text gives a text with the patterns masked that hold everywhere.
func (r Rules) Text(s string) string {
	for i := range r.list {
		if c := &r.list[i]; c.path == nil {
			s = c.text(s)
		}
	}
	return s
}

func (c *compiled) apply(body entity.Properties) entity.Properties {
	if c.path == nil {
		masked, _ := c.deep(body).(map[string]any)
		return masked
	}
	c.walk(body, c.path)
	return body
}

// text masks one text.
func (c *compiled) text(s string) string {
	if c.pattern == nil {
		return c.replacement
	}
	return c.pattern.ReplaceAllLiteralString(s, c.replacement)
}

// deep masks every text of a value.
func (c *compiled) deep(v any) any {
	switch v := v.(type) {
	case string:
		return c.text(v)
	case []any:
		for i := range v {
			v[i] = c.deep(v[i])
		}
		return v
	case map[string]any:
		for _, key := range sortedKeys(v) {
			x := c.deep(v[key])
			if masked := c.text(key); c.pattern != nil && masked != key {
				delete(v, key)
				key = masked
			}
			v[key] = x
		}
		return v
	}
	if c.pattern == nil {
		return c.replacement
	}
	return v
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// hit masks what stands at the end of a path.
func (c *compiled) hit(v any) any {
	if c.pattern == nil {
		return c.replacement
	}
	return c.deep(v)
}

// walk masks what the rest of a path leads to from v, which is changed in place.
func (c *compiled) walk(v any, path []segment) {
	seg, rest := path[0], path[1:]
	step := func(x any, set func(any)) {
		if len(rest) == 0 {
			set(c.hit(x))
			return
		}
		c.walk(x, rest)
	}
	switch v := v.(type) {
	case map[string]any:
		for _, key := range sortedKeys(v) {
			if seg.deep {
				c.walk(v[key], path)
			}
			if seg.any || !seg.isIndex && seg.name == key {
				step(v[key], func(x any) { v[key] = x })
			}
		}
	case []any:
		for i := range v {
			if seg.deep {
				c.walk(v[i], path)
			}
			if seg.any || seg.isIndex && seg.index == i {
				step(v[i], func(x any) { v[i] = x })
			}
		}
	}
}

// clipped shortens a path before it is repeated.
func clipped(s string) string {
	if len(s) > 64 {
		s = s[:64] + "…"
	}
	return strings.ToValidUTF8(s, "�")
}
