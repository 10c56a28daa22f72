// Package external verifies tokens that others issued, those that it is sent and
// those that it fetches when somebody signs in, and gives the identity that a
// token proves.
//
// # Laws
//
//   - The issuer that a token names chooses who verifies it: a configured OIDC
//     issuer's keys verify asymmetric signatures only; the shared secret, which
//     is for every other issuer, verifies HS256 only. No token chooses its
//     algorithm, so that a public key is never taken for a secret.
//   - An identity is (form, issuer, subject): what the holder of the shared
//     secret says about an issuer is never taken for that issuer's word.
//   - role "service" counts from the holder of the shared secret alone.
//   - Discovery is lazy, so that the server starts without its issuers, and what
//     failed is tried again, not sooner than after some seconds. An issuer's keys
//     are fetched at most twice in 30 s however many unknown keys are named.
//   - A sign-in counts once: its token names the nonce of the question, was got
//     with the code that PKCE binds to it, and was made for this client alone.
//   - An e-mail address is what an issuer says that it has verified. Nobody is
//     found by one: it is the subject that tells who somebody is.
//   - An issuer that cannot be reached is KindUnavailable. Every other failure is
//     KindUnauthenticated, with the reason for the log.
package external
