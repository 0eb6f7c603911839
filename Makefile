# Every task of the project. "make" alone lists them.
PYTHON ?= python3
LAB_HOSTS ?= 3
LAB ?= $(or $(TMPDIR),/tmp)/quayside-lab

.DEFAULT_GOAL := help
.PHONY: help run test check format bench lab lab-stop demo

help: ## List the tasks
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-10s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

run: ## Start Quayside on this machine (PORT, BIND, QUAYSIDE_DATA_DIR and more from the environment)
	@$(PYTHON) scripts/bootstrap.py && exec .venv/bin/python -m config.run

test: ## Run every test (or PHASES="check unit ..."); as root on real Docker hosts that it starts itself
	@$(PYTHON) -m scripts.test $(PHASES)

check: .venv/installed-dev ## Lint, format, types, import arrows, migrations
	@.venv/bin/python -m scripts.check

format: .venv/installed-dev ## Put the code in order
	@.venv/bin/ruff check --fix . && .venv/bin/ruff format .

bench: .venv/installed-dev ## Measure the figures of docs/performance.md
	@.venv/bin/python -m bench

lab: ## Start three real Docker hosts, ssh, a Podman service and two registries, as root
	@LAB=$(LAB) scripts/lab-start $(LAB_HOSTS)

lab-stop: ## End the lab and all that ran in it
	@LAB=$(LAB) tests/lab/lab.sh stop

demo: ## Start Quayside with the lab's hosts added and something running on them
	@LAB=$(LAB) scripts/lab-start $(LAB_HOSTS)
	@$(PYTHON) scripts/bootstrap.py && QUAYSIDE_DEMO_LAB=$(LAB) exec .venv/bin/python -m config.run --demo

.venv/installed-dev: requirements.txt requirements-dev.txt
	@$(PYTHON) scripts/bootstrap.py --dev
