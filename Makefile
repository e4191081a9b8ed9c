# Every target makes .venv by itself, with python3 (3.11 or later) and the versions in constraints.txt, and uses it again.
# The package is installed from this folder; an edit to it installs it again, compiling only what changed.

PYTHON ?= python3
VENV ?= .venv
OUT ?= demo-out
SECONDS ?= 60

BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip install -qq --disable-pip-version-check --constraint constraints.txt
SOURCES := pyproject.toml CMakeLists.txt $(wildcard native/*.cpp native/*.h) \
	$(shell find src -type f -not -path '*/__pycache__/*' -not -path '*/viewer_dist/*' \
		-not -name '*.so' -not -name '*.dylib' -not -name '*.dll')
VIEWER := viewer/package.json viewer/build.mjs viewer/index.html $(shell find viewer/src -type f)


# Debian's packages with the browsers and the web server that tests use where they are.
BROWSERS := chromium firefox-esr webkit2gtk-driver xvfb nginx-light

.PHONY: help demo test browsers bench format fuzz native clean

help:
	@echo 'make demo     encode the bundled photo, show and measure its prefixes in $(OUT)/'
	@echo 'make test     formatting, lint, types and all tests'
	@echo 'make bench    run every benchmark; tables go to benchmarks/results/'
	@echo 'make format   format the sources'
	@echo 'make fuzz     feed damaged files to everything that reads bytes, SECONDS=60 for each target'
	@echo 'make native   compile the kernels into src/ (then PYTHONPATH=src works without installing)'
	@echo 'make clean    remove what was made, except $(VENV)/'

demo: $(VENV)/demo.stamp
	@$(BIN)/python demo/demo.py --out $(OUT)

test: $(VENV)/dev.stamp tests/interop/node_modules browsers
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy --strict src
	@if [ -d viewer/node_modules/vitest ]; then set -ex; cd viewer; \
		npm run --silent lint; npm run --silent typecheck; npm run --silent test; fi
	$(BIN)/python -m pytest

# Only in CI, where nobody else looks after the machine. Without them their tests are skipped.
browsers:
	@if [ "$(CI)" = true ] && [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null && \
		! (which chromium firefox WebKitWebDriver Xvfb nginx >/dev/null); then \
		echo 'Installing $(BROWSERS) ...'; \
		{ apt-get -qq update && DEBIAN_FRONTEND=noninteractive apt-get -qq install --no-install-recommends $(BROWSERS); } \
		>/dev/null 2>&1 || echo 'apt-get cannot install them: their tests are skipped.'; fi

bench: $(VENV)/dev.stamp
	@set -e; for file in benchmarks/*.py; do echo "== $$file"; PYTHONPATH=tests/viewer $(BIN)/python $$file; done

format: $(BIN)/ruff
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

fuzz: $(VENV)/dev.stamp
	@$(PIP) atheris
	@set -e; for file in fuzz/fuzz_*.py; do \
		target=$$(basename $$file .py); target=$${target#fuzz_}; \
		echo "== $$target"; $(BIN)/python fuzz/fuzz.py $$target --seconds $(SECONDS); \
	done

native:
	cmake -S . -B build/dev -DCMAKE_BUILD_TYPE=Release
	cmake --build build/dev --parallel
	cmake --install build/dev --prefix src

clean:
	rm -rf build dist $(OUT) .pytest_cache .mypy_cache .ruff_cache .hypothesis
	rm -f $(VENV)/*.stamp src/sfumato/kernels/*.so src/sfumato/kernels/*.dylib src/sfumato/kernels/*.dll
	find src tests benchmarks demo fuzz tools -name __pycache__ -type d -prune -exec rm -rf {} +

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "Sfumato needs Python 3.11 or later: make PYTHON=python3.11")'
	@echo 'Making $(VENV) ...'
	@$(PYTHON) -m venv $(VENV)

# What builds the package. It is installed once instead of by every build, so that a second build compiles only changes.
$(VENV)/build.stamp: constraints.txt | $(BIN)/python
	@$(PIP) scikit-build-core $$(command -v cmake >/dev/null || echo cmake) $$(command -v ninja >/dev/null || echo ninja)
	@touch $@

$(VENV)/demo.stamp: $(SOURCES) $(VENV)/build.stamp $(VENV)/viewer.stamp
	@echo 'Compiling and installing Sfumato (the first time takes a minute) ...'
	@$(PIP) --no-build-isolation '.[plot,serve]'
	@touch $@

$(VENV)/dev.stamp: $(SOURCES) $(VENV)/build.stamp $(VENV)/viewer.stamp
	@echo 'Compiling and installing Sfumato and its development tools (the first time takes a few minutes) ...'
	@$(PIP) --no-build-isolation '.[dev]'
	@touch $@ $(VENV)/demo.stamp

# The viewer is built where npm can install what builds it. Without it everything but the viewer works.
$(VENV)/viewer.stamp: viewer/node_modules $(VIEWER) | $(BIN)/python
	@if [ -d viewer/node_modules/esbuild ]; then echo 'Building the viewer ...'; npm run --silent --prefix viewer build; fi
	@touch $@

viewer/node_modules: viewer/package-lock.json
	@if ! command -v npm >/dev/null; then echo 'No npm: the viewer is not built.'; \
	elif npm ci --prefix viewer --no-audit --no-fund --loglevel=error --fetch-retries=0 --fetch-timeout=20000; \
		then touch $@; else echo 'npm cannot install the packages: the viewer is not built.'; fi

# Programs of others that read what Sfumato writes. Without node, or where npm reaches nothing, their tests are skipped.
tests/interop/node_modules: tests/interop/package.json
	@if ! command -v npm >/dev/null; then echo 'No npm: tests of interoperation are skipped.'; \
	elif npm install --prefix tests/interop --no-package-lock --no-audit --no-fund --loglevel=error \
		--fetch-retries=0 --fetch-timeout=20000; then touch $@; \
	else echo 'npm cannot install the packages: tests of interoperation are skipped.'; fi

$(BIN)/ruff: constraints.txt | $(BIN)/python
	@$(PIP) ruff
	@touch $@
