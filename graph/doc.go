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
// # Sight
//
// [Snapshot.Seen] is the graph as one caller may view it, decided while it is
// searched and never by sifting what was found.
//
//   - It answers as a graph from which what is hidden, and every edge at it, was
//     taken away; two graphs that differ in hidden things alone answer alike.
//     Numbers, pages, and what has to be cut short to a limit are no exception.
//   - A node that is not live is shown where something visible names it, unless
//     [entity.Visibility].Sees(id, "", "") refuses it: the graph does not know
//     where a deleted entity belonged. Who has to hide the peers that were
//     deleted from a hidden collection looks at their heads there.
//   - The collection of a visible entity is "" when it is hidden.
//   - What is hidden may cost work. So the bound on half-edges and a deadline may
//     come sooner (they say that there may be more), and of several shortest
//     paths of a pair another may be shown. How much was visited is not told.
//   - Its numbers ([Snapshot.Nodes], [Snapshot.TypeCount], [Snapshot.EdgeCount],
//     [Snapshot.PredicateCount], [Snapshot.Degree]) are exact, and counted when
//     asked for: those of edges once, by looking at every edge of the graph.
//     [Snapshot.Counted] tells who wants to know beforehand.
//
// # Concurrency
//
//   - [Index.Load] comes first; then one goroutine calls [Index.Committed].
//     [Index.Apply] touches no memory and may run anywhere, any time.
//   - [Index.Snapshot] is one atomic load. A [Snapshot] never changes and may be
//     used by any number of goroutines for as long as they like, but for one that
//     is seen, which is for one goroutine. Readers take no lock and never hold up
//     a commit.
//   - A batch of commits becomes visible as one: pages of nodes, hub chunks and
//     directories are copied at most once a batch and then published together.
//
// # Cost
//
// An edge is two half-edges of eight bytes. A list of more than [hubFrom] of
// them is cut into chunks, so that adding or removing one edge of a hub copies
// one chunk and the directory, and a predicate is found by binary search.
// Searches count every half-edge they look at against a bound; work that a
// search does not look at is not paid for, whatever the size of the graph. A
// caller's sight is asked for each collection that a search meets, once, and
// kept in a byte; nothing is prepared or cleared for the others.
package graph
