# `make help` lists the targets.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
export CGO_ENABLED ?= 0

ARGS ?=

.PHONY: help
help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

.PHONY: conformance
conformance: ## run all checks on real clusters (ARGS="--column cri-o --focus caps/")
	go run . run $(ARGS)

.PHONY: selftest
selftest: ## prove that the checks can fail: build faults into a column, write docs/selftest.md
	go run . selftest --docs docs/selftest.md $(ARGS)

.PHONY: test
test: ## run the hermetic tests
	CGO_ENABLED=1 go test -short -race ./...

# Chromium for the tests of the page; fonts that make the screenshot look as on a desktop.
CHROMIUM_PACKAGES := chromium fonts-inter fonts-jetbrains-mono
RESULTS ?=

.PHONY: browser-test
browser-test: ## test index.html in Chromium, write docs/matrix.png (RESULTS=reports/out/latest)
	@if ! command -v chromium chromium-browser google-chrome >/dev/null; then \
		if [ "$$(id -u)" = 0 ] && command -v apt-get >/dev/null; then \
			apt-get update -qq && apt-get install -y --no-install-recommends $(CHROMIUM_PACKAGES); \
		else \
			echo "browser-test needs Chromium: install it, on Debian and Ubuntu with: apt-get install $(CHROMIUM_PACKAGES)" >&2; exit 1; \
		fi; \
	fi
	cd reports/html/browser && go test -count=1 -v . -args -readme $(CURDIR)/docs/matrix.png $(if $(RESULTS),-results $(abspath $(RESULTS)))

.PHONY: build
build: ## build the command into ./assay
	go build -trimpath -o assay .

.PHONY: images
images: ## build the node images without running anything
	go run . build $(ARGS)

# The linter is a module of its own, so that it never weighs on the suite's.
LINT := .assay/bin/golangci-lint

$(LINT): .ci/lint/go.mod .ci/lint/go.sum
	cd .ci/lint && go build -o ../../$(LINT) github.com/golangci/golangci-lint/v2/cmd/golangci-lint

.PHONY: verify
verify: $(LINT) ## check formatting, lint, module files and generated files
	go mod tidy -diff
	$(LINT) run ./...
	go run . list --markdown | diff -u CHECKS.md - || { echo "CHECKS.md is stale: make generate"; exit 1; }

.PHONY: lint-fix
lint-fix: $(LINT) ## format and repair what the linter can
	$(LINT) run --fix ./...

.PHONY: generate
generate: ## write CHECKS.md and the goldens of the reports
	go run . list --markdown > CHECKS.md.new && mv CHECKS.md.new CHECKS.md
	CGO_ENABLED=1 go test -short ./reports/... -update

.PHONY: clean
clean: ## delete the clusters, networks and images that Assay made, and its build files
	go run . clean --images
	rm -rf .assay assay
