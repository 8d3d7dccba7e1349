# Everything that CI runs, by the same names. `make help` lists what there is.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help

# Tools that scripts/prepare unpacked into the checkout come first.
export PATH := $(CURDIR)/.venv/bin:$(CURDIR)/.cache/tools/usr/bin:$(PATH)

# How long the long forms go on.
FUZZ_SEEDS ?= 1000000
CRASH_SEEDS ?= 100000
DEMO_ARGS ?=
# What the gateway is measured beside.
LITELLM ?= litellm[proxy]==1.106.2

.PHONY: help demo test prepare lint unit tidy integration rules interop bench bench-litellm fuzz crash docs build

help: ## Lists the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-13s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: export PHAROS_STORAGE_PATH ?= data/demo
demo: build ## Builds a release binary and runs it with a simulated agent platform
	@exec target/release/pharos demo $(DEMO_ARGS)

# Only here: elsewhere a new revision would mean a new build of everything.
build: export PHAROS_REVISION ?= $(shell git rev-parse --short=12 HEAD 2>/dev/null || echo unknown)
build: export PHAROS_RUST_VERSION ?= $(shell rustc --version | cut -d ' ' -f 2)
build: ## Builds the release binary
	cargo build --release --locked --bin pharos

test: prepare lint unit tidy integration rules ## Installs what is missing, then runs everything

prepare: ## Installs the tools that the tests drive; says what it installs
	@scripts/prepare

lint: ## Formatting and clippy, warnings denied
	cargo fmt --check
	cargo clippy --locked --all-targets -- -D warnings
	@scripts/small

# The tools are there after `prepare`, so a test that needs one must not pass without it.
unit: export PHAROS_REQUIRE_TOOLS = 1
unit: ## Tests within the crate
	cargo test --locked --lib --bins --no-fail-fast
	cargo test --locked --test telemetry
	cargo test --locked --doc

tidy: ## The house style, executed
	cargo test --locked --test tidy

integration: export PHAROS_REQUIRE_TOOLS = 1
integration: build ## The real binary with real clients, Prometheus and Alertmanager
	@scripts/integration

interop: export PHAROS_REQUIRE_TOOLS = 1
interop: prepare build ## Only what drives real client libraries and servers
	@scripts/integration clients prometheus second_receiver

rules: ## Alert rules with their unit tests, dashboards, the files of the compose setup
	@scripts/rules

bench: bench-litellm ## Drives a release build over loopback and prints what it reached
	cargo bench --locked --bench pharos

bench-litellm: ## Installs LiteLLM's proxy into .venv-litellm, for the bench to measure beside the gateway
	@if [ -n "$${PHAROS_LITELLM:-}" ] || [ -x .venv-litellm/bin/litellm ]; then exit 0; fi; \
	echo "bench: installing $(LITELLM) from PyPI into .venv-litellm (some minutes)"; \
	{ python3 -m venv .venv-litellm \
	  && .venv-litellm/bin/pip install -q --disable-pip-version-check '$(LITELLM)'; } \
	|| { rm -rf .venv-litellm; echo "bench: that failed; LiteLLM is skipped"; }

fuzz: ## Mutated requests and files, long form
	PHAROS_SEEDS=$(FUZZ_SEEDS) cargo test --locked --release --lib -- mutated fuzz

crash: ## Lives and deaths of the store, long form: disks that forget, kill -9, damaged files
	PHAROS_SEEDS=$(CRASH_SEEDS) cargo test --locked --release --lib -- storage::log storage::block
	PHAROS_KILLS=100 PHAROS_SEARCH_PAGES=1000 scripts/integration crash
	PHAROS_SEEDS=1000 scripts/integration storage_faults

docs: ## Rewrites the references that are made from tables
	UPDATE=1 cargo test --locked --lib -- reference up_to_date
