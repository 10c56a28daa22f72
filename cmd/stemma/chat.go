package main

import (
	"crypto/rand"
	"errors"
	"log/slog"

	"stemma/api/native"
	"stemma/api/provider"
)

// chatFlags say which language model people chat with.
type chatFlags struct {
	ChatURL     string `name:"chat-url" help:"Language model that POST /chat answers with: a service that speaks OpenAI's /v1/chat/completions (OpenAI, Ollama, vLLM, OpenRouter), by its URL like http://127.0.0.1:11434/v1. Without one nobody can chat." env:"STEMMA_CHAT_URL" placeholder:"URL"`
	ChatKey     string `name:"chat-key" help:"Key for that service. Better in the environment or the file than in a flag." env:"STEMMA_CHAT_KEY" placeholder:"KEY"`
	ChatModel   string `name:"chat-model" help:"Model of that service; one that can call tools." env:"STEMMA_CHAT_MODEL" placeholder:"NAME"`
	ChatContext int    `name:"chat-context" help:"Tokens, of about four bytes, that a conversation may have." default:"128000" env:"STEMMA_CHAT_CONTEXT"`
	ChatStorage int64  `name:"chat-storage" help:"Bytes that one chat may take, in MiB." default:"10240" env:"STEMMA_CHAT_STORAGE"`
}

// check refuses settings that cannot be.
func (f *chatFlags) check() error {
	switch {
	case f.ChatURL == "" && (f.ChatModel != "" || f.ChatKey != ""):
		return errors.New("--chat-model and --chat-key need --chat-url: the service that has the model")
	case f.ChatContext < 0 || f.ChatStorage < 0:
		return errors.New("--chat-context and --chat-storage are 1 or more")
	}
	if _, err := f.options(nil); err != nil {
		return errors.New("--chat-url, --chat-model: " + userText(err))
	}
	return nil
}

// options are those of the view.
func (f *chatFlags) options(logger *slog.Logger) (native.ChatOptions, error) {
	o := native.ChatOptions{Entropy: rand.Reader, Logger: logger, Context: f.ChatContext, MaxStorage: f.ChatStorage << 20}
	if f.ChatURL == "" {
		return o, nil
	}
	client, err := provider.New(provider.Options{BaseURL: f.ChatURL, Key: f.ChatKey, Model: f.ChatModel})
	if err != nil {
		return o, err
	}
	o.Model = client
	return o, nil
}
