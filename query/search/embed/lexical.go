package embed

import (
	"context"

	"stemma/entity"
)

// LexicalOptions are the settings of [NewLexical]; the zero value works.
type LexicalOptions struct {
	Dimensions int // 0: 384
}

// Lexical embeds by hashing words and pieces of words. It needs no model and no
// network, is deterministic, and is safe for any number of goroutines.
type Lexical struct{ dims int }

var _ source = (*Lexical)(nil)

// NewLexical makes the embedder that needs nothing.
func NewLexical(o LexicalOptions) *Lexical {
	if o.Dimensions == 0 {
		o.Dimensions = 384
	}
	return &Lexical{dims: o.Dimensions}
}

// Space is {"lexical", "lexical-1", dimensions}.
func (l *Lexical) Space() Space { return Space{"lexical", "lexical-1", l.dims} }

// Embed fails only when ctx is done.
func (l *Lexical) Embed(ctx context.Context, purpose Purpose, texts []string) ([][]float32, error) {
	return nil, entity.Errorf(entity.KindNotImplemented, "embed.Lexical", "not there yet")
}
