package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/auth"
	"stemma/api/gateway"
	"stemma/api/llm/budget"
	"stemma/api/llm/provider"
	modelruns "stemma/api/llm/runs"
	"stemma/api/llm/seal"
	"stemma/api/llm/tenant"
	"stemma/api/llm/tools"
	"stemma/api/llm/turn"
	"stemma/entity"
	"stemma/entity/access"
)

// llmFlags say which language models agents ask.
type llmFlags struct {
	LLM        string `name:"llm-url" help:"Language model of the agents that have no provider of their own, by the URL of its API like http://127.0.0.1:11434/v1; or extract, which is built in, is no language model, and quotes the agent's knowledge base. The first start with it makes a tenant with an agent, and prints a key for its clients once." env:"STEMMA_LLM_URL" placeholder:"URL"`
	LLMKind    string `name:"llm-kind" help:"What that API speaks: openai (and whatever speaks like it), azure, ollama, anthropic or gemini." default:"openai" enum:"openai,azure,ollama,anthropic,gemini" env:"STEMMA_LLM_KIND"`
	LLMKey     string `name:"llm-key" help:"Key for it. Better in the environment or the file than in a flag." env:"STEMMA_LLM_KEY" placeholder:"KEY"`
	LLMModel   string `name:"llm-model" help:"Model of it, where neither the agent nor the client names one." env:"STEMMA_LLM_MODEL" placeholder:"NAME"`
	LLMPrivate bool   `name:"llm-allow-private" help:"Let tenants name providers and tool servers at private addresses, such as this machine." env:"STEMMA_LLM_ALLOW_PRIVATE"`
	MasterKey  string `name:"master-key" help:"Key that providers' keys and sealed conversations are kept under, 64 hexadecimal digits; by default the one in the file master.key of the data directory, which the first start makes. Better in the environment or the file than in a flag." env:"STEMMA_MASTER_KEY" placeholder:"HEX"`
}

// builtInLLM is the value of --llm-url that is no URL.
const builtInLLM = "extract"

// check refuses settings that cannot be.
func (f *llmFlags) check() error {
	if f.MasterKey != "" {
		if _, err := seal.ParseKey(f.MasterKey); err != nil {
			return errors.New("--master-key: " + userText(err))
		}
	}
	switch {
	case f.LLM == builtInLLM || f.LLM == "":
		if f.LLMKey != "" || f.LLMModel != "" {
			return errors.New("--llm-key and --llm-model need --llm-url: the API that has the model")
		}
		return nil
	case f.LLMModel == "" && f.LLMKind != string(provider.Azure):
		return errors.New("--llm-url needs --llm-model: a model that it has")
	}
	if err := f.config().Check(); err != nil {
		return errors.New("--llm-url: " + userText(err))
	}
	return nil
}

func (f *llmFlags) config() *provider.Config {
	return &provider.Config{Kind: provider.Kind(f.LLMKind), BaseURL: f.LLM, Model: f.LLMModel}
}

// target is the provider that the flags name; nil for none.
func (f *llmFlags) target() *provider.Target {
	if f.LLM == "" || f.LLM == builtInLLM {
		return nil
	}
	return &provider.Target{Config: f.config(), Key: f.LLMKey}
}

// llm is what answers for agents.
type llm struct {
	box    *seal.Box
	client *provider.Client
	runs   *modelruns.Recorder
	engine *turn.Engine
	key    string // of a client, made at this start
}

