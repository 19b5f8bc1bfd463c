# The main commands are `make demo` and `make test`; both set up the environment themselves.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
AIRFLOW := .venv-airflow/.ready
# The first Python 3.12 that works: the one on the PATH may be a pyenv shim without an installation.
PYTHON312 ?= $(shell for p in python3.12 "$${PYENV_ROOT:-$$HOME/.pyenv}"/versions/3.12*/bin/python3.12; do \
	"$$p" -c "" 2>/dev/null && echo "$$p" && break; done)

.DEFAULT_GOAL := help
.PHONY: help setup airflow demo test slow cluster soak lint format bench lock adapters wheel reference docs reports acceptance clean

help:  ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F':.*## ' '{printf "  make %-10s %s\n", $$1, $$2}'

setup: $(STAMP)  ## create .venv from the lock files

$(STAMP): requirements/dev.txt pyproject.toml
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if v in ((3, 11), (3, 12)) else f"Python 3.11 or 3.12 is needed, {sys.executable} is {v[0]}.{v[1]}: run make PYTHON=python3.12 …")'
	@echo "Setting up $(VENV) from requirements/dev.txt (takes a few minutes the first time) …"
	@$(PYTHON) -m venv $(VENV)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $(STAMP)

airflow: $(AIRFLOW)  ## create Airflow's environment, .venv-airflow (Python 3.12)

$(AIRFLOW): requirements/airflow.txt
	@if [ -z "$(PYTHON312)" ]; then \
		echo "No Python 3.12 found, so .venv-airflow is not created and the DAG tests are skipped. To set it: make PYTHON312=/path/to/python3.12 airflow"; \
	else \
		echo "Setting up .venv-airflow from requirements/airflow.txt (takes a minute or two the first time) …" && \
		$(PYTHON312) -m venv .venv-airflow && \
		.venv-airflow/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements/airflow.txt && \
		touch $(AIRFLOW) || echo "Airflow could not be installed: the DAG tests will be skipped."; \
	fi

# The backtesting libraries' requirements conflict, so each group has its own environment.
ADAPTERS := light freqtrade nautilus
ADAPTER_STAMPS := $(ADAPTERS:%=.venv-adapters-%/.ready)

adapters: $(STAMP) $(ADAPTER_STAMPS)  ## run the real backtesting libraries on a pinned snapshot (Python 3.12)
	@MDW_REQUIRE="$${MDW_REQUIRE-recordings}" $(BIN)/python -m pytest -m adapters tests/adapters

.venv-adapters-%/.ready: requirements/adapters-%.txt
	@test -n "$(PYTHON312)" || { echo "No Python 3.12 found: make PYTHON312=/path/to/python3.12 adapters"; exit 1; }
	@echo "Setting up .venv-adapters-$* from $< (takes a few minutes the first time) …"
	@$(PYTHON312) -m venv .venv-adapters-$*
	@.venv-adapters-$*/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r $<
	@touch $@

demo: $(STAMP)  ## the whole pipeline on a synthetic market: land, build, audit, publish, backtest
	@$(BIN)/mdw demo

test: $(STAMP) $(AIRFLOW)  ## all tests but the slow ones and the soak runs
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "not slow and not soak and not adapters"

slow: $(STAMP) $(AIRFLOW)  ## the whole-pipeline tests that take minutes each; .ci/run runs them after `make test`
	@$(BIN)/python -m pytest -n 2 --dist loadfile -m "slow and not soak and not adapters"

# A cluster of two nodes: MDW_TEST_CLUSTER_A and _B, otherwise the kit next to the project, started for this run.
cluster: $(STAMP)  ## the tests of the cluster variant; fault runs: ARGS="-m soak"
	@PYTHON=$(BIN)/python tests/cluster/run.sh $(ARGS)

soak: $(STAMP) $(AIRFLOW)  ## long fault-injection and soak runs
	@$(BIN)/python -m pytest -m soak

lint: $(STAMP)  ## ruff, mypy, sqlfluff
	@$(BIN)/ruff check .
	@$(BIN)/ruff format --check .
	@$(BIN)/mypy
	@$(BIN)/sqlfluff lint --config dbt_project/.sqlfluff --processes 2 dbt_project/models dbt_project/tests
	@$(BIN)/python dbt_project/lint_macros.py

format: $(STAMP)  ## format the Python code
	@$(BIN)/ruff check --fix .
	@$(BIN)/ruff format .

bench: $(STAMP)  ## run the benchmarks; results go to docs/performance.md
	@$(BIN)/python -m benchmarks

wheel: $(STAMP)  ## the wheel of alphaforge_data alone, in dist/
	@cd alphaforge_data && ../$(BIN)/python -m hatchling build -t wheel -d ../dist

reference: $(STAMP)  ## docs/sdk_reference.md from the docstrings of alphaforge_data
	@$(BIN)/python -m alphaforge_data.reference > docs/sdk_reference.md

docs: $(STAMP)  ## the data catalog as one static file
	@$(BIN)/mdw docs

reports: $(STAMP)  ## data quality report, data catalog, and Elementary's report if it recorded builds
	@$(BIN)/mdw report
	@$(BIN)/mdw docs

# Only a local deployment needs its own Airflow.
HERE := $(if $(or $(MDW_CLICKHOUSE_URL),$(findstring --aws,$(ARGS)),$(findstring --airflow,$(ARGS))),,yes)
acceptance: $(STAMP) $(if $(HERE),$(AIRFLOW))  ## check the seven acceptance criteria; without ARGS="--aws NAME" on a local deployment
	@$(BIN)/mdw acceptance $(if $(HERE),--local) --out dist/acceptance.md $(ARGS)

lock:  ## recompile the lock files (needs uv)
	uv pip compile pyproject.toml --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -o requirements/main.txt
	uv pip compile pyproject.toml --extra dev --universal --python-version 3.11 --generate-hashes --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -c requirements/main.txt -o requirements/dev.txt
	uv pip compile requirements/airflow.in --python-version 3.12 --generate-hashes --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -o requirements/airflow.txt
	for name in $(ADAPTERS); do uv pip compile requirements/adapters-$$name.in --python-version 3.12 --generate-hashes --no-annotate \
		--no-emit-index-url --no-emit-find-links --custom-compile-command "make lock" -o requirements/adapters-$$name.txt; done

clean:  ## remove environments and caches, but not the data
	rm -rf $(VENV) .venv-airflow .venv-adapters-* .pytest_cache .mypy_cache .ruff_cache
