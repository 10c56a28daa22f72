package wire

// Pagination says which window of a list an answer holds.
type Pagination struct {
	Offset  int  `json:"offset"`
	Limit   int  `json:"limit"`
	Count   int  `json:"count" doc:"How many items this answer holds."`
	HasMore bool `json:"has_more"`
}

// Page cuts the window of limit items from offset out of all there are.
// Offsets and limits below 0 count as 0.
func Page[T any](all []T, offset, limit int) ([]T, Pagination) {
	offset, limit = max(offset, 0), max(limit, 0)
	start := min(offset, len(all))
	rest := all[start:]
	items := rest[:min(limit, len(rest))]
	return items, Pagination{Offset: offset, Limit: limit, Count: len(items), HasMore: len(items) < len(rest)}
}

// PageOf is the window when the items were fetched already, one more than
// limit where there are more: it drops that one.
func PageOf[T any](fetched []T, offset, limit int) ([]T, Pagination) {
	items := fetched[:min(max(limit, 0), len(fetched))]
	return items, Pagination{Offset: offset, Limit: limit, Count: len(items), HasMore: len(items) < len(fetched)}
}
