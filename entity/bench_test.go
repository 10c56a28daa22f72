package entity_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"stemma/entity"
)

// benchManifest is about 1 KB sealed: 20 properties and 5 relationships.
func benchManifest(b *testing.B) *entity.Manifest {
	b.Helper()
	m := sample(b, `{}`)
	for i := range 16 {
		m.Properties[fmt.Sprintf("property_%02d", i)] = fmt.Sprintf("value number %d", i)
	}
	m.Properties["label"] = "A letter from Ann"
	m.Properties["pages"] = int64(12)
	m.Properties["weight"] = 0.25
	m.Properties["address"] = map[string]any{"city": "Basel", "street": []any{"Rheinsprung", int64(9)}}
	for i := range 5 {
		m.Relationships = append(m.Relationships, entity.Relationship{Predicate: entity.Predicate(fmt.Sprint("cites_", i)), Peer: idC, PeerType: "letter"})
	}
	return m
}

func BenchmarkSeal(b *testing.B) {
	m := benchManifest(b)
	block, _, err := m.Seal()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := m.Seal(); err != nil {
			b.Fatal(err)
		}
	}
}

func benchBlock(b *testing.B, read func([]byte) error) {
	block, _, err := benchManifest(b).Seal()
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(block)))
	b.ReportAllocs()
	for b.Loop() {
		if err := read(block); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeManifest(b *testing.B) {
	benchBlock(b, func(block []byte) error { _, err := entity.DecodeManifest(block); return err })
}

func BenchmarkOpenManifest(b *testing.B) {
	benchBlock(b, func(block []byte) error { _, _, err := entity.OpenManifest(block); return err })
}

func BenchmarkValidateBlock(b *testing.B) {
	benchBlock(b, entity.ValidateBlock)
}

func BenchmarkParseJSON(b *testing.B) {
	text, err := json.Marshal(benchManifest(b))
	if err != nil {
		b.Fatal(err)
	}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := entity.ParseJSON(text, 0); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkClone(b *testing.B) {
	m := benchManifest(b)
	b.ReportAllocs()
	for b.Loop() {
		m.Clone()
	}
}
