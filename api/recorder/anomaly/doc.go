// Package anomaly finds what is out of the ordinary in a run: a table of rules,
// each a pure function of the run's entries and of what its agent did before.
//
// # Laws
//
//   - A finding says why, with the number that was met and the bound that it
//     passed, and never with anything of the content.
//   - The same entries and history give the same findings, in the order of the
//     table.
//   - A rule that compares with the agent's history says nothing before there are
//     [LeastHistory] runs to compare with.
package anomaly
