package auth

import "context"

// CredentialOf is what lists show of the key that a request came with, or the
// name of another form of credential; "" for none.
func CredentialOf(ctx context.Context) string {
	if c := callerOf(ctx); c != nil {
		return c.credential
	}
	return ""
}
