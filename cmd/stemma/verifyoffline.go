package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	recorded "stemma/api/recorder/run"
	"stemma/entity"
	"stemma/versions/attest"
)

// offlineFlags are of verify without a store.
type offlineFlags struct {
	Offline string `help:"Verify a bundle of evidence instead of a store: a file that GET /versions/{id}/{ver}/attestation?format=bundle answered, or - for the standard input. Nothing but the key is needed." placeholder:"FILE"`
	Key     string `help:"With --offline, the key of the log: name+hash+key as GET /attestations/head has it in verifier_key, or a file with it. Have it from when you first trusted the log, or from somebody whom you trust." placeholder:"KEY"`
}

// maxBundle is how large a bundle may be, in bytes.
const maxBundle = 1 << 30

// verifyBundle follows the links from the bytes of each block to the signature.
func (f *offlineFlags) verifyBundle(io *streams) error {
	if f.Key == "" {
		return errors.New("--offline needs --key: a bundle that brings its own key proves nothing")
	}
	key, err := f.key()
	if err != nil {
		return err
	}
	text, err := readBundle(f.Offline)
	if err != nil {
		return err
	}
	var b attest.Bundle
	if err := json.Unmarshal(text, &b); err != nil {
		return fmt.Errorf("%s is no bundle: %w", f.Offline, err)
	}
	head, all, err := b.Verify(key)
	if err != nil {
		return err
	}
	gaps, err := checkRuns(all)
	if err != nil {
		return err
	}
	fmt.Fprintf(io.out, "%s signed a log of %d changes with the root %s\n", head.Origin, head.Size, head.Root)
	for _, v := range all {
		what := ""
		if m := v.Manifest; m != nil {
			what = fmt.Sprintf("version %d of %s, a %s", m.Ver, m.ID, m.Type)
		} else {
			what = fmt.Sprintf("block %d of the chain %s of %s", v.Block.N, v.Block.Chain, v.Block.ID)
		}
		fmt.Fprintf(io.out, "ok  %s is change %d of it: %s\n", v.CID, v.Leaf+1, what)
	}
	for _, g := range gaps {
		fmt.Fprintf(io.out, "gap %s: the content of %d entries from %d to %d was deleted on %s, kept for %d days after the end; their hashes and links hold\n", g.Run, g.Entries, g.From, g.To, entity.FormatMillis(g.At), g.Days)
	}
	return nil
}

// checkRuns holds what a bundle has of recorded runs against what they pin.
func checkRuns(all []attest.Verified) ([]recorded.RunGap, error) {
	var manifests []*entity.Manifest
	var blocks []recorded.Proven
	for _, v := range all {
		if v.Manifest != nil {
			manifests = append(manifests, v.Manifest)
		} else {
			blocks = append(blocks, recorded.Proven{CID: v.CID, ChainBlock: v.Block})
		}
	}
	return recorded.CheckEvidence(manifests, blocks)
}

func (f *offlineFlags) key() (string, error) {
	text, err := os.ReadFile(f.Key)
	switch {
	case err == nil:
		return string(text), nil
	case errors.Is(err, fs.ErrNotExist):
		return f.Key, nil
	}
	return "", err
}

func readBundle(path string) ([]byte, error) {
	in := os.Stdin
	if path != "-" {
		file, err := os.Open(path)
		if err != nil {
			return nil, err
		}
		defer file.Close()
		in = file
	}
	text, err := io.ReadAll(io.LimitReader(in, maxBundle+1))
	if err == nil && len(text) > maxBundle {
		err = fmt.Errorf("%s is larger than %d bytes", path, maxBundle)
	}
	return text, err
}
