package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/alecthomas/kong"
	"github.com/goccy/go-yaml"

	"stemma/entity"
)

// configFile is the flag that loads a file of settings.
type configFile string

// BeforeResolve reads the file as soon as the flag is known.
func (f configFile) BeforeResolve(k *kong.Kong, ctx *kong.Context, trace *kong.Path) error {
	path := string(ctx.FlagValue(trace.Flag).(configFile))
	if path == "" {
		return nil
	}
	file, err := os.Open(path)
	if err != nil {
		return fmt.Errorf("settings file: %w", err)
	}
	defer file.Close()
	resolver, err := yamlResolver(k, file)
	if err != nil {
		return fmt.Errorf("settings file %s: %w", path, err)
	}
	ctx.AddResolver(resolver)
	return nil
}

// yamlResolver gives flags their values from YAML. Kong asks resolvers before
// it looks at the environment, so those flags are passed over that have it.
func yamlResolver(k *kong.Kong, r io.Reader) (kong.Resolver, error) {
	values := map[string]any{}
	if err := yaml.NewDecoder(r, yaml.Strict()).Decode(&values); err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if err := knownFlags(k, values); err != nil {
		return nil, err
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, env := range flag.Envs {
			if _, set := os.LookupEnv(env); set {
				return nil, nil
			}
		}
		return values[flag.Name], nil
	}), nil
}

// knownFlags refuses a key that is no flag of any command.
func knownFlags(k *kong.Kong, values map[string]any) error {
	known := map[string]bool{}
	err := kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Node); ok {
			for _, f := range n.Flags {
				known[f.Name] = true
			}
		}
		return next(nil)
	})
	for key := range values {
		if !known[key] {
			err = errors.Join(err, fmt.Errorf("unknown setting %q; settings are the names of flags, see --help", key))
		}
	}
	return err
}

// userText is an error for the person at the terminal.
func userText(err error) string {
	var e *entity.Error
	if !errors.As(err, &e) || e.Message == "" {
		return err.Error()
	}
	text := []string{e.Message}
	for _, i := range e.Issues {
		text = append(text, fmt.Sprint(i.Path...)+" "+i.Message)
	}
	if e.Err != nil {
		text = append(text, e.Err.Error())
	}
	return strings.Join(text, ": ")
}
