#!/usr/bin/env bash
# Everything: formats, lints, unit tests, simulated worlds, docs, then real brokers and a real ZooKeeper.
#
#   ./test.sh          all of it
#   ./test.sh fast     without real brokers (cargo xtask verify)
set -euo pipefail
cd "$(dirname "$0")"
# shellcheck source=kafka-scripts/needs.sh
source kafka-scripts/needs.sh
need_for_build
began=$SECONDS
# Some adapters' tests start a ZooKeeper of their own: its jars must be there before them.
if [ "${1:-}" != fast ]; then
    need_for_real_brokers
    kafka-scripts/cluster fetch
fi
cargo xtask verify
deploy/check-compose.sh
if [ "${1:-}" = fast ]; then exit 0; fi
cargo xtask e2e
echo "test.sh: everything passed in $((SECONDS - began)) s"
