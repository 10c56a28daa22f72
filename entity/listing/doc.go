// Package listing is the projection that lists the entities of a collection,
// newest first, in pages and by type.
//
// # Laws
//
//   - An entity is listed in every collection that it has a relationship
//     "collection" to, as long as it is not deleted.
//   - The order is created_at descending and, within a millisecond, identifier
//     descending, which is the order of minting.
//   - A page costs the rows up to its end, never a manifest.
//
// # Keys
//
//	a <collection 26> <^created be64> <^id 26>               all types
//	t <collection 26> <type> 00 <^created be64> <^id 26>     one type
//
// where ^ is the complement of every bit, so that newest sorts first. Values
// are empty.
package listing
