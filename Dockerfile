# s3sync alone in an image: the static binary, the roots that certificates are verified
# by, a folder for temporary files, and one for what outlives a run. `make image` builds it.
#
#   docker run --rm -v "$PWD:/data" -e AWS_ACCESS_KEY_ID -e AWS_SECRET_ACCESS_KEY s3sync /data s3://bucket/
#
# The first stage runs on the machine that builds, for whatever platform.
ARG GO_VERSION=1
FROM --platform=$BUILDPLATFORM golang:${GO_VERSION} AS build
WORKDIR /src
COPY go.mod go.sum ./
RUN go mod download
COPY . .
RUN mkdir -p /image/usr/bin /image/etc/ssl/certs /image/licenses /image/data \
    && mkdir -m 1777 /image/tmp /image/state \
    && tools/release-files.sh /tmp/files \
    && cp LICENSE /tmp/files/THIRD_PARTY_LICENSES /image/licenses/ \
    && cp /etc/ssl/certs/ca-certificates.crt /image/etc/ssl/certs/
ARG TARGETOS
ARG TARGETARCH
ARG VERSION
ARG COMMIT
RUN GOOS=$TARGETOS GOARCH=$TARGETARCH make build VERSION="$VERSION" COMMIT="$COMMIT" \
    && cp s3sync /image/usr/bin/

FROM scratch
ARG VERSION
ARG COMMIT
LABEL org.opencontainers.image.title="s3sync" \
      org.opencontainers.image.description="Syncs a directory and an S3 bucket, or two buckets, and verifies what arrived" \
      org.opencontainers.image.licenses="Apache-2.0" \
      org.opencontainers.image.version="$VERSION" \
      org.opencontainers.image.revision="$COMMIT"
COPY --from=build /image /
# Nobody in particular, and not root. Files of the host need --user "$(id -u):$(id -g)".
USER 65532:65532
# A volume here keeps it: docker run -v s3sync-state:/state ...
ENV S3SYNC_STATE_DIR=/state
WORKDIR /data
ENTRYPOINT ["/usr/bin/s3sync"]
