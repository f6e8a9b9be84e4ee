# Everything a person or CI does here. `make` alone lists it; what each needs is brought by scripts/setup.sh.

SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
.PHONY: help setup setup-bench up test check fmt bench bench-call bench-gateway bench-faults fuzz simulate clean page

# What the machine has comes before what setup brought.
export PATH := $(PATH):$(CURDIR)/.tools/bin:$(CURDIR)/web/node_modules/.bin

# Passed on: make up ARGS="--replicas writing-analysis=3"
ARGS ?=
BUILT := $(abspath $(or $(CARGO_TARGET_DIR),target))
HAS_NEXTEST := $(shell command -v cargo-nextest >/dev/null && echo yes)

help: ## list what there is
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  \033[1mmake %-12s\033[0m %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

setup: ## find or bring Consul, Chromium, npm packages, crates, grpcurl
	@scripts/setup.sh

setup-bench: setup ## the same, and what `make bench` measures with: wrk, h2load, Envoy
	@scripts/setup.sh bench

up: setup ## run the whole fabric on this machine, with its page (ARGS="--replicas writing-analysis=3")
	cargo build --locked --release -p lyceum-cli
	@$(MAKE) --no-print-directory page
	@exec $(BUILT)/release/lyceum up $(ARGS)

page:
	@cd web && npm run --silent build

# The page is built first, because the gateway's tests serve it; the browser's tests come last and drive the binary.
test: setup page ## every test: Rust against a real Consul, documentation, the page in a real browser
ifeq ($(HAS_NEXTEST),yes)
	cargo nextest run --locked --workspace --all-features --no-fail-fast $(ARGS)
else
	cargo test --locked --workspace --all-features --lib --bins --tests --no-fail-fast $(ARGS)
endif
	cargo test --locked --workspace --all-features --doc --quiet
	cargo build --locked --workspace --all-features --bins
	cargo build --locked -p lyceum --features testing --example probe
	cd web && LYCEUM_BINARY="$(BUILT)/debug/lyceum" npm test

check: ## formatting, lints, contracts, dependencies, the page, prose: all that decays without a checker
	@scripts/setup.sh consul packages crates contracts linters
	@scripts/check.sh

fmt: ## format Rust and the page
	cargo fmt --all
	cd web && npm run --silent format

bench: setup-bench ## what the figures in docs/benchmarks.md rest on
	cargo bench --locked --workspace --all-features $(ARGS)

bench-call: setup ## calls through the fabric's client beside tonic's own channels: CPU, throughput, p99
	cargo bench --locked -p lyceum --features testing --bench call

bench-gateway: setup-bench ## the gateway beside Envoy: CPU a request, memory (ARGS="unary json"; all cases unless told)
	cargo build --locked --release -p lyceum-cli
	cargo build --locked --release -p lyceum --features testing --example probe
	@LYCEUM_BUILT="$(BUILT)/release" ENVOY="$(CURDIR)/.tools/bin/envoy" node benches/gateway/main.mjs $(ARGS)

bench-faults: setup ## kill -9, rolling restart, one slow of five, a crowd: what callers see (ARGS="kill slow")
	cargo bench --locked -p lyceum --features testing --bench faults -- $(ARGS)

fuzz: ## every parser of strangers' bytes, 20 s each (ARGS="frames", SECONDS=60)
	@scripts/setup.sh crates fuzzing
	@SECONDS_EACH="$(or $(SECONDS),20)" scripts/fuzz.sh $(ARGS)

# With arguments of one's own the charts stay as they are, so that they always show every case.
simulate: ## balancing beside its peers on a virtual clock, one table and docs/charts (ARGS="--help" tells more)
	@cargo run --quiet --locked --profile simulation -p lyceum-simulation --bin simulate -- $(or $(ARGS),--charts docs/charts)

clean: ## remove what was built; what setup brought stays
	cargo clean
	rm -rf web/dist web/src/generated
