package extract

import (
	"errors"
	"strings"
	"unicode"
	"unicode/utf8"
)

// mostTitle is how many bytes a title has at most.
const mostTitle = 500

// errFull ends the reading of a document of which enough is known.
var errFull = errors.New("enough text")

// sink takes the text of a document, up to most bytes: lines without spaces at
// their ends, at most one blank line in a row, no control characters.
type sink struct {
	most   int
	full   bool
	b      strings.Builder
	lines  int  // line feeds that are due before the next character
	space  rune // the space that is due, or 0
	titled string
}

// write adds text as it is. It is errFull when no more fits.
func (s *sink) write(text string) error {
	for i, r := range text {
		if r == utf8.RuneError {
			if _, size := utf8.DecodeRuneInString(text[i:]); size < 2 {
				r = ' ' // not UTF-8
			}
		}
		if err := s.rune(r); err != nil {
			return err
		}
	}
	return nil
}

func (s *sink) rune(r rune) error {
	switch {
	case s.full:
		return errFull
	case r == '\n' || r == '\u2028' || r == '\u2029' || r == '\f' || r == '\v':
		s.lines, s.space = s.lines+1, 0
		return nil
	case r == '\t':
		s.space = r
		return nil
	case unicode.IsSpace(r):
		if s.space == 0 {
			s.space = ' '
		}
		return nil
	case unicode.IsControl(r), r == '\ufeff', r == '\u00ad': // the byte order mark, the soft hyphen
		return nil
	}
	if s.b.Len() == 0 {
		s.lines, s.space = 0, 0
	}
	due := "\n\n"[:min(s.lines, 2)]
	if s.space != 0 && s.lines == 0 {
		due = string(s.space)
	}
	if s.b.Len()+len(due)+utf8.RuneLen(r) > s.most {
		s.full = true
		return errFull
	}
	s.b.WriteString(due)
	s.lines, s.space = 0, 0
	s.b.WriteRune(r)
	return nil
}

// newline ends a line, unless it has ended.
func (s *sink) newline() { s.lines, s.space = max(s.lines, 1), 0 }

// setTitle keeps the first title that says something.
func (s *sink) setTitle(t string) {
	if s.titled == "" {
		short := sink{most: mostTitle}
		_ = short.write(strings.Join(strings.Fields(t), " ")) // what does not fit is left out
		s.titled = short.text()
	}
}

func (s *sink) text() string  { return s.b.String() }
func (s *sink) title() string { return s.titled }
