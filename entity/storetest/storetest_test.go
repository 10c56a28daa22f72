package storetest_test

import (
	"testing"

	"stemma/entity/storetest"
)

// TestOracle: the reference implementation keeps the laws, and the suite runs.
func TestOracle(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Harness { return oracle(storetest.Harness{}, false) })
}

// TestOracleRehearsed: every closure of the suite may run more than once.
func TestOracleRehearsed(t *testing.T) {
	storetest.Run(t, func(*testing.T) storetest.Harness { return oracle(storetest.Harness{}, true) })
}

// TestOracleReopened: the suite holds when the store is reopened by the cases
// that speak of it, and after each step.
func TestOracleReopened(t *testing.T) {
	for name, each := range map[string]bool{"at times": false, "after each step": true} {
		t.Run(name, func(t *testing.T) {
			storetest.Run(t, func(*testing.T) storetest.Harness {
				return oracle(storetest.Harness{Durable: true, EachStep: each}, false)
			})
		})
	}
}

// oracle completes a harness that opens an oracle.
func oracle(h storetest.Harness, rehearse bool) storetest.Harness {
	var held *storetest.Oracle
	h.Open = func(o storetest.Options) (_ storetest.Store, err error) {
		o.Rehearse = rehearse
		if held == nil || !h.Durable {
			held, err = storetest.NewOracle(o)
		} else {
			held, err = held.Reopen(o)
		}
		return held, err
	}
	return h
}
