#!/usr/bin/env bash
# Hot failover, shown: three engines on one stateful project, the active one killed again and again, a frozen one that
# wakes as a zombie; then the output is compared, byte for byte, with that of an engine that never failed.
#
#   ./demo.sh                    with a Kafka-protocol broker in memory: needs neither Java nor Docker
#   ./demo.sh --real             on three real Kafka brokers and a ZooKeeper; kills a broker too
#   ./demo.sh --kills N --rate N --seconds N --report DIR
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=kafka-scripts/needs.sh
source kafka-scripts/needs.sh
need_for_build
real=()
arguments=()
for word in "$@"; do
    if [ "$word" = --real ]; then real=(--real kafka-scripts/cluster); else arguments+=("$word"); fi
done
[ ${#real[@]} = 0 ] || need_for_real_brokers
echo " building (the first time takes some minutes)" >&2
# The same selection as in the tests, so that both share what is built.
cargo build --quiet --workspace --bins
programs=${CARGO_TARGET_DIR:-target}/debug
exec "$programs/understudy-demo" drill --daemon "$programs/understudy" --project examples/sum20/project.xml \
    "${real[@]}" "${arguments[@]}"
