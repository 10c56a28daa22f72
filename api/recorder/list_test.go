package recorder_test

import (
	"fmt"
	"net/url"
	"slices"
	"testing"
	"time"
)

// listed is a run as the test knows it, with what each filter goes by.
type listed struct {
	name, agent, status, trigger, model, text string
	cost                                      float64
	started                                   time.Time
	open, incomplete                          bool // anomalies
}

// recordMany makes runs of all kinds, the newest last.
func (w *rig) recordMany(t *testing.T, n int) (all []listed) {
	t.Helper()
	for i := range n {
		w.clock.Advance(time.Minute)
		l := listed{
			agent: []string{"a", "b", "c"}[i%3], status: []string{"completed", "failed", "running", "timeout", "running"}[i%5], trigger: []string{"api", "schedule"}[i/2%2],
			model: []string{"m1", "m2"}[i/3%2], text: fmt.Sprintf("word%d", i%4), cost: float64(i % 7), started: w.clock.Now(),
		}
		l.incomplete = l.status == "completed" && i%2 == 0
		l.name = w.must(t, 201, "POST", "/api/v1/runs", fmt.Sprintf(`{"trigger_type":%q,"input":"about %s too"}`, l.trigger, l.text), "X-Agent-Name", l.agent)["run_id"].(string)
		kind := "completion"
		if l.incomplete {
			kind = "reasoning"
		}
		w.must(t, 201, "POST", "/api/v1/runs/"+l.name+"/steps", fmt.Sprintf(`{"step_type":%q,"model":%q,"cost_cents":%g}`, kind, l.model, l.cost))
		if l.status != "running" {
			w.must(t, 200, "PATCH", "/api/v1/runs/"+l.name, fmt.Sprintf(`{"status":%q}`, l.status))
		}
		all = append(all, l)
	}
	now := w.clock.Now()
	for i := range all {
		all[i].open = all[i].status == "running" && now.Sub(all[i].started) > 30*time.Minute
	}
	slices.Reverse(all)
	return all
}

// Each filter, and every two and three of them together, lists what the runs say of
// themselves, newest first, each once, whatever the size of the pages: running runs
// like others, and those that were left open among them.
func TestFiltersAndPages(t *testing.T) {
	w := newRig(t)
	all := w.recordMany(t, 70)
	from := all[50].started
	filters := []struct {
		key, value string
		keep       func(l listed) bool
	}{
		{"agent", "b", func(l listed) bool { return l.agent == "b" }},
		{"status", "running", func(l listed) bool { return l.status == "running" }},
		{"status", "completed,timeout", func(l listed) bool { return l.status == "completed" || l.status == "timeout" }},
		{"from", from.Format(time.RFC3339), func(l listed) bool { return !l.started.Before(from) }},
		{"to", all[5].started.Format(time.RFC3339), func(l listed) bool { return l.started.Before(all[5].started) }},
		{"trigger", "schedule", func(l listed) bool { return l.trigger == "schedule" }},
		{"model", "m2", func(l listed) bool { return l.model == "m2" }},
		{"min_cost_cents", "3", func(l listed) bool { return l.cost >= 3 }},
		{"max_cost_cents", "4", func(l listed) bool { return l.cost <= 4 }},
		{"anomaly", "left_open", func(l listed) bool { return l.open }},
		{"anomaly", "missing_completion", func(l listed) bool { return l.incomplete }},
		{"anomaly", "any", func(l listed) bool { return l.open || l.incomplete }},
		{"anomaly", "none", func(l listed) bool { return !l.open && !l.incomplete }},
		{"q", "WORD2", func(l listed) bool { return l.text == "word2" }},
	}
	try := func(limit int, picked ...int) {
		query, want := url.Values{}, []string{}
		for _, i := range picked {
			if query.Has(filters[i].key) {
				return // a second value is another question
			}
			query.Set(filters[i].key, filters[i].value)
		}
		for _, l := range all {
			if !slices.ContainsFunc(picked, func(i int) bool { return !filters[i].keep(l) }) {
				want = append(want, l.name)
			}
		}
		if got := w.pages(t, query, limit); !slices.Equal(got, want) {
			t.Errorf("%s by %d: %d runs, want %d", query.Encode(), limit, len(got), len(want))
		}
	}
	try(200)
	for i := range filters {
		try(3, i)
		try(200, i)
		for j := range i {
			try(7, i, j)
			for k := range j {
				try(50, i, j, k)
			}
		}
	}
}

// pages lists all there is, by pages of at most limit.
func (w *rig) pages(t *testing.T, query url.Values, limit int) (names []string) {
	t.Helper()
	query.Set("limit", fmt.Sprint(limit))
	for range 200 {
		page := w.must(t, 200, "GET", "/api/monitoring/runs?"+query.Encode(), "")
		list := page["runs"].([]any)
		if len(list) > limit {
			t.Fatalf("%d runs on a page of %d", len(list), limit)
		}
		for _, item := range list {
			names = append(names, at(item, "run_id").(string))
		}
		if page["has_more"] != true {
			return names
		}
		query.Set("cursor", page["next_cursor"].(string))
	}
	t.Fatal("the pages do not end")
	return nil
}
