package native

import (
	"context"
	"encoding/json"
	"net/http"

	"stemma/api/native/chat"
	"stemma/api/wire"
	"stemma/entity"
)

// toolRow is a row of the table of what a model may call: an operation of this
// view, under a name. Its input, its rules and who may take it are the
// operation's own.
type toolRow struct{ name, op, doc string }

// toolRows is the table. To let a model call an operation add a row.
var toolRows = []toolRow{
	{"search", "searchMyCollections", "Find entities by text and meaning in the collections that the user has a role in; with include_public also in what belongs to no collection."},
	{"discover", "searchDiscover", "Find entities by text and meaning in all collections that the user may view."},
	{"query", "query", "Ask the graph with a path, like: type:letter -[written_by]-> type:person[born >= 1850, label ~ \"ann\"]. In quotes is what is to be alike, @ID is an entity, <-[x]- goes backwards, -[*]{1,3}-> goes any way of one to three steps."},
	{"get_entity", "getEntity", "Read an entity by its id: type, properties, relationships, and cid, its current version."},
	{"history", "listVersions", "List the versions of an entity, newest first: when, by whom, and their notes."},
	{"diff", "diffEntity", "Compare two versions of an entity; left out, the last with the one before."},
	{"find_paths", "findPaths", "Find the shortest paths between entities."},
	{"find_reachable", "findReachable", "Find the entities that can be reached from others in some steps."},
	{"create_entity", "createEntity", "Create an entity."},
	{"update_entity", "updateEntity", "Change an entity's properties and relationships. Properties are merged into those that are there. expect_tip is the cid that get_entity gave."},
	{"add_relationship", "addRelationship", "Add a relationship from an entity to another."},
}

// chatTools are the tools of the table's rows.
func chatTools(ops []wire.Operation) []chat.Tool {
	byID := map[string]*wire.Operation{}
	for i := range ops {
		byID[ops[i].ID] = &ops[i]
	}
	var tools []chat.Tool
	for _, row := range toolRows {
		op := byID[row.op]
		if op == nil {
			panic("native: the tool " + row.name + " has no operation")
		}
		schema, err := op.InputSchema()
		if err != nil {
			panic("native: the tool " + row.name + ": " + err.Error())
		}
		tools = append(tools, chat.Tool{
			Name: row.name, Description: row.doc, Schema: schema, Reads: op.Reads || op.Method == http.MethodGet,
			Run: func(ctx context.Context, input map[string]any) (json.RawMessage, error) {
				return runTool(ctx, op, input)
			},
		})
	}
	return tools
}

func runTool(ctx context.Context, op *wire.Operation, input map[string]any) (json.RawMessage, error) {
	reply, err := op.Call(ctx, input)
	switch {
	case err != nil:
		return nil, err
	case reply == nil || reply.Body == nil:
		return json.RawMessage(`{"done":true}`), nil
	}
	if _, raw := reply.Body.(wire.Raw); raw {
		return nil, entity.Errorf(entity.KindUnsupported, "native.runTool", "%s answers bytes, which are of no use here", op.Path)
	}
	return wire.Append(nil, reply.Body)
}
