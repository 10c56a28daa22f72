package wire

import (
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"stemma/entity"
)

// rules are what a field's tags ask of its value. The zero value asks nothing.
type rules struct {
	required   bool
	wildcard   bool // an ID may be "*"
	min, max   *float64
	over       *float64 // gt
	pattern    *regexp.Regexp
	enum       []string
	fallback   string // default
	hasDefault bool
	doc        string
}

// rules reads and checks the tags of a field. It looks at types, not at nodes,
// which are not complete while a type that contains itself is compiled.
func (c *compiler) rules(sf reflect.StructField) rules {
	bare := sf.Type
	for bare.Kind() == reflect.Pointer {
		bare = bare.Elem()
	}
	whole, _ := kindOf(bare)
	item := whole
	if whole == kindList {
		item, _ = kindOf(bare.Elem())
	}
	r := rules{required: c.flag(sf, "req"), wildcard: c.flag(sf, "wildcard"), doc: sf.Tag.Get("doc")}
	r.min, r.max, r.over = c.bound(sf, "min"), c.bound(sf, "max"), c.bound(sf, "gt")
	sized := whole == kindText || whole == kindInt || whole == kindFloat || whole >= kindObject && whole <= kindList
	if (r.min != nil || r.max != nil) && !sized {
		c.fail("field %s: min and max are for numbers, text, arrays and objects", sf.Name)
	}
	if r.over != nil && whole != kindInt && whole != kindFloat {
		c.fail("field %s: gt is for numbers", sf.Name)
	}
	if r.wildcard && item != kindID {
		c.fail("field %s: wildcard is for entity.ID", sf.Name)
	}
	if s, ok := sf.Tag.Lookup("pattern"); ok {
		re, err := regexp.Compile(s)
		if err != nil || item != kindText {
			c.fail("field %s: a pattern is a regular expression for text: %v", sf.Name, err)
		}
		r.pattern = re
	}
	if s, ok := sf.Tag.Lookup("enum"); ok {
		if item != kindText {
			c.fail("field %s: enum is for text", sf.Name)
		}
		r.enum = strings.Split(s, ",")
	}
	r.fallback, r.hasDefault = sf.Tag.Lookup("default")
	if r.hasDefault {
		c.tryDefault(sf, &node{kind: whole, typ: bare}, &r)
	}
	return r
}

// tryDefault makes sure that the default is a value the field would take.
func (c *compiler) tryDefault(sf reflect.StructField, bare *node, r *rules) {
	if !bare.kind.scalar() || r.required {
		c.fail("field %s: a default is for an optional scalar", sf.Name)
	}
	var b binder
	b.text(bare, r, r.fallback, reflect.New(bare.typ).Elem())
	if len(b.issues) > 0 {
		c.fail("field %s: the default %q %s", sf.Name, r.fallback, b.issues[0].Message)
	}
}

func (c *compiler) flag(sf reflect.StructField, tag string) bool {
	s, ok := sf.Tag.Lookup(tag)
	if ok && s != "true" {
		c.fail(`field %s: %s is "true" or left out`, sf.Name, tag)
	}
	return ok
}

func (c *compiler) bound(sf reflect.StructField, tag string) *float64 {
	s, ok := sf.Tag.Lookup(tag)
	if !ok {
		return nil
	}
	f, err := strconv.ParseFloat(s, 64)
	if err != nil {
		c.fail("field %s: %s is a number", sf.Name, tag)
	}
	return &f
}

// checkText applies the rules for text.
func (b *binder) checkText(r *rules, s string) {
	if !utf8.ValidString(s) {
		b.add("must be valid UTF-8")
		return
	}
	if r.min != nil || r.max != nil {
		b.checkSize(r, utf8.RuneCountInString(s), "character")
	}
	b.checkForm(r, s)
}

// checkForm applies the rules that hold for text and for each text in an array.
func (b *binder) checkForm(r *rules, s string) {
	if r.pattern != nil && !r.pattern.MatchString(s) {
		b.add("must match " + r.pattern.String())
	}
	if r.enum != nil && !slices.Contains(r.enum, s) {
		b.add("must be one of " + strings.Join(r.enum, ", "))
	}
}

func (b *binder) checkSize(r *rules, n int, unit string) {
	switch {
	case r.min != nil && n < int(*r.min):
		b.add("must have at least " + count(int(*r.min), unit) + ", not " + strconv.Itoa(n))
	case r.max != nil && n > int(*r.max):
		b.add("must have at most " + count(int(*r.max), unit) + ", not " + strconv.Itoa(n))
	}
}

func (b *binder) checkNumber(r *rules, f float64) {
	switch {
	case r.over != nil && f <= *r.over:
		b.add("must be greater than " + bound(*r.over))
	case r.min != nil && f < *r.min:
		b.add("must be at least " + bound(*r.min))
	case r.max != nil && f > *r.max:
		b.add("must be at most " + bound(*r.max))
	}
}

func (b *binder) checkID(r *rules, s string) {
	if r.wildcard && s == string(entity.Wildcard) {
		return
	}
	if _, err := entity.ParseID(s); err != nil {
		b.add(message(err))
	}
}

func count(n int, unit string) string {
	s := strconv.Itoa(n) + " " + unit
	if n != 1 {
		s += "s"
	}
	return s
}

func bound(f float64) string { return strconv.FormatFloat(f, 'f', -1, 64) }

// message is what an error of package entity says to the caller.
func message(err error) string {
	if e, ok := err.(*entity.Error); ok {
		return e.Message
	}
	return err.Error()
}
