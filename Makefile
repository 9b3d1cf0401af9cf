# Temper: one Go program that turns raw text into a better model, and can prove how.
# `make help` lists the targets. They need Go, make and git; `make interop` also needs python3.

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
WORKFLOWCHECK := go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X temper/cli.Version=$(VERSION)

.DEFAULT_GOAL := build

.PHONY: build
build: ## build bin/temper, with the development stack in it
	@mkdir -p bin
	$(GO) build -C deploy/devstack -ldflags '$(LDFLAGS)' -o ../../bin/temper .

.PHONY: quickstart
quickstart: build ## the whole way once: Go's documentation to a promoted adapter; again, it finds everything done
	bin/temper quickstart

.PHONY: lean
lean: ## build bin/temper-lean, without the development stack: what the container image holds
	@mkdir -p bin
	$(GO) build -ldflags '$(LDFLAGS)' -o bin/temper-lean ./cmd/temper

.PHONY: test
test: ## all tests, on a real Temporal server and a real S3 gateway
	$(GO) test ./...
	$(GO) test -C deploy/devstack ./...

.PHONY: race
race: ## the race detector over the packages that start goroutines
	$(GO) test -race ./internal/store ./internal/kernel ./internal/graph ./dataset ./worker ./workflows ./activities

.PHONY: interop
interop: ## comparisons with Python's libraries, in a virtual environment in the user's cache folder
	interop/run

.PHONY: bench
bench: lean ## speed beside Python's libraries, into docs/benchmarks.md; BENCH_COUNT=1 is quick and only prints
	$(GO) run ./bench -count $(or $(BENCH_COUNT),5)

.PHONY: bench-scaling
bench-scaling: lean ## two cores beside one, and the cost of ever more text, into docs/scaling.md; BENCH_COUNT=1 is quick and only prints
	$(GO) run ./bench -scaling -count $(or $(BENCH_COUNT),5)

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, and Temporal's workflowcheck
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) vet -C deploy/devstack ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(WORKFLOWCHECK) ./workflows

.PHONY: generate
generate: ## write the recipe's JSON Schema and the golden files anew
	$(GO) test ./recipe -update

.PHONY: clean
clean: ## remove bin/
	rm -rf bin

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## /{printf "  make %-13s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
