package bench

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"runtime/debug"
	"runtime/pprof"
	"strings"
	"time"

	"stemma/entity"
)

// Options say what to measure and where.
type Options struct {
	Only    string    // rows: names separated by commas, or a regular expression; "" is all
	Repeat  int       // repeats of each measurement, at least 1
	Sizes   Sizes     // [Full], [Short] or smaller
	Data    string    // directory to work in; "" makes one and removes it
	Profile string    // directory for profiles of CPU and heap of all processes, by row; "" takes none
	Out     io.Writer // the table
	Log     io.Writer // progress
	// Command makes the command that serves the child given, on its standard
	// output as [Ready] says, until its standard input ends.
	Command func(ctx context.Context, c Child) *exec.Cmd
	// Tool makes a command of this binary, with the arguments given.
	Tool func(ctx context.Context, args ...string) *exec.Cmd
	// Projections are those of a server, with what stands for its graph.
	Projections func(index entity.Projection) []entity.Projection
}

// Report is everything that a run found.
type Report struct {
	Machine Machine       `json:"machine"`
	Repeat  int           `json:"repeat"`
	Sizes   Sizes         `json:"sizes"`
	Took    time.Duration `json:"took_ns"`
	Results []Result      `json:"results"`
}

// runner is a run under way.
type runner struct {
	Options
	sample  *sample     // of the power-law graph; made by the first row that asks
	large   *largeStore // likewise
	row     *row        // the one that runs
	servers int         // that it has started
}

// Run measures the rows and prints the table. A row that fails is reported and
// the others go on; the error joins what failed. A goal that is not met is no
// error.
func Run(ctx context.Context, o Options) (report Report, err error) {
	chosen, err := choose(o.Only)
	if err != nil {
		return report, err
	}
	if o.Repeat < 1 {
		return report, entity.Invalid("bench.Run", "%d repeats measure nothing; at least 1", o.Repeat)
	}
	done, err := workIn(&o.Data)
	if err != nil {
		return report, err
	}
	defer func() { err = errors.Join(err, done()) }()
	r := &runner{Options: o}
	report = Report{Machine: machine(o.Data), Repeat: o.Repeat, Sizes: o.Sizes}
	began := time.Now()
	for i := range chosen {
		results, rowErr := r.measure(ctx, &chosen[i])
		report.Results = append(report.Results, results...)
		if rowErr != nil {
			err = errors.Join(err, fmt.Errorf("row %s: %w", chosen[i].name, rowErr))
		}
		if ctx.Err() != nil {
			break
		}
	}
	report.Took = time.Since(began)
	report.print(o.Out)
	return report, err
}

// measure runs one row with a clean heap and, if asked to, a profiler.
func (r *runner) measure(ctx context.Context, w *row) (results []Result, err error) {
	debug.FreeOSMemory()
	r.row, r.servers = w, 0
	began, cpu := time.Now(), readCPU()
	r.logf("measuring: %s", w.title)
	if r.Profile != "" {
		stop, err := Profile(r.profilePath("client"))
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, stop()) }()
	}
	results, err = w.run(r, ctx)
	others := othersSince(cpu, runtime.NumCPU())
	for i := range results {
		results[i].Row, results[i].Others = w.name, others
		r.logf("  %s", results[i].line())
	}
	r.logf("  took %.1f s, %.0f%% of the cores went to others", time.Since(began).Seconds(), 100*others)
	return results, err
}

func (r *runner) logf(format string, args ...any) {
	fmt.Fprintf(r.Log, "bench %s: "+format+"\n", append([]any{r.row.name}, args...)...)
}

// cpuProfile ends the names of CPU profiles.
const cpuProfile = ".cpu.pprof"

func (r *runner) profilePath(process string) string {
	return filepath.Join(r.Profile, r.row.name+"-"+process+cpuProfile)
}

// Profile takes a CPU profile until stopped, and then one of the heap beside it.
func Profile(path string) (stop func() error, err error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return nil, err
	}
	file, err := os.Create(path)
	if err != nil {
		return nil, err
	}
	if err := pprof.StartCPUProfile(file); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return func() error {
		pprof.StopCPUProfile()
		return errors.Join(file.Close(), heapProfile(strings.TrimSuffix(path, cpuProfile)+".heap.pprof"))
	}, nil
}

func heapProfile(path string) error {
	file, err := os.Create(path)
	if err != nil {
		return err
	}
	runtime.GC() // a profile is as of the last collection
	return errors.Join(pprof.Lookup("heap").WriteTo(file, 0), file.Close())
}

// workIn makes the directory to work in, a fresh one below the one named, and
// the function that removes it.
func workIn(dir *string) (done func() error, err error) {
	if *dir != "" {
		if err := os.MkdirAll(*dir, 0o755); err != nil {
			return nil, fmt.Errorf("bench directory: %w", err)
		}
	}
	made, err := os.MkdirTemp(*dir, "stemma-bench-")
	if err != nil {
		return nil, fmt.Errorf("bench directory: %w", err)
	}
	*dir = made
	return func() error { return os.RemoveAll(made) }, nil
}

// scratch is a directory of the row's own, and the function that removes it.
func (r *runner) scratch() (dir string, done func() error, err error) {
	dir, err = os.MkdirTemp(r.Data, "row-"+r.row.name+"-")
	return dir, func() error { return os.RemoveAll(dir) }, err
}

// choose gives the rows that only names.
func choose(only string) (chosen []row, err error) {
	all := rows()
	if only == "" {
		return all, nil
	}
	pattern, err := regexp.Compile("^(" + strings.ReplaceAll(only, ",", "|") + ")$")
	if err != nil {
		return nil, entity.Invalid("bench.choose", "--only %s is neither names of rows nor a regular expression: %v", only, err)
	}
	var names []string
	for _, w := range all {
		names = append(names, w.name)
		if pattern.MatchString(w.name) {
			chosen = append(chosen, w)
		}
	}
	if len(chosen) == 0 {
		return nil, entity.Invalid("bench.choose", "--only %s names no row; there are %s", only, strings.Join(names, ", "))
	}
	return chosen, nil
}

// WriteJSON writes the report to a file.
func (r Report) WriteJSON(path string) error {
	b, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(b, '\n'), 0o644)
}
