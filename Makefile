PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin

.PHONY: help run test test-notebooks notebook-matrix check format clean

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

run: $(VENV)/run ## Serve on http://localhost:8000 (HOST, PORT and SLMGEN_VAR change where)
	$(BIN)/python manage.py up

test: $(VENV)/test ## Run the tests
	$(BIN)/python -m pytest -n auto

test-notebooks: $(VENV)/test .venv-trl/made .venv-unsloth/made ## Execute every notebook on tiny models
	$(BIN)/python -m pytest -m execution tests/notebooks/execution

notebook-matrix: $(VENV)/test .venv-trl/made .venv-unsloth/made ## Write docs/notebook-matrix.md
	SLMGEN_MATRIX=$(CURDIR)/docs/notebook-matrix.md $(BIN)/python -m pytest -m execution tests/notebooks/execution

# torch first: whatever build the machine has for it is good enough for tiny models.
.venv-%/made: notebooks/pins.toml $(VENV)/test
	$(PYTHON) -m venv .venv-$*
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check torch==2.13.0
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check $$($(BIN)/python -m notebooks.core.pins $* packages)
	.venv-$*/bin/python -m pip install --quiet --disable-pip-version-check --no-deps $$($(BIN)/python -m notebooks.core.pins $* plain)
	touch $@

check: $(VENV)/test ## Format, lint, import order, types, settings, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

format: $(VENV)/test ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the virtual environment (not your data under var/)
	rm -rf $(VENV) .venv-trl .venv-unsloth
