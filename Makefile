# Every command of the project. Needs make and python3 3.11 or newer with venv; the rest is set up here.
#
#   PYTHON=python3.13 make run     another interpreter (delete .venv and .tools to change it later)
#   make test TESTS=tests/store    a part of the suite
#   make test JOBS=0               one process, for a debugger

PYTHON ?= python3
JOBS ?= 2
TESTS ?= tests
SEEDS ?= 300
STAGE ?=

VENV := .venv
BIN := $(VENV)/bin
TOOLS := .tools
# A stamp says that an environment holds what its lock says. It is touched last, so an installation that
# was interrupted is done again.
READY := $(VENV)/.ready
MINISTACK := $(TOOLS)/ministack/.ready
PIP_INSTALL := -m pip install --quiet --quiet --disable-pip-version-check --no-input --require-hashes

.DEFAULT_GOAL := help
.PHONY: help run demo test check format bench bench-peers simulate e2e screenshots docs package deploy \
	remove trial install lock clean
.SUFFIXES:
MAKEFLAGS += --no-builtin-rules --no-print-directory

help:
	@echo "make run         the whole product on this machine: API, DynamoDB, Stripe, carrier, schedules"
	@echo "make demo        plays a year and more of its accounts in seconds and checks every date"
	@echo "make screenshots pictures of the pages, into docs/images (needs chromium)"
	@echo "make docs        what of the documentation is made from the code"
	@echo "make test        the whole test suite (TESTS=path for a part of it)"
	@echo "make simulate    worlds in which everything may fail (SEEDS=300)"
	@echo "make check       format, lint and types;  make format puts the format right"
	@echo "make install     only sets up what is missing"
	@echo "make lock        locks the dependencies again after pyproject.toml changed"
	@echo "make clean       removes everything that was set up here"
	@echo
	@echo "make package     the Lambda zip and its template, into build/"
	@echo "make deploy STAGE=… BUCKET=… [WITH=\"Name=value …\"] [DRY_RUN=1]   puts it into an AWS account"
	@echo "make remove STAGE=…    takes a stage away again; its table and files stay"
	@echo "make trial       a local AWS and Stripe, both empty, to try the deployment guide against"
	@echo "make e2e         deploys it whole into a local AWS that enforces every role, and drives it;"
	@echo "                 and follows the deployment guide from nothing, word for word"
	@echo "make bench       calls, CPU and cold start, each beside its floor"
	@echo "make bench-peers the same events through dj-stripe and through Lapse, some minutes"
	@echo "LAPSE_PORT, LAPSE_STATE, LAPSE_START and LAPSE_POLICY shape the local stack: see README.md."

# -- what people run

run: install
	@exec $(BIN)/python -m infra.local run --end-with-parent

demo: install
	@exec $(BIN)/python -m infra.local.demo

# Whoever has run out of tests takes some of the other's: a few take many times as long as the rest.
test: install
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist worksteal $(TESTS)

simulate: $(READY)
	@$(BIN)/lapse-sim --seeds $(SEEDS) --jobs $(JOBS)

screenshots: install
	@$(BIN)/python -m infra.screenshots

docs: $(READY)
	@$(BIN)/python -m infra.docs

check: $(READY)
	@$(BIN)/python -m ruff format --check --quiet . \
		|| { echo "The format is not right: make format puts it right."; exit 1; }
	@$(BIN)/python -m ruff check --quiet .
	@$(BIN)/python -m mypy
	@echo "Format, lint and types are right."

format: $(READY)
	@$(BIN)/python -m ruff format .
	@$(BIN)/python -m ruff check --fix .

# -- what is deployed

bench: package
	@$(BIN)/python benchmarks/store_calls.py
	@$(BIN)/python benchmarks/request_units.py
	@$(BIN)/python benchmarks/scale.py
	@$(BIN)/python benchmarks/webhook_cpu.py
	@$(BIN)/python benchmarks/request_cpu.py
	@$(BIN)/python benchmarks/cold_start.py
# Takes some minutes, and installs dj-stripe into build/peers.
bench-peers: install
	@exec $(BIN)/python benchmarks/beside_dj_stripe.py
e2e: install
	@exec $(BIN)/python -m pytest -n $(JOBS) --dist loadfile tests/e2e/deployed.py tests/e2e/from_the_guide.py
package: $(READY)
	@$(BIN)/python -m infra.packaging
# make deploy STAGE=prod BUCKET=artifacts WITH="TokenIssuer=… JwksUrl=…" [DRY_RUN=1]
deploy: $(READY)
	@$(BIN)/python -m infra.packaging.deploy --stage "$(STAGE)" --bucket "$(BUCKET)" $(if $(DRY_RUN),--dry-run) $(WITH)
# make remove STAGE=trial [SURE=trial]
remove: $(READY)
	@$(BIN)/python -m infra.packaging.deploy --stage "$(STAGE)" --remove --sure "$(SURE)"
trial: install
	@exec $(BIN)/python -m infra.local.trial --end-with-parent

# -- setting up

# Asked only when something has to be installed: one sentence on what is missing, one on what to do.
define need_python
@command -v $(PYTHON) >/dev/null 2>&1 || { \
	echo "Lapse needs Python 3.11 or newer, and there is no '$(PYTHON)' here."; \
	echo "On Debian or Ubuntu: apt install python3 python3-venv. Or name another: make PYTHON=python3.13 …"; \
	exit 1; }
@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	echo "Lapse needs Python 3.11 or newer, and '$(PYTHON)' is $$($(PYTHON) -V 2>&1)."; \
	echo "Install a newer one, or name another: make PYTHON=python3.13 …"; \
	exit 1; }
@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	echo "'$(PYTHON)' cannot make environments: its venv module is missing."; \
	echo "On Debian or Ubuntu: apt install python3-venv."; \
	exit 1; }
endef

install: $(READY) $(MINISTACK)

$(READY): requirements-dev.txt pyproject.toml
	$(need_python)
	@echo "Installing Lapse's own environment (once, about half a minute) …"
	@$(BIN)/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python $(PIP_INSTALL) -r requirements-dev.txt
	@# Nothing is resolved or fetched here: the lock above has brought all of it.
	@$(BIN)/python -m pip install --quiet --quiet --disable-pip-version-check --no-index --no-deps \
		--no-build-isolation --editable .
	@touch $@

$(MINISTACK): infra/local/ministack-requirements.txt
	$(need_python)
	@echo "Installing the embedded DynamoDB (once) …"
	@$(TOOLS)/ministack/bin/python -c 'import pip' 2>/dev/null || $(PYTHON) -m venv --clear $(TOOLS)/ministack
	@$(TOOLS)/ministack/bin/python $(PIP_INSTALL) -r infra/local/ministack-requirements.txt
	@touch $@

lock:
	$(need_python)
	@bash infra/lock.sh

clean:
	rm -rf $(VENV) $(TOOLS) .pytest_cache .mypy_cache .ruff_cache .hypothesis *.egg-info build
	find . -name __pycache__ -type d -prune -exec rm -rf {} +
