// Package price tells what the models of providers cost, by tables of which the
// first that knows a model is believed: what an administrator has set, what the
// server was started with, and the list prices that providers publish.
//
// # Laws
//
//   - What no table knows is not known, never 0.
//   - Within a table a row that names the provider comes before one that does not,
//     then a row with the model's name, then one with the name that is left when
//     the day of a release is taken off, then the longest that ends with *.
package price
