package syncclient

import (
	"bufio"
	"encoding/binary"
	"errors"
	"io"
	"mime"
	"net/http"

	"stemma/entity"
)

const carType = "application/vnd.ipld.car"

// carReader reads the sections of a CARv1 (https://ipld.io/specs/transport/car/carv1/)
// of this server: a varint length and a header, then for each block a varint
// length, the CID's bytes and the data.
type carReader struct {
	op string
	in *bufio.Reader
}

// cidLength is that of a CIDv1 with a sha2-256 digest, the only form there is
// here: version, codec, hash function and length take a byte each.
const cidLength = 4 + len(entity.Digest{})

// maxCARHeader is more than the header of any CAR that names no or few roots.
const maxCARHeader = 64 << 10

func newCARReader(op string, resp *http.Response) (*carReader, error) {
	if kind, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); kind != carType {
		return nil, untrue(op, ErrAnswer, "the server answered %q, not %s; is it a Stemma server?", resp.Header.Get("Content-Type"), carType)
	}
	r := &carReader{op: op, in: bufio.NewReaderSize(resp.Body, 64<<10)}
	n, err := r.length(1, maxCARHeader)
	if err != nil {
		return nil, r.cut(err)
	}
	if _, err := r.in.Discard(n); err != nil {
		return nil, r.cut(err)
	}
	return r, nil
}

// next gives the CID's bytes and the data of the next section, io.EOF behind the
// last.
func (r *carReader) next() (key, data []byte, err error) {
	n, err := r.length(cidLength+1, cidLength+entity.MaxManifest)
	if err != nil {
		return nil, nil, err
	}
	section := make([]byte, n)
	if _, err := io.ReadFull(r.in, section); err != nil {
		return nil, nil, r.cut(err)
	}
	return section[:cidLength], section[cidLength:], nil
}

// length reads a varint within bounds, io.EOF at the end of the stream.
func (r *carReader) length(least, most int) (int, error) {
	if _, err := r.in.Peek(1); err != nil {
		return 0, err
	}
	n, err := binary.ReadUvarint(r.in)
	if err != nil {
		return 0, r.cut(err)
	}
	if n < uint64(least) || n > uint64(most) {
		return 0, untrue(r.op, ErrAnswer, "a section of the CAR has %d bytes; %d to %d are possible", n, least, most)
	}
	return int(n), nil
}

// cut tells a CAR that ends inside a section, or is none, from a connection that
// broke.
func (r *carReader) cut(err error) error {
	var broke *entity.Error
	if errors.As(err, &broke) {
		return err
	}
	return untrue(r.op, ErrAnswer, "the CAR ends in the middle of a section, or is none")
}
