# Needs go, git, make and a POSIX shell; builds everything else into .cache.
# Bare `make` lists the targets.

# `make module PATH=…` names a module, but a variable on the command line is in
# the environment of every recipe, too: there, PATH stays what it was. The shell
# tells it, because it gets the environment that make was started with. That
# also holds for make 4.4, but only if this variable is recursive (no :=).
ifeq ($(MAKECMDGOALS) $(origin PATH),module command line)
MODULE_PATH := $(PATH)
override PATH = $(shell echo "$$PATH")
export PATH
endif

include tools/versions.mk

CACHE   := $(CURDIR)/.cache
BIN     := $(CACHE)/bin
GO      ?= go
GOVERSION := $(shell $(GO) env GOVERSION)
# What the names of programs end in on this machine: .exe on Windows.
EXE     := $(if $(filter windows,$(shell $(GO) env GOHOSTOS)),.exe)

# Stamped into the binary, which holds nothing else about the repository: the same source
# makes the same bytes. .goreleaser.yaml has the same flags.
VERSION ?= $(shell git describe --tags --match 'v*' --dirty 2>/dev/null)
COMMIT  ?= $(shell git describe --always --abbrev=12 --exclude '*' --dirty 2>/dev/null)
LDFLAGS := -s -w \
	$(if $(VERSION),-X s3sync/internal/cli/options.version=$(VERSION)) \
	$(if $(COMMIT),-X s3sync/internal/cli/options.commit=$(COMMIT))
BUILD    = CGO_ENABLED=0 $(GO) build -trimpath -buildvcs=false -ldflags '$(LDFLAGS)'

# The systems and processors that there are builds for.
PLATFORMS := linux/amd64 linux/arm64 darwin/amd64 darwin/arm64 windows/amd64 windows/arm64

# What `make test` needs of the tools, and `make test-full` besides.
TEST_TOOLS := versitygw golangci-lint
FULL_TOOLS := minio rclone mc temporal-server

# The race detector needs a C compiler. Without one the tests run without it.
RACE    := $(if $(filter 1,$(shell $(GO) env CGO_ENABLED)),-race)
# With it a process waits for a second when it ends, if nothing says otherwise.
export GORACE ?= atexit_sleep_ms=0
TESTFLAGS ?=
PKG     ?= ./...
FUZZTIME ?= 30s
BENCHFLAGS ?=
SOAKFLAGS ?=

# Recipes share build caches and print in order: one target at a time. The Go
# command uses all cores by itself.
.NOTPARALLEL:
.SUFFIXES:
.DELETE_ON_ERROR:

.PHONY: help
help: ## list the targets
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/\1|\2/p' Makefile | \
		awk -F'|' '{ printf "  make %-16s %s\n", $$1, $$2 }'

##### For users

.PHONY: build
build: ## build ./s3sync
	$(BUILD) -o s3sync$(shell $(GO) env GOEXE) ./cmd/s3sync

.PHONY: demo
demo: build $(BIN)/versitygw$(EXE) ## sync a real tree to a local S3 server and back, explaining each step
	@$(GO) run ./internal/demo

.PHONY: cluster
cluster: ## build ./s3sync-cluster, for jobs on many machines
	CGO_ENABLED=0 $(GO) build -C cluster -trimpath -buildvcs=false -ldflags '$(LDFLAGS)' \
		-o $(CURDIR)/s3sync-cluster$(shell $(GO) env GOEXE) ./cmd/s3sync-cluster

.PHONY: cluster-demo
cluster-demo: cluster $(BIN)/versitygw$(EXE) $(BIN)/temporal-server$(EXE) ## run a job on two workers here, kill one of them, explaining each step
	@$(GO) build -C cluster -o $(CACHE)/cluster-demo$(EXE) ./internal/demo
	@$(CACHE)/cluster-demo$(EXE)

.PHONY: record
record: build $(BIN)/versitygw$(EXE) ## record docs/session.txt and docs/session.svg in a terminal of this machine
	@$(GO) run ./internal/session

##### For a change

.PHONY: check
check: fmt-check lint ## the quick half of `make test`: no servers
	S3SYNC_TEST_SERVERS=none $(GO) test $(RACE) -short $(TESTFLAGS) $(PKG)
	cd cluster && S3SYNC_TEST_SERVERS=none $(GO) test $(RACE) -short $(TESTFLAGS) ./...

