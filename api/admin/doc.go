// Package admin is the view in which whoever runs the server looks after it: the
// tenants and their keys, the providers that they may use, and what holds for all
// of them.
//
// # Laws
//
//   - Everything but the log-in takes store:administer, which no role gives: the
//     first user's keys have it, services that act for nobody else, and the tokens
//     of this view. The table says nothing of tenants' roles, and asks for none.
//   - There is no password that a server has by itself. The first log-in is with the
//     key of the first start in the place of the password, and its answer says
//     that one is to be set.
//   - No answer has the key of a provider, and none but the first that of an agent:
//     a key that is kept is shown as dots, and dots that come back change nothing.
//   - A tenant that is switched off or deleted is turned away from then on: keys of
//     its agents with 401, tokens of its people with 403.
//   - There is one default provider, or none; a provider's key is for its kind and
//     address, and is dropped when these change without a new one.
package admin
