package main

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stemma/api/llm/price"
	"stemma/api/recorder"
)

// recorderFlags are the settings of the recorder.
type recorderFlags struct {
	Retain       time.Duration `name:"retention-interval" help:"How often runs that were left open are looked for and ended, and recorded content that is past its tenant's retention deleted; 0 does neither." default:"10m" env:"STEMMA_RETENTION_INTERVAL"`
	RunIdle      time.Duration `name:"run-idle" help:"How long nothing comes of a recorded run that has not ended before the server ends it as left open; 0 leaves it open." default:"24h" env:"STEMMA_RUN_IDLE"`
	RecorderRate int           `name:"recorder-rate" help:"Requests a second that record, for each caller; 0 does not bound them." default:"0" env:"STEMMA_RECORDER_RATE"`
	Providers    []string      `name:"provider" help:"A model provider that the proxy forwards to, beside openai, anthropic, google and openrouter, or another URL for one of them, as NAME=URL; NAME=DIALECT+URL for one that speaks anthropic or google. May be given several times." env:"STEMMA_PROVIDERS" placeholder:"NAME=URL"`
	Prices       []string      `name:"price" help:"What a model costs, in US dollars for a million tokens, as MODEL=IN,OUT or MODEL=IN,OUT,CACHED; before the list prices that are known, and after those that an administrator has set. May be given several times." env:"STEMMA_PRICES" sep:";" placeholder:"MODEL=IN,OUT"`
}

// check refuses settings that cannot be.
func (f *recorderFlags) check() error {
	_, _, err := f.tables()
	if f.RecorderRate < 0 {
		err = errors.Join(err, fmt.Errorf("--recorder-rate is %d; 0 or more", f.RecorderRate))
	}
	if f.Retain < 0 {
		err = errors.Join(err, fmt.Errorf("--retention-interval is %s; 0 or more", f.Retain))
	}
	if f.RunIdle < 0 {
		err = errors.Join(err, fmt.Errorf("--run-idle is %s; 0 or more", f.RunIdle))
	}
	return err
}

func (f *recorderFlags) tables() (providers []recorder.Provider, prices price.Table, err error) {
	for _, text := range f.Providers {
		p, bad := recorder.ParseProvider(text)
		if bad != nil {
			err = errors.Join(err, errors.New("--provider: "+userText(bad)))
		}
		providers = append(providers, p)
	}
	for _, text := range f.Prices {
		p, bad := parsePrice(text)
		err = errors.Join(err, bad)
		prices = append(prices, p)
	}
	return providers, prices, err
}

func parsePrice(text string) (p price.Price, err error) {
	wrong := fmt.Errorf("--price: %q is not a price; write MODEL=IN,OUT or MODEL=IN,OUT,CACHED in US dollars for a million tokens, like my-model=0.5,1.5", text)
	model, list, ok := strings.Cut(text, "=")
	numbers := strings.Split(list, ",")
	if !ok || model == "" || len(numbers) < 2 || len(numbers) > 3 {
		return p, wrong
	}
	p.Model = model
	cached := 0.0
	for i, at := range []*float64{&p.Input, &p.Output, &cached}[:len(numbers)] {
		if *at, err = strconv.ParseFloat(strings.TrimSpace(numbers[i]), 64); err != nil || !(*at >= 0) {
			return p, wrong
		}
	}
	if len(numbers) == 3 {
		p.Cached = &cached
	}
	return p, (price.Table{p}).Check()
}

// recorderView records, replays and proves what agents do.
func recorderView(s *server, o serverOptions, readOnly bool, registry *prometheus.Registry) (*recorder.Service, error) {
	providers, _, err := o.recorder.tables()
	if err != nil {
		return nil, err
	}
	options := recorder.Options{Auth: s.auth, Now: time.Now, Rate: o.recorder.RecorderRate, Providers: providers, Price: s.price, Logger: o.logger, Registry: registry, Attest: s.attest}
	if !readOnly {
		options.Retain, options.Idle = o.recorder.Retain, o.recorder.RunIdle
	}
	for i, n := range s.networks {
		options.Networks = append(options.Networks, recorder.Network{Store: n.Store, Scopes: n.Scopes, Wipe: s.stores[i].Wipe})
	}
	return recorder.New(options), nil
}
