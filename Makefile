# What a developer types. `make help` lists it; a command runs in .venv, which is made and kept up to date on the way.
#
#   PYTHON=python3.11    which Python makes .venv (see README.md)
#   ONCE=1               make run: end after what is played, with its exit code
#   EVENT_BUS=kafka      make run, make up: events go by Kafka, not by Pub/Sub
#   EVENT_DELIVERY=pull  make run, make up: consumers pull events from Pub/Sub, which pushes none to functions
#   REGIONS=3            make run, make up: so many regions, each with stores and an edge of its own, and a global edge
#   STANDBYS=none        make run, make up: cells of several regions have no standbys, and cannot be promoted
#   STANDBYS=synchronous make run, make up: their commits wait for their standbys, and a failover undoes none
#   REPLICA=1            make run, make up: a standby of the database server as well, to read from; with one region only
#   OBSERVE=1            make run, make up: Debian's Prometheus and Alertmanager as well, with the rules of the cloud
#   PORTS_FROM=9000      make run, make up: the edge listens there, the other parts on the ports after it
#   TEST_PROCESSES=2     make test: how many processes run the tests, each on a stack of its own
#   ARGS="..."           make test, test-all, bench, profile, infra, cost, drill, logs, listen, compatible: further arguments

# Bytecode is kept, whatever the environment says: some thirty processes would each compile the same modules anew.
unexport PYTHONDONTWRITEBYTECODE

PYTHON ?= python3
TEST_PROCESSES ?= 2
RUN := .venv/bin/python
COMPILE := .venv/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --annotation-style line --no-header
LOCK_NODE := rm -rf node_modules package-lock.json && npm install --package-lock-only --omit-lockfile-registry-resolved --ignore-scripts --no-audit --no-fund --silent
SOLIDITY := shared/chain/solidity tests/shared/chain/solidity
TYPESCRIPT := shared/client/typescript
REPLICAS := $(if $(REPLICA),--replica) $(if $(OBSERVE),--observe)
REGION_COUNT := $(if $(REGIONS),--regions $(REGIONS))
PORTS := $(if $(PORTS_FROM),--ports-from $(PORTS_FROM))

.DEFAULT_GOAL := help
.PHONY: help packages pin wheels run test test-all acceptance screenshots bench bench-large profile infra cost image manifests lint typescript gen landed released compatible rollout-demo contracts drill up down status logs trace token listen redrive replay verify audit reset

help: ## list the commands
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1 \2/p' Makefile | awk '{printf "  make %-12s", $$2; $$1 = $$2 = ""; print}'

packages:
	@command -v $(PYTHON) >/dev/null || { echo "There is no $(PYTHON): install Python 3.11 or later, or say which to use, as in make PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Meridian needs Python 3.11 or later, and $(PYTHON) is older: say which to use, as in make PYTHON=python3.11." >&2; exit 1; }
	@$(PYTHON) -I emulators/install.py
	@$(PYTHON) -I emulators/install_node.py

pin: packages ## resolve what pyproject.toml and package.json name into files that pin all of it with hashes
	@$(COMPILE) pyproject.toml --output-file requirements.txt
	@$(COMPILE) pyproject.toml --group dev --group rollout --constraints requirements.txt --output-file requirements-dev.txt
	@$(COMPILE) --group bench --output-file tests/bench/requirements.txt
	@$(COMPILE) --group infra --output-file tests/infrastructure/requirements.txt
	@$(COMPILE) --group image --output-file cloudbuild/image/requirements.txt
	@$(COMPILE) --group manifests --output-file cloudbuild/manifests/requirements.txt
	@cd emulators && $(LOCK_NODE)
	@cd cloudbuild/manifests && $(LOCK_NODE)
	@cd $(TYPESCRIPT) && $(LOCK_NODE)

wheels: packages ## ask the package index whether every pin has a wheel for each Python and platform that README.md names
	@$(RUN) -m emulators.wheels $(ARGS)

run: packages ## start the stack, play a purchase and the sample sale, serve until Ctrl-C
	@$(RUN) -m emulators up --play $(if $(ONCE),--once) $(REGION_COUNT) $(REPLICAS) $(PORTS)

test: packages $(TYPESCRIPT)/node_modules ## run the tests but the long ones, in two processes, each on a stack of its own
	@$(RUN) -m pytest -m "not long" -n $(TEST_PROCESSES) --dist loadfile $(ARGS)

