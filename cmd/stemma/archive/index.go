package archive

import (
	"bufio"
	"io"
	"os"

	"stemma/entity"
	"stemma/versions/car"
)

// indexSchema tells index blocks from manifests.
const indexSchema = "stemma/index@v1"

// linksPerPart keeps a part near 170 KB: IPFS passes blocks of up to 1 MiB on.
const linksPerPart = 4096

type indexRoot struct {
	Schema  string         `cbor:"schema"`
	Network entity.Network `cbor:"network"`
	Parts   []entity.Link  `cbor:"parts"`
}

type indexPart struct {
	Schema string        `cbor:"schema"`
	Links  []entity.Link `cbor:"links"`
}

// rootSet gathers what an export's roots must reach.
type rootSet interface {
	add(entity.CID) error
	// roots are those of the file; they end the gathering.
	roots() ([]entity.CID, error)
	// write adds the blocks that stand between the roots and what was added.
	write(*car.Writer) error
	close() error
}

// listed is the set of an export of one entity: each is a root itself.
type listed struct{ cids []entity.CID }

func (l *listed) add(c entity.CID) error       { l.cids = append(l.cids, c); return nil }
func (l *listed) roots() ([]entity.CID, error) { return l.cids, nil }
func (l *listed) write(*car.Writer) error      { return nil }
func (l *listed) close() error                 { return nil }

// indexed is the set of a large export. Full parts wait in a temporary file,
// since the root that links to them comes first.
type indexed struct {
	network entity.Network
	file    *os.File
	parts   *car.Writer
	links   []entity.Link
	known   []entity.Link // of the parts
	root    []byte
	rootCID entity.CID
}

func newIndexed(n entity.Network) (*indexed, error) {
	file, err := os.CreateTemp("", "stemma-index-*.car")
	if err != nil {
		return nil, entity.Internal("archive.index", err)
	}
	parts, err := car.NewWriter(file)
	return &indexed{network: n, file: file, parts: parts}, err
}

func (x *indexed) add(c entity.CID) error {
	x.links = append(x.links, entity.Link{CID: c})
	if len(x.links) < linksPerPart {
		return nil
	}
	return x.endPart()
}

func (x *indexed) endPart() error {
	block, c, err := entity.EncodeBlock(indexPart{Schema: indexSchema, Links: x.links})
	if err != nil {
		return err
	}
	x.links = x.links[:0]
	x.known = append(x.known, entity.Link{CID: c})
	return x.parts.Write(c, block)
}

func (x *indexed) roots() (_ []entity.CID, err error) {
	if len(x.links) > 0 {
		if err := x.endPart(); err != nil {
			return nil, err
		}
	}
	x.root, x.rootCID, err = entity.EncodeBlock(indexRoot{Schema: indexSchema, Network: x.network, Parts: x.known})
	return []entity.CID{x.rootCID}, err
}

func (x *indexed) write(out *car.Writer) error {
	if err := x.parts.Flush(); err != nil {
		return entity.Internal("archive.index", err)
	}
	if _, err := x.file.Seek(0, io.SeekStart); err != nil {
		return entity.Internal("archive.index", err)
	}
	in, err := car.NewReader(bufio.NewReader(x.file), car.Limits{})
	if err != nil {
		return err
	}
	if err := out.Write(x.rootCID, x.root); err != nil {
		return err
	}
	for {
		b, err := in.Next()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return err
		}
		if err := out.Write(b.CID, b.Data); err != nil {
			return err
		}
	}
}

func (x *indexed) close() error {
	err := x.file.Close()
	if err := os.Remove(x.file.Name()); err != nil {
		return entity.Internal("archive.index", err)
	}
	return err
}
