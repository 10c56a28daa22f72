// Package guard is a store as one principal may use it: what it reads leaves out
// what the principal may not view, and what it writes is refused unless the
// principal may write it. Every view reads and writes through it.
//
// # Laws
//
//   - What is hidden is not there: heads, versions, blocks and chains are
//     KindNotFound, and changes in the log have no content but their number.
//   - A write is decided inside its transaction, on heads that the transaction has
//     read: a role that is taken away at the same time either comes later or
//     refuses the write.
//   - [Tx.Put] and [Tx.Append] refuse an entity on which [Reader.May] has allowed
//     nothing in this transaction: forgetting to ask is a defect, KindInternal.
//   - What a change takes beyond the operation's own action is read off the
//     manifests (access.Needs), so that it makes no difference by which operation
//     a role, a collection or a tenant is changed.
//   - What the rules of a type ask of a change (that an agent is verified, that what
//     the server has written of a job, an invitation, a key or a tenant stays) they
//     ask of it by whichever operation it is made; [Tx.Vouch] is how the server itself
//     says so.
//   - Whoever is given a role is an entity that is there and that the giver may
//     view, so that nobody can be made afterwards under a name that has a role.
//   - What a manifest says is its holder's: who may view an entity may read all of
//     its versions, with the ids of peers, and the labels that were written there,
//     also of peers that they may not view; its bytes are its name and cannot be
//     left out in part. What the server itself says of a peer is left out.
package guard
