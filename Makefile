# Polaris. `make demo` and `make test` do their own set-up: Python 3.11+, pip, git and make are all they need.
SHELL := /bin/bash
PYTHON ?= python3
MAKEFLAGS += --no-print-directory # the last line that `make demo` and `make bench` print is their result
VENV := .venv
BIN := $(VENV)/bin
PY := $(BIN)/python
UV := .make/uv/bin/uv
SYNC := $(UV) pip sync --quiet --compile-bytecode --python $(PY) --require-hashes requirements/dev.txt
NPM := $(PY) -m core.node npm
NPM_X := $(PY) -m core.node npx
TYPESCRIPT := '**/*.ts' '**/*.tsx'
READY := .make/python.stamp .make/node.stamp .make/web.stamp

# Where a company's proxy has a certificate of its own, the machine's store knows it: npm takes both, uv is asked twice.
export NODE_USE_SYSTEM_CA := 1

PAGE := $(shell find web convex/_generated -type f -not -path 'web/dist/*')

.PHONY: help setup demo dev web shots test check format bench crash lock codegen clean
help: ## this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 10

setup: $(READY) ## install Python and Node packages from the committed locks

# uv makes the virtual environment: Debian's Python has no ensurepip, and its pip installs only with --target.
.make/python.stamp: requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Polaris needs Python 3.11 or newer: make PYTHON=…")'
	@mkdir -p .make
	@test -x $(UV) || $(PYTHON) -m pip install --quiet --root-user-action=ignore --disable-pip-version-check --target .make/uv 'uv==0.13.*'
	@test -x $(PY) || $(UV) venv --quiet --python "$$(command -v $(PYTHON))" $(VENV)
	@$(SYNC) 2>/dev/null || UV_SYSTEM_CERTS=1 $(SYNC)
	@$(UV) pip install --quiet --python $(PY) --offline --no-deps --no-build-isolation --editable .
	@$(PY) -m compileall -q app jobs agent tools llm store engine embedded_convex core # else the first start does it
	@touch $@

.make/node.stamp: package-lock.json .make/python.stamp
	@$(NPM) ci --silent
	@touch $@

# The web page, which the API serves.
.make/web.stamp: $(PAGE) .make/node.stamp
	@$(NPM_X) vite build web --logLevel warn
	@touch $@

# What others' platforms ship to their users: only tests call us with it.
CLIENTS := tests/support/clients
FOR_TESTS = $(if $(READY),$(READY) .make/clients.stamp .make/browser.stamp)
.make/clients.stamp: $(CLIENTS)/package-lock.json .make/node.stamp
	@$(NPM) ci --silent --prefix $(CLIENTS)
	@touch $@

# The browser in which tests look at the page.
BROWSER := tests/support/browser
.make/browser.stamp: $(BROWSER)/package-lock.json .make/node.stamp
	@$(NPM) ci --silent --ignore-scripts --prefix $(BROWSER)
	@touch $@

demo: $(READY) ## the main job, end to end; PROJECT=folder and DATA=folder are taken, WEB=1 stays open in a browser
	@$(PY) -m app.main demo $(if $(PROJECT),--project '$(PROJECT)') $(if $(DATA),--data '$(DATA)') $(if $(WEB),--web)

dev: $(READY) ## API, worker and embedded Convex in one process; stays up
	@$(BIN)/polaris dev

web: $(READY) ## the web page with hot reload, on the `polaris dev` that runs at API=http://127.0.0.1:8787
	@API=$(or $(API),http://127.0.0.1:8787) $(NPM_X) vite web

shots: $(FOR_TESTS) ## docs/ide.png and docs/run.png, the pictures of the README, taken of the product as it runs
	@$(PY) -m tests.web.shots

# T is one path, with `::name` if wanted: pytest or vitest runs, or both where a folder has tests of both. K without T
# asks pytest only. Neither is read from the environment, nor handed down to the `make` that a test may start.
T :=
K :=
MAKEOVERRIDES :=
unexport T K
PATH_OF_T = $(firstword $(subst ::, ,$(T)))
TESTS_LIKE = $(shell find '$(PATH_OF_T)' $(1) 2>/dev/null | head -n 1)
FOR_VITEST = $(if $(T),$(call TESTS_LIKE,-name '*.test.ts' -o -name '*.test.tsx'),$(if $(K),,all))
FOR_PYTEST = $(if $(T),$(if $(FOR_VITEST),$(call TESTS_LIKE,-name 'test_*.py'),all),all)
SPREAD = $(if $(wildcard $(or $(T),tests)/.),--numprocesses 3 --dist loadfile)

test: $(FOR_TESTS) ## the tests, the slowest ones named at the end; T=path K=name for some of them; THOROUGH=1 for all
	@failed=0; \
	$(if $(FOR_PYTEST),$(if $(THOROUGH),THOROUGH=1) $(PY) -m pytest $(SPREAD) --durations 40 $(if $(K),-k '$(K)') $(if $(T),'$(T)') || failed=$$?;) \
	$(if $(FOR_VITEST),$(PY) -m core.node npx vitest run $(if $(K),--testNamePattern '$(K)') $(if $(T),'$(PATH_OF_T)') || failed=$$?;) \
	exit $$failed

check: $(FOR_TESTS) ## format, lint, types, imports, TypeScript
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/basedpyright
	$(BIN)/lint-imports
	$(PY) -m core.node npx oxfmt --check $(TYPESCRIPT)
	$(PY) -m core.node npx oxlint
	$(PY) -m core.node npx tsc -p convex --noEmit
	$(PY) -m core.node npx tsc -p embedded_convex --noEmit
	$(PY) -m core.node npx tsc -p web --noEmit
	$(PY) -m core.node npx tsc -p bench --noEmit
	$(PY) -m core.node npx tsc -p tests/contracts/convex --noEmit
	$(PY) -m core.node npx tsc -p tests/convex --noEmit
	$(PY) -m core.node npx tsc -p tests/embedded_convex --noEmit
	$(PY) -m core.node npx tsc -p tests/app/http --noEmit
	$(PY) -m core.node npx tsc -p tests/web --noEmit
	$(PY) -m core.node npx tsc -p tests/support/clients --noEmit

format: $(READY) ## format Python and TypeScript
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(PY) -m core.node npx oxfmt $(TYPESCRIPT)

bench: $(FOR_TESTS) ## SUITE=agent|doors|engine|fairness|generate|github|start|store|stream|tools|web; the last line printed is one JSON object
	@$(PY) -m bench $(SUITE)

crash: $(READY) ## N=500 random jobs on each database, killed, stopped and cut off at random; SEED=text plays one again
	@$(PY) -m tests.crash.fuzz --n $(or $(N),100) $(if $(SEED),--seed '$(SEED)') --herd $(or $(HERD),0) --database $(or $(DATABASE),both)

codegen: $(READY) ## convex/_generated from convex/*.ts, offline
	$(PY) -m core.node npx convex codegen --system-udfs --typecheck disable

lock: $(READY) ## compile the locks again, without addresses
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --quiet pyproject.toml -o requirements/runtime.txt
	$(UV) pip compile --universal --generate-hashes --python-version 3.11 --quiet --group dev pyproject.toml -o requirements/dev.txt

clean: ## remove what set-up and runs leave behind
	rm -rf $(VENV) node_modules .make .polaris
