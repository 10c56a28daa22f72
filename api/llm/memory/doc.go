// Package memory keeps conversations with agents: what was said, and summaries of
// what was said long before.
//
// A conversation is an entity in the workspace of a tenant, found by what its
// client calls it within a partition that its client names too. Its chain
// "messages" holds blocks
//
//	{"kind": "message", "role": "user", "content": "…", "token_estimate": 12, "run": "01…", "count": 3, "live": 40, "through": 0}
//	{"kind": "snapshot", "summary": "…", "archived": 3, "count": 3, "live": 0, "through": 3}
//
// where count is how many messages there were so far, live the tokens of those
// in no snapshot, and through the place in the chain up to which a snapshot has
// them: so that the last block tells what to read.
//
// # Laws
//
//   - A client names conversations within its tenant: no text that it sends leads
//     to another tenant's.
//   - What was answered is in the conversation before its answer ends, also of
//     streams.
//   - Where the tenant wants content sealed, content and summary are bytes under
//     "sealed" that only the tenant's key opens, and so are the titles of partitions,
//     under "title_sealed". What clients call a partition is an identifier, and is not.
//   - Tokens are estimated at four characters each.
//
// # The secret space
//
//	llm/partition/<tenant>/<hex SHA-256 of name>                 the entity's id
//	llm/conversation/<tenant>/<hex SHA-256 of partition, name>   likewise
//
// # Rows
//
// [Projection] lists what there is, newest first: in the keys the last id has its
// bytes inverted. The values are empty.
//
//	'w', workspace, conversation
//	'c', workspace, partition, conversation
//	'p', workspace, partition
//	'b', workspace, the partition above, partition
package memory
