package main

import (
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
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
	texts, err := flagTexts(k, values)
	if err != nil {
		return nil, err
	}
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		for _, env := range flag.Envs {
			if _, set := os.LookupEnv(env); set {
				return nil, nil
			}
		}
		if text, ok := texts[flag.Name]; ok {
			return text, nil
		}
		return nil, nil
	}), nil
}

// flagTexts gives the file's values as they would be typed after a flag, so
// that a setting reads, and fails, the same wherever it comes from. It refuses a
// key that is no flag of any command.
func flagTexts(k *kong.Kong, values map[string]any) (texts map[string]string, err error) {
	known := map[string]bool{}
	err = kong.Visit(k.Model, func(node kong.Visitable, next kong.Next) error {
		if n, ok := node.(*kong.Node); ok {
			for _, f := range n.Flags {
				known[f.Name] = true
			}
		}
		return next(nil)
	})
	texts = make(map[string]string, len(values))
	for _, key := range slices.Sorted(maps.Keys(values)) {
		switch value := values[key].(type) {
		case map[string]any, []any:
			err = errors.Join(err, fmt.Errorf("setting %q takes one value, not a list or a map", key))
		case nil: // said to be nothing: as if it were left out
		default:
			texts[key] = fmt.Sprint(value)
		}
		if !known[key] {
			err = errors.Join(err, fmt.Errorf("unknown setting %q; settings are the names of flags, see --help", key))
		}
	}
	return texts, err
}

// userText is an error for the person at the terminal: all that is in it, but
// for the names of our operations.
func userText(err error) string {
	if joined, ok := err.(interface{ Unwrap() []error }); ok {
		var lines []string
		for _, e := range joined.Unwrap() {
			lines = append(lines, userText(e))
		}
		return strings.Join(lines, "\n")
	}
	var e *entity.Error
	if !errors.As(err, &e) {
		return err.Error()
	}
	text := []string{e.Message}
	if e.Message == "" {
		text[0] = "internal error in " + e.Op
	}
	for _, i := range e.Issues {
		text = append(text, fmt.Sprint(i.Path...)+" "+i.Message)
	}
	if e.Err != nil {
		text = append(text, userText(e.Err))
	}
	return strings.Replace(err.Error(), e.Error(), strings.Join(text, ": "), 1)
}
