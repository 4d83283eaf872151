# The two commands of the README are `make demo` and `make test`. Nothing is needed but make, python3 (3.11 or newer)
# with venv, and the package index; each target makes what it needs, once, in .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# What is installed is compiled when it is first imported: much of it never is.
INSTALL := $(PIP) install --no-compile
RUNTIME := $(VENV)/.runtime
DEVELOPMENT := $(VENV)/.development
SOURCES := edge simulators tests packaging
SPLIT := ---- development:

# Where nothing that was compiled is kept, each of the thousands of starts in the tests compiles the whole house.
unexport PYTHONDONTWRITEBYTECODE

.DELETE_ON_ERROR:
.PHONY: help demo test test-long soak system-tools system-test system-test-short deb card signing-key image update-bundle
.PHONY: imager-manifest bench bench-page lint style types format lock tools clean

help:
	@echo "make demo    a simulated site of eight stations, live in this terminal"
	@echo "make test    everything that must hold: style, types, import rules, tests"
	@echo "make test-long  hours of it: SEEDS=0-10000 of the adversary, the whole sweep of stability, 200 days of demand"
	@echo "make soak    each fault for long, then all ready worlds with three at random an hour: SOAK=1..20: fewer seeds"
	@echo "make deb     Debian packages for amd64 and arm64 in dist/, with bill of materials and sums"
	@echo "make card    IMAGE=<file>: the packages onto a stock arm64 image, for a first boot without internet"
	@echo "make signing-key  SIGNING=<folder>: a key that signs updates, and the certificate that gateways trust"
	@echo "make image   SIGNING=<folder>: after make deb, an image for a Raspberry Pi 4 with two slots (as root)"
	@echo "make update-bundle  SIGNING=<folder>: the newest image's file system as a signed update"
	@echo "make imager-manifest  URL=<where they are served> IMAGE=<file> CARD=<file>: for Raspberry Pi Imager"
	@echo "make system-test  set-up and commissioning whole; the packages built, installed and booted on Debian 12 (as root;"
	@echo "             make system-tools first)"
	@echo "make system-test-short  what of it CI has the time for: .ci/system"
	@echo "make bench   figures: speed and memory"
	@echo "make bench-page  writes them into docs/performance.md"
	@echo "make lint    style, types and import rules alone"
	@echo "make format  put the code into its form"
	@echo "make lock    renew requirements.lock from pyproject.toml"
	@echo "make tools   mosquitto, mbpoll and chromium from Debian, which some tests want (as root)"
	@echo "make clean   remove what these targets made"

demo: $(RUNTIME)
	@$(BIN)/edge-sim demo $(ARGS)

# Two processes more than there are cores, as many tests wait for others; who is done takes over from who isn't. All tests are
# read once beforehand, beside the style, so that not each process has to compile them. The types take one core a minute, in
# which the tests have the rest; they are told behind these.
test: $(DEVELOPMENT)
	@$(BIN)/python -m pytest --collect-only --quiet $(ARGS) >/dev/null 2>&1 & read=$$!; \
	$(MAKE) --no-print-directory style || { kill $$read; exit 1; }; \
	$(MAKE) --no-print-directory types >$(VENV)/types.log 2>&1 & types=$$!; wait $$read; \
	$(BIN)/python -m pytest --numprocesses=$$(($$(nproc) + 2)) --dist=worksteal $(ARGS); tests=$$?; \
	wait $$types; types=$$?; cat $(VENV)/types.log; exit $$((tests ? tests : types))

SEEDS ?= 0-10000
KILLS ?= 500

test-long: $(DEVELOPMENT)
	@EDGE_LONG=1 EDGE_SEEDS=$(SEEDS) EDGE_KILLS=$(KILLS) $(BIN)/python -m pytest --numprocesses=auto --maxfail=20 -v \
	  tests/scenario/test_adversary.py tests/scenario/test_stability.py tests/system/test_offline_kill.py \
	  tests/property/test_storage_power_cut.py tests/unit/bms/test_bms_demand_window.py $(ARGS)

# The eight ready scenarios last 6.75 days together: these are 10,000 site-days. Stopped at any time, it goes on from there.
SOAK ?= 1..1482

soak: $(DEVELOPMENT)
	@EDGE_LONG=1 $(BIN)/python -m pytest --numprocesses=auto tests/world/test_world_faults.py tests/world/test_world_seeds.py \
	  tests/world/test_world_nested.py tests/world/test_world_signals.py
	@$(BIN)/edge-sim soak --seeds $(SOAK) $(ARGS)

