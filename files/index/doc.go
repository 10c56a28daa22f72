// Package index is the projection that finds the content of a file by its key,
// without walking its history, and the files that content belongs to.
//
// # Laws
//
//   - A key of a file is used once it has stood in a version, and never becomes
//     unused. It has content once it has stood in a version with the property
//     uploaded: true and a cid; the last such version counts.
//   - Rows are never deleted: what a version in the history names is referenced
//     for ever, also when the file is deleted. So the references are exactly
//     what a collector of garbage must keep.
//
// # Properties of a file
//
//	key           text, names the content within this file
//	filename      text
//	content_type  a media type
//	size          whole number of bytes
//	uploaded      whether there is content
//	cid           CID of the content (bafkrei…), as text; only where uploaded
//
// # Keys
//
//	u <id 26> <sha256 of the key 32>    01          the key has been used
//	k <id 26> <sha256 of the key 32>    CBOR array  its content: CID, size, media type
//	r <digest 32> <id 26>               01          the file has had this content
package index
