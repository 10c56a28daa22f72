// Package portal is the view in which people look after their tenant: who is in
// it, its agents and their keys, its providers, knowledge bases and figures.
//
// # Laws
//
//   - A request is about one tenant: that of its token, or else the first that the
//     caller came into. Whether the caller is in it is read with the request, so
//     that who was removed is out at once, whatever their token says.
//   - What is of another tenant is not there (404), also for somebody who is in
//     both: only the tenant of the request counts.
//   - What a member may do follows from the roles of the tenant, by package guard.
//     What the table calls the owner's takes tenant:manage.
//   - A password, a key or an invitation that is no good is answered like one that
//     never was.
//   - Of an upload nothing is kept, neither bytes nor entities, unless all of its
//     files are what they say.
//   - No answer has the key of a provider, or but once that of an agent.
package portal
