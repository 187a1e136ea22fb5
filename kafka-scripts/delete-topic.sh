#!/usr/bin/env bash
# Deletes topics and all data in them, without asking.
#
#   delete-topic.sh TOPIC…
#
# BOOTSTRAP=host:port,… names the brokers; by default those of `cluster`. A running project whose topic is deleted blocks.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
adopt_version

[ $# -gt 0 ] || { sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }
# Kafka's tool reads a name as a pattern, in which a dot is any character.
for topic in "$@"; do topics --delete --if-exists --topic "${topic//./\\.}"; done
