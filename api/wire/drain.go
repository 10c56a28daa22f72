package wire

import "context"

type drainKey struct{}

// WithDrain gives requests below ctx a second context, which ends when the
// server is told to stop. Ordinary requests go on then and finish; streams and
// long polls let go, see [Streaming].
func WithDrain(ctx, drain context.Context) context.Context {
	return context.WithValue(ctx, drainKey{}, drain)
}

// Streaming is the context of a request that waits for what may never come: it
// ends with the request or when the server is told to stop.
func Streaming(ctx context.Context) (context.Context, context.CancelFunc) {
	ctx, cancel := context.WithCancel(ctx)
	drain, ok := ctx.Value(drainKey{}).(context.Context)
	if !ok {
		return ctx, cancel
	}
	stop := context.AfterFunc(drain, cancel)
	return ctx, func() { stop(); cancel() }
}
