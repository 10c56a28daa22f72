package usage

import (
	"encoding/binary"
	"time"

	"stemma/entity"
)

// Window is a stretch of time, its end not in it.
type Window struct{ From, To time.Time }

// Last is the window of so many hours that ends now.
func Last(hours int, now time.Time) Window {
	return Window{now.Add(-time.Duration(hours) * time.Hour), now}
}

// MostHours bounds a window: ten years.
const MostHours = 10 * 366 * 24

// whole are the first bucket of a width that the window reaches into, and the one
// behind the last.
func (w Window) whole(ms int64) (from, to int64) {
	from, to = max(w.From.UnixMilli(), 0), max(w.To.UnixMilli(), 0)
	return from / ms, (to + ms - 1) / ms
}

// stretch are buckets of one level, the last not among them.
type stretch struct {
	level     level
	from, end uint32
}

// cover is the window in as few buckets as it takes.
func (w Window) cover() []stretch {
	from, to := w.whole(level5.width())
	return coverOf(level5, from, to)
}

func coverOf(l level, from, to int64) (out []stretch) {
	if from >= to {
		return nil
	}
	if l+1 < levels {
		wider := (l + 1).width() / l.width()
		if first, last := (from+wider-1)/wider, to/wider; first < last {
			out = append(out, stretches(l, from, first*wider)...)
			out = append(out, coverOf(l+1, first, last)...)
			return append(out, stretches(l, last*wider, to)...)
		}
	}
	return stretches(l, from, to)
}

func stretches(l level, from, to int64) []stretch {
	if from >= to {
		return nil
	}
	return []stretch{{l, uint32(from), uint32(to)}}
}

// each runs fn for the rows of a scope in a stretch: their bucket, and what stands
// behind it in the key.
func each(r entity.Reader, space byte, s Scope, in stretch, fn func(bucket uint32, tail, value []byte) error) error {
	first := rowKey(space, in.level, s, in.from)
	prefix := first[:len(first)-4]
	for row, err := range r.Rows(name).Scan(prefix, first) {
		if err != nil {
			return err
		}
		bucket := binary.BigEndian.Uint32(row.Key[len(prefix):])
		if bucket >= in.end {
			return nil
		}
		if err := fn(bucket, row.Key[len(first):], row.Value); err != nil {
			return err
		}
	}
	return nil
}
