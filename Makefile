# Commands of the project. `make` lists them.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
# One more than the two cores of a small machine: a test often waits for the processes that it has started.
JOBS ?= 3
# Containers often forbid bytecode files. Without them each test process compiles all modules: twice the time to collect the tests.
unexport PYTHONDONTWRITEBYTECODE
PARALLEL := -n $(JOBS) --dist loadgroup --no-loadscope-reorder

.DEFAULT_GOAL := help
.PHONY: help setup binaries demo test attacks eyes kstatus flux pictures krew unit local azure bench faults lint crds traits docs lock clean

help: ## list the commands; times are of two cores, idle to busy
	@grep -hE '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 12

.venv/.done: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or newer is needed; this is $$($(PYTHON) --version)" >&2; exit 1; }
	@command -v kubectl >/dev/null || { echo "kubectl is not on the PATH: https://kubernetes.io/docs/tasks/tools/" >&2; exit 1; }
	@echo "[setup] Python packages (one to ten minutes, once)"
	@$(PYTHON) -m venv .venv
	@set -o pipefail; $(BIN)/python -m pip install --require-hashes -r requirements/dev.txt | awk '/^Collecting / && ++n % 20 == 0 {print "[setup] " n " packages"; fflush()} /^Installing / {print "[setup] installs them"; fflush()}'
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation -e .
	@touch $@

.venv/.docs: requirements/docs.txt .venv/.done
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/docs.txt
	@touch $@

binaries: .venv/.done
	@$(BIN)/python -m sandbox.kubernetes.binaries

setup: binaries ## .venv, tools and binaries (cached in ~/.cache/notebook-platform), with progress

demo: setup ## the main job: an empty (simulated) subscription becomes a Ready JupyterHub
	@$(BIN)/python -m sandbox.demo

test: setup ## unit and integration tests, and azure-cli against the simulator
	@$(BIN)/python -m pytest $(PARALLEL)

.venv/.eyes: requirements/eyes.txt .venv/.done
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/eyes.txt
	@touch $@

EYES := $(HOME)/.cache/notebook-platform/eyes

eyes: setup .venv/.eyes ## rules and dashboards on a real Prometheus that scrapes a real operator, docs/pictures/dashboard-*.svg; three to ten minutes, and up to ten more once to build it
	@cd tests/eyes/build && CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" go build -trimpath -tags remove_all_sd -ldflags "-s -w" \
	  -o $(EYES)/ github.com/prometheus/prometheus/cmd/promtool github.com/prometheus/prometheus/cmd/prometheus
	@$(EYES)/promtool check rules deploy/monitoring/rules.yaml deploy/monitoring/hub-rules.yaml
	@$(EYES)/promtool test rules tests/eyes/faults.yaml tests/eyes/healthy.yaml tests/eyes/hubs.yaml
	@$(BIN)/python -m tests.eyes.backoff
	@$(BIN)/python -m tests.eyes.grafana
	@$(BIN)/python -m tests.eyes
	@$(BIN)/python -m tests.eyes.pictures

kstatus: setup ## the status of a platform in every phase of its life, by cli-utils' own Go code (Flux) and by health.lua (Argo CD); two to eight minutes
	@cd tests/kstatus/build && CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" go build -trimpath -ldflags "-s -w" \
	  -o $(HOME)/.cache/notebook-platform/kstatus/kstatus .
	@$(BIN)/python -m tests.kstatus $(HOME)/.cache/notebook-platform/kstatus/kstatus

FLUX := $(HOME)/.cache/notebook-platform/flux

flux: setup ## Flux itself brings an empty management cluster to a Ready hub by docs/gitops.md, with a Secret of SOPS; needs Go; one minute, and up to ten more once to build it
	@cd tests/flux/build && CGO_ENABLED=0 GOFLAGS="-mod=readonly -buildvcs=false" go build -trimpath -ldflags "-s -w" -o $(FLUX)/ \
	  github.com/fluxcd/kustomize-controller github.com/fluxcd/source-controller github.com/getsops/sops/v3/cmd/sops filippo.io/age/cmd/age-keygen
	@$(BIN)/python -m tests.flux $(FLUX) $$(cd tests/flux/build && go list -m -f '{{.Dir}}/config/crd/bases' github.com/fluxcd/kustomize-controller github.com/fluxcd/source-controller)

