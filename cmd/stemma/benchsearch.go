package main

import (
	"context"

	"stemma/cmd/stemma/retrieval"
)

// benchSearchCmd measures the quality of search.
type benchSearchCmd struct {
	Collection string `help:"Directory of the test collection: docs.jsonl, queries.jsonl and qrels.tsv." required:"" placeholder:"DIR" env:"CRANFIELD"`
}

// Help is shown under 'stemma bench-search --help'.
func (benchSearchCmd) Help() string {
	return `Prints nDCG@10 and recall@100 on a test collection with relevance judgements, like
Cranfield: of Bleve as it comes out of the box, of our full text, of the built-in
embedder's vectors and of both together, side by side.`
}

// Run measures and prints the table.
func (c *benchSearchCmd) Run(ctx context.Context, io *streams) error {
	collection, err := retrieval.Load(c.Collection)
	if err != nil {
		return err
	}
	_, err = retrieval.Run(ctx, collection, io.out)
	return err
}
