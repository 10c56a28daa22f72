package vector

import "math"

// meaner adds unit vectors up.
type meaner struct {
	sum  []float64
	rows int
}

func newMeaner(dims int) *meaner { return &meaner{sum: make([]float64, dims)} }

func (m *meaner) add(v []float32) {
	for i, f := range v {
		m.sum[i] += float64(f)
	}
	m.rows++
}

func (m *meaner) mean() Mean {
	var square float64
	for _, f := range m.sum {
		square += f * f
	}
	length := math.Sqrt(square)
	if length < 1e-6 {
		return Mean{Rows: m.rows}
	}
	v := make([]float32, len(m.sum))
	for i, f := range m.sum {
		v[i] = float32(f / length)
	}
	return Mean{Vector: v, Rows: m.rows, Unity: min(1, length/float64(m.rows))}
}
