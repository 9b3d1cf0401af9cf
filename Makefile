# Temper: one Go program that turns raw text into a better model, and can prove how.
# `make help` lists the targets. They need Go, make and git; `make interop` also needs python3.

GO          ?= go
STATICCHECK := honnef.co/go/tools/cmd/staticcheck@v0.8.2
WORKFLOWCHK := go.temporal.io/sdk/contrib/tools/workflowcheck@v0.6.0
VERSION     := $(shell git describe --tags --always --dirty 2>/dev/null || echo dev)
LDFLAGS     := -s -w -X temper/cli.Version=$(VERSION)
DATA        ?= temper-data

.DEFAULT_GOAL := build

.PHONY: build
build: ## build bin/temper, with the development stack in it
	@mkdir -p bin
	$(GO) build -C deploy/devstack -trimpath -ldflags '$(LDFLAGS)' -o ../../bin/temper .

.PHONY: lean
lean: ## build bin/temper-lean, without the development stack: what the container image holds
	@mkdir -p bin
	CGO_ENABLED=0 $(GO) build -trimpath -ldflags '$(LDFLAGS)' -o bin/temper-lean ./cmd/temper

.PHONY: quickstart
quickstart: build ## the whole mission once: Go's documentation to a promoted adapter, with a report
	bin/temper quickstart --dir $(DATA)

.PHONY: test
test: ## all tests, on a real Temporal server and a real S3 gateway
	$(GO) test ./...
	$(GO) test -C deploy/devstack ./...

.PHONY: race
race: ## the race detector over the packages that start goroutines
	$(GO) test -race ./dataset ./internal/store ./internal/kernel ./internal/graph ./synth ./workflows ./activities

.PHONY: interop
interop: ## comparisons with Python's libraries, in a virtual environment in the user's cache folder
	interop/run

.PHONY: bench
bench: ## benchmarks beside their baselines; writes docs/benchmarks.md
	bench/run

.PHONY: lint
lint: ## gofmt, go vet, staticcheck, workflowcheck
	@test -z "$$(gofmt -l .)" || { echo "not gofmt-ed:"; gofmt -l .; exit 1; }
	$(GO) vet ./...
	$(GO) vet -C deploy/devstack ./...
	$(GO) run $(STATICCHECK) ./...
	$(GO) run $(WORKFLOWCHK) ./workflows

.PHONY: generate
generate: ## generated files again: assembly, tables, JSON Schema
	$(GO) generate ./...

.PHONY: clean
clean: ## remove bin/
	rm -rf bin

.PHONY: help
help: ## this list
	@awk -F ':.*## ' '/^[a-z]+:.*## /{printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
