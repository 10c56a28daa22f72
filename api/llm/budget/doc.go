// Package budget bounds what is spent on language models: requests and tokens a
// minute, and dollars a day, each by a name: a key, a tenant.
//
// # Laws
//
//   - What a call may cost is reserved before it is made, and settled when it is
//     over: any number of calls at once never come past a limit together, but for
//     what one of them uses beyond its own reservation.
//   - A reservation is of all its names or of none.
//   - Requests and tokens flow back evenly over the minute; dollars at midnight
//     UTC.
//   - What was spent is in memory. Dollars of the day are asked for once for each
//     name, from who counts runs, so that a restart does not forget them.
package budget
