// Package outbound is the one way by which this server calls URLs that users
// name: agents' endpoints, and whatever else will be told where to call. Who
// streams answers, as those of language models, has a transport of its own, and
// [Control] in it.
//
// # Laws
//
//   - An address is checked where it is dialled: the name is looked up once, every
//     address that it has is checked, and one of those is connected to. What a name
//     server says a moment later makes no difference, nor how the URL was written.
//   - Private, loopback, link-local, multicast and reserved addresses are refused,
//     also inside of IPv6 forms that stand for an IPv4 address. [Options.AllowPrivate]
//     lets private, loopback and link-local ones through, and never the addresses at
//     which clouds serve credentials.
//   - A redirect is a new URL, checked like the first. Only requests without a body
//     follow one, at most a few, never from https to http, and to another host
//     without the caller's headers.
//   - No proxy of the environment is used: it would dial in our place.
//   - Every call ends: connecting, the header, the body and the whole have bounds in
//     time, and the body one in bytes. Too much is an error, not a cut answer.
//   - A host that fails again and again is left alone for a while (a circuit breaker
//     for each host and port), then tried once.
//   - Errors tell what a caller of ours can mend and name no address: KindInvalid for
//     what may not be called, KindUpstream for who does not answer as it should.
package outbound
