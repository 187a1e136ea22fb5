#!/usr/bin/env bash
# Builds the two images of docker-compose.yml with the classic builder; nothing is downloaded but Kafka's jars.
#
#   deploy/build-images.sh [BASE [JAVA_BASE]]
#
# BASE has glibc, libssl3 and ca-certificates (debian:bookworm-slim); JAVA_BASE has bash and a Java 17 runtime (understudy-java).
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=../kafka-scripts/lib.sh
source kafka-scripts/lib.sh
adopt_version

context=$(mktemp -d)
trap 'rm -rf "$context"' EXIT

cargo build --release --package understudy
mkdir "$context/daemon" "$context/kafka"
cp "${CARGO_TARGET_DIR:-target}/release/understudy" "$context/daemon/"
docker build -t understudy:latest --build-arg "BASE=${1:-debian:bookworm-slim}" -f deploy/Dockerfile "$context/daemon"

fetch_jars "$KAFKA_VERSION"
fetch_jars "$KAFKA_WITH_ZOOKEEPER"
for version in "$KAFKA_VERSION" "$KAFKA_WITH_ZOOKEEPER"; do
    mkdir -p "$context/kafka/kafka-$version"
    cp -r "$(lib_of "$version")" "$context/kafka/kafka-$version/"
done
cp -r kafka-scripts "$context/kafka/kafka-scripts"
cp deploy/kafka/run "$context/kafka/run"
docker build -t understudy-kafka:latest --build-arg "BASE=${2:-understudy-java}" -f deploy/kafka/Dockerfile "$context/kafka"