# Whole runs wait for servers and clocks more than they compute.
PARALLEL := -parallel 12

# Packages under the race detector; whole runs without it. Both on one server, the one
# that is built soonest: everything runs on every server in `make test-full`.
.PHONY: test
test: $(TEST_TOOLS:%=$(BIN)/%$(EXE)) fmt-check lint tidy-check race-note ## all that is worth waiting for before each commit
	S3SYNC_TEST_SERVERS=versitygw S3SYNC_TEST_MUST_RUN=versitygw $(GO) test -short -timeout 20m $(PARALLEL) $(TESTFLAGS) ./integration
	S3SYNC_TEST_SERVERS=versitygw S3SYNC_TEST_MUST_RUN=versitygw $(GO) test $(RACE) -short -timeout 20m $(TESTFLAGS) $$($(GO) list ./... | grep -v '/integration$$')
	cd cluster && S3SYNC_TOOLS=$(BIN) S3SYNC_TEST_SERVERS=versitygw S3SYNC_TEST_MUST_RUN=versitygw $(GO) test $(RACE) -short -timeout 20m $(TESTFLAGS) ./...

# Everything, on every server, and what needs much memory, as on a poor terminal: `make test`
# runs as on the one where it is called. The race detector makes all of it several times as
# slow, and `make test` has it for all packages but the whole runs: those that do most have it
# here, on the other server. Whole runs take longest and mostly wait, so they begin first, beside the others.
.PHONY: test-full
test-full: $(TEST_TOOLS:%=$(BIN)/%$(EXE)) $(FULL_TOOLS:%=$(BIN)/%$(EXE)) fix-check generate-check cross test-arm race-note ## the rest of what CI runs: before sending a change
	NO_COLOR=1 TERM=dumb COLUMNS=40 S3SYNC_TEST_MUST_RUN=versitygw,minio,rclone,mc $(GO) test -timeout 45m $(PARALLEL) $(TESTFLAGS) $(if $(filter ./...,$(PKG)),./integration) $(PKG)
	S3SYNC_TEST_SERVERS=minio S3SYNC_TEST_MUST_RUN=minio $(GO) test $(RACE) -short -timeout 30m $(PARALLEL) -run 'Scenario|RoundTrip|Matrix' $(TESTFLAGS) ./integration
	cd cluster && S3SYNC_TOOLS=$(BIN) S3SYNC_TEST_MUST_RUN=versitygw,minio,temporal-server $(GO) test -timeout 20m $(PARALLEL) $(TESTFLAGS) ./...

# With binfmt the kernel starts programs of arm64 by itself. Without it, they
# cannot start each other, as the tests of the command want.
.PHONY: test-arm
test-arm: ## unit tests of linux/arm64 under qemu-user, where it is installed
	@packages=$$($(GO) list ./... | grep -v '/integration$$'); \
	if [ "$$($(GO) env GOHOSTOS GOHOSTARCH | tr '\n' ' ')" = 'linux arm64 ' ]; then \
		exit 0; \
	elif grep -qs '^enabled' /proc/sys/fs/binfmt_misc/qemu-aarch64; then \
		exec=; \
	elif qemu=$$(command -v qemu-aarch64-static || command -v qemu-aarch64); then \
		exec="-exec $$qemu"; packages=$$(echo "$$packages" | grep -v '/cmd/s3sync$$'); \
	else \
		echo 'NOTE: qemu-user is not installed, so the unit tests of linux/arm64 are skipped'; exit 0; \
	fi; \
	S3SYNC_TEST_SERVERS=none GOOS=linux GOARCH=arm64 CGO_ENABLED=0 \
		$(GO) test -short -timeout 30m $$exec $(TESTFLAGS) $$packages

.PHONY: fmt
fmt: $(BIN)/golangci-lint$(EXE) ## format the Go files (gofumpt, imports)
	$(BIN)/golangci-lint$(EXE) fmt ./...
	cd cluster && $(BIN)/golangci-lint$(EXE) fmt ./...

.PHONY: fmt-check
fmt-check: $(BIN)/golangci-lint$(EXE)
	$(BIN)/golangci-lint$(EXE) fmt --diff ./...
	cd cluster && $(BIN)/golangci-lint$(EXE) fmt --diff ./...

