# Stemma. `make run` and `make test` need nothing set up first.
GO      ?= go
DATA    ?= ./stemma-data
ADDR    ?= 127.0.0.1:8080
REPO    ?= .
FUZZ    ?= 60s
ROUNDS  ?= 100
CRANFIELD ?= ../shared/data/cranfield
JS      := testdata/manifests/js testdata/recorder/js testdata/arweave

# Tests judge search on the collection where it is.
TESTING := CRANFIELD=$(wildcard $(abspath $(CRANFIELD)))

.PHONY: run build test check bench bench-search demo fuzz crash s3gateway kubo js clean

run: build ## build and start the server, its data in ./stemma-data
	./bin/stemma serve --addr $(ADDR) --data $(DATA)

build: ## bin/stemma
	$(GO) build -trimpath -o bin/stemma ./cmd/stemma

test: js ## every test
	$(TESTING) $(GO) test -timeout 8m ./...

check: js ## what CI runs
	@unformatted=$$(gofmt -l api cmd entity events files graph query versions 2>/dev/null); \
	  if [ -n "$$unformatted" ]; then echo "gofmt -w these:"; echo "$$unformatted"; exit 1; fi
	$(GO) mod tidy -diff
	$(GO) vet ./...
	$(GO) tool staticcheck ./...
	$(TESTING) $(GO) test -race -timeout 8m ./...

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
	rm -rf bin $(JS:=/node_modules)
