# The list of commands. `make demo` and `make test` need only git, make and Python 3.11: they set up the rest.
.DEFAULT_GOAL := help
.PHONY: help setup demo test kills check format bench clean

help: ## show this list
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1\t/' | expand -t 12

setup: ## install uv (pinned, into .uv) and the locked dependencies (into .venv)
	@python3 scripts/setup.py

demo: setup ## trade on the embedded exchange: synthetic market, accelerated, real sockets
	@.venv/bin/ratchet demo

test: setup ## run the tests
	@.venv/bin/python -m pytest

kills: setup ## kill traders at 200 random moments: restarted, and left to the guardian
	@RATCHET_KILLS=$${RATCHET_KILLS:-200} .venv/bin/python -m pytest -n 0 tests/end_to_end/test_killed.py

check: setup ## format, lint, types and import layers
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	.venv/bin/lint-imports

format: setup ## format and mend what can be mended
	.venv/bin/ruff format .
	.venv/bin/ruff check --fix .

bench: setup ## print the benchmark figures of this machine
	.venv/bin/python -m benchmarks

clean: ## remove what was installed and produced
	rm -rf .venv .uv .mypy_cache .ruff_cache .pytest_cache .hypothesis var