test-all: packages $(TYPESCRIPT)/node_modules ## run every test
	@$(RUN) -m pytest $(ARGS)

acceptance: packages $(TYPESCRIPT)/node_modules ## check rules, dashboards and pages with Debian's promtool, Prometheus and Chromium, which it needs
	@$(RUN) -m pytest tests/acceptance -m "not long" $(ARGS)

screenshots: packages ## take the README's pictures of the pages, with Debian's Chromium, into docs/images
	@$(RUN) -m tests.acceptance.screenshots

bench: packages .venv-bench/installed ## measure what is promised of speed and cost, each beside others; into .local/bench.json
	@$(RUN) -m tests.bench $(ARGS)

bench-large: packages ## measure the cost of an order with a million orders behind it, beside an empty stack
	@$(RUN) -m tests.bench --large $(ARGS)

profile: packages .venv-bench/installed ## show where a paid order's time goes, by process and layer, with a flame graph
	@$(RUN) -m tests.bench.profiling $(ARGS)

# siwe-py wants older versions of what Meridian runs on: it gets an environment of its own, with py-spy.
.venv-bench/installed: tests/bench/requirements.txt
	@$(PYTHON) -m venv .venv-bench
	@.venv-bench/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

infra: packages .venv-infra/installed ## check terraform/ with Terraform itself, offline: plans, a fake cloud, policies, mutations
	@$(RUN) -m pytest tests/infrastructure $(ARGS)

# The stubs of Terraform's protocol want an older protobuf, and checkov much else.
.venv-infra/installed: tests/infrastructure/requirements.txt
	@$(PYTHON) -m venv .venv-infra
	@.venv-infra/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

cost: packages ## compute the monthly cost from the registry: idle, and with a million and a hundred million orders a day
	@$(RUN) -m terraform.cost $(ARGS)

# kubernetes-validate and hadolint, in an environment of their own: the schemas of all of Kubernetes' releases have 100 MB.
.venv-image/installed: cloudbuild/manifests/requirements.txt
	@$(PYTHON) -m venv .venv-image
	@.venv-image/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

cloudbuild/manifests/node_modules/installed: cloudbuild/manifests/package-lock.json
	@command -v npm >/dev/null || { echo "Knative's schemas come from npm: install it (Debian: apt-get install npm)." >&2; exit 1; }
	@cd cloudbuild/manifests && npm ci --ignore-scripts --no-audit --no-fund --silent
	@touch $@

image: packages .venv-image/installed ## as root on Debian: build the image twice, run each role as a Pod, buy something through them
	@$(RUN) -m cloudbuild.image $(ARGS)

manifests: packages .venv-image/installed cloudbuild/manifests/node_modules/installed ## generate Kubernetes manifests of every role, and validate them
	@$(RUN) -m cloudbuild.manifests.check

# A folder, which is there as soon as anything is: install_node.py finds out whether it is up to date.
.PHONY: $(TYPESCRIPT)/node_modules
$(TYPESCRIPT)/node_modules:
	@$(PYTHON) -I emulators/install_node.py typescript

typescript: $(TYPESCRIPT)/node_modules ## generate the types of the TypeScript client, check it, the examples and the pages
	@cd $(TYPESCRIPT) && npm run --silent generate && npm run --silent check

lint: packages typescript ## check style, types, arrows, that contracts only grow, and that what is generated is fresh
	@.venv/bin/ruff check .
	@.venv/bin/ruff format --check .
	@.venv/bin/mypy
	@.venv/bin/lint-imports
	@$(RUN) -m shared.contracts.landed check
	@$(RUN) -m shared.consumers check
	@fresh=$$(mktemp -d) && trap 'rm -rf "$$fresh"' EXIT && mkdir "$$fresh/gen" "$$fresh/client" \
	  && $(RUN) -m shared.contracts.generate "$$fresh/gen" && diff -r -x __pycache__ "$$fresh/gen" shared/contracts/gen \
	  && $(RUN) -m shared.registry_file > "$$fresh/registry.json" && diff "$$fresh/registry.json" functions/registry.json \
	  && $(RUN) -m functions.main openapi > "$$fresh/openapi.json" && diff "$$fresh/openapi.json" functions/openapi.json \
	  && $(RUN) -m shared.client.python.generate "$$fresh/client" \
	  && for file in api.py async_api.py; do diff "$$fresh/client/$$file" shared/client/python/meridian_client/$$file || exit 1; done \
	  && $(RUN) -m shared.client.http.generate "$$fresh/meridian.http" && diff "$$fresh/meridian.http" shared/client/http/meridian.http \
	  && $(RUN) -m shared.telemetry.catalogue > "$$fresh/metrics.md" && diff "$$fresh/metrics.md" docs/metrics.md \
	  && $(RUN) -m cloudbuild.observability.generate "$$fresh/watched" \
	  && diff -r "$$fresh/watched/terraform/modules/observability/generated" terraform/modules/observability/generated \
	  && diff "$$fresh/watched/docs/alerts.md" docs/alerts.md \
	  || { echo "Generated files are stale: run make gen." >&2; exit 1; }
	@for folder in $(SOLIDITY); do node emulators/compile.js $$folder | cmp -s - $$folder/contracts.json \
	  || { echo "The compiled contracts in $$folder are stale: run make contracts." >&2; exit 1; }; done

