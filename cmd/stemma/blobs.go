package main

import (
	"context"
	"path/filepath"

	"stemma/entity"
	"stemma/files"
)

// blobFlags say where file content lives; shared by the commands that need it.
type blobFlags struct {
	Blobs string `help:"Where file content is kept: a directory, or s3://KEY:SECRET@host:port/bucket?prefix=…&region=…&secure=false, with the key left out where the environment has it. By default a directory of the data." env:"STEMMA_BLOBS" placeholder:"URL"`
}

// openBlobs opens the file content of a network: at location, where networks
// are kept apart by their names, or else beside the network's store in data.
func openBlobs(ctx context.Context, location, data string, name entity.Network) (*files.Blobs, error) {
	dir := filepath.Join(data, string(name))
	if location == "" {
		return files.OpenDir(filepath.Join(dir, "blobs"))
	}
	return files.Open(ctx, location, string(name), filepath.Join(dir, "spool"))
}