krew: .venv/.done ## the kubectl plugin's archive for this machine, installed by krew's own code and run by kubectl; needs Go; two to twenty minutes, and about ten more the first time
	@$(BIN)/python -m tests.krew build/krew

pictures: setup ## docs/pictures: what the commands and kubectl print on the sandbox, as SVG by Rich; two to ten minutes
	@$(BIN)/python -m tests.pictures

attacks: setup ## the long attacks of tests/security on the whole operator, beside those of `make test`
	@$(BIN)/python -m pytest tests/security -m attack $(PARALLEL)

unit: .venv/.done ## tests on plain data, with 10 examples of each property instead of 100; half a minute to two minutes
	@$(BIN)/python -m pytest tests/unit --hypothesis-profile quick $(PARALLEL)

local: .venv/.done ## tests with servers on loopback, other processes and waits
	@$(BIN)/python -m pytest tests/local --hypothesis-profile quick $(PARALLEL)

azure: .venv/.done ## the Azure steps and the commands against the simulated Azure
	@$(BIN)/python -m pytest tests/azure $(PARALLEL)

bench: .venv/.done ## figures of reads, writes and reconciles against the simulator (build/bench.json)
	@$(BIN)/python -m tests.bench

faults: .venv/.done ## every kind of call to Azure with every kind of fault, a kill after every write, a fleet under random faults; 8 to 25 minutes
	@$(BIN)/python -m tests.faults

lint: .venv/.done ## ruff, mypy --strict, the arrows between packages, rules of the API, CRD and docs as the code has them, banned words, workflows
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/lint-imports
	@$(BIN)/python -m notebook_platform.api.crd_lint
	@$(BIN)/notebook-platform crd | diff - crds/notebookplatforms.notebookplatform.io.yaml
	@$(BIN)/python -m docs.generator --check
	@$(BIN)/python -m docs.prose
	@cd tests/actionlint && "$$($(CURDIR)/$(BIN)/python -c 'from sandbox.kubernetes.binaries import find_go; print(find_go())')" tool actionlint -no-color \
	  $(CURDIR)/.github/workflows/*.yaml $(CURDIR)/deploy/gitops/plan/github-workflow.yaml

crds: .venv/.done ## write crds/ from operator/notebook_platform/api
	@$(BIN)/python -m notebook_platform.api.crd crds

traits: .venv/.done ## write the table of traits from the real classes of each chart generation's hub
	@$(BIN)/python -m tests.hub.generations

docs: .venv/.docs ## write docs/reference, the drawing of the steps, the rendered files of deploy/; lower docs/prose-baseline.txt
	@$(BIN)/python -m docs.generator
	@$(BIN)/python -m docs.prose --tighten
	@$(BIN)/python -m docs.site
	@$(BIN)/zensical build --strict --clean --config-file build/zensical.toml

lock: ## choose the newest versions that pyproject.toml allows, with hashes
	@uv pip compile pyproject.toml --extra dev --extra otel --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -q -o requirements/dev.txt
	@uv pip compile pyproject.toml --extra otel --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -q -o requirements/operator.txt
	@uv pip compile --group docs -c requirements/dev.txt --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -q -o requirements/docs.txt
	@uv pip compile --group eyes -c requirements/dev.txt --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -q -o requirements/eyes.txt
	@printf 'jupyterhub==5.5.*\noauthenticator==17.4.*\njupyterhub-kubespawner==7.0.*\njupyterhub-idle-culler>=1.4,<2\n' | uv pip compile - --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -q -o requirements/hub.txt
	@for set in '0.11 1.3.0 0.12.3 0.15.0' '1 1.5.0 14.2.0 1.1.0' '2 3.0.0 15.1.0 4.2.0' '3 4.1.6 16.3.1 6.2.0'; do set -- $$set; \
	  printf "jupyterhub==$$2\noauthenticator==$$3\njupyterhub-kubespawner==$$4\n" | uv pip compile - --no-deps --generate-hashes --no-annotate --no-emit-index-url --no-emit-find-links --no-header --python-version 3.11 -q -o requirements/hub-$$1.txt; done

clean: ## remove the virtual environment (the cache outside stays)
	@rm -rf .venv