gen: packages ## make the generated files: contracts, functions/registry.json, functions/openapi.json and its clients
	@$(RUN) -m shared.contracts.generate
	@$(RUN) -m shared.registry_file > functions/registry.json.new && mv functions/registry.json.new functions/registry.json
	@$(RUN) -m functions.main openapi > functions/openapi.json.new && mv functions/openapi.json.new functions/openapi.json
	@$(RUN) -m shared.client.python.generate
	@$(RUN) -m shared.client.http.generate
	@$(RUN) -m cloudbuild.observability.generate
	@$(RUN) -m shared.telemetry.catalogue > docs/metrics.md.new && mv docs/metrics.md.new docs/metrics.md

landed: packages ## note that the .proto files and event rows of this checkout have landed: they only grow from now on
	@$(RUN) -m shared.contracts.landed check && $(RUN) -m shared.contracts.landed renew
	@$(RUN) -m shared.consumers check && $(RUN) -m shared.consumers renew

released: packages ## note that this checkout's release serves everywhere: the next one has to be compatible with it
	@$(RUN) -m cloudbuild.compatibility renew

compatible: packages ## check that the release which serves works on this checkout's schema (ARGS="--since TAG")
	@$(RUN) -m cloudbuild.compatibility check $(ARGS)

rollout-demo: packages ## take good and bad releases out behind a local edge, and see each end as it should
	@$(RUN) -m cloudbuild.rollout.local

contracts: packages ## compile the Solidity contracts
	@for folder in $(SOLIDITY); do \
	  node emulators/compile.js $$folder > .contracts.new && mv .contracts.new $$folder/contracts.json || exit 1; \
	done

up: packages ## start the stack and leave it running
	@$(RUN) -m emulators up --detach $(REGION_COUNT) $(REPLICAS) $(PORTS)

drill: packages ## kill a region of three under load, promote its cell, bring it back, and report what was measured
	@$(RUN) -m emulators.demo.drill $(PORTS) $(ARGS)

down: packages ## end the stack; what its stores held is gone
	@$(RUN) -m emulators down

status: packages ## show every process of the stack
	@$(RUN) -m emulators status

logs: packages ## list the logs, or show some: make logs ARGS="rpc-wallet relay --severity WARNING --follow" (--help: filters)
	@$(RUN) -m emulators logs $(ARGS)

trace: packages ## show what an order caused, as a tree with times: make trace ORDER=ord_...
	@$(RUN) -m emulators trace $(or $(ORDER),$(error Say which: make trace ORDER=ord_...))

token: packages ## sign in somebody to try things out: make -s token AS=merchant, AS=buyer (has money) or AS=operator
	@$(RUN) -m emulators token $(or $(AS),$(error Say who: make token AS=merchant, AS=buyer or AS=operator))

listen: packages ## print the webhooks of somebody as they come, verified: make listen AS=merchant (ARGS="--events order.paid")
	@$(RUN) -m emulators.demo.listen $(AS) $(ARGS)

redrive: packages ## retry what a consumer has parked: make redrive ARGS="capture_hold --dry-run"
	@$(RUN) -m emulators job redrive $(ARGS)

replay: packages ## apply what a consumer lacks, or lead it back in time: make replay ARGS="--consumer capture_hold"
	@$(RUN) -m emulators job replay $(ARGS)

verify: packages ## compare every projection of the running stack with its events
	@$(RUN) -m emulators job replay --verify

audit: packages ## check every invariant of the running stack
	@$(RUN) -m emulators audit

reset: packages ## end the stack and remove all that it has written, its secrets too
	@$(RUN) -m emulators reset
