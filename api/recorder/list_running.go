package recorder

import (
	"slices"
	"time"

	"stemma/api/recorder/anomaly"
	"stemma/api/recorder/run"
	"stemma/entity/guard"
)

// running puts into the summary of a running run what its manifest does not have
// yet: whether it was left open, and what the query asks for of models and cost. left
// is how many entries may still be looked at; where there are none the page ends
// before the run.
func (in *listRunsIn) running(r *guard.Reader, s *run.Summary, now time.Time, left *int) error {
	if *left <= 0 {
		return run.ErrEnough
	}
	all := in.Model != "" || in.MinCost != nil || in.MaxCost != nil
	var entries []*run.Entry
	for e, err := range run.Bare(r.Reader, s.ID) { // seen
		if err != nil {
			return err
		}
		*left--
		if entries = append(entries, e); !all {
			break
		}
	}
	if len(entries) == 0 {
		return nil
	}
	if anomaly.Silent(entries[0].TS, now.UnixMilli()) {
		s.Anomalies = append(s.Anomalies, anomaly.LeftOpen)
	}
	if all {
		slices.Reverse(entries)
		f := run.FactsOf(entries)
		s.Models, s.CostCents, s.Tokens = f.Models, f.CostCents, f.Tokens
	}
	return nil
}
