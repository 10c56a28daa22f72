// Package events is the feed: the log as a list of events, one for each change
// of an entity, read forwards, backwards or as it grows.
//
// # Laws
//
//   - An event's number is the [entity.Seq] of its change. A cursor is such a
//     number, means the same on every page, across restarts, and never expires.
//   - [Feed.Since] gives what comes after a cursor, ascending; [Feed.Before]
//     what comes before one, descending. Who goes on from [Page.Cursor] misses
//     nothing and sees nothing twice, however many events are written meanwhile
//     and wherever in a record a page ends.
//   - A filter costs a scan of the log. One request examines at most
//     [Feed.MaxScan] changes; where that ends it early the page says HasMore,
//     may be empty, and its cursor stands behind what was examined.
//   - [Feed.Tail] reads the log, and waits when it has read all of it. Nothing
//     is queued for a slow reader, so nothing can overflow.
//   - Nothing here has state of its own: a Feed may be used by any number of
//     goroutines, and copied.
package events
