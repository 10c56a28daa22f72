# Stemma. `make run` and `make test` need nothing set up first.
GO      ?= go
DATA    ?= ./stemma-data
ADDR    ?= 127.0.0.1:8080
REPO    ?= .
FUZZ    ?= 60s
ROUNDS  ?= 100
CRANFIELD ?= ../shared/data/cranfield
JS      := testdata/manifests/js testdata/recorder/js testdata/arweave
UI      := api/portal/ui
SHOTS   ?= $(UI)/screenshots
CHROMIUM ?= /usr/bin/chromium

# Tests judge search on the collection where it is.
TESTING := CRANFIELD=$(wildcard $(abspath $(CRANFIELD)))

.PHONY: run build ui test test-ui check bench bench-search demo fuzz crash s3gateway kubo js clean

run: ui build ## build and start the server, its data in ./stemma-data
	./bin/stemma serve --addr $(ADDR) --data $(DATA)

build: ## bin/stemma
	$(GO) build -trimpath -o bin/stemma ./cmd/stemma

ui: ## the web application, for the next build; without Node 20.19 the server's page tells how to build it
	@if node -e 'const [a, b] = process.versions.node.split("."); process.exit(a > 20 || (a == 20 && b >= 19) ? 0 : 1)' 2>/dev/null; \
	  then $(MAKE) --no-print-directory $(UI)/dist/index.html; else echo "no web application is built: it takes Node 20.19 or newer"; fi

# The document of the API, of which the application's types are made: written anew
# when something changed, and new only when it says something else.
$(UI)/openapi.json: $(shell find api cmd entity -name '*.go' -not -name '*_test.go' 2>/dev/null)
	$(GO) run ./cmd/stemma openapi > $@.new
	cmp -s $@.new $@ && rm $@.new || mv $@.new $@

$(UI)/dist/index.html: $(UI)/openapi.json $(UI)/node_modules/.package-lock.json $(UI)/index.html $(UI)/vite.config.ts $(shell find $(UI)/src -type f -not -name schema.d.ts 2>/dev/null)
	rm -rf $(UI)/dist/assets
	cd $(UI) && npm run --silent build

test: js ui ## every test; those of the web application where there is a browser
	STEMMA_BROWSER=off $(TESTING) $(GO) test -timeout 8m ./...
	@if [ "$$STEMMA_BROWSER" = required ] || { [ -x "$(CHROMIUM)" ] && [ -f $(UI)/dist/index.html ]; }; then $(MAKE) --no-print-directory test-ui; \
	  else echo "the web application was not tested in a browser: it takes Node 20.19, and chromium (apt-get install chromium, or CHROMIUM)"; fi

check: js ## what CI runs before that
	@unformatted=$$(gofmt -l api cmd entity events files graph query versions 2>/dev/null); \
	  if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	STEMMA_BROWSER=off $(TESTING) $(GO) test -race -timeout 8m ./...

test-ui: ui ## the web application in a real browser, Debian's chromium or CHROMIUM; its pictures are in SHOTS
	rm -f $(SHOTS)/failed-*
	STEMMA_BROWSER=required STEMMA_SHOTS=$(abspath $(SHOTS)) CHROMIUM=$(CHROMIUM) $(GO) test -count=1 -timeout 30m -run TestBrowser ./cmd/stemma

bench: build ## the table of the README, on this machine
	./bin/stemma bench

bench-search: build ## how well search finds what is relevant, on the Cranfield collection in CRANFIELD
	./bin/stemma bench-search --collection $(CRANFIELD)

demo: build ## import REPO's git history into a new server and ask it questions
	./bin/stemma demo --repo $(REPO)

fuzz: ## every fuzz target for FUZZ each
	@for pkg in $$($(GO) list ./...); do \
	  for target in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz'); do \
	    echo "$$pkg $$target"; $(GO) test -run '^$$' -fuzz "^$$target\$$" -fuzztime $(FUZZ) $$pkg || exit 1; \
	  done; done

crash: ## kill -9 under load, ROUNDS times
	STEMMA_CRASH_ROUNDS=$(ROUNDS) $(GO) test -count=1 -timeout 2h -run TestCrash ./cmd/stemma

s3gateway: ## the suite of a place for content against versitygw, built in a module of its own
	$(GO) test -count=1 -tags s3gateway -run TestS3Gateway ./files

kubo: ## kubo imports what we export; it is built from the Go module proxy, which takes minutes
	$(GO) test -count=1 -timeout 60m -tags kubo -run TestKubo ./cmd/stemma

js: $(JS:=/node_modules/.package-lock.json) ## what the tests compare our bytes with, and clients of others

%/node_modules/.package-lock.json: %/package.json %/package-lock.json
	cd $* && npm ci --no-audit --no-fund --silent
	@touch $@

clean:
	rm -rf bin $(JS:=/node_modules) $(UI)/node_modules $(UI)/dist/assets $(UI)/dist/index.html $(UI)/screenshots
