package bench

import (
	"context"
	"time"
)

// row is a line of the table. Its function measures and judges.
type row struct {
	name  string // what --only calls it
	title string
	run   func(*runner, context.Context) ([]Result, error)
}

// rows is the table, in its order.
func rows() []row {
	return []row{
		{"durable", "durable compare-and-swap updates, 64 writers on distinct entities, store API", (*runner).durable},
		{"put", "the same over HTTP, 64 connections, 1 KB of properties", (*runner).put},
		{"get", "GET /entities/{id} and GET tip", (*runner).get},
		{"attest", "commits at a steady rate, and how far the log of attestations is behind", (*runner).attest},
		{"contended", "64 writers on one entity, each retrying", (*runner).contended},
		{"search", "reachable to depth 4 and shortest paths on a power-law graph", (*runner).search},
		{"sight", "reachable and a path query by who may view all or half of the graph", (*runner).sight},
		{"graph", "memory per edge, and rebuild at open", (*runner).memory},
		{"versions", "history page, diff and restore, of few and of many versions", (*runner).versions},
		{"events", "catching up by since pages of 1,000 and by SSE", (*runner).events},
		{"access", "a permission check, warm and cold", (*runner).access},
		{"jsonl", "import of JSON lines", (*runner).jsonl},
		{"content", "upload and download of a large file", (*runner).content},
		{"car", "export to a CAR file, and import of it", (*runner).car},
		{"mirror", "a copy of a server with many events", (*runner).mirror},
		{"find", "documents findable by text and by meaning", (*runner).find},
		{"recorder", "recording steps in batches, and replaying a long run", (*runner).recorder},
		{"proxy", "calls through the recording proxy and through a plain one", (*runner).proxy},
		{"gateway", "calls of language models through the gateway and through a plain proxy", (*runner).gateway},
		{"usage", "adding up a year of calls of language models, and what counting them costs", (*runner).usage},
		{"resident", "one server with many entities: resident memory", (*runner).resident},
	}
}

// writers are the writers and connections of the table.
const writers = 64

// Names are what [Options.Only] takes, in the order of the table.
func Names() (names []string) {
	for _, r := range rows() {
		names = append(names, r.name)
	}
	return names
}

// Sizes are how much is measured.
type Sizes struct {
	Name          string        `json:"name"`
	Window        time.Duration `json:"window_ns"`      // of one phase in one repeat
	Nodes         int           `json:"nodes"`          // of the power-law graph
	Edges         int           `json:"edges"`          // likewise
	FewVersions   int           `json:"few_versions"`   // of an entity with a short history
	ManyVersions  int           `json:"many_versions"`  // of one with a long history
	Restores      int           `json:"restores"`       // measured of each
	Entities      int           `json:"entities"`       // of the large store; twice as many relationships
	Read          int           `json:"read"`           // entities that the reads go round
	Collections   int           `json:"collections"`    // of the store of scopes
	Members       int           `json:"members"`        // entities in those
	Documents     int           `json:"documents"`      // to be found
	Calls         int           `json:"calls"`          // of language models, counted
	ResidentLimit int64         `json:"resident_limit"` // bytes that the large store, and an import of as much, may take
	Lines         int           `json:"lines"`          // entities of the import; twice as many relationships
	Content       int64         `json:"content"`        // bytes of the file
	Blocks        int           `json:"blocks"`         // versions of the CAR file
	Streams       int           `json:"streams"`        // that the gateway has under way
}

// Full is what the README's table is printed from.
var Full = Sizes{
	Name: "full", Window: 2 * time.Second,
	Nodes: 100_000, Edges: 1_000_000, FewVersions: 10, ManyVersions: 10_000, Restores: 400,
	Collections: 10_000, Members: 200_000, Documents: 100_000, Calls: 10_000_000, Entities: 1_000_000, Read: 1000, ResidentLimit: 2 << 30,
	Lines: 1_000_000, Content: 500 << 20, Blocks: 1_000_000, Streams: 2000,
}

// Short is the same code on less, for a CI job.
var Short = Sizes{
	Name: "short", Window: 400 * time.Millisecond,
	Nodes: 20_000, Edges: 200_000, FewVersions: 10, ManyVersions: 10_000, Restores: 100,
	Collections: 1000, Members: 20_000, Documents: 10_000, Calls: 1_000_000, Entities: 50_000, Read: 500, ResidentLimit: 2 << 30,
	Lines: 50_000, Content: 64 << 20, Blocks: 50_000, Streams: 2000,
}
