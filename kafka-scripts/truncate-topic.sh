#!/usr/bin/env bash
# Deletes the records of a topic's only partition below an offset, without asking: what retention does in time, at once.
#
#   truncate-topic.sh TOPIC OFFSET
#
# BOOTSTRAP=host:port,… names the brokers; by default those of `cluster`.
set -euo pipefail
# shellcheck source=lib.sh
source "$(dirname "$0")/lib.sh"
adopt_version

[ $# = 2 ] || { sed -n '2,6p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }
case $2 in '' | *[!0-9]*) fail "an offset is a number, not \"$2\"" ;; esac
plan=$(mktemp)
trap 'rm -f "$plan"' EXIT
printf '{"version":1,"partitions":[{"topic":"%s","partition":0,"offset":%s}]}\n' "$1" "$2" >"$plan"
said=$(kafka_tool org.apache.kafka.tools.DeleteRecordsCommand --bootstrap-server "${BOOTSTRAP:-$(bootstrap)}" \
    --offset-json-file "$plan")
# The tool ends well whatever the brokers say.
case $said in *low_watermark*) ;; *) fail "$1 was not truncated: $said" ;; esac
