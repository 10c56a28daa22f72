package extract

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"io"
	"strings"

	"stemma/entity"
)

// mostNested bounds what the decoder remembers of where it is.
const mostNested = 10_000

// readJSON gives a line for each string and number: "key: value". A title is a
// string under "title", "name" or "label" of the outermost object. Several
// documents in a row are one.
func readJSON(_ *Extractor, ctx context.Context, doc []byte, contentType string, out *sink) error {
	text, err := textOf(doc, contentType)
	if err != nil {
		return err
	}
	d := json.NewDecoder(strings.NewReader(text))
	d.UseNumber()
	var objects []bool // of what we are in: is it an object, and not an array
	key, isKey := "", false
	for n := 0; ; n++ {
		if n%1024 == 0 && ctx.Err() != nil {
			return ctx.Err()
		}
		token, err := d.Token()
		if err == io.EOF && len(objects) == 0 && n > 0 {
			return nil
		}
		if err != nil {
			return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the document is not JSON", Err: err}
		}
		switch t := token.(type) {
		case json.Delim:
			if len(objects) == mostNested {
				return entity.Invalid(op, "the document is JSON nested more than %d deep", mostNested)
			}
			if t == '{' || t == '[' {
				objects, key = append(objects, t == '{'), ""
			} else {
				objects, key = objects[:len(objects)-1], ""
			}
			isKey = len(objects) > 0 && objects[len(objects)-1]
			continue
		case string:
			if isKey {
				key, isKey = t, false
				continue
			}
			if len(objects) == 1 && (key == "title" || key == "name" || key == "label") {
				out.setTitle(t)
			}
			err = pair(out, key, t)
		case json.Number:
			err = pair(out, key, t.String())
		}
		if err != nil {
			return err
		}
		isKey = len(objects) > 0 && objects[len(objects)-1]
	}
}

func pair(out *sink, key, value string) error {
	if key != "" {
		value = key + ": " + value
	}
	out.newline()
	return out.write(value)
}

// readCSV gives a line for each record, a tab between fields. What divides the
// fields is what the first line has most of.
func readCSV(_ *Extractor, ctx context.Context, doc []byte, contentType string, out *sink) error {
	text, err := textOf(doc, contentType)
	if err != nil {
		return err
	}
	first, _, _ := strings.Cut(lines(text[:min(len(text), 64<<10)]), "\n")
	r := csv.NewReader(bufio.NewReader(strings.NewReader(text)))
	r.LazyQuotes, r.FieldsPerRecord, r.ReuseRecord = true, -1, true
	most := 0
	for _, c := range "\t,;|" { // of equals, the one that is least likely within a field
		if n := strings.Count(first, string(c)); n > most {
			r.Comma, most = c, n
		}
	}
	for {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		record, err := r.Read()
		if err == io.EOF {
			return nil
		}
		if err != nil {
			return &entity.Error{Kind: entity.KindInvalid, Op: op, Message: "the document is not CSV", Err: err}
		}
		for i, field := range record {
			if i > 0 {
				field = "\t" + strings.ReplaceAll(field, "\n", " ")
			}
			if err := out.write(field); err != nil {
				return err
			}
		}
		out.newline()
	}
}
