package backup

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"stemma/entity"
	"stemma/entity/store"
)

// part is a file of a chain.
type part struct {
	path     string
	n        int // from 1
	from, to entity.Seq
}

var partName = regexp.MustCompile(`^(main|test)-([0-9]{6,})-([0-9]+)-([0-9]+)\.backup$`)

func fileName(network entity.Network, n int, info store.BackupInfo) string {
	return fmt.Sprintf("%s-%06d-%d-%d.backup", network, n, info.From, info.To)
}

// Networks are those that a directory has backups of. KindInvalid when it has
// none.
func Networks(dir string) (all []entity.Network, err error) {
	for _, n := range []entity.Network{entity.Main, entity.Test} {
		parts, err := chain(dir, n)
		if err != nil {
			return nil, err
		}
		if len(parts) > 0 {
			all = append(all, n)
		}
	}
	if len(all) == 0 {
		err = entity.Invalid("backup.Networks", "%s holds no backup: name the directory that 'stemma backup' wrote to", dir)
	}
	return all, err
}

// chain finds a network's files, in order, and makes sure by their names that
// none is missing. There are none where there is no directory.
func chain(dir string, network entity.Network) (parts []part, err error) {
	const op = "backup.chain"
	entries, err := os.ReadDir(dir)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "cannot read " + dir, Err: err}
	}
	for _, e := range entries {
		m := partName.FindStringSubmatch(e.Name())
		if m == nil || m[1] != string(network) {
			continue
		}
		p := part{path: filepath.Join(dir, e.Name())}
		n, wrong := strconv.Atoi(m[2])
		from, wrongFrom := strconv.ParseUint(m[3], 10, 64)
		to, wrongTo := strconv.ParseUint(m[4], 10, 64)
		if errors.Join(wrong, wrongFrom, wrongTo) != nil {
			return nil, entity.Invalid(op, "%s has numbers that no backup has", p.path)
		}
		p.n, p.from, p.to = n, entity.Seq(from), entity.Seq(to)
		parts = append(parts, p)
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(cmp.Compare(a.n, b.n), cmp.Compare(a.from, b.from)) })
	last := entity.Seq(0)
	for i, p := range parts {
		switch {
		case p.n > i+1:
			return nil, entity.Invalid(op, "backup number %d of %s is missing from %s: %s comes next", i+1, network, dir, filepath.Base(p.path))
		case p.n < i+1:
			return nil, entity.Invalid(op, "%s and %s have one number: they are not of one chain", parts[i-1].path, p.path)
		case p.from != last:
			return nil, entity.Invalid(op, "%s begins after change %d, the one before it ends at %d", p.path, p.from, last)
		}
		last = p.to
	}
	return parts, nil
}

// open opens a file of a chain and compares what it says with its name.
func (p part) open(network entity.Network) (*os.File, store.BackupInfo, error) {
	f, err := os.Open(p.path)
	if err != nil {
		return nil, store.BackupInfo{}, &entity.Error{Kind: entity.KindInvalid, Op: "backup.open", Message: "cannot read " + p.path, Err: err}
	}
	r, err := store.OpenBackup(f)
	if err == nil {
		i := r.Info()
		if i.Network == network && i.From == p.from && i.To == p.to {
			if _, err = f.Seek(0, 0); err == nil {
				return f, i, nil
			}
		} else {
			err = entity.Invalid("backup.open", "it holds the changes %d to %d of %s and has another name", i.From, i.To, i.Network)
		}
	}
	return nil, store.BackupInfo{}, errors.Join(named(p.path, err), f.Close())
}

// named puts the name of the file before what is wrong with it.
func named(path string, err error) error {
	var e *entity.Error
	if !errors.As(err, &e) {
		return &entity.Error{Kind: entity.KindInternal, Op: "backup", Message: path, Err: err}
	}
	out := *e
	out.Message = path + ": " + e.Message
	return &out
}
