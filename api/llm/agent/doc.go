// Package agent reads what agents and tenants are told about language models,
// and finds out what holds for an agent: its provider, prompt and tools, with
// what it inherits from its tenant and the tenants above.
//
// # Where it stands
//
// An agent has the fields of [Settings] among its own properties; a tenant has
// those of them that others inherit under its property "settings". An agent
// belongs to the tenant that its collection belongs to, a tenant to the peer of
// its relationship "parent".
//
// # Laws
//
//   - Nothing here does I/O or decides who may see what: a caller that may use an
//     agent gets what the agent was given, also by tenants that the caller may not
//     view.
//   - A provider comes whole from one level, and so does its key: a level that
//     names a provider and has no key never gets the key of a level above, which
//     its maker could not have read.
//   - A reference to a provider of the operator's counts only while that is open
//     to the tenant of the level that names it. While it is not, nothing stands in
//     for it.
//   - The operator's default is for agents for which no level names a provider, as
//     long as it is open to the agent's tenant.
//   - What a manifest holds that is not of the right form is as good as absent, as
//     anybody who may edit an entity can write it by other views.
package agent
