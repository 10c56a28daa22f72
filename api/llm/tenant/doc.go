// Package tenant is what the portal and the operator do with tenants: making
// them, who is in them, what they say about language models, and the keys of
// their agents. It speaks no HTTP.
//
// A tenant is made with its workspace, a private collection that its agents,
// runs, conversations and keys belong to, so that the tenant's roles say who may
// do what with them.
//
// # Rows
//
// [Projection] keeps at hand what is asked for by something else than its id:
//
//	key                            value
//	't', the tenant                its status
//	's', a slug                    the tenant that has it; the last that took it
//	'c', a tenant, a tenant below  empty
//	'p', a provider                empty
//	'k', a tenant, a collection    the name of the knowledge base
//
// # Laws
//
//   - Two tenants have one slug only if somebody wrote it past this package: it is
//     looked up in the transaction that takes it.
//   - A workspace counts only when it says itself that it is the tenant's.
//   - The entity of a key has its first characters; the key itself is kept as a
//     hash, by package auth, and is void from the moment it is revoked.
package tenant
