// Package syncclient follows a server's log from outside: events by cursor, and
// the blocks they name, each checked against its CID. `stemma mirror` is built
// on it; a search index, a cache or a second database can be.
//
//	c, err := syncclient.New("https://stemma.example", syncclient.Options{Key: "uk_…"})
//	for batch, err := range c.Follow(ctx, cursor, syncclient.FollowOptions{Live: true}) {
//		if err != nil {
//			return err
//		}
//		// one transaction of your own: the effects of batch.Events, and batch.Cursor
//	}
//
// # Laws
//
//   - Who stores [Batch.Cursor] in the transaction that has the batch's effects,
//     and gives it to [Client.Follow] after a crash, misses nothing and sees
//     nothing twice.
//   - What passes by itself (no connection, a broken one, silence, 429 and 5xx) is
//     tried again, waiting longer each time and at least as long as Retry-After
//     says, until the context or [Retry.For] ends. What does not (every other 4xx,
//     an answer that cannot be true) is an error at once.
//   - Events ascend. Without a filter their numbers are dense, chains included, but
//     for those that the server says it withholds because the caller may not view
//     them; any other number that is missing is [ErrGap], never passed over.
//   - A [Cursor] remembers the last event that was seen. Before the first page, and
//     after every failure, the server is asked for that event again: a server that
//     was reset, restored from an older backup or replaced is [ErrForeignCursor]
//     instead of a feed that goes on with something else.
//   - No byte of a block is handed out before the whole of it has been hashed. Of
//     [Client.Content], which streams, the reader tells at its end, in place of io.EOF.
//   - A Client may be used by any number of goroutines. What a sequence yields is
//     the caller's.
package syncclient
