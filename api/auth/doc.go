// Package auth finds out who is calling: it turns a request's credential into
// an access.Principal, and gives credentials out and takes them back.
//
// One identity system: a principal is an entity (a user, an agent, a service),
// and several credentials prove it.
//
//	Authorization: ApiKey uk_…          a key of a user; ak_ of an agent, sk_ of a service,
//	                                    ark_live_ of any, made for recording;
//	                                    loom_sk_ of an agent, made for its clients
//	x-api-key: uk_…                     the same
//	Authorization: Bearer uk_…          the same, where the operation says BearerKeys
//	Authorization: Bearer <JWT>         our access token, or one of an external issuer
//	Cookie: stemma_refresh=…            a refresh token, read by /auth/refresh and /auth/logout alone
//	X-On-Behalf-Of: <user>              with a credential of a service: it acts as that user
//
// # Laws
//
//   - A key or refresh token is 256 random bits, shown once and kept as its
//     SHA-256. Looking up the hash is the comparison: what its time tells is
//     about the hash, from which nobody gets back to a secret of that size.
//   - A credential that proves nothing is KindUnauthenticated, also where none
//     was needed.
//   - A credential counts from the moment it is answered and is void from the
//     moment that its revocation, its principal's deletion, or a log-out is: all
//     are read from the committed state, and nothing is cached but the parsed
//     form of what was read.
//   - An email and the hash of a password are in the secret space and nowhere
//     else: no manifest, event, audit entry or export has them.
//   - A refresh token is used once: of two uses at a time one wins.
//   - An answer, its timing and its limits are the same whether an address has
//     an account or not: see below.
//   - Who signs in by an OIDC issuer is who its subject says, never whose address
//     it tells: an account with that address may be anybody's, who typed it.
//   - A step of such a sign-in counts once, and in the browser that began it: what
//     goes through URLs is worth nothing without the secret of its cookie.
//   - A scoped credential makes no credential with more scopes than its own.
//
// # Enumeration
//
// Log-in answers 401 with one text, after one argon2, whether the account or the
// password is wrong, and counts attempts by the address as it was typed.
//
// Sign-up with an address that has an account is a log-in: the right password
// opens a session (200), a wrong one is answered like any wrong log-in, with the
// same limits. An address without an account is answered 201, so that who signs
// a stranger's address up learns that it had none, at the price of making it:
// there is no way around that before the server can send mail, and at
// a rate of one a minute for each client it is no way to read a list of people.
//
// # The secret space
//
//	key/<hex SHA-256 of the key>      whose key: cbor array of grant         key/5f7a…
//	keys/<principal>                  its keys: cbor array of hashes         keys/01KDV…
//	~keyuse/<hex SHA-256 of the key>  last use: cbor integer, ms since 1970
//	email/<hex SHA-256 of address>    whose address: the user's id
//	password/<user>                   cbor array: address, PHC string
//	session/<user>                    cbor array: epoch, valid from, refresh tokens
//	refresh/<hex SHA-256 of token>    whose token: the user's id
//	contact/<user>                    address that an OIDC issuer vouches for
//	identity/<hex SHA-256 of form, issuer, subject>   whose: the entity's id
//	signing                           Ed25519 keys: see package token
//	bootstrap                         the first user's id
package auth
