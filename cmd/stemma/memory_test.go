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