.PHONY: lint
lint: $(BIN)/golangci-lint$(EXE) ## golangci-lint, with all that go vet does: see .golangci.yml
	$(BIN)/golangci-lint$(EXE) run ./...
	cd cluster && $(BIN)/golangci-lint$(EXE) run ./...

.PHONY: generate
generate: ## rewrite the files that tests compare (option tables, help texts, golden data)
	$(GO) generate ./...
	cd cluster && $(GO) generate ./...

# Works on a tree with changes, too: compares the state before and after. The tests
# compare each of these files as well.
.PHONY: generate-check
generate-check:
	@state() { git diff | git hash-object --stdin; git status --porcelain; }; \
	before=$$(state); $(MAKE) --no-print-directory generate || exit 1; \
	if [ "$$before" != "$$(state)" ]; then \
		git status --short; \
		echo 'make generate changed these files: look at the changes and commit them'; exit 1; \
	fi

# go mod verify does not know modules that are replaced by a directory, as the root is in
# cluster/.
.PHONY: tidy-check
tidy-check:
	$(GO) mod tidy -diff
	$(GO) mod verify
	cd cluster && $(GO) mod tidy -diff

.PHONY: fix-check
fix-check:
	$(GO) fix -stringsbuilder=false -diff ./...
	cd cluster && $(GO) fix -stringsbuilder=false -diff ./...

# vet reads the tests as well. What it finds hardly depends on the processor: one of each system is
# enough, and `make lint` vets this machine's. To vet the cluster compiles its engine for a system,
# which takes minutes, and nothing in it depends on the system: one that differs most is enough.
VETTED := linux/arm64 darwin/arm64 windows/amd64

.PHONY: cross
cross: ## build (into .cache/cross) for every supported platform, and vet for every system
	@set -e; for p in $(PLATFORMS); do \
		echo "GOOS=$${p%/*} GOARCH=$${p#*/} go build"; \
		GOOS=$${p%/*} GOARCH=$${p#*/} $(BUILD) -o $(CACHE)/cross/$$p/ ./cmd/s3sync; \
	done; \
	for p in $(VETTED); do \
		echo "GOOS=$${p%/*} GOARCH=$${p#*/} go vet"; \
		CGO_ENABLED=0 GOOS=$${p%/*} GOARCH=$${p#*/} $(GO) vet ./...; \
	done
	cd cluster && CGO_ENABLED=0 GOOS=windows GOARCH=amd64 $(GO) vet ./...

.PHONY: race-note
race-note:
	@$(if $(RACE),,echo 'NOTE: no C compiler found, so the tests run WITHOUT the race detector')

##### Releases

