PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
# Small datasets to measure with: those of SLMGEN_REAL_DATA, or else what the tests make.
DATA ?= $(SLMGEN_REAL_DATA)

.PHONY: help native native-check run test test-real-data test-services test-crash test-load test-browser pictures test-notebooks notebook-matrix known check bench format clean

help: ## Show what there is
	@grep -E '^[a-z-]+:.*## ' Makefile | sed 's/:.*## /\t/' | sort

$(VENV)/run: requirements.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	touch $@

$(VENV)/test: requirements-dev.lock
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements-dev.lock
	touch $@ $(VENV)/run

native: $(VENV)/run ## Compile what makes large files faster, if cargo is there
	@$(BIN)/python native/build.py

native-check: ## Test it, lint it and check its format, if cargo is there with clippy and rustfmt
	@if ! { command -v cargo && command -v cargo-clippy && command -v cargo-fmt; } >/dev/null; then \
	  echo "Native code is not checked: cargo, clippy or rustfmt is missing."; else \
	  cd native && cargo test --quiet --offline --locked && \
	  cargo clippy --quiet --offline --locked --all-targets -- -D warnings && \
	  cargo fmt --check; fi

run: native ## Serve on http://localhost:8000 (HOST, PORT and SLMGEN_VAR change where)
	$(BIN)/python manage.py up

CORES = datasets/core recommender/core notebooks/core jobs/core
COVERED = $(CORES:%=--cov=%) --cov-report=term-missing:skip-covered --cov-fail-under=95

test: $(VENV)/test native ## Run the tests (COVERAGE=1: they must cover 95 % of the cores)
	$(BIN)/python -m pytest -n auto $(if $(COVERAGE),$(COVERED))

test-real-data: $(VENV)/test native ## Run those of them that read the datasets of SLMGEN_REAL_DATA
	$(BIN)/python -m pytest -n auto -m "real_data and not execution and not browser"

test-services: $(VENV)/test native ## Run the tests on PostgreSQL with Redis, Celery and an S3 server
	SLMGEN_STORAGE=s3 SLMGEN_TASKS=celery $(BIN)/python tests/with_services.py \
	  $(BIN)/python -m pytest -n auto --with-services

test-crash: $(VENV)/test native ## Kill web and worker at every step (TIMES, default 12) and write docs/reliability.md
	$(BIN)/python tests/crash/run.py --times $(or $(TIMES),12)

test-browser: $(VENV)/test native ## Walk through the pages in Debian's chromium (CHROMIUM names another)
	$(BIN)/python -m pytest -m browser tests/browser

NOTEBOOK_TESTS = $(BIN)/python -m pytest -m execution tests/notebooks/execution
NOTEBOOK_VENVS = $(VENV)/test .venv-trl/made .venv-unsloth/made .venv-trl/llama.cpp

test-notebooks: $(NOTEBOOK_VENVS) ## Execute notebooks on tiny models (MODELS="five" or slugs; default all)
	SLMGEN_TEST_MODELS="$(MODELS)" $(NOTEBOOK_TESTS)

notebook-matrix: $(NOTEBOOK_VENVS) ## Execute them all and write docs/notebook-matrix.md
	SLMGEN_MATRIX=$(CURDIR)/docs/notebook-matrix.md $(NOTEBOOK_TESTS)

pictures: $(VENV)/test native ## Take the pictures of every page that the documents show, docs/images
	$(BIN)/python -m tests.browser.pictures docs/images

known: $(NOTEBOOK_VENVS) ## Write notebooks/known.json, after a change of notebooks/pins.toml
	SLMGEN_WRITE_KNOWN=1 $(NOTEBOOK_TESTS)/test_environments.py

# An environment for a backend is made as a notebook makes it: the install cell runs on a
# machine that has what Colab's image has. torch comes first, in whatever build is at hand.
VERSIONS = $(BIN)/python -c "import tomllib; print(*tomllib.load(open('notebooks/pins.toml', 'rb'))['tests']['$(1)'])"
CELLS = $(BIN)/python tests/notebooks/execution/cells.py
PIP = bin/python -m pip --quiet --disable-pip-version-check

.venv-%/made: notebooks/pins.toml | $(VENV)/test
	rm -rf .venv-$*
	$(PYTHON) -m venv .venv-$*
	.venv-$*/$(PIP) install $$($(call VERSIONS,before))
	$(CELLS) $* install | .venv-$*/bin/python -
	.venv-$*/$(PIP) install $$($(call VERSIONS,after))
	touch $@

.venv-trl/llama.cpp: .venv-trl/made
	rm -rf $@ $@-source
	(echo 'import os, shutil; GGUF = ""'; $(CELLS) trl gguf; echo 'fetch_converter()') | (cd .venv-trl; bin/python -)
	touch $@

check: $(VENV)/test native-check ## Format, lint, spelling, import order, types, settings, migrations, native code
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/typos
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: $(VENV)/test native ## Measure the data engine (DATA: a folder of small datasets, default our own)
	$(BIN)/python benchmarks/engine.py $(DATA)

test-load: $(VENV)/test native ## Many at once: uploads, slow senders, requests, workers; prints a table
	$(BIN)/python benchmarks/load.py

format: $(VENV)/test ## Format the code
	$(BIN)/ruff format .
	if command -v cargo >/dev/null; then cd native && cargo fmt; fi
	$(BIN)/ruff check --fix .

clean: ## Remove the virtual environment (not your data under var/)
	rm -rf $(VENV) .venv-trl .venv-unsloth native/target* native/*.so
