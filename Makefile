# Two commands matter: `make demo` and `make test`. Both need only python3, pip and make; they
# bring uv into .uv and the pinned environment into .venv.
.DEFAULT_GOAL := help
UV_VERSION := 0.13.9
UV := .uv/bin/uv
BIN := .venv/bin
DEMO_ARGS ?=
TEST_ARGS ?=

.PHONY: help demo test check format docs lock protobuf benchmarks clean

help: ## Show this list
	@grep -E '^[a-z]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):.*## /\1\t/' | expand -t 14

demo: .venv/ready ## Show the main job on a pretend room (no key, no network); Ctrl-C ends it
	$(BIN)/hostcue demo $(DEMO_ARGS)

# on two cores: many tests wait for what takes its time
test: check ## Run every check and every test
	$(BIN)/pytest -n 3 $(TEST_ARGS)

check: .venv/ready ## Lint, format, types, import rules, dependencies, generated docs
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/deptry src
	$(BIN)/python docs/generate.py --check

format: .venv/ready ## Format the code and mend what the linter can mend
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: .venv/ready ## Write docs/settings.md and docs/openapi.json anew
	$(BIN)/python docs/generate.py

benchmarks: .venv/ready ## Measure the path; which others there are says docs/benchmarks.md
	$(BIN)/python -m benchmarks path

lock: .uv/ready ## Pin all dependencies anew, with hashes
	$(UV) pip compile --universal --python-version 3.11 --generate-hashes --all-extras \
	  --no-emit-index-url --no-header -q --upgrade pyproject.toml -o requirements.all.txt
	$(UV) pip compile --universal --python-version 3.11 --generate-hashes --all-extras --group dev \
	  --no-emit-index-url --no-header -q --upgrade pyproject.toml -o requirements.dev.txt

protobuf: .uv/ready ## Generate the classes of webcast.proto anew
	$(UV) tool run --from grpcio-tools --with setuptools python -m grpc_tools.protoc -Isrc \
	  --python_out=src --pyi_out=src src/hostcue/platforms/douyin/pb/webcast.proto

clean: ## Remove the environment and caches
	rm -rf .venv .uv .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist

.uv/ready:
	python3 -m pip install --quiet --disable-pip-version-check --root-user-action ignore \
	  --upgrade --target .uv uv==$(UV_VERSION)
	@touch $@

.venv/ready: .uv/ready requirements.dev.txt pyproject.toml
	$(UV) venv --quiet --allow-existing --python python3 .venv
	$(UV) pip install --quiet -r requirements.dev.txt
	$(UV) pip install --quiet --no-deps -e .
	@touch $@
