package retrieval

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"stemma/entity"
)

// Document is what is to be found.
type Document struct {
	ID     json.Number `json:"id"`
	Title  string      `json:"title"`
	Author string      `json:"author"`
	Text   string      `json:"text"`
}

// Query is what is asked.
type Query struct {
	ID   string `json:"id"`
	Text string `json:"text"`
}

// Collection is documents, queries and what people have judged.
type Collection struct {
	Documents []Document
	Queries   []Query
	Grades    map[string]map[string]float64 // by query and document; above 0
}

// Load reads a collection. KindNotFound when the directory is not there.
func Load(dir string) (*Collection, error) {
	const op = "retrieval.Load"
	if _, err := os.Stat(filepath.Join(dir, "docs.jsonl")); errors.Is(err, os.ErrNotExist) {
		return nil, entity.NotFound(op, "no test collection in %s: it needs docs.jsonl, queries.jsonl and qrels.tsv, as the Cranfield collection has them; name its directory with --collection or CRANFIELD=", dir)
	}
	c := &Collection{Grades: make(map[string]map[string]float64)}
	err := errors.Join(
		lines(filepath.Join(dir, "docs.jsonl"), jsonLine(&c.Documents)),
		lines(filepath.Join(dir, "queries.jsonl"), jsonLine(&c.Queries)),
		lines(filepath.Join(dir, "qrels.tsv"), c.grade),
	)
	if err != nil {
		return nil, &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the test collection in " + dir + " cannot be read", Err: err}
	}
	return c, nil
}

func jsonLine[T any](list *[]T) func(string) error {
	return func(line string) error {
		var v T
		err := json.Unmarshal([]byte(line), &v)
		*list = append(*list, v)
		return err
	}
}

func (c *Collection) grade(line string) error {
	fields := strings.Fields(line)
	if len(fields) != 3 {
		return fmt.Errorf("%q is not query, document and grade", line)
	}
	grade, err := strconv.ParseFloat(fields[2], 64)
	if err != nil {
		if len(c.Grades) == 0 { // names of the columns
			return nil
		}
		return err
	}
	if grade > 0 {
		if c.Grades[fields[0]] == nil {
			c.Grades[fields[0]] = make(map[string]float64)
		}
		c.Grades[fields[0]][fields[1]] = grade
	}
	return nil
}

func lines(path string, take func(string) error) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	s := bufio.NewScanner(file)
	s.Buffer(nil, 16<<20)
	for n := 1; s.Scan(); n++ {
		if strings.TrimSpace(s.Text()) == "" {
			continue
		}
		if err := take(s.Text()); err != nil {
			return fmt.Errorf("%s:%d: %w", filepath.Base(path), n, err)
		}
	}
	return s.Err()
}
