package native

import (
	"mime"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"stemma/entity"
	"stemma/files/index"
)

func itoa(n int64) string { return strconv.FormatInt(n, 10) }

// Create writes version 1; a file's follows the rules of files.
func (t txn) Create(d entity.Draft) (*entity.Version, error) {
	if d.Type == entity.TypeFile {
		if err := t.checkFile("", nil, d.Properties); err != nil {
			return nil, err
		}
	}
	return t.Tx.Create(d)
}

// Put writes the next version; a file's follows the rules of files, by
// whichever route it is written.
func (t txn) Put(id entity.ID, expect entity.Expect, edit func(*entity.Manifest) error) (*entity.Version, error) {
	return t.Tx.Put(id, expect, func(m *entity.Manifest) error {
		before := fileProperties(m.Properties)
		if err := edit(m); err != nil {
			return err
		}
		if m.Type != entity.TypeFile || m.Deleted() {
			return nil
		}
		return t.checkFile(m.ID, before, m.Properties)
	})
}

// fileProperties are those of p that the rules of files are about.
func fileProperties(p entity.Properties) entity.Properties {
	out := entity.Properties{}
	for _, name := range [...]string{index.Key, index.Filename, index.ContentType, index.Size, index.Uploaded, index.CID} {
		if v, ok := p[name]; ok {
			out[name] = v
		}
	}
	return out
}

// checkFile is the law of a file: it has content exactly when content was
// uploaded to it under its key, and then names that content. So no route makes
// a version that names content which is not there. id is "" for a file that is
// new; what is as it was before needs no look.
func (t txn) checkFile(id entity.ID, before, p entity.Properties) error {
	p = fileProperties(p)
	if entity.EqualValues(before, p) {
		return nil
	}
	if err := checkFileForm(before, p); err != nil {
		return err
	}
	key, _ := p[index.Key].(string)
	var has bool
	var c index.Content
	if id != "" && key != "" {
		var err error
		if c, has, err = index.Lookup(t, id, key); err != nil {
			return err
		}
	}
	named, _ := p[index.CID].(string)
	switch {
	case has && (p[index.Uploaded] != true || named != c.CID.String()):
		return entity.Invalid("native.checkFile", "the file has content under the key %q, and so uploaded is true and cid %s; for new content use POST /files/%s/reupload, for that of another key PUT /files/%s", key, c.CID, id, id)
	case has && p[index.Size] != any(c.Size):
		return invalidField("is that of the content, "+itoa(c.Size)+" bytes, and cannot be changed; for new content use POST /files/"+string(id)+"/reupload", index.Size)
	case !has && (p[index.Uploaded] == true || p[index.CID] != nil):
		return entity.Invalid("native.checkFile", "the properties uploaded and cid are set by uploading content, POST /files/{id}/content, not by hand")
	}
	return nil
}

// checkFileForm checks those of a file's properties that are there and were not
// before: other clients make files that hold their content in properties of
// their own, and an import brings files of other makers.
func checkFileForm(before, p entity.Properties) error {
	var issues []entity.Issue
	check := func(name string, ok func(any) bool, message string) {
		if v, given := p[name]; given && !entity.EqualValues(before[name], v) && !ok(v) {
			issues = append(issues, entity.Issue{Path: []any{name}, Message: message})
		}
	}
	check(index.Key, isKey, "must be text of 1 to 512 characters without control characters, backslashes, a leading slash or the steps . and ..")
	check(index.Filename, isFilename, "must be the name of a file, of 1 to 255 characters: no path, no control characters")
	check(index.ContentType, isMediaType, "must be a media type like text/plain or text/html; charset=utf-8")
	check(index.Size, isSize, "must be a whole number of bytes, 0 or more")
	check(index.Uploaded, func(v any) bool { _, ok := v.(bool); return ok }, "must be true or false")
	if issues == nil {
		return nil
	}
	return &entity.Error{Kind: entity.KindInvalid, Op: "native.checkFile", Message: "Validation failed", Issues: issues}
}

func isSize(v any) bool {
	n, ok := v.(int64)
	return ok && n >= 0
}

// isKey allows slashes, as other stores do, but nothing that would lead out of
// the directory of a client that makes paths of keys.
func isKey(v any) bool {
	s, ok := v.(string)
	if !ok || !isName(s, 512) || strings.HasPrefix(s, "/") {
		return false
	}
	return !slices.ContainsFunc(strings.Split(s, "/"), isStep)
}

func isFilename(v any) bool {
	s, ok := v.(string)
	return ok && isName(s, 255) && !strings.Contains(s, "/") && !isStep(s)
}

func isStep(s string) bool { return s == "." || s == ".." }

// isName allows what is safe in the header of an answer and in a directory of
// the reader: nothing that is not seen or turns the direction of reading.
func isName(s string, most int) bool {
	n := utf8.RuneCountInString(s)
	return n > 0 && n <= most && utf8.ValidString(s) && !strings.ContainsFunc(s, func(r rune) bool {
		return r == '\\' || unicode.IsControl(r) || r >= 0x2028 && r <= 0x202e || r >= 0x2066 && r <= 0x2069
	})
}

func isMediaType(v any) bool {
	s, ok := v.(string)
	if !ok || len(s) > 255 || strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r > '~' }) {
		return false
	}
	kind, _, err := mime.ParseMediaType(s)
	return err == nil && strings.Count(kind, "/") == 1
}

// sameMediaType compares as HTTP does: case counts in no name, and in no
// charset.
func sameMediaType(a, b string) bool {
	kindA, paramsA, errA := mime.ParseMediaType(a)
	kindB, paramsB, errB := mime.ParseMediaType(b)
	if errA != nil || errB != nil || kindA != kindB || len(paramsA) != len(paramsB) {
		return false
	}
	for name, value := range paramsA {
		other, ok := paramsB[name]
		if !ok || value != other && !(name == "charset" && strings.EqualFold(value, other)) {
			return false
		}
	}
	return true
}
