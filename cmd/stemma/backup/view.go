package backup

import (
	"context"
	"io"
	"net/http"

	"stemma/api/auth"
	"stemma/api/wire"
	"stemma/entity"
	"stemma/entity/access"
)

// Action is what a principal must be allowed. Its verb is not one that readers
// have: a backup holds every secret.
const Action access.Action = "store:backup"

// mediaType of the stream.
const mediaType = "application/vnd.stemma.backup"

// View serves backups of the networks.
type View map[entity.Network]Local

// Operations are the view's rows.
func (v View) Operations() []wire.Operation {
	return []wire.Operation{
		wire.Op(wire.Operation{
			Method: "GET", Path: "/admin/backup", ID: "backup", Tag: "Administration", Summary: "Back up the network's store",
			Description: "The log after `since`, with its blocks, heads and every secret of the store, as one stream with a SHA-256 of itself at its end. " +
				"`stemma backup --url` keeps such streams in a directory. 0 is everything; other numbers are states that a backup before ended at. Nobody waits for it.",
			Permission: string(Action), Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, ContentType: mediaType}}, Errors: []int{400, 401, 403},
		}, v.backup),
		wire.Op(wire.Operation{
			Method: "GET", Path: "/admin/backup/content/{cid}", ID: "backupContent", Tag: "Administration", Summary: "Read file content for a backup",
			Description: "Content by its CID, whoever may view the files that have it.",
			Permission:  string(Action), Auth: wire.AuthRequired,
			Success: []wire.Success{{Status: 200, ContentType: "application/octet-stream"}}, Errors: []int{400, 401, 403, 404},
		}, v.content),
	}
}

// local is the network of the request, for who may back it up.
func (v View) local(ctx context.Context) (Local, error) {
	if err := access.CheckStore(auth.From(ctx), Action); err != nil {
		return Local{}, err
	}
	l, ok := v[wire.NetworkOf(ctx)]
	if !ok {
		return l, entity.NotFound("backup.View", "the network %s is not served here", wire.NetworkOf(ctx))
	}
	return l, nil
}

func (v View) backup(ctx context.Context, in *struct {
	Since int64 `query:"since" default:"0" min:"0" doc:"Where the backup before ended."`
}) (*wire.Reply, error) {
	l, err := v.local(ctx)
	if err != nil {
		return nil, err
	}
	stream, err := l.Backup(ctx, entity.Seq(in.Since))
	if err != nil {
		return nil, err
	}
	return streamed(mediaType, stream)
}

func (v View) content(ctx context.Context, in *struct {
	CID string `path:"cid" doc:"The content's CID, bafkrei…"`
}) (*wire.Reply, error) {
	l, err := v.local(ctx)
	if err != nil {
		return nil, err
	}
	c, err := entity.ParseCID(in.CID)
	if err != nil {
		return nil, err
	}
	stream, err := l.Content(ctx, c)
	if err != nil {
		return nil, err
	}
	return streamed("application/octet-stream", stream)
}

// streamed answers with a stream. An error before its first byte is answered
// like any other; a later one cuts the connection, so that nobody takes half for
// the whole.
func streamed(contentType string, stream io.ReadCloser) (*wire.Reply, error) {
	return &wire.Reply{
		Header: http.Header{"Content-Type": {contentType}, "Cache-Control": {"no-store"}},
		Stream: func(w http.ResponseWriter, _ *http.Request) error {
			defer stream.Close()
			first := make([]byte, 64<<10)
			n, err := io.ReadAtLeast(stream, first, 1)
			if err != nil && err != io.EOF {
				return err
			}
			if _, err := w.Write(first[:n]); err != nil {
				return err
			}
			_, err = io.CopyBuffer(struct{ io.Writer }{w}, stream, first)
			return err
		},
	}, nil
}
