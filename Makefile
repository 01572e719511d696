# `make` alone lists what there is. Nothing here needs more than Rust to start: the rest is installed when it is missing.
.DEFAULT_GOAL := help
SHELL := /bin/bash

# Where `make play` serves and keeps its data.
LISTEN ?= 127.0.0.1:8080
DATA ?= ./data
export CARGO_TERM_COLOR ?= auto
export RUST_BACKTRACE ?= 1

# What tests need of the program and a normal build does not have: chosen decks, ends between two steps, safeguards off.
HOOKS := --features test-hooks

# The faster test runner if it is here, Rust's own if not.
NEXTEST := $(shell cargo nextest --version >/dev/null 2>&1 && echo yes)

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: play
play: ## serve the game on this machine: make play [LISTEN=127.0.0.1:8080] [DATA=./data]
	@scripts/play.sh '$(LISTEN)' '$(DATA)'

.PHONY: cluster
cluster: ## the same on three nodes, a balancer and a Redis group, each a process: make cluster [PORT=7100]
	@scripts/cluster.sh

.PHONY: test
test: ## prove everything: style, rules, cluster, client, browsers
	@scripts/install.sh redis-server redis-sentinel haproxy node chromium npm-packages
	$(MAKE) --no-print-directory lint
	$(MAKE) --no-print-directory rust-tests
	$(MAKE) --no-print-directory client
	$(MAKE) --no-print-directory browser

# What chaos breaks is the program as it is released.
CHAOS := cargo test --quiet --locked --release --test chaos --

.PHONY: chaos
chaos: ## break nodes and Redis under full play: make chaos [MINUTES=10] [SEED=1] [ARGS="--pairs 20 --json"]
	@scripts/install.sh redis-server redis-sentinel
	@$(CHAOS) --minutes $(or $(MINUTES),10) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: soak
soak: ## the same for long, with the bars: make soak [MINUTES=60] [SEED=1] [ARGS=…]
	@scripts/install.sh redis-server redis-sentinel
	@$(CHAOS) --bars --minutes $(or $(MINUTES),60) $(if $(SEED),--seed $(SEED)) $(ARGS)

.PHONY: hostile
hostile: ## attack a node under play, one way after the other: make hostile [SECS=5] [ARGS="--attacks pings --from 1 --json"]
	@scripts/install.sh redis-server
	@cargo test --quiet --locked --release --test hostile -- --secs $(or $(SECS),5) $(ARGS)

.PHONY: check
check: lint ## the quick part of test: style, pure tests, client; no Redis, no browser
	cargo test --locked --workspace $(HOOKS) --lib --test pure --test program
	@scripts/install.sh node npm-packages
	$(MAKE) --no-print-directory client

.PHONY: fmt
fmt: ## format the Rust code
	cargo fmt --all

.PHONY: lint
lint: ## formatting and lints, warnings are errors
	cargo fmt --all --check
	cargo clippy --locked --workspace --all-targets $(HOOKS) -- -D warnings
	cargo clippy --locked $(HOOKS) --test chaos --test hostile -- -D warnings

.PHONY: rust-tests
rust-tests:
	@scripts/install.sh redis-server redis-sentinel haproxy
	@# Only where tests may make networks of their own; elsewhere those that need one say that they are skipped.
	@[ "$$(uname)-$$(id -u)" != Linux-0 ] || scripts/install.sh ip
	scripts/previous-release.sh
ifeq ($(NEXTEST),yes)
	cargo nextest run --locked --test pure normal_build
	cargo nextest run --locked --workspace $(HOOKS)
	cargo test --locked --workspace $(HOOKS) --doc
else
	cargo test --locked --test pure normal_build
	cargo test --locked --workspace $(HOOKS)
endif

.PHONY: client
client:
	npm run --silent check

.PHONY: browser
browser: ## play whole games in real browsers
	@scripts/install.sh redis-server haproxy node chromium npm-packages
	cargo build --locked $(HOOKS)
	node --test-reporter=spec --test-reporter-destination=stdout tests/browser/run.js

.PHONY: schema
schema: ## write docs/protocol.schema.json, the wire fixtures and static/protocol.js again from the types
	@scripts/install.sh node
	UPDATE=1 cargo test --locked $(HOOKS) --test pure wire
	node scripts/protocol-types.js

.PHONY: stored
stored: ## write tests/stored/VERSION.json, for a release: what this version stores must be read for ever
	UPDATE_STORED=1 cargo test --locked $(HOOKS) --test cluster what_the_present_version_stores

.PHONY: bench
bench: ## what a node costs, beside others: make bench [ARGS="--rows moves,idle --rounds 3 --quick --json --bars"]
	@scripts/install.sh redis-server node bench-packages
	@cargo build --quiet --release --locked -p nineflags -p nineflags-tools
	@target/release/nineflags-tools bench $(ARGS)

.PHONY: rules-bench
rules-bench: ## games, claim verdicts and views per second on one core
	cargo bench --locked --bench rules

.PHONY: clean
clean: ## remove what was built (not ./data)
	cargo clean
	rm -rf node_modules bench/peers/node_modules tests/browser/output
