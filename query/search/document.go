package search

import (
	"slices"
	"strings"

	"stemma/entity"
	"stemma/query/search/fulltext"
)

// Bounds of what is taken of an entity.
const (
	maxIndexed  = fulltext.MaxText // bytes of text that words are taken from
	maxEmbedded = 24 << 10         // bytes of text that a vector is made of
)

// piece is a text of an entity, and where it stands.
type piece struct{ field, text string }

// pieces are the texts of an entity, the telling ones first: its label, its
// description, then every other string in its properties, in the order of their
// paths. At most limit bytes of them.
func pieces(m *entity.Manifest, limit int) []piece {
	w := &walk{left: limit}
	w.add("label", m.Label())
	if text, ok := m.Properties["description"].(string); ok {
		w.add("description", text)
	}
	for _, key := range sortedKeys(m.Properties) {
		switch {
		case key == "description":
		case key == "label" && m.Properties[key] == any(m.Label()):
		case key == "roles" && isScope(m.Type): // of actions, not of words
		default:
			w.value(key, m.Properties[key])
		}
	}
	return w.out
}

func isScope(typ string) bool {
	return typ == entity.TypeCollection || typ == entity.TypeTenant || typ == entity.TypeGroup
}

type walk struct {
	out  []piece
	left int
}

func (w *walk) add(field, text string) {
	text = fulltext.Cut(text, w.left)
	if text != "" {
		w.left -= len(text)
		w.out = append(w.out, piece{field, text})
	}
}

// value takes in the strings of a value. Manifests are at most
// [entity.MaxDepth] deep.
func (w *walk) value(path string, v any) {
	if w.left <= 0 {
		return
	}
	switch v := v.(type) {
	case string:
		w.add(path, v)
	case []any:
		for _, x := range v {
			w.value(path, x)
		}
	case map[string]any:
		for _, key := range sortedKeys(v) {
			w.value(path+"."+key, v[key])
		}
	}
}

func sortedKeys(m map[string]any) []string {
	keys := make([]string, 0, len(m))
	for k := range m {
		keys = append(keys, k)
	}
	slices.Sort(keys)
	return keys
}

// documentOf is what words are found in. content is the text of a file.
func documentOf(m *entity.Manifest, content string) fulltext.Document {
	d := fulltext.Document{ID: m.ID, Language: languageOf(m)}
	all := pieces(m, maxIndexed)
	if len(all) > 0 && all[0].field == "label" {
		d.Label = all[0].text
		all = all[1:]
	}
	for _, p := range all {
		d.Parts = append(d.Parts, p.text)
	}
	d.Parts = append(d.Parts, m.Type)
	if content != "" {
		d.Parts = append(d.Parts, content)
	}
	return d
}

// languageOf is the language that an entity says it is in, "" when it does not.
func languageOf(m *entity.Manifest) string {
	for _, key := range []string{"language", "lang"} {
		if code, ok := m.Properties[key].(string); ok && code != "" {
			return code
		}
	}
	return ""
}

// embedded is the text that an entity's vector is made of; "" for none.
func embedded(m *entity.Manifest, content string) string {
	var b strings.Builder
	add := func(text string) {
		if text = fulltext.Cut(text, maxEmbedded-b.Len()); text != "" {
			if b.Len() > 0 {
				b.WriteString("\n")
			}
			b.WriteString(text)
		}
	}
	for _, p := range pieces(m, maxEmbedded) {
		add(p.text)
	}
	add(content)
	return b.String()
}
