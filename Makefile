# Everything that a new machine needs is made here: the virtual environment, the cluster's binaries (once per machine).
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
IMAGE ?= platelet:0.1.0
export PYTHONPATH := operator:.

.PHONY: help demo test mutants bench check lint types contracts hooks changelog crds lock cluster cluster-down image clean

help: ## Show this list
	@grep -E '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## (.*)/  make \1\t\2/; s/[$$][$$]/$$/' | expand -t 24

$(READY): requirements-dev.txt
	@echo "making the virtual environment $(VENV)" >&2
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.txt
	@touch $@

demo: $(READY) ## Watch platelet heal, on a cluster of its own (about 3 minutes; the first time builds the cluster)
	@$(BIN)/python -m tests.demo

test: $(READY) ## Run every test, tier by tier (about an hour)
	@$(BIN)/python -m tests.tiers

mutants: $(READY) ## Plant each defect of tests/mutants in turn, and check that a test catches it (half an hour)
	@$(BIN)/python -m tests.mutants

bench: $(READY) ## Measure beside a Go operator with the same durable writes (10 minutes); one row: python -m tests.bench --only heal
	@$(BIN)/python -m tests.bench

check: $(READY) lint types contracts ## Lint, types, import contracts, contract tests

lint: $(READY)
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check --quiet . || { echo "run: $(BIN)/ruff format ." >&2; exit 1; }

types: $(READY)
	@$(BIN)/mypy

contracts: $(READY)
	@$(BIN)/lint-imports --no-cache
	@$(BIN)/python -m pytest -q tests/contracts

hooks: $(READY) ## Run make check before each commit
	@$(BIN)/pre-commit install

changelog: $(READY) ## Show what is new since the last release; VERSION=0.2.0: write it into CHANGELOG.md
	@$(BIN)/towncrier build $(if $(VERSION),--yes --version $(VERSION),--draft --version unreleased)

crds: $(READY) ## Generate crds/, the rights and the commands' help from the code
	@$(BIN)/python -m platelet.cli.generated .

lock: ## Update the hash-locked requirements
	@uv pip compile -q --generate-hashes --no-header --no-emit-index-url --no-annotate requirements.in -o requirements.txt
	@uv pip compile -q --generate-hashes --no-header --no-emit-index-url --no-annotate requirements-dev.in -c requirements.txt -o requirements-dev.txt

cluster: $(READY) ## Start a cluster in the background: eval "$$(make -s cluster)"; KIND=1: with kind and real containers
ifeq ($(KIND),1)
	@kind create cluster --name platelet --kubeconfig build/kind.kubeconfig --wait 2m >&2
	@echo "export KUBECONFIG=$(CURDIR)/build/kind.kubeconfig"
else
	@$(BIN)/python -m tests.cluster up
endif

cluster-down: $(READY) ## End that cluster; KIND=1: the one made with kind
ifeq ($(KIND),1)
	@kind delete cluster --name platelet --kubeconfig build/kind.kubeconfig
else
	@$(BIN)/python -m tests.cluster down
endif

image: ## Build the operator's image with Docker: make image IMAGE=registry.example.com/platelet:0.1.0
	docker build --tag $(IMAGE) .

clean: ## Remove what was made here; the cluster's binaries stay in the user's cache
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache .hypothesis build