RELEASE_TOOLS := goreleaser cyclonedx-gomod
GORELEASER = PATH="$(BIN):$$PATH" $(BIN)/goreleaser$(EXE) release --clean
# goreleaser wants to know a remote repository, also where it publishes nothing.
NO_REMOTE = $(if $(shell git remote),,GIT_CONFIG_COUNT=1 GIT_CONFIG_KEY_0=remote.origin.url GIT_CONFIG_VALUE_0=https://localhost/s3sync/s3sync)

.PHONY: release-files
release-files:
	@tools/release-files.sh $(CACHE)/release-files

.PHONY: release-snapshot
release-snapshot: $(RELEASE_TOOLS:%=$(BIN)/%$(EXE)) release-files ## build all that a release has into .cache/release, and publish nothing
	$(NO_REMOTE) $(GORELEASER) --snapshot

.PHONY: release-check
release-check: $(RELEASE_TOOLS:%=$(BIN)/%$(EXE)) ## build a release of the last commit twice, compare, and look into it
	@MAKE='$(MAKE)' tools/release-check.sh

# What .github/workflows/release.yml runs for a tag. Its text is the section of
# CHANGELOG.md about that version.
.PHONY: release
release: export GOTOOLCHAIN := go$(go_VERSION)
release: $(RELEASE_TOOLS:%=$(BIN)/%$(EXE)) release-files ## publish the tag of this commit on GitHub (needs GITHUB_TOKEN)
	@awk -v version='$(VERSION)' 'index($$0, "## ") == 1 { found = $$2 == substr(version, 2); next } found' CHANGELOG.md >$(CACHE)/release-notes.md
	@grep -q . $(CACHE)/release-notes.md || { echo 'CHANGELOG.md says nothing about $(VERSION)'; exit 1; }
	$(GORELEASER) --release-notes $(CACHE)/release-notes.md

.PHONY: image
image: ## build a container image with docker, or with DOCKER=podman
	$(or $(DOCKER),docker) build $(IMAGEFLAGS) -t $(or $(IMAGE),s3sync):$(or $(VERSION:v%=%),devel) \
		--build-arg GO_VERSION=$(go_VERSION) --build-arg VERSION=$(VERSION) --build-arg COMMIT=$(COMMIT) .

##### Longer runs

.PHONY: bench
bench: build ## measure CPU, time, memory and requests against a floor and other tools (BENCHFLAGS=-list)
	@$(GO) run ./internal/bench $(BENCHFLAGS)

.PHONY: fuzz
fuzz: ## run every fuzz target for FUZZTIME (30s)
	@set -e; for pkg in $$($(GO) list $(PKG)); do \
		for f in $$($(GO) test -list '^Fuzz' $$pkg | grep '^Fuzz' || true); do \
			echo "$$pkg $$f"; $(GO) test -run '^$$' -fuzz "^$$f\$$" -fuzztime $(FUZZTIME) $$pkg; \
		done; \
	done

.PHONY: soak
soak: $(BIN)/versitygw$(EXE) $(BIN)/minio$(EXE) $(BIN)/temporal-server$(EXE) $(BIN)/temporal-sql-tool$(EXE) ## the trials of `make test` in large numbers, jobs of the cluster with more accidents, for a night; SOAKFLAGS=-rapid.seed=N repeats one
	$(GO) test $(RACE) -timeout 0 -run '^TestTrials$$' . -rapid.checks=3334 -rapid.nofailfile $(SOAKFLAGS)
	S3SYNC_SOAK=1 $(GO) test $(RACE) -timeout 0 -run '^(TestEveryCall|TestEveryCrash)$$' .
	S3SYNC_SOAK=1 S3SYNC_TEST_MUST_RUN=versitygw,minio $(GO) test $(RACE) -timeout 0 -run '^(TestHostileServer|TestUndo|TestKills|TestMemoryOfPlan)$$' ./integration
	S3SYNC_SOAK=1 $(GO) test -timeout 0 -run '^TestMemoryDoesNotGrowWithManifests$$' ./cmd/s3sync
	cd cluster && S3SYNC_TOOLS=$(BIN) S3SYNC_SOAK=1 S3SYNC_TEST_MUST_RUN=versitygw,temporal-server,temporal-sql-tool $(GO) test -v -timeout 0 $(PARALLEL) ./integration

.PHONY: vuln
vuln: $(BIN)/govulncheck$(EXE) ## known vulnerabilities in dependencies (needs the network)
	$(BIN)/govulncheck$(EXE) ./...
	cd cluster && $(BIN)/govulncheck$(EXE) ./...

##### The repository

.PHONY: module
module: export MODULE_PATH := $(MODULE_PATH)
module: ## give the module the path PATH=host/owner/s3sync, in all files
	@$(GO) build -o $(CACHE)/modulepath ./internal/modulepath
	@$(CACHE)/modulepath "$$MODULE_PATH"

##### Tools

.PHONY: tools
tools: $(TOOLS:%=$(BIN)/%$(EXE)) ## build the pinned tools and test servers into .cache/bin

.PHONY: clean
clean: ## remove what make built
	rm -rf s3sync s3sync.exe $(CACHE)

# The stamp's name holds the version: a new version is a new stamp, and the
# binary is older than it. GOFLAGS is emptied because -mod and -tags of the
# caller are not meant for the tools. Not every package is called as its tool.
define tool
$(BIN)/$(1)$(EXE): $(CACHE)/stamp/$(1)@$($(1)_VERSION)-$(GOVERSION)
	@echo "go install $($(1)_PACKAGE)@$($(1)_VERSION)"
	@GOBIN=$(CACHE)/install/$(1) GOFLAGS= GOOS= GOARCH= $(GO) install $($(1)_PACKAGE)@$($(1)_VERSION)
	@mkdir -p $(BIN) && mv -f $(CACHE)/install/$(1)/* $$@ && rmdir $(CACHE)/install/$(1) && touch $$@
$(CACHE)/stamp/$(1)@$($(1)_VERSION)-$(GOVERSION):
	@mkdir -p $$(@D) && rm -f $$(@D)/$(1)@* && touch $$@
endef
$(foreach t,$(TOOLS),$(eval $(call tool,$(t))))