deb: $(DEVELOPMENT)
	@$(BIN)/python packaging/deb.py $(ARGS)

card: $(DEVELOPMENT)
	@test -n "$(IMAGE)" || { echo "make: which image? make card IMAGE=<file of a stock arm64 image>" >&2; exit 2; }
	@$(BIN)/python packaging/card.py "$(IMAGE)" $(ARGS)

SIGNING ?= build/signing
BUILT = $(lastword $(sort $(wildcard dist/edge-gateway_*_arm64.ext4)))

signing-key:
	@packaging/signing-key "$(SIGNING)"

image: $(DEVELOPMENT)
	@$(BIN)/python packaging/image.py --signing="$(SIGNING)" $(ARGS)

update-bundle: $(DEVELOPMENT)
	@test -n "$(BUILT)" || { echo "make: there is no slot in dist/; make image makes one" >&2; exit 2; }
	@$(BIN)/python packaging/bundle.py --signing="$(SIGNING)" "$(BUILT)" "$(BUILT:.ext4=.raucb)" $(ARGS)

imager-manifest: $(DEVELOPMENT)
	@test -n "$(URL)" || { echo "make: where are they served? URL=https://..." >&2; exit 2; }
	@$(BIN)/python packaging/imager.py --url="$(URL)" --output=dist/imager.json $(IMAGE:%=--image=%) $(CARD:%=--card=%)

system-tools:
	@packaging/system-tools

BOOTED_TESTS := tests/system/debian tests/system/test_gateway_files.py tests/system/test_slots.py

# One process: the machines that they boot share name spaces and cores.
system-test: $(DEVELOPMENT)
	@EDGE_SYSTEM=whole $(BIN)/python -m pytest -v tests/system/test_cli_setup.py tests/system/test_cli_commission.py \
	  $(BOOTED_TESTS) $(ARGS)

# For CI, beside make test, which has the most of setting up and commissioning.
system-test-short: $(DEVELOPMENT)
	@EDGE_SYSTEM=short $(BIN)/python -m pytest -v --durations=15 $(BOOTED_TESTS) \
	  tests/system/test_cli_setup.py::test_left_half_way_and_resumed_with_a_mute_meter $(ARGS)

bench: $(DEVELOPMENT)
	@mkdir -p build && $(BIN)/python -m tests.benchmarks --json build/bench.json $(ARGS)

bench-page: $(DEVELOPMENT)
	@$(BIN)/python -m tests.benchmarks.page build/bench.json docs/performance.md

lint: style types

style: $(DEVELOPMENT)
	@$(BIN)/ruff check $(SOURCES)
	@$(BIN)/ruff format --check $(SOURCES)
	@$(BIN)/lint-imports --no-logo

types: $(DEVELOPMENT)
	@$(BIN)/mypy

format: $(DEVELOPMENT)
	@$(BIN)/ruff check --fix $(SOURCES)
	@$(BIN)/ruff format $(SOURCES)

lock: $(DEVELOPMENT)
	@$(PIP) install uv
	@$(BIN)/python packaging/lock.py

# Peers of other makers for the tests of the building's interface. The service that comes along isn't needed.
tools:
	@command -v mbpoll >/dev/null && command -v chromium >/dev/null && { command -v mosquitto || test -x /usr/sbin/mosquitto; } >/dev/null || \
	  { apt-get update && DEBIAN_FRONTEND=noninteractive apt-get install --yes --no-install-recommends \
	    mosquitto mbpoll chromium; }

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment, in two steps: what runs, then what tests. Both are made from the lock, hash by hash.

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || \
	  { echo "make: python3 of version 3.11 or newer is needed; install it, or name one: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making the environment in $(VENV) (once, about half a minute) ..."
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) >/dev/null 2>&1 || \
	  { rm -rf $(VENV); echo "make: python3 has no venv module here; on Debian: apt install python3-venv" >&2; exit 1; }

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	@sed '/^# $(SPLIT)/,$$d' requirements.lock > $(VENV)/runtime.txt
	@$(INSTALL) --require-hashes -r $(VENV)/runtime.txt || \
	  { echo "make: the packages of requirements.lock can't be installed; is the package index in reach?" >&2; exit 1; }
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEVELOPMENT): requirements.lock pyproject.toml | $(RUNTIME)
	@$(INSTALL) --require-hashes -r requirements.lock || \
	  { echo "make: the packages of requirements.lock can't be installed; is the package index in reach?" >&2; exit 1; }
	@touch $@
