package main

import (
	"time"

	"stemma/api/admin"
	"stemma/entity"
)

// adminView is the view of who runs the server.
func adminView(s *server, h health, smokeRunner string) *admin.Service {
	options := admin.Options{Auth: s.auth, Box: s.llm.box, Health: h.now, Smoke: askSmokeRunner(smokeRunner), Now: time.Now, Embedder: func(n entity.Network) {
		s.knowledge.bases[n].Again()
	}}
	for _, n := range s.networks {
		options.Networks = append(options.Networks, admin.Network{Store: n.Store, Scopes: n.Scopes})
	}
	return admin.New(options)
}
