#!/usr/bin/env bash
# Partitions, leader, copies in sync and settings of a topic; of all topics when none is said.
#
#   describe-topic.sh [TOPIC…]
#
# BOOTSTRAP=host:port,… names the brokers; by default those of `cluster`.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
adopt_version

[ $# -gt 0 ] || { topics --describe; exit; }
for topic in "$@"; do topics --describe --topic "$topic"; done
