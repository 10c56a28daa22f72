package embed

import (
	"context"
	"fmt"
)

// Space is what vectors must have in common to be compared. Two that differ in
// any field are two spaces.
type Space struct {
	Provider   string // "lexical", or the name the operator gave a service
	Model      string // with everything that changes its vectors: "lexical-1", "text-embedding-3-small"
	Dimensions int
}

// String names the space in files and logs, like "openai/text-embedding-3-small/1536".
func (s Space) String() string { return fmt.Sprintf("%s/%s/%d", s.Provider, s.Model, s.Dimensions) }

// Purpose is what a text is embedded for. Some models want the two told apart.
type Purpose uint8

// The purposes.
const (
	Document Purpose = iota // to be found
	Query                   // to find with
)

// String is "document" or "query".
func (p Purpose) String() string {
	if p == Query {
		return "query"
	}
	return "document"
}

// source is what [Cached] stands before: [Lexical], [Remote], or one of the
// caller's own. Embed gives a unit vector of Space().Dimensions for each text,
// in their order, or an error and none. A text without a direction (empty, or
// nothing but what is ignored) has a vector of zeros, which must not be stored.
type source interface {
	Space() Space
	Embed(ctx context.Context, purpose Purpose, texts []string) ([][]float32, error)
}
