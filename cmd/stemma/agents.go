package main

import (
	"stemma/api/native"
	"stemma/api/outbound"
)

// agentFlags say which agents may be called.
type agentFlags struct {
	AllowPrivateAgents bool `help:"Call agents at private, loopback and link-local addresses too: for development, where the agents run beside the server. Whoever may make an agent can then have the server call what only it can reach." env:"STEMMA_ALLOW_PRIVATE_AGENTS"`
}

// openAgents makes what calls agents.
func (s *server) openAgents(o serverOptions, readOnly bool) native.AgentOptions {
	s.outbound = outbound.New(outbound.Options{AllowPrivate: o.privateAgents})
	return native.AgentOptions{Client: s.outbound, BaseURL: o.publicURL, ReadOnly: readOnly}
}
