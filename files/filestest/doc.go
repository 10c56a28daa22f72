// Package filestest is the laws of a store of content as a suite, which every
// driver passes.
//
// # Laws
//
//   - [Run] tests what it is given through its methods alone, and compares it
//     with content held in memory.
//   - A case makes its own store and leaves nothing outside of it.
package filestest
