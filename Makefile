PYTHON ?= python3
BIN := .venv/bin

# Without compiled files each of the tests' processes compiles torch anew: ten seconds and more.
unexport PYTHONDONTWRITEBYTECODE
# As many tests run at once as there are processors: each takes one.
ALONE := OMP_NUM_THREADS=1 LOKY_MAX_CPU_COUNT=1

# uv installs in a seventh of pip's time; where it cannot be had, or reaches no index, pip does it.
PIP := python -m pip install --quiet --no-compile --disable-pip-version-check
ALL := --editable '.[dev]'

.PHONY: demo test quick coverage platforms docs release bench lint clean

demo: .venv/ready
	$(BIN)/alasl demo

test: .venv/ready
	$(BIN)/ruff format --check src tests benchmarks scripts
	$(BIN)/ruff check src tests benchmarks scripts
	$(BIN)/mypy
	$(BIN)/biome ci --error-on-warnings
	$(ALONE) $(BIN)/pytest -n 2 --dist worksteal --durations=20

quick: .venv/ready
	$(ALONE) $(BIN)/pytest --quick -n 2 --dist worksteal

coverage: .venv/ready
	$(ALONE) $(BIN)/pytest -m "not slow" -n 2 --dist worksteal --cov --cov-report=term:skip-covered

platforms: .venv/ready
	$(BIN)/mypy --platform win32
	$(BIN)/mypy --platform darwin

docs: .venv/ready
	$(BIN)/mkdocs build --strict

release: .venv/ready
	$(BIN)/python scripts/release.py

bench: .venv/ready
	$(BIN)/python -m benchmarks

lint: .venv/ready
	$(BIN)/ruff format src tests benchmarks scripts
	$(BIN)/ruff check --fix src tests benchmarks scripts
	$(BIN)/mypy
	$(BIN)/biome check --write --error-on-warnings

.venv/ready: pyproject.toml
	$(PYTHON) -m venv .venv
	($(BIN)/$(PIP) uv && $(BIN)/uv pip install --quiet --python $(BIN)/python $(ALL)) || $(BIN)/$(PIP) $(ALL)
	touch $@

clean:
	rm -rf .venv runs build dist
