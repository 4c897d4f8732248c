# The README's commands. Each does all the set-up that it needs: the virtual environment from requirements.lock, and
# Debian's servers where tests or demo start them.

SERVERS := prosody ejabberd inspircd ngircd atheme-services jabberd2 jabber-muc postgresql openssl prometheus-alertmanager curl \
	kannel kannel-extras gammu-smsd znc biboumi prosody-modules
DEMO_SERVERS := prosody inspircd
CLIENTS := profanity poezio tmux chromium fonts-dejavu-core fonts-noto-color-emoji
BENCH_SERVERS := prosody ejabberd inspircd biboumi openssl
VENV := .venv
BIN := $(VENV)/bin
READY := $(VENV)/.ready
TESTS ?= tests
BENCH ?=
FAULTS ?= tests/faults
HOURS ?= 0.2
WORKERS ?= $(shell echo $$((2 * $$(nproc))))

.PHONY: help setup demo test clients faults soak lint bench format lock clean
.DEFAULT_GOAL := help

help:
	@echo "make demo    real Prosody, real InspIRCd, the bridge, and a conversation   (KEEP=1 to stay and join in)"
	@echo "make test    every test                                                    (TESTS=tests/core for some)"
	@echo "make clients what people use, by keyboard and mouse: profanity, poezio, Converse.js in Chromium; with pictures"
	@echo "make faults  whatever can die does, fifty times, under load; ends with a table of what was lost and doubled"
	@echo "make soak    500 puppets come and go; memory, files and tasks stay flat           (HOURS=8; default: 0.2)"
	@echo "make setup   only the virtual environment, .venv"
	@echo "make lint    formatting, rules, types, layers, documents"
	@echo "make bench   what a message costs, and biboumi beside it                   (BENCH=--quick, or BENCH=messages for some)"
	@echo "make format  let ruff put the code in order"
	@echo "make lock    choose the versions in requirements.lock anew"

$(READY): requirements.lock pyproject.toml .ci/venv
	@.ci/venv
	@touch $@

setup: $(READY)

demo: $(READY)
	@.ci/packages $(DEMO_SERVERS)
	@$(BIN)/linkspan demo $(if $(KEEP),--keep)

# Twice as many workers as cores, for tests with real servers mostly wait for them. What fails beside everything else is
# tried once more on its own: some servers answer too late then. A test that fails twice fails.
test: $(READY)
	@.ci/packages $(SERVERS) $(CLIENTS)
	@.ci/converse || true # the tests that open it then say what is missing
	$(BIN)/pytest --numprocesses $(WORKERS) --dist worksteal $(TESTS) || \
	    $(BIN)/pytest --last-failed --last-failed-no-failures none $(TESTS)

clients: $(READY)
	@.ci/packages $(DEMO_SERVERS) $(CLIENTS)
	@.ci/converse
	$(BIN)/pytest -p no:xdist $(wildcard tests/clients/*.py)
	@echo "pictures of the screens: .clients/pictures"

# In order, alone on the machine, and with the table at the end.
faults: $(READY)
	@.ci/packages $(SERVERS)
	LINKSPAN_FAULTS=1 $(BIN)/pytest -p no:xdist --quiet --capture=no $(FAULTS)

soak: $(READY)
	@.ci/packages $(DEMO_SERVERS)
	$(BIN)/python -m bench.soak --hours $(HOURS)

lint: $(READY)
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/pytest --quiet tests/rules

bench: $(READY)
	@.ci/packages $(BENCH_SERVERS)
	$(BIN)/python -m bench $(BENCH)

format: $(READY)
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

# One lock for every system and Python: hashed, and without a word about where the files come from.
lock:
	@test -x $(BIN)/uv || $(BIN)/python -m pip install --quiet uv
	$(BIN)/uv pip compile pyproject.toml --quiet --upgrade --universal --python-version 3.11 --all-extras --group dev \
		--generate-hashes --no-header --no-annotate --no-emit-index-url --no-emit-find-links --output-file requirements.lock

clean:
	rm -rf $(VENV) build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis .coverage
	find bridge connectors tests bench -name __pycache__ -type d -prune -exec rm -rf {} +