// openLLM makes what answers for agents.
func (s *server) openLLM(ctx context.Context, o serverOptions, readOnly bool, registry *prometheus.Registry) (err error) {
	if s.llm.box, err = openBox(o); err != nil {
		return err
	}
	foreign := provider.ForeignTransport(o.llm.LLMPrivate)
	s.llm.client = provider.NewClient(provider.Options{Foreign: foreign})
	stores := make([]entity.Store, len(s.stores))
	for i, st := range s.stores {
		stores[i] = st
	}
	s.llm.runs = modelruns.New(modelruns.Options{Stores: stores, Logger: o.logger, Registry: registry})
	s.llm.engine = turn.New(turn.Options{
		Stores: stores, Client: s.llm.client, Runs: s.llm.runs, Box: s.llm.box, Default: o.llm.target(), Tools: tools.New(tools.Options{Transport: foreign}),
		Limits: budget.New(budget.Options{Spent: s.spent}), Retrieve: s.retrieve, Price: s.turnPrice, Status: gateway.Status, Logger: o.logger,
	})
	if o.llm.LLM == "" || readOnly {
		return nil
	}
	s.llm.key, err = firstAgent(ctx, stores[0], s.auth)
	return err
}

// openBox opens the master key: the one of the flag, else of the data directory,
// which gets one where it has none. In memory it is a new one: nothing outlives it.
func openBox(o serverOptions) (*seal.Box, error) {
	key, err := []byte(nil), error(nil)
	switch {
	case o.llm.MasterKey != "":
		key, err = seal.ParseKey(o.llm.MasterKey)
	case o.data != "" && o.readOnly:
		return nil, nil
	case o.data != "":
		key, err = seal.LoadKey(filepath.Join(o.data, "master.key"))
	default:
		key, err = seal.NewKey()
	}
	if err != nil {
		return nil, err
	}
	return seal.New(key)
}

// firstAgentSecret has the agent that a first start with --llm-url has made.
const firstAgentSecret = "llm/first"

// firstAgent makes a tenant of the first user's with an agent, and gives a key of
// it; "" when that was done before.
func firstAgent(ctx context.Context, st entity.Store, a *auth.Authenticator) (key string, err error) {
	_, err = st.Update(ctx, entity.Actor{UserID: "system", Method: entity.MethodSystem}, func(tx entity.Tx) error {
		key = ""
		made, err := tx.Secret(firstAgentSecret)
		if err != nil || made != nil {
			return err
		}
		owner, err := auth.FirstUser(tx)
		if err != nil {
			return err
		}
		v, err := tenant.Create(tx, tenant.Spec{Name: "Default", Owner: owner, At: time.Now()})
		if err != nil {
			return err
		}
		workspace, err := tenant.Workspace(tx, v.Manifest)
		if err != nil {
			return err
		}
		agent, err := tx.Create(entity.Draft{Type: entity.TypeAgent, Properties: entity.Properties{"label": "Assistant", "conversations_enabled": true, "knowledge_base": "documents"}, Relationships: []entity.Relationship{
			{Predicate: entity.PredicateCollection, Peer: workspace, PeerType: entity.TypeCollection},
		}})
		if err != nil {
			return err
		}
		k, err := tenant.MintKey(tx, a, access.Principal{ID: owner, Kind: access.User, System: true}, workspace, agent.Manifest.ID, "first key")
		if err != nil {
			return err
		}
		key = k.Secret
		tx.SetSecret(firstAgentSecret, []byte(agent.Manifest.ID))
		return nil
	})
	return key, err
}

// Close ends what goes on behind turns and writes down what they were.
func (l *llm) Close() (err error) {
	if l.engine != nil {
		err = l.engine.Close()
	}
	if l.runs != nil {
		err = errors.Join(err, l.runs.Close())
	}
	if l.client != nil {
		l.client.Close()
	}
	return err
}

// greet tells of the key that clients of language models use.
func (l *llm) greet(w io.Writer, addr string) {
	if l.key == "" {
		return
	}
	fmt.Fprintf(w, "The key of the first agent's clients, shown this once:\n\n  %s\n\nUse it with any client of OpenAI's API at http://%s/v1, or of Anthropic's at http://%s:\n\n  curl -H \"Authorization: Bearer %s\" --json '{\"messages\":[{\"role\":\"user\",\"content\":\"Hello\"}]}' http://%s/v1/chat/completions\n\n",
		l.key, addr, addr, l.key, addr)
}
