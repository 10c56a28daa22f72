package mask

import (
	"strconv"
	"strings"
)

// segment is a step of a path.
type segment struct {
	name    string
	index   int
	isIndex bool
	any     bool // *
	deep    bool // at any depth below
}

const pathForm = "must be a path like $.metadata.user, $..password, $.messages[0].content or $.arguments[*]"

// parsePath reads a path; problem says what is wrong with it.
func parsePath(s string) (path []segment, problem string) {
	rest, ok := strings.CutPrefix(s, "$")
	if !ok || rest == "" {
		return nil, pathForm
	}
	for rest != "" {
		var seg segment
		switch {
		case strings.HasPrefix(rest, ".."):
			seg.deep, rest = true, rest[2:]
			if strings.HasPrefix(rest, "[") {
				break
			}
			seg.name, rest = cutName(rest)
		case rest[0] == '.':
			seg.name, rest = cutName(rest[1:])
		case rest[0] != '[':
			return nil, pathForm + "; near " + clipped(rest)
		}
		if seg.name == "" {
			if !strings.HasPrefix(rest, "[") {
				return nil, pathForm + "; a name is missing"
			}
			if rest, ok = seg.bracket(rest[1:]); !ok {
				return nil, pathForm + "; a bracket holds a number, * or a name in quotes"
			}
		} else if seg.name == "*" {
			seg.name, seg.any = "", true
		}
		path = append(path, seg)
	}
	return path, ""
}

func cutName(s string) (name, rest string) {
	end := strings.IndexAny(s, ".[")
	if end < 0 {
		end = len(s)
	}
	return s[:end], s[end:]
}

// bracket reads what stands behind a bracket that opens.
func (seg *segment) bracket(s string) (rest string, ok bool) {
	if s != "" && (s[0] == '\'' || s[0] == '"') {
		end := strings.IndexByte(s[1:], s[0])
		if end < 1 {
			return "", false
		}
		seg.name = s[1 : 1+end]
		return strings.CutPrefix(s[2+end:], "]")
	}
	inside, rest, ok := strings.Cut(s, "]")
	if !ok {
		return "", false
	}
	if inside == "*" {
		seg.any = true
		return rest, true
	}
	n, err := strconv.Atoi(inside)
	seg.index, seg.isIndex = n, true
	return rest, err == nil && n >= 0
}
