package bench

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
)

// linesPerSecond is a bound of the issue.
const linesPerSecond = 20_000

// jsonl imports entities with two relationships each by 'stemma import jsonl'
// into a new directory.
func (r *runner) jsonl(ctx context.Context) (results []Result, err error) {
	dir, done, err := r.scratch()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, done()) }()
	n := r.Sizes.Lines
	file, data := filepath.Join(dir, "people.jsonl"), filepath.Join(dir, "data")
	size, err := writeLines(file, n)
	if err != nil {
		return nil, err
	}
	s, err := r.tool(ctx, "import", "jsonl", file, "--data", data)
	if err != nil {
		return nil, err
	}
	if err := r.holds(data, n); err != nil {
		return nil, err
	}
	const mib = 1 << 20
	what := fmt.Sprintf("'import jsonl' of %d entities with %d relationships", n, 2*n)
	return []Result{
		bound(what, "entities/s", s.rate(int64(n)), linesPerSecond, Goal{AtLeast: 1, Text: "≥ 20k entities/s"}).
			also(true, fmt.Sprintf("%.0f MB of lines in %.1f s, %.1f s of CPU", float64(size)/1e6, s.took.Seconds(), s.cpu.Seconds())),
		bound("its most resident memory", "MiB", []float64{float64(s.peak) / mib}, float64(r.Sizes.ResidentLimit)/mib, Goal{AtMost: 1, Text: "< 2 GiB"}),
	}, nil
}

// writeLines writes n entities, a line each; their peers may come later.
func writeLines(path string, n int) (size int64, err error) {
	f, err := os.Create(path)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	w := bufio.NewWriterSize(f, 1<<20)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		line := fmt.Appendf(w.AvailableBuffer(), `{"key":"p%d","type":"person","properties":{"label":"Person %d","born":%d,"note":"forty characters of text, more or less..","tags":["a","b"]},"relationships":[{"predicate":"knows","peer":{"key":"p%d"}},{"predicate":"works_with","peer":{"key":"p%d"},"properties":{"since":%d}}]}`+"\n",
			i, i, 1800+i%200, rng.IntN(n), rng.IntN(n), 1900+i%100)
		m, err := w.Write(line)
		if size += int64(m); err != nil {
			return size, err
		}
	}
	return size, w.Flush()
}
