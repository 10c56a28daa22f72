// Package archive writes a store, or a part of it, as a CAR file and brings
// such a file back in.
//
// # An export
//
//   - It holds whole histories: every version of every entity that was chosen,
//     every block of its chains and, before the first version that names it,
//     every file content. There is no export of tips alone: a tip cannot be
//     adopted without the versions before it.
//   - Blocks come in the order of the log, so that each follows what it links
//     to and an importer never has to wait for one.
//   - It is of one state of the store, whatever is written meanwhile.
//   - A collection is itself and the entities that package listing lists in it:
//     deleted ones are only in an export of everything.
//   - Memory does not grow with the number of blocks; it grows by some 50 bytes
//     for each distinct file content, which is written once, and for each
//     entity of a collection.
//   - Secrets are in no block and so in no export.
//
// Of one entity the roots are its tip, the heads of its chains and its contents.
// Of a collection or the store there is one root, so that whoever pins it holds
// everything (kubo's dag import does):
//
//	root   {"schema": "stemma/index@v1", "network": "main", "parts": [link…]}
//	part   {"schema": "stemma/index@v1", "links": [link…]}   at most 4,096: tips, heads of chains, contents
//
// # An import
//
//   - A block enters the store by [entity.Tx.Adopt] or AdoptBlock and no other
//     way: strict dag-cbor, of this network, following the tip. Heads, log and
//     projections come from that.
//   - A block that cannot enter is refused with a reason, and the others go on.
//   - What is here already is passed over, so that an import that was
//     interrupted is run again, and importing twice is importing once.
//   - The order in the file is free. A block whose predecessor is still to come
//     is held back, and so is a file's version whose content is; what is held
//     back is bounded by [ImportOptions.Buffer].
//   - The blocks of one entity are adopted by one goroutine in their order, those
//     of different entities by several: [workers] transactions are under way.
package archive
