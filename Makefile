# The verbs of this repository. Everything they need beyond Python >= 3.11 and make, `setup` brings.

PYTHON = .venv/bin/python

.PHONY: help setup demo test parity sdk soak bench check fmt lock clean

help: ## list these verbs
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-6s %s\n", $$1, $$2 }' Makefile

setup: ## install what the lock file says into .venv (quick when nothing changed)
	@python=$$(tools/find-python) && "$$python" tools/setup.py

demo: setup ## the car example, end to end: fit in Spark, train, verify, serve, batch
	@$(PYTHON) examples/car_evaluation/demo.py

test: check ## set up, check, and run every test
	@$(PYTHON) -m pytest -n 2 --dist worksteal

parity: setup ## the stages against real Spark, and scikit-learn's estimators, with many more generated rows (EXAMPLES=N batches each, SEED=N)
	@PARITY_EXAMPLES=$(or $(EXAMPLES),20) PARITY_SEED=$(or $(SEED),$$(date +%s)) \
		$(PYTHON) -m pytest --timeout=1800 tests/parity/test_stages.py tests/sklearn_parity/test_estimators.py

sdk: setup ## the SageMaker Python SDK, versions 2 and 3, against a gateway (the first time it installs them: a gigabyte)
	@$(PYTHON) tools/sdk.py
	@$(PYTHON) -m pytest -n 4 sdk

soak: setup ## what takes its time: updates under load, two hundred endpoints, limits of minutes
	@$(PYTHON) -m pytest --timeout=3600 soak

bench: setup ## speed beside peers, into docs/benchmarks.md (ONLY=part,part some parts, QUICK=1 small rounds; the first time it installs the peers: gigabytes)
	@ONLY="$(ONLY)" QUICK="$(QUICK)" $(PYTHON) -m benchmarks

check: setup ## layout, lint and types; changes nothing
	@$(PYTHON) -m ruff format --check .
	@$(PYTHON) -m ruff check .
	@$(PYTHON) -m mypy

fmt: setup ## lay out the code and mend what can be mended mechanically
	@$(PYTHON) -m ruff check --fix .
	@$(PYTHON) -m ruff format .

lock: ## resolve the dependencies anew into requirements.lock (UPGRADE=1: to the newest releases)
	@mkdir -p .make
	@tools/lock $(if $(UPGRADE),--upgrade)

clean: ## remove the environment, caches and demo results
	@rm -rf .venv .make .mypy_cache .ruff_cache .pytest_cache .hypothesis dist demo-output
	@find src tests benchmarks examples tools -name __pycache__ -type d -exec rm -rf {} + 2>/dev/null || true
