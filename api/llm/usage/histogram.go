package usage

import (
	"math"
	"math/bits"
)

// Buckets of the histogram of latencies, in µs: one for each below 64, and 32 for
// each doubling after that.
const (
	exact   = 64
	steps   = 32
	mostLog = 40 // 2^40 µs are 12 days
	buckets = exact + steps*(mostLog-6)
)

func bucketOf(µs int64) uint32 {
	v := uint64(min(max(µs, 0), 1<<mostLog-1))
	if v < exact {
		return uint32(v)
	}
	log := bits.Len64(v) - 1
	return uint32(exact + steps*(log-6) + int(v>>(log-5))&(steps-1))
}

// middle is the middle of a bucket, in µs.
func middle(bucket int) float64 {
	if bucket < exact {
		return float64(bucket)
	}
	log, step := (bucket-exact)/steps+6, (bucket-exact)%steps
	width := math.Ldexp(1, log-5)
	return float64(steps+step)*width + (width-1)/2
}

// percentile is the smallest latency that at least the share q of n calls do not
// exceed, in ms.
func percentile(counts *[buckets]int64, n int64, q float64) *float64 {
	if n == 0 {
		return nil
	}
	rank := max(1, int64(math.Ceil(q*float64(n)-1e-9)))
	for b, count := range counts {
		if rank -= count; rank <= 0 {
			ms := middle(b) / 1000
			return &ms
		}
	}
	return nil
}
