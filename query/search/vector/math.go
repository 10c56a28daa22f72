package vector

import (
	"math"

	"stemma/entity"
)

// unit is v of length 1, in a slice of its own.
func unit(op string, v []float32, dims int) ([]float32, error) {
	if len(v) != dims {
		return nil, entity.Invalid(op, "a vector of %d dimensions; the store has %d", len(v), dims)
	}
	var sum float64
	for _, f := range v {
		sum += float64(f) * float64(f)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
		return nil, entity.Invalid(op, "a vector without a direction: zero, infinite or not a number")
	}
	norm, u := math.Sqrt(sum), make([]float32, dims)
	for i, f := range v {
		u[i] = float32(float64(f) / norm)
	}
	return u, nil
}

// Dot is the scalar product of two vectors of the same length: of unit vectors the
// cosine of their angle, but for rounding. Four sums at a time keep the processor from
// waiting for each addition: 10,000 of 1536 dimensions take a third of the time.
func Dot(a, b []float32) float32 {
	b = b[:len(a)]
	var s0, s1, s2, s3 float32
	for len(a) >= 8 && len(b) >= 8 {
		s0 += a[0]*b[0] + a[4]*b[4]
		s1 += a[1]*b[1] + a[5]*b[5]
		s2 += a[2]*b[2] + a[6]*b[6]
		s3 += a[3]*b[3] + a[7]*b[7]
		a, b = a[8:], b[8:]
	}
	for i, f := range a {
		s0 += f * b[i]
	}
	return (s0 + s1) + (s2 + s3)
}

// signs writes a bit for each dimension, 1 where v is positive, and gives the
// factor f with which f * Σ(±q) estimates the scalar product of v and q without
// bias: |v|² / Σ|v| (Gao and Long, RaBitQ, SIGMOD 2024, without its rotation).
func signs(dst []byte, v []float32) float32 {
	clear(dst)
	var sum float32
	for i, f := range v {
		if f > 0 {
			dst[i/8] |= 1 << (i % 8)
			sum += f
		} else {
			sum -= f
		}
	}
	return 1 / sum // |v| is 1, and so sum is at least 1
}

// table holds, for each byte of signs, the sum that each of its 256 values adds
// to Σ(±q), in units of step.
type table struct {
	bytes [][256]int16
	step  float32
}

// fill makes the table for q.
func (t *table) fill(q []float32) {
	n := (len(q) + 7) / 8
	if cap(t.bytes) < n {
		t.bytes = make([][256]int16, n)
	}
	t.bytes = t.bytes[:n]
	var most float32
	for b := range n {
		most = max(most, absSum(q[8*b:min(8*b+8, len(q))]))
	}
	t.step = most / (math.MaxInt16 - 1)
	for b := range n {
		part := q[8*b : min(8*b+8, len(q))]
		for value := range 256 {
			var sum float32
			for i, f := range part {
				if value>>i&1 == 1 {
					sum += f
				} else {
					sum -= f
				}
			}
			t.bytes[b][value] = int16(sum / t.step)
		}
	}
}

func absSum(v []float32) (sum float32) {
	for _, f := range v {
		sum += max(f, -f)
	}
	return sum
}

// sum is Σ(±q) for the signs of a row.
func (t *table) sum(row []byte) float32 {
	bytes := t.bytes[:len(row)]
	var s0, s1 int32
	for len(row) >= 4 && len(bytes) >= 4 {
		s0 += int32(bytes[0][row[0]]) + int32(bytes[1][row[1]])
		s1 += int32(bytes[2][row[2]]) + int32(bytes[3][row[3]])
		row, bytes = row[4:], bytes[4:]
	}
	for i, b := range row {
		s0 += int32(bytes[i][b])
	}
	return float32(s0+s1) * t.step
}

// key orders scores as 16 bits: the greater the score, the greater the key. 0
// is left for rows that do not take part.
func key(score float32) uint16 {
	const half = 32767
	return uint16(max(1, min(2*half, (score+1)*half)))
}
