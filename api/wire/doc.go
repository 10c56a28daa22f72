// Package wire is HTTP as this server speaks it: a view is a table of
// [Operation] rows, and routing, decoding, validation, errors, limits, metrics
// and both documents ([Document], [Reference]) are made from the rows.
//
//	wire.Op(wire.Operation{
//		Method: "GET", Path: "/entities/{id}", ID: "getEntity", Auth: wire.AuthOptional,
//		Success: []wire.Success{{Status: 200, Body: Entity{}}}, Errors: []int{403, 404},
//	}, func(ctx context.Context, in *struct {
//		ID    entity.ID `path:"id"`
//		Limit int       `query:"limit" default:"10" min:"1" max:"1000"`
//	}) (*wire.Reply, error) { … })
//
// # Laws
//
//   - A row that cannot be served (a bad tag, a path parameter that nobody
//     binds, a route given twice) panics when the server starts, never later.
//   - Authentication comes before decoding: the body of a caller who may not
//     come in is never read.
//   - A credential that is not needed must hold all the same, but where nobody is
//     asked. A valid token of somebody unregistered is as good as none where
//     anonymous callers are let in, and is told to register where a user is needed.
//   - A body is parsed once, by [entity.ParseJSON]. Values bound to map[string]any
//     and any are the parsed ones, unchanged and owned by the handler. Unknown
//     members are ignored, null means absent, and everything that is wrong is
//     reported at once, as one [entity.Error] of KindInvalid with a path to each.
//   - A handler answers a [Reply] or an error, never both. An error is rendered
//     by the view's [ErrorBody] with the status of the one table in errors.go;
//     where no operation matches, by that of the view whose paths it is nearest to;
//     an internal error shows no detail and is logged with the request's id.
//   - The context of a request may outlive it (a goroutine that goes on); the
//     ResponseWriter may not.
//   - An answer is encoded whole before its first byte is written, so that a
//     failure to encode is still a clean error. Only [Reply.Stream] and raw
//     handlers write as they go.
//   - Read deadlines bound the time a body takes, write deadlines each flush of
//     a large or streamed answer. Answers of up to 16 KB fit in the kernel's
//     buffers and rely on http.Server.WriteTimeout, which streams override.
//
// # Tags of an input
//
// An input is a struct; embedded structs are flattened. Each field has one of
//
//	path:"id"       a part of the path; "*" is the rest of it
//	query:"limit"   a query parameter; a slice takes a,b and repeated keys
//	header:"Accept" a request header
//	json:"label"    a member of the body
//	body:"json"     the whole body: any, a map, a slice or a struct
//	body:"raw"      the body unread: a field of type [Upload]
//
// and any of
//
//	req:"true"      must be there (a path parameter always is); not null; text in a query not empty
//	alias:"pi"      other spellings, separated by commas; two that differ are an error
//	default:"10"    what an absent scalar stands for
//	min, max        of a number its range, of text its characters, of an array or object its members
//	gt:"0"          a number greater than that
//	pattern:"^…$"   of text, or of each text in an array
//	enum:"a,b"      likewise
//	wildcard:"true" an entity.ID may also be "*"
//	doc:"…"         a sentence for the documents
//
// # Answers
//
// A [Formed] body is what it makes of the request that it answers. A type that
// has AppendJSON([]byte) []byte writes itself. Others are written by
// their json tags as encoding/json would, but for this: nil slices are [] and nil
// maps {}; HTML is not escaped; an [entity.CID] is text; bytes and links inside
// open values have their DAG-JSON form; a field with an alias tag is written under
// each of its names.
package wire
