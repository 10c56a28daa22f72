package car_test

import (
	"bytes"
	"io"
	"testing"

	"stemma/entity"
	"stemma/versions/car"
)

const benchBlocks = 10_000

func benchPieces(b *testing.B) []piece {
	text := bytes.Repeat([]byte("manifest "), 220)
	var pieces []piece
	for i := range benchBlocks {
		pieces = append(pieces, cborPiece(b, map[string]any{"n": int64(i), "text": string(text)}))
	}
	return pieces
}

func BenchmarkWrite(b *testing.B) {
	pieces := benchPieces(b)
	b.SetBytes(int64(len(file(b, nil, pieces...))))
	for b.Loop() {
		w, err := car.NewWriter(io.Discard)
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range pieces {
			if err := w.Write(p.cid, p.data); err != nil {
				b.Fatal(err)
			}
		}
	}
}

func BenchmarkRead(b *testing.B) {
	whole := file(b, []entity.CID{entity.SumRaw(nil)}, benchPieces(b)...)
	b.SetBytes(int64(len(whole)))
	for b.Loop() {
		if _, got, _, err := read(bytes.NewReader(whole), car.Limits{}); err != nil || len(got) != benchBlocks {
			b.Fatal(len(got), err)
		}
	}
}
