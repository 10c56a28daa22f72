package retrieval

import (
	"math"
	"slices"
)

// The depths that are measured at.
const (
	depthNDCG   = 10
	depthRecall = 100
)

// Score is how well something found what it should.
type Score struct {
	Name   string
	NDCG   []float64 // by query
	Recall []float64 // likewise
}

// add measures one ranking.
func (s *Score) add(ranking []string, grades map[string]float64) {
	s.NDCG = append(s.NDCG, ndcg(ranking, grades))
	found := 0
	for _, id := range ranking[:min(len(ranking), depthRecall)] {
		if grades[id] > 0 {
			found++
		}
	}
	s.Recall = append(s.Recall, float64(found)/float64(len(grades)))
}

func ndcg(ranking []string, grades map[string]float64) float64 {
	var gain float64
	for i, id := range ranking[:min(len(ranking), depthNDCG)] {
		gain += grades[id] / math.Log2(float64(i)+2)
	}
	best := make([]float64, 0, len(grades))
	for _, g := range grades {
		best = append(best, g)
	}
	slices.Sort(best)
	slices.Reverse(best)
	var ideal float64
	for i, g := range best[:min(len(best), depthNDCG)] {
		ideal += g / math.Log2(float64(i)+2)
	}
	return gain / ideal
}

func mean(list []float64) float64 {
	var sum float64
	for _, f := range list {
		sum += f
	}
	return sum / float64(max(1, len(list)))
}

// against counts the queries on which s is better, and those on which it is
// worse, than another.
func (s *Score) against(other *Score) (better, worse int) {
	const equal = 1e-9
	for i := range s.NDCG {
		switch d := s.NDCG[i] - other.NDCG[i]; {
		case d > equal:
			better++
		case d < -equal:
			worse++
		}
	}
	return better, worse
}
