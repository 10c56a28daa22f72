// Package bench measures this server against yardsticks of the same run and
// prints the table of the README.
//
// # Laws
//
//   - A row is a function in [rows]; it gives one [Result] or several. Nothing is
//     a constant that could be measured.
//   - What is measured and its yardstick take turns, slice after slice of one
//     window, and a repeat's ratio is that of its two totals: a noisy machine
//     disturbs both. The ratio printed is the median of the repeats; the least
//     and the greatest stand beside it. It does not disturb both alike where one
//     waits for the disk and the other does not; so each line also says what
//     share of the cores other processes had.
//   - A phase checks its answers. An error, a wrong status or a lost update ends
//     the row, whatever the numbers were.
//   - The server under test is a child process of the same binary, so that its
//     heap and its collector are its own, as in production, and its resident
//     memory can be read. It is the real server: its listener, its settings, its
//     stores on disk. The yardsticks of HTTP are served by the same child on the
//     same listener: [ConstantPath] by a router of package wire, [PlainPath] by
//     chi alone.
//   - The client of HTTP is the parent: one connection and one goroutine each,
//     requests built by hand, no net/http. Client and server share the machine's
//     cores, in what is measured and in its yardstick alike.
//   - What is measured without HTTP runs in the parent, on a store in the same
//     file system, with the projections of the server.
//   - What is a command of its own, an import, an export or a mirror, runs as that
//     command in a child: its time is that from start to end, opening and closing
//     included, and its memory the most that the kernel has seen. It runs once,
//     whatever the repeats: a million of something is its own average.
//   - Everything is written below [Options.Data] and removed: what a row has for
//     itself when it ends, the large store that some rows share when the run does.
package bench
