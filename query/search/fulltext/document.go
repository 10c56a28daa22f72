package fulltext

import (
	"runtime"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/blevesearch/bleve/v2/document"
	index "github.com/blevesearch/bleve_index_api"

	"stemma/entity"
)

// Document is what can be found.
type Document struct {
	ID       entity.ID
	Language string   // as [ParseLanguage] reads it; found out from the text when it cannot
	Label    string   // counts more than the rest
	Parts    []string // the rest; no phrase spans two
}

// The fields on disk. Terms of all languages share a field: a document's are
// those of its own language.
const (
	fieldText  = "t" // stems of everything, with positions
	fieldLabel = "l" // stems of the label
	fieldWord  = "w" // words of everything without accents, for beginnings of words
	fieldAll   = "a" // one term that every document has; its length is that of the document
)

var termAll = []byte{1}

// field is an analyzed field of a document.
type field struct {
	name    string
	options index.FieldIndexingOptions
	length  int
	freqs   index.TokenFrequencies
}

func (f *field) Name() string                                     { return f.name }
func (f *field) ArrayPositions() []uint64                         { return nil }
func (f *field) Options() index.FieldIndexingOptions              { return f.options }
func (f *field) Value() []byte                                    { return nil }
func (f *field) NumPlainTextBytes() uint64                        { return 0 }
func (f *field) Size() int                                        { return 100 }
func (f *field) EncodedFieldType() byte                           { return 't' }
func (f *field) AnalyzedLength() int                              { return f.length }
func (f *field) AnalyzedTokenFrequencies() index.TokenFrequencies { return f.freqs }

// Analyze does nothing: fields are made of what was analyzed.
func (f *field) Analyze() {}

// Prepared are documents whose words are known. They are the index's once they
// were applied, and may be applied again when that failed.
type Prepared []built

// built is a document as it is written.
type built struct {
	id     string
	fields []document.Field
	length int
}

// Prepare analyzes documents, on all processors.
func Prepare(docs []Document) Prepared {
	out := make(Prepared, len(docs))
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), len(docs)) {
		group.Go(func() {
			s := stemmers.Get().(*stemmer)
			defer stemmers.Put(s)
			for i := int(next.Add(1)) - 1; i < len(docs); i = int(next.Add(1)) - 1 {
				out[i] = docs[i].build(s)
			}
		})
	}
	group.Wait()
	return out
}

// tokens are the words of a document, those of the label first.
func (d *Document) tokens() (all []token, labels int) {
	room := MaxText
	take := func(part string) {
		part = cut(part, room)
		room -= len(part)
		pos := 0
		if n := len(all); n > 0 {
			pos = all[n-1].pos + gap
		}
		all = append(all, split(part, pos)...)
	}
	take(d.Label)
	labels = len(all)
	for _, p := range d.Parts {
		take(p)
	}
	return all, labels
}

// build analyzes the document.
func (d *Document) build(s *stemmer) built {
	text := &field{name: fieldText, options: index.IndexField | index.IncludeTermVectors}
	label := &field{name: fieldLabel, options: index.IndexField}
	words := &field{name: fieldWord, options: index.IndexField | index.SkipFreqNorm}
	all := &field{name: fieldAll, options: index.IndexField}

	tokens, labels := d.tokens()
	lang, ok := ParseLanguage(d.Language)
	if !ok {
		lang = detect(tokens)
	}
	locations := make([]index.TokenLocation, len(tokens))
	byWord := make(map[string]*counted, len(tokens)/2)
	stems := make(index.TokenFrequencies, len(tokens)/2)
	for i, t := range tokens {
		c := byWord[t.word]
		if c == nil {
			stem := s.stem(lang, t.word)
			f := stems[stem]
			if f == nil {
				f = &index.TokenFreq{Term: []byte(stem)}
				stems[stem] = f
			}
			c = &counted{stem: f}
			byWord[t.word] = c
		}
		if i < labels {
			c.label++
		}
		locations[i] = index.TokenLocation{Position: t.pos} // where it stands in bytes is found when it is asked for
		c.stem.Locations = append(c.stem.Locations, &locations[i])
		c.stem.SetFrequency(c.stem.Frequency() + 1)
	}
	text.freqs, text.length = stems, len(tokens)+1 // an empty document has a length too

	label.freqs, label.length = make(index.TokenFrequencies, labels), labels
	words.freqs, words.length = make(index.TokenFrequencies, len(byWord)), len(byWord)
	for word, c := range byWord {
		if c.label > 0 {
			stem := string(c.stem.Term)
			f := label.freqs[stem]
			if f == nil {
				f = &index.TokenFreq{Term: c.stem.Term}
				label.freqs[stem] = f
			}
			f.SetFrequency(f.Frequency() + c.label)
		}
		word = fold(word)
		words.freqs[word] = &index.TokenFreq{Term: []byte(word)}
	}
	// The length is kept where it costs one posting, and so is the language.
	all.length = text.length
	all.freqs = index.TokenFrequencies{string(termAll): one(termAll), string(termLanguage(lang)): one(termLanguage(lang))}

	return built{string(d.ID), []document.Field{text, label, words, all}, all.length}
}

// written is the document as the index takes it, which adds to it.
func (b built) written() *document.Document {
	out := document.NewDocument(b.id)
	out.Fields = slices.Clone(b.fields)
	return out
}

type counted struct {
	stem  *index.TokenFreq
	label int
}

func one(term []byte) *index.TokenFreq {
	f := &index.TokenFreq{Term: term}
	f.SetFrequency(1)
	return f
}

// termLanguage is the term of fieldAll that documents of a language have.
func termLanguage(l Language) []byte { return []byte{2, byte(l)} }
