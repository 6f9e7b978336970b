# Every target sets up what it needs, on a machine with Python >= 3.11, git and make. `make help` lists them.
# ARGS=… is handed on, for example: make demo ARGS="--headless --json"   make test ARGS="tests/trade -k cancel"
# PARALLEL= runs tests one after the other, in one process.

VENV   := .venv
BIN    := $(VENV)/bin
ARGS   ?=
WORKERS ?= $(shell cores=$$(getconf _NPROCESSORS_ONLN 2>/dev/null || echo 2); echo $$(( cores < 4 ? cores + 1 : 4 )))
PARALLEL ?= -n $(WORKERS) --dist loadfile  # tests wait for processes of their own for half of their time
PYTHON ?= $(shell for p in python3 python3.13 python3.12 python3.11 python; do \
            $$p -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && { echo $$p; break; }; done)
PIP    := $(BIN)/python -m pip --quiet --disable-pip-version-check install

ifneq ($(wildcard ../shared/DESIGN.md),)
export WEFT_SHARED ?= $(abspath ../shared)
endif

.PHONY: help demo floor test check types taste bench sim soak fuzz conformance power docs release clean
.DEFAULT_GOAL := help

help:  ## this list
	@sed -n 's/^\([a-z]*\):.*## \(.*\)/  make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

demo: $(VENV)/.runtime  ## a world of four firms and their machines; consoles stay open until Ctrl-C
	@$(BIN)/weft demo examples/demo $(ARGS)

floor: $(VENV)/.dev browser cnc  ## one order drives seven machines by other makers; ARGS="--headless --json"
	@$(BIN)/weft demo examples/floor $(ARGS)

test: $(VENV)/.dev browser  ## unit, story and browser tests
	$(BIN)/python -m pytest $(PARALLEL) $(ARGS)

check: $(VENV)/.dev  ## ruff, mypy strict, import contracts, tidy test
	@$(MAKE) --no-print-directory -j2 types taste  # side by side: each takes a core for a minute

types: $(VENV)/.dev
	$(BIN)/mypy

taste: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/python -m pytest -q --no-header --durations=3 tests/test_tidy.py $(ARGS)

bench: $(VENV)/.dev  ## speed and size, each as a ratio to a baseline in the same run
	$(BIN)/python -m bench $(ARGS)

sim: $(VENV)/.dev  ## seeded worlds of nodes in virtual time, with faults: N=20000, SEED=7
	@$(BIN)/python -m tests.simulation $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED)) $(ARGS)

soak: $(VENV)/.dev  ## machines, brokers and wires that die at random under load, for N=10 minutes: SEED=7, ARGS="--control deaf"
	@$(BIN)/python -m tests.soak $(if $(N),--minutes $(N)) $(if $(SEED),--seed $(SEED)) $(ARGS)

fuzz: $(VENV)/.dev  ## bent bytes for decoders, verifiers and a node: N=1000000, SEED=7, ONLY=4711, CONTROL=lax|leaky
	@$(BIN)/python -m tests.fuzz $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY)) \
	  $(if $(CONTROL),--control $(CONTROL)) $(ARGS)

conformance: $(VENV)/.dev  ## the official engine of the AAS against a node: 388 checks, and every export
	@$(BIN)/python -m tests.conformance $(ARGS)

power: $(VENV)/.dev  ## cut the power of a working store: N=100000, SEED=7, CONTROL=normal|off|half, ON=twins|twin_errors
	@$(BIN)/python -m tests.faults.$(or $(ON),power) $(if $(N),--n $(N)) $(if $(SEED),--seed $(SEED)) \
	  $(if $(CONTROL),--control $(CONTROL)) $(ARGS)

docs: $(VENV)/.dev  ## write those pages of the reference that are made from the code
	$(BIN)/python docs/generate.py

release: check browser cnc resolver  ## everything, also what is too long for every day
	$(BIN)/python -m pytest $(PARALLEL) -m "release or not release" --release $(ARGS)

clean:  ## forget the environment and caches
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# ---- what the targets stand on ------------------------------------------------------------------------

$(BIN)/python:
	@test -n "$(PYTHON)" || { echo "Weft needs Python 3.11 or newer; none was found (set PYTHON=…)." >&2; exit 2; }
	@$(PYTHON) -m venv $(VENV) || { echo "python -m venv failed; on Debian: apt-get install python3-venv" >&2; exit 2; }

$(VENV)/.runtime: requirements/runtime.lock requirements/build.lock pyproject.toml | $(BIN)/python
	@test -e $(VENV)/.dev || { echo "Installing what Weft runs on (once) …" >&2; \
	  $(PIP) --require-hashes -r requirements/runtime.lock -r requirements/build.lock; }
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(BIN)/python
	@echo "Installing what the tests need (once) …" >&2
	@$(PIP) --require-hashes -r requirements/dev.lock
	@$(PIP) --no-deps --no-build-isolation -e .
	@touch $@ $(VENV)/.runtime

# Somebody else's resolver of did:webvh reads our public key log; what it brings stays out of the tests' environment.
.PHONY: resolver
resolver: $(VENV)/.dev
	@test -e $(VENV)/did-webvh/.done || { echo "Installing did-webvh …" >&2; $(BIN)/python -m venv $(VENV)/did-webvh && \
	  $(VENV)/did-webvh/bin/python -m pip --quiet --disable-pip-version-check install did-webvh==1.0.1 && \
	  touch $(VENV)/did-webvh/.done; } || \
	  { rm -rf $(VENV)/did-webvh; echo "NO DID-WEBVH: nobody else will read the public key log" >&2; }

# LinuxCNC brings more than a hundred packages: it is installed for releases, and used by every test run that finds it.
.PHONY: cnc
cnc:
	@if command -v linuxcnc >/dev/null; then :; elif command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  echo "Installing linuxcnc-uspace …" >&2; apt-get -qq update && \
	    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends linuxcnc-uspace >/dev/null || \
	    echo "could not install linuxcnc-uspace; tests of a CNC controller will skip" >&2; \
	else echo "NO LINUXCNC: tests of a CNC controller will skip" >&2; fi

# Browser tests need a Chromium and a Chinese font of the system, those of MQTT a Mosquitto, those against foreign servers
# of OPC UA and Modbus a Node.js with npm. As root on Debian they are installed; elsewhere the tests skip and say so.
.PHONY: browser
browser:
	@if command -v apt-get >/dev/null && [ "$$(id -u)" = 0 ]; then \
	  need=""; command -v chromium >/dev/null || need="chromium"; \
	  fc-list :lang=zh 2>/dev/null | grep -q . || need="$$need fonts-noto-cjk fontconfig"; \
	  command -v mosquitto_sub >/dev/null || need="$$need mosquitto mosquitto-clients"; \
	  { command -v node && command -v npm; } >/dev/null || need="$$need nodejs npm"; \
	  if [ -n "$$need" ]; then echo "Installing $$need …" >&2; apt-get -qq update && \
	    DEBIAN_FRONTEND=noninteractive apt-get -qq install -y --no-install-recommends $$need >/dev/null || \
	    echo "could not install $$need; tests that need it will skip" >&2; fi; \
	else \
	  command -v chromium >/dev/null || echo "NO CHROMIUM: browser tests will skip" >&2; \
	  command -v mosquitto_sub >/dev/null || echo "NO MOSQUITTO: tests of MQTT will skip" >&2; \
	  { command -v node && command -v npm; } >/dev/null || \
	    echo "NO NODE: tests against foreign servers of OPC UA and Modbus will skip" >&2; fi
