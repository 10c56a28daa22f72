// Package graph keeps the relationships of all living entities in memory, both
// ways, and searches them: neighbours, shortest paths, what is reachable, trees.
//
// It is an [entity.Projection]: [Index.Apply] writes one row per living entity,
// [Index.Load] builds the graph from the rows at open and [Index.Committed]
// keeps it exact. The same graph gives the same answers in the same order,
// however it came about: nothing observable depends on interning order, so a
// restart changes no page and no path.
//
// # Rows
//
//	key                value
//	26 bytes, the id   uvarint n, n bytes        the type
//	                   1 byte, 0 or 1            1: a collection follows
//	                   26 bytes                  the collection's id
//	                   then for each predicate, ascending, to the end:
//	                   uvarint n, n bytes        the predicate
//	                   uvarint c, c times 26     the peers, ascending
//
// A deleted entity has no row. A step that changes neither type, collection nor
// the set of (predicate, peer) writes nothing.
//
// # Laws
//
//   - A node is whatever was ever named, as an entity or as a peer; it is live
//     while its entity exists. [entity.Wildcard] is never a node.
//   - An entity's outgoing edges go when it is deleted. Edges towards it stay,
//     since other manifests hold them; they lead to a node that is not live.
//   - A node that is not live may begin or end a path when asked for by id. It
//     is never a target by type, never in a tree, and no search walks through it.
//   - Edges of a node are sorted by (predicate, peer), outgoing before incoming;
//     entities of a type by id. A loop is one edge also when walked both ways.
//
// # Concurrency
//
//   - [Index.Load] comes first; then one goroutine calls [Index.Committed].
//     [Index.Apply] touches no memory and may run anywhere, any time.
//   - [Index.Snapshot] is one atomic load. A [Snapshot] never changes and may be
//     used by any number of goroutines for as long as they like. Readers take no
//     lock and never hold up a commit.
//   - A batch of commits becomes visible as one: pages of nodes, hub chunks and
//     directories are copied at most once a batch and then published together.
//
// # Cost
//
// An edge is two half-edges of eight bytes. A list of more than [hubFrom] of
// them is cut into chunks, so that adding or removing one edge of a hub copies
// one chunk and the directory, and a predicate is found by binary search.
// Searches count every half-edge they look at against a bound; work that a
// search does not look at is not paid for, whatever the size of the graph.
package graph
