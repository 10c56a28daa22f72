package search

import (
	"context"
	"fmt"
)

// Space is where vectors live: those of two spaces cannot be compared.
type Space struct {
	Provider   string
	Model      string
	Dimensions int
}

// String is provider/model/dimensions.
func (s Space) String() string { return fmt.Sprintf("%s/%s/%d", s.Provider, s.Model, s.Dimensions) }

// Purpose says what a text is embedded for; some models treat them differently.
type Purpose uint8

// The purposes.
const (
	ForDocument Purpose = iota // to be found
	ForQuery                   // to find
)

// Embedder turns texts into vectors.
type Embedder interface {
	// Space is where its vectors live; constant.
	Space() Space
	// Embed gives a vector of length 1 for each text, in order. KindUnavailable
	// when it may succeed later.
	Embed(ctx context.Context, texts []string, for_ Purpose) ([][]float32, error)
}
