// Package query is the path language: begin at entities, hop along their
// relationships, end at the entities asked for, best first. It has the syntax
// ([Parse], [Query.String], [Syntax]), the plan ([Query.Plan], [Query.Explain])
// and the execution ([Plan.Run]).
//
// # Laws
//
//   - Parse(q.String()) means and prints the same as q. Nothing of a text is
//     ignored: what does not belong is an error that says where and what would.
//   - An exact part holds or does not; likeness to a text or to the name of a
//     relation is a matter of degree and comes from a [Scorer]. A query of exact
//     parts answers all and only what enumerating every path would, up to the
//     limit. Without a Scorer a query that needs one is an error, never an answer.
//   - The plan changes the work, never the answer.
//   - A hop leads from the candidates to the entities at the end of a path
//     whose length lies in its range, along edges that satisfy relation and
//     direction, and that satisfy the target. A path visits no entity twice
//     within a hop, so that a hop never ends where it began. Entities on the way
//     are live, like those at the ends.
//   - Of the paths to one entity the best counts: by score, then the shorter.
//     Results stand by score, then by length of the last hop, then by id. Which
//     of equally good paths is shown follows the order of [Source.Edges].
//   - A bound that is met (edges looked at, the deadline) cuts the answer short
//     and says so; only a canceled context is an error.
//   - Nothing in an answer, its metadata or a plan depends on more than the
//     source shows. On a graph as somebody sees it, the hidden is not there: a
//     term that only the hidden use is not in use, nothing belongs to a
//     collection that is hidden, and numbers count what is visible. That a
//     [Lookup] knows no such entity means that it is not there, and is no error.
//   - A [Query] and a [Plan] are immutable once made and may be used by any
//     goroutine that may use the source. A run is one goroutine, and keeps
//     nothing after it.
//
// # Scores
//
// An entity that is asked for exactly scores 1, one that is asked for by text
// its likeness. A text as the filter of an entry reranks: 0.3 of the score so
// far and 0.7 of the likeness. The end of a hop scores
//
//	(source + target) / 2 * 0.9^(length-1) * product of the edges' scores
//
// where source is the score of the candidate it was reached from. An edge
// scores 1, or under a fuzzy relation the likeness of its predicate to the term
// it is most like. What has no likeness at all (0) is no match, but for a
// filter that reranks.
//
// A stage that a Scorer has had a say in hands its best KExplore candidates on;
// an exact one all.
//
// # Terms
//
// A term that names a predicate in use means exactly that predicate; any other
// is fuzzy; =term is exact and ~term fuzzy whatever is in use. !term takes that
// predicate away, exactly; a list of nothing but these means all others.
// [Metadata.Resolved] tells how each was read.
//
// # Scopes
//
// A scope says where the text of an entry is searched. @:collection(id), or the
// same in [Options], also restricts an entry of types to the entities of that
// collection. Hops cross collections. Any scope but these and @:discover is an
// error before an exact entry, and so is @:collection(id) before @id.
//
// # Property filters
//
// A path leads through objects, and through lists to each of their elements:
// one that satisfies the comparison is enough. != is the opposite of =, so that
// it holds where there is no such property; = null holds where there is nothing
// but null. Numbers compare by value, text by bytes, ~ finds text in text
// whatever the case; values of unlike kinds never compare. A filter without a
// type, [born > 1900], narrows an entry or a target but begins no query.
package query
