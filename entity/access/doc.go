// Package access decides who may do what: "may this principal take this action
// on this entity" as pure functions of the policies of the scopes it lies in.
// It does no I/O, and its tables are what GET /permissions prints.
//
// # Actions
//
// An action is type:verb. What is asked for is concrete: "entity:update" on an
// entity of type file is file:update. What a role grants is a pattern: a type
// and a verb, either of which may be *. A pattern grants
//
//   - its verb and the verbs that this one implies ([Verbs]);
//   - on its type; a pattern of the base type "entity" on every type;
//   - but on a type that is guarded ([Types]) only if it names it, or if the
//     verb is view. So an editor's *:update reaches everything in a collection
//     and not the collection itself.
//
// # Scopes
//
// A scope is an entity that says who may do what: it holds roles (property
// "roles", or its type's default) and binds them by relationships whose
// predicate is the role's name. Collections, tenants, groups and agents are
// scopes; what belongs to a collection is decided by it. A scope may belong to a
// tenant (relationship "tenant"), whose roles reach into it. [PolicyOf] reads
// all this out of a manifest.
//
// # The decision
//
// [Decide] takes the first that holds:
//
//	system       the operator's credential; what no policy can refuse
//	self         a principal on its own entity: view, update, credentials
//	collection   the union of the roles bound to the principal, its groups and *
//	tenant       likewise, one level up
//	public       view, in a scope that is not private
//	open_season  anybody, on an ordinary entity that belongs to no collection
//
// and then the scopes of the credential cut down what is left.
//
// # Laws
//
//   - What may not be viewed is not there: KindNotFound, and not KindForbidden,
//     for those who have no role in its scope. Nobody may do anything else to it.
//   - A role's binding that has expired is none; time is an argument.
//   - An anonymous caller has no role but what * has, and never one to write.
//   - Who may be what in a scope is changed only by who may manage it, whichever
//     way the change is made: [Needs] reads it off the manifests before and after.
//   - A scope that has an owner keeps one.
package access
