// Package retrieval measures how well a search finds what people have judged to
// be relevant: nDCG@10 and recall@100 on a test collection, for Bleve as it comes
// out of the box, our full text, our vectors, and both together.
//
// # Laws
//
//   - Every run is through the real thing: the documents are entities in a store,
//     and [search.Index] follows its log.
//   - nDCG is that of trec_eval: the gain is the grade, the discount is
//     1/log2(rank+1), the ideal is of all judged documents. A document that is
//     not judged has grade 0. Queries without a relevant document are left out.
//   - The mean comes with the difference to the yardstick by query: on how many it
//     is better and on how many worse.
//
// # A collection is a directory
//
//	docs.jsonl     {"id": 1, "title": "…", "author": "…", "text": "…"}
//	queries.jsonl  {"id": "1", "text": "…"}
//	qrels.tsv      query, document, grade; tabs between; a first line of names
package retrieval
