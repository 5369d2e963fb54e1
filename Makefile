# Everything a newcomer needs: `make demo` and `make test`. Both set up `.venv` from the lock first.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

.PHONY: setup demo test chaos check lint types imports format bench lock clean

setup: $(VENV)/.ready

$(VENV)/.ready: requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit("Python 3.11 or newer is needed; set PYTHON=…") if sys.version_info < (3, 11) else None'
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r requirements.lock
	$(BIN)/pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

demo: setup
	$(BIN)/gateway demo $(ARGS)

test: setup
	$(BIN)/pytest -n 2 --dist worksteal $(ARGS)

# Hurts real gateways while they work and checks what was promised; docs/reliability.md.
chaos: setup
	$(BIN)/python -m chaos $(ARGS)

check: lint types imports test

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: setup
	$(BIN)/mypy

imports: setup
	$(BIN)/lint-imports

format: setup
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

# See docs/performance.md; for example ARGS="--rounds 5 --stores sqlite", ARGS="--files".
bench: setup
	$(BIN)/python -m benchmarks $(ARGS)

# Needs uv; the lock carries hashes and markers for every platform, and no index address.
lock:
	$(PYTHON) -c 'import tomllib; p = tomllib.load(open("pyproject.toml", "rb")); print(*p["project"]["dependencies"], *p["dependency-groups"]["dev"], sep="\n")' \
	  | uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate -o requirements.lock -

clean:
	rm -rf $(VENV) var build *.egg-info .mypy_cache .pytest_cache .ruff_cache
