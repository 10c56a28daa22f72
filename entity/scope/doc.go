// Package scope keeps the policies of a store's scopes at hand: who has which
// role in which collection, tenant, group and agent.
//
// It is an [entity.Projection]. A policy is what [access.PolicyOf] reads out of a
// scope's manifest; of a deleted scope it is that of the last live version, since
// what is in it stays protected, and somebody has to be able to restore it.
//
// # Rows
//
//	key                         value
//	's', the scope's id         the policy, dag-cbor
//	'm', a byte of length, a    empty: who has a role there, which may have
//	     principal, the scope  expired; of live scopes
//
// # Laws
//
//   - Policies are in memory, some 300 bytes for each scope and 100 for each
//     binding, so that a decision costs a look-up in a map and no read.
//   - [Index.Policy] is of the last commit: never older than the state that a
//     reader has opened before it asked. A transaction, which must not decide by
//     what another one is changing, compares Ver with the head that it has read.
package scope
