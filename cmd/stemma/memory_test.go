package main

import (
	"reflect"
	"strconv"
	"testing"
)

// The server that is measured has the memory of the one that is run.
func TestServedMemory(t *testing.T) {
	field, _ := reflect.TypeFor[serveCmd]().FieldByName("Memory")
	if got := field.Tag.Get("default"); got != strconv.Itoa(servedMemory) {
		t.Errorf("--memory is %s by default, the benchmark's server has %d", got, servedMemory)
	}
}

// A small heap is collected at smallHeap, whatever of it is in use, and a larger one
// when it has doubled.
func TestSparePercent(t *testing.T) {
	for _, c := range []struct {
		live int64
		want int
	}{
		{0, 1500}, {1 << 20, 1500}, {smallHeap / 4, 300}, {smallHeap / 2, 100}, {smallHeap, 100}, {1 << 40, 100},
	} {
		if got := sparePercent(c.live); got != c.want {
			t.Errorf("with %d bytes in use it is %d, want %d", c.live, got, c.want)
		}
	}
	for live := int64(smallHeap / 16); live < smallHeap/2; live += 1 << 20 {
		if goal := live + live*int64(sparePercent(live))/100; goal > smallHeap || goal < smallHeap*4/5 {
			t.Errorf("with %d bytes in use the heap grows to %d", live, goal)
		}
	}
}
