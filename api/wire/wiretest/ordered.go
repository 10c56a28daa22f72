package wiretest

import (
	"encoding/json"
	"io"
	"strconv"
	"strings"
)

type nodeKind uint8

const (
	scalar nodeKind = iota
	array
	mapping
)

// node is a JSON value with its members in the order they came in.
type node struct {
	kind   nodeKind
	text   string // of a scalar, as it is written
	keys   []string
	values []*node
}

func parseOrdered(text string) (*node, error) {
	dec := json.NewDecoder(strings.NewReader(text))
	dec.UseNumber()
	n, err := readNode(dec)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); err != io.EOF {
		return nil, io.ErrUnexpectedEOF
	}
	return n, nil
}

func readNode(dec *json.Decoder) (*node, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	delim, ok := token.(json.Delim)
	if !ok {
		return &node{text: scalarText(token)}, nil
	}
	n := &node{kind: array}
	if delim == '{' {
		n.kind = mapping
	}
	for dec.More() {
		if n.kind == mapping {
			key, err := dec.Token()
			if err != nil {
				return nil, err
			}
			n.keys = append(n.keys, key.(string))
		}
		value, err := readNode(dec)
		if err != nil {
			return nil, err
		}
		n.values = append(n.values, value)
	}
	_, err = dec.Token()
	return n, err
}

func scalarText(token any) string {
	switch v := token.(type) {
	case nil:
		return "null"
	case bool:
		return strconv.FormatBool(v)
	case json.Number:
		return v.String()
	}
	return Quote(token.(string))
}

// Quote is a text as a scalar of an answer is written.
func Quote(s string) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(s) // a string always encodes
	return strings.TrimSuffix(b.String(), "\n")
}

// find follows keys, and positions in arrays, "-1" for the last; "*" gathers
// what the rest of the path finds in each value. nil when there is nothing.
func (n *node) find(path []string) *node {
	if len(path) == 0 {
		return n
	}
	if path[0] == "*" {
		all := &node{kind: array}
		for _, v := range n.values {
			if found := v.find(path[1:]); found != nil {
				all.values = append(all.values, found)
			}
		}
		return all
	}
	if n.kind == array {
		i, err := strconv.Atoi(path[0])
		if i < 0 {
			i += len(n.values)
		}
		if err != nil || i < 0 || i >= len(n.values) {
			return nil
		}
		return n.values[i].find(path[1:])
	}
	for i, key := range n.keys {
		if key == path[0] {
			return n.values[i].find(path[1:])
		}
	}
	return nil
}

// Find gives the scalars, as they are written, that a path finds in a JSON text:
// keys, positions, "*" for each.
func Find(text string, path ...string) (values []string, err error) {
	answer, err := parseOrdered(text)
	if err != nil {
		return nil, err
	}
	found := answer.find(path)
	if found == nil {
		return nil, nil
	}
	if found.kind == scalar {
		return []string{found.text}, nil
	}
	for _, v := range found.values {
		values = append(values, v.text)
	}
	return values, nil
}

// only keeps what the paths lead to, under their names; what is not there is
// not shown.
func (n *node) only(paths []string) *node {
	out := &node{kind: mapping}
	for _, path := range paths {
		if found := n.find(strings.Split(path, ".")); found != nil {
			out.keys = append(out.keys, path)
			out.values = append(out.values, found)
		}
	}
	return out
}

// lineLength is what a value may take to be written on one line.
const lineLength = 110

// pretty writes a value on one line when it fits, else each member on its own.
func (n *node) pretty() string { return n.write(0) }

func (n *node) write(indent int) string {
	flat := n.flat()
	if len(flat)+indent <= lineLength || n.kind == scalar {
		return flat
	}
	pad := strings.Repeat(" ", indent+1)
	var b strings.Builder
	open, end := "[", "]"
	if n.kind == mapping {
		open, end = "{", "}"
	}
	b.WriteString(open)
	for i, v := range n.values {
		if i > 0 {
			b.WriteString(",\n" + pad)
		}
		lead := ""
		if n.kind == mapping {
			lead = Quote(n.keys[i]) + ": "
		}
		b.WriteString(lead + v.write(indent+1))
	}
	b.WriteString(end)
	return b.String()
}

func (n *node) flat() string {
	if n.kind == scalar {
		return n.text
	}
	var b strings.Builder
	for i, v := range n.values {
		if i > 0 {
			b.WriteString(", ")
		}
		if n.kind == mapping {
			b.WriteString(Quote(n.keys[i]) + ": ")
		}
		b.WriteString(v.flat())
	}
	if n.kind == mapping {
		return "{" + b.String() + "}"
	}
	return "[" + b.String() + "]"
}
