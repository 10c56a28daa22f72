// Package usage counts the calls of language models, in rows that are written with
// the runs themselves, and reads them: summaries, series, models, traces. It keeps
// the prices that an administrator has set.
//
// # What is counted
//
// A run is counted once, on the step to the status that it ends with, at the time
// of its completed_at. Runs of agents' turns (package runs) are counted: the
// server writes them itself, so nobody can make up calls of a tenant. Each counts for
// all, for its tenant, for its agent and for its key.
//
// Runs that a recorder was told of, or saw through its proxy, are counted apart: for
// all of them, and for the recordings that they lie in, which whoever records there
// may add to. One is one request, however many calls of models there are in it, with
// the tokens and the cost of all; its time counts where it has one step.
//
// What is counted is in buckets of
// five minutes, an hour and a day, which begin at multiples of their width since
// 1970. A window is read from the widest buckets that fit: 5 ranges of rows, with
// 22 + 46 rows and one a day. For a key there are days alone.
//
// # Laws
//
//   - What was counted stays: a run that is deleted, restored or edited later
//     counts as it did.
//   - What is not known is null, never 0: a cost where no price was, an average of
//     nothing. A sum of costs is of those that are known, beside how many are not.
//   - A percentile is the middle of a bucket that is at most 1/32 as wide as where
//     it begins: off by 1/64, 1.6 %, at most, and exact below 64 µs.
//   - Amounts are whole: µs, tokens, and billionths of a dollar.
//   - A window is widened to whole buckets: its begin is rounded down to five
//     minutes, or to the width of a series' buckets.
//
// # Rows of the projection "usage"
//
//	s <level> <scope> <bucket be32>              sums       of a scope, with its latencies; level 0 five minutes, 1 hour, 2 day
//	m <level> <scope> <bucket be32> <model>      sums       of a model in the scope; none of agents and keys
//	l <scope> <^started be64> <^id>              nothing    runs, newest first, as they were begun; none of keys
//	p <id 26>                                    JSON       the prices of an entity of type price_table
//
// where <scope> is a (all), t<tenant 26>, g<agent 26> or k<name> 00, and of recorded
// runs r (all) or c<collection 26>.
package usage
