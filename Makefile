PYTHON ?= python3
VENV ?= .venv
BIN = $(VENV)/bin
DATA ?= ../shared/data

.PHONY: help run test check bench format lock clean

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

check: $(VENV)/test ## Format, lint, import order, types, settings, migrations
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/python manage.py check --fail-level WARNING
	$(BIN)/python manage.py makemigrations --check --dry-run

bench: $(VENV)/test ## Measure the data engine (DATA: a folder of small datasets)
	$(BIN)/python benchmarks/engine.py $(DATA)

format: $(VENV)/test ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean: ## Remove the virtual environment (not your data under var/)
	rm -rf $(VENV)
