# Every tool and test server that make builds, and its version. Nothing else in
# the repository names one. Each is built by `go install package@version` into
# .cache/bin, apart from the product's own go.mod, because each of them brings
# in hundreds of modules.
#
# A changed version is built anew by the next make that needs the tool.

TOOLS := versitygw minio rclone mc temporal-server temporal-sql-tool golangci-lint govulncheck goreleaser cyclonedx-gomod

# S3 server on a directory (Apache-2.0): tests and make demo.
versitygw_PACKAGE := github.com/versity/versitygw/cmd/versitygw
versitygw_VERSION := v1.8.0

# Second S3 server (AGPL-3.0): only ever a separate process of the tests.
minio_PACKAGE := github.com/minio/minio
minio_VERSION := v0.0.0-20260212201848-7aac2a2c5b7c

# Other clients of S3, whose objects the tests compare and download (mc is
# AGPL-3.0): only ever separate processes of the tests.
rclone_PACKAGE := github.com/rclone/rclone
rclone_VERSION := v1.76.0
mc_PACKAGE := github.com/minio/mc
mc_VERSION := v0.0.0-20250313080218-cf909e1063a9

# The engine of s3sync-cluster, with its database in one file (MIT): only ever a separate
# process of the tests of cluster/ and of its demo. Later versions need a later Go.
temporal-server_PACKAGE := go.temporal.io/server/cmd/server
temporal-server_VERSION := v1.32.0
# Makes its schema in PostgreSQL: make soak.
temporal-sql-tool_PACKAGE := go.temporal.io/server/cmd/tools/sql
temporal-sql-tool_VERSION := $(temporal-server_VERSION)

golangci-lint_PACKAGE := github.com/golangci/golangci-lint/v2/cmd/golangci-lint
golangci-lint_VERSION := v2.15.0

govulncheck_PACKAGE := golang.org/x/vuln/cmd/govulncheck
govulncheck_VERSION := v1.9.0

# Archives, packages and lists of components of a release.
goreleaser_PACKAGE := github.com/goreleaser/goreleaser/v2
goreleaser_VERSION := v2.15.1
cyclonedx-gomod_PACKAGE := github.com/CycloneDX/cyclonedx-gomod/cmd/cyclonedx-gomod
cyclonedx-gomod_VERSION := v1.10.0

# The Go that releases are built with. The same source and the same Go make the same bytes.
go_VERSION := 1.26.8
