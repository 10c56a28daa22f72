package ui

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"embed"
	"encoding/base64"
	"io"
	"io/fs"
	"mime"
	"net/http"
	"path"
	"strings"
	"time"

	"stemma/api/wire"
)

//go:embed all:dist
var built embed.FS

// View serves the application. Its operations are no part of the API.
type View struct {
	page   string // "" without a build
	assets map[string]asset
}

type asset struct {
	kind          string
	plain, packed []byte // packed: by gzip; nil where that is no smaller
}

// New reads what was built into the binary.
func New() (*View, error) {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		return nil, err
	}
	return of(dist)
}

func of(dist fs.FS) (*View, error) {
	v := &View{assets: map[string]asset{}}
	return v, fs.WalkDir(dist, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dist, name)
		if err != nil {
			return err
		}
		switch {
		case name == "index.html":
			v.page = string(data)
		case strings.HasPrefix(name, "assets/"):
			v.assets[strings.TrimPrefix(name, "assets/")], err = pack(name, data)
		}
		return err
	})
}

func pack(name string, data []byte) (asset, error) {
	a := asset{kind: mime.TypeByExtension(path.Ext(name)), plain: data}
	if a.kind == "" {
		a.kind = "application/octet-stream"
	}
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestCompression)
	if err != nil {
		return a, err
	}
	if _, err := z.Write(data); err != nil {
		return a, err
	}
	if err := z.Close(); err != nil {
		return a, err
	}
	if b.Len() < len(data) {
		a.packed = b.Bytes()
	}
	return a, nil
}

// Operations are the paths of the application.
func (v *View) Operations() []wire.Operation {
	page, file := http.HandlerFunc(v.servePage), http.HandlerFunc(v.serveAsset)
	hidden := func(id, path string, h http.Handler) wire.Operation {
		return wire.Handle(wire.Operation{Method: "GET", Path: path, ID: id, Hidden: true, Summary: "The web application"}, h)
	}
	return []wire.Operation{
		hidden("appHome", "/", page),
		hidden("app", "/app", page),
		hidden("appPage", "/app/*", page),
		hidden("appSignup", "/signup", page), // where invitations lead
		hidden("appAsset", "/assets/*", file),
	}
}

// placeholder stands in the built page where the nonce of an answer goes: the
// editor and the dialogs make style elements.
const placeholder = "NONCE_OF_THE_ANSWER"

func (v *View) servePage(w http.ResponseWriter, _ *http.Request) {
	var b [18]byte
	_, _ = rand.Read(b[:]) // which does not fail
	nonce := base64.StdEncoding.EncodeToString(b[:])
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'self'; style-src 'self' 'nonce-"+nonce+"'; img-src 'self' data: blob:; font-src 'self'; connect-src 'self'; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	page := v.page
	if page == "" {
		page = notBuilt
	}
	_, _ = io.WriteString(w, strings.ReplaceAll(page, placeholder, nonce)) // who went away is not told
}

func (v *View) serveAsset(w http.ResponseWriter, r *http.Request) {
	a, ok := v.assets[strings.TrimPrefix(r.URL.Path, "/assets/")]
	if !ok {
		http.NotFound(w, r)
		return
	}
	h := w.Header()
	h.Set("Content-Type", a.kind)
	h.Set("Cache-Control", "public, max-age=31536000, immutable")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Vary", "Accept-Encoding")
	data := a.plain
	if a.packed != nil && strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		h.Set("Content-Encoding", "gzip")
		data = a.packed
	}
	http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(data))
}

const notBuilt = `<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>Stemma</title><meta name="viewport" content="width=device-width">
<style nonce="` + placeholder + `">body{font:16px/1.5 system-ui,sans-serif;max-width:42rem;margin:4rem auto;padding:0 1rem}code{background:#8882;padding:.1em .3em}</style></head>
<body><h1>Stemma is running</h1>
<p>This binary was built without its web application. With Node 20 or newer, build both and start again:</p>
<p><code>make ui build</code></p>
<p>Everything else works: the API is described at <a href="/ops-reference">/ops-reference</a> and in <a href="/openapi.json">/openapi.json</a>.</p></body></html>
`
