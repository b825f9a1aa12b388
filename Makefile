# Every command of the project. `make run` and `make test` need nothing but Python 3.11 to 3.13 and this checkout.
.DEFAULT_GOAL := help
.PHONY: help setup run test lint format ui docs bench bench-serving bench-recommender bench-scores bench-risk bench-outlook lock clean

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready

help: ## Show the commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /make \1\t/' | expand -t 20

$(READY): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(0 if (3, 11) <= v <= (3, 13) else f"Python 3.11 to 3.13 is needed, this is {v[0]}.{v[1]}: make PYTHON=python3.12 …")'
	@echo "Installing the locked dependencies into $(VENV) (once, a minute or two)"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes --only-binary :all: -r requirements.lock
	@$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $(READY)

setup: $(READY) ## Create .venv from requirements.lock

run: setup ## Run the main job: on the local Postgres with sample data, or on SUPABASE_DB_URL
	@$(BIN)/tlu load sample --if-needed
	@$(BIN)/tlu run

test: setup lint ## Lint, types and all tests
	@$(BIN)/pytest $(PYTEST_ARGS)

lint: setup ## Ruff, mypy and sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --processes 2 dbt_project/models dbt_project/tests

format: setup ## Format Python and fix what ruff can fix
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

ui: setup ## Open the Dagster UI on 127.0.0.1:3000
	@$(BIN)/tlu ui

docs: setup ## Write docs/data_contract.md and the dbt docs with lineage, .tlu/dbt/static_index.html
	@$(BIN)/python -m orchestration.raw_contract > docs/data_contract.md
	@$(BIN)/tlu docs

bench: setup ## Time the warehouse on 50 000 students, in a home of its own: half an hour, 12 GB of disk
	@export TLU_HOME="$(CURDIR)/.tlu/bench"; $(BIN)/tlu load sample --students 50000 --if-needed \
		&& $(BIN)/python -m benchmarks.warehouse && $(BIN)/tlu down

bench-serving: setup ## Time what the app reads and the publisher writes, for a million students: three quarters of an hour
	@export TLU_HOME="$(CURDIR)/.tlu/bench"; $(BIN)/python -m benchmarks.serving && $(BIN)/tlu down

bench-recommender: setup ## Rank and time the recommender beside ALS, on a public set and on a million made-up students
	@$(BIN)/pip install --quiet --no-deps --target .tlu/bench/packages \
		implicit==0.7.3 sparse_dot_topn==1.2.0 recbole==1.2.1
	@PYTHONPATH=.tlu/bench/packages OPENBLAS_NUM_THREADS=1 $(BIN)/python -m benchmarks.recommender

bench-scores: setup ## Time the score predictor beside statsmodels, on a million made-up series
	@$(BIN)/python -m benchmarks.score_prediction

bench-risk: setup ## Hold the risk beside the app's old formula, on 200 students of the last run
	@$(BIN)/python -m benchmarks.subject_risk

bench-outlook: setup ## Compare the outlook by groups of learners: needs OULAD loaded, and OULAD=FOLDER
	@$(BIN)/python -m benchmarks.outlook fairness "$(OULAD)" 2013-11-30 2014-01-29 2014-04-02 2014-06-01

lock: ## Resolve pyproject.toml into requirements.lock again (needs uv)
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-strip-extras \
		--extra dev pyproject.toml -o requirements.lock --quiet

clean: ## Stop the local database and delete all state, .venv included
	@if [ -x $(BIN)/tlu ]; then $(BIN)/tlu down --delete; fi
	rm -rf .tlu $(VENV) build *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis
