package price

// List are list prices as the providers publish them for use by the call,
// without discounts. They change: what is set comes before them.
func List() Table {
	cached := func(f float64) *float64 { return &f }
	return Table{
		{Model: "gpt-4o", Input: 2.5, Output: 10, Cached: cached(1.25)},
		{Model: "gpt-4o-mini", Input: 0.15, Output: 0.6, Cached: cached(0.075)},
		{Model: "gpt-4.1", Input: 2, Output: 8, Cached: cached(0.5)},
		{Model: "gpt-4.1-mini", Input: 0.4, Output: 1.6, Cached: cached(0.1)},
		{Model: "gpt-4.1-nano", Input: 0.1, Output: 0.4, Cached: cached(0.025)},
		{Model: "gpt-5", Input: 1.25, Output: 10, Cached: cached(0.125)},
		{Model: "gpt-5-mini", Input: 0.25, Output: 2, Cached: cached(0.025)},
		{Model: "gpt-5-nano", Input: 0.05, Output: 0.4, Cached: cached(0.005)},
		{Model: "o3", Input: 2, Output: 8, Cached: cached(0.5)},
		{Model: "o4-mini", Input: 1.1, Output: 4.4, Cached: cached(0.275)},
		{Model: "text-embedding-3-small", Input: 0.02},
		{Model: "text-embedding-3-large", Input: 0.13},
		{Model: "claude-3-haiku", Input: 0.25, Output: 1.25, Cached: cached(0.03), CacheWrite: cached(0.3)},
		{Model: "claude-3-5-haiku", Input: 0.8, Output: 4, Cached: cached(0.08), CacheWrite: cached(1)},
		{Model: "claude-3-5-sonnet", Input: 3, Output: 15, Cached: cached(0.3), CacheWrite: cached(3.75)},
		{Model: "claude-3-7-sonnet", Input: 3, Output: 15, Cached: cached(0.3), CacheWrite: cached(3.75)},
		{Model: "claude-sonnet-4", Input: 3, Output: 15, Cached: cached(0.3), CacheWrite: cached(3.75)},
		{Model: "claude-sonnet-4-5", Input: 3, Output: 15, Cached: cached(0.3), CacheWrite: cached(3.75)},
		{Model: "claude-haiku-4-5", Input: 1, Output: 5, Cached: cached(0.1), CacheWrite: cached(1.25)},
		{Model: "claude-opus-4", Input: 15, Output: 75, Cached: cached(1.5), CacheWrite: cached(18.75)},
		{Model: "claude-opus-4-1", Input: 15, Output: 75, Cached: cached(1.5), CacheWrite: cached(18.75)},
		{Model: "claude-opus-4-5", Input: 5, Output: 25, Cached: cached(0.5), CacheWrite: cached(6.25)},
		{Model: "gemini-2.0-flash", Input: 0.1, Output: 0.4, Cached: cached(0.025)},
		{Model: "gemini-2.5-pro", Input: 1.25, Output: 10, Cached: cached(0.125)},
		{Model: "gemini-2.5-flash", Input: 0.3, Output: 2.5, Cached: cached(0.03)},
		{Model: "gemini-2.5-flash-lite", Input: 0.1, Output: 0.4, Cached: cached(0.01)},
	}
}
