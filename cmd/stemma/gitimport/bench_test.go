package gitimport_test

import (
	"bufio"
	"fmt"
	"io"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"stemma/cmd/stemma/gitimport"
	"stemma/entity"
	"stemma/entity/listing"
	"stemma/entity/store"
	"stemma/graph"
)

// fastImport writes the stream of a repository of n commits as git fast-import
// reads it: every commit changes three files of about 2 KB, one in eight adds
// one, one in fifty deletes one, one in twenty is the merge of a side commit;
// thirty authors, and at most a hundred files a folder.
func fastImport(w io.Writer, n int) {
	rng := rand.New(rand.NewPCG(1, 2))
	body := func(path string) string {
		s := "// " + path + "\n"
		for range 40 {
			s += fmt.Sprintf("line %d of a file that is not very long\n", rng.IntN(1_000_000))
		}
		return s
	}
	paths := []string{}
	added := 0
	add := func() string {
		added++
		p := fmt.Sprintf("part%d/sub%d/file%d.go", added/1000, added/100, added)
		paths = append(paths, p)
		return p
	}
	commit := func(ref string, i int, from, merge string) {
		who := rng.IntN(30)
		message := fmt.Sprintf("commit number %d\n\nwith a word or two on why", i)
		fmt.Fprintf(w, "commit refs/heads/%s\nmark :%d\nauthor Author %d <a%d@example.org> %d +0100\ncommitter Author %d <a%d@example.org> %d +0100\ndata %d\n%s\n",
			ref, i, who, who, 1_500_000_000+i*3600, who, who, 1_500_000_000+i*3600, len(message), message)
		if from != "" {
			fmt.Fprintf(w, "from %s\n", from)
		}
		if merge != "" {
			fmt.Fprintf(w, "merge %s\n", merge)
		}
	}
	modify := func(p string) {
		b := body(p)
		fmt.Fprintf(w, "M 100644 inline %s\ndata %d\n%s\n", p, len(b), b)
	}
	commit("master", 1, "", "")
	for range 500 {
		modify(add())
	}
	last := 1
	for i := 2; i <= n; i++ {
		merge := ""
		if i%20 == 0 && i < n {
			commit("side", i, fmt.Sprintf(":%d", last), "")
			modify(paths[rng.IntN(len(paths))])
			merge = fmt.Sprintf(":%d", i)
			i++
		}
		commit("master", i, fmt.Sprintf(":%d", last), merge)
		last = i
		for range 3 {
			modify(paths[rng.IntN(len(paths))])
		}
		if i%8 == 0 {
			modify(add())
		}
		if i%50 == 0 {
			at := rng.IntN(len(paths))
			fmt.Fprintf(w, "D %s\n", paths[at])
			paths[at] = paths[len(paths)-1]
			paths = paths[:len(paths)-1]
		}
	}
}

func synthetic(b *testing.B, commits int) string {
	b.Helper()
	dir := filepath.Join(b.TempDir(), "synthetic.git")
	if out, err := exec.Command("git", "init", "-q", "--bare", "-b", "master", dir).CombinedOutput(); err != nil {
		b.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command("git", "fast-import", "--quiet")
	cmd.Dir = dir
	in, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	w := bufio.NewWriterSize(in, 1<<20)
	fastImport(w, commits)
	if err := w.Flush(); err != nil {
		b.Fatal(err)
	}
	if err := in.Close(); err != nil {
		b.Fatal(err)
	}
	if err := cmd.Wait(); err != nil {
		b.Fatal(err)
	}
	return dir
}

func sizeOf(b *testing.B, dir string) (bytes int64) {
	b.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			bytes += info.Size()
		}
		return err
	})
	if err != nil {
		b.Fatal(err)
	}
	return bytes
}

// BenchmarkImport imports a synthetic repository of 10,000 commits, or the one
// named by STEMMA_REPO, into a store on disk with the projections of a server.
func BenchmarkImport(b *testing.B) {
	dir := os.Getenv("STEMMA_REPO")
	if dir == "" {
		dir = synthetic(b, 10_000)
	}
	for b.Loop() {
		data := b.TempDir()
		s, err := store.Open(store.Options{Dir: data, Projections: []entity.Projection{listing.Projection{}, graph.New()}})
		if err != nil {
			b.Fatal(err)
		}
		start := time.Now()
		report, err := gitimport.Import(b.Context(), s, gitimport.Options{Path: dir, By: user})
		if err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(report.Commits)/time.Since(start).Seconds(), "commits/s")
		if _, err := s.Check(b.Context(), nil); err != nil {
			b.Fatal(err)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(sizeOf(b, data))/1e6, "MB-store")
		b.ReportMetric(float64(sizeOf(b, dir))/1e6, "MB-git")
		b.ReportMetric(float64(report.Versions), "versions")
	}
}
