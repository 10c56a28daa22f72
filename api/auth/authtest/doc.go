// Package authtest makes tokens for tests as others would issue them: an OIDC
// provider on loopback, with real keys that it can change, and the form of
// Supabase under a shared secret.
package authtest
