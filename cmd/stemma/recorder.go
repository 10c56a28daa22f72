package main

import (
	"time"

	"stemma/api/recorder"
)

// recorderFlags are the settings of the recorder.
type recorderFlags struct {
	RecorderRate int `name:"recorder-rate" help:"Requests a second that record, for each caller; 0 does not bound them." default:"0" env:"STEMMA_RECORDER_RATE"`
}

// recorderView records, replays and proves what agents do.
func recorderView(s *server, f recorderFlags) *recorder.Service {
	o := recorder.Options{Auth: s.auth, Now: time.Now, Rate: f.RecorderRate}
	for _, n := range s.networks {
		o.Networks = append(o.Networks, recorder.Network{Store: n.Store, Scopes: n.Scopes})
	}
	return recorder.New(o)
}
