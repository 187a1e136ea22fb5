#!/usr/bin/env bash
# Prints the records of a topic as they come: offset, time, headers (message id, index, digest …), value.
#
#   start-consumer.sh TOPIC [options of Kafka's console consumer, as --from-beginning or --max-messages 10]
#
# BOOTSTRAP=host:port,… names the brokers; by default those of `cluster`.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
adopt_version

[ $# -gt 0 ] || { sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }
topic=$1; shift
kafka_tool org.apache.kafka.tools.consumer.ConsoleConsumer --bootstrap-server "${BOOTSTRAP:-$(bootstrap)}" --topic "$topic" \
    --property print.offset=true --property print.timestamp=true --property print.headers=true "$@"
