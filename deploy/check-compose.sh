#!/usr/bin/env bash
# Holds docker-compose.yml to kafka-scripts: the same brokers, the same ports; and asks docker-compose whether it reads it.
set -euo pipefail
cd "$(dirname "$0")/.."
# shellcheck source=../kafka-scripts/lib.sh
source kafka-scripts/lib.sh
file=docker-compose.yml
faults=0
fault() { say "$file: $*"; faults=$((faults + 1)); }
has() { grep -qF -- "$1" "$file" || fault "$2 is missing: $1"; }

host_of() { echo "kafka$1"; }
has "UNDERSTUDY_BOOTSTRAP: $(bootstrap)" "the brokers' address list"
has "UNDERSTUDY_ZOOKEEPER: zookeeper:$ZOOKEEPER_PORT" "ZooKeeper's address"
for n in "${BROKERS[@]}"; do
    has "command: [broker, \"$n\"]" "broker $n"
    # On the host the engines have the ports that the example's page names.
    port=$((31405 + 10 * n))
    has "ports: [\"127.0.0.1:$port:31415\"]" "the port of esp-$n"
    grep -qF -- "--http 127.0.0.1:$port" examples/sum20/README.md || fault "examples/sum20/README.md doesn't name port $port of esp-$n"
done

if have docker-compose; then
    docker-compose -f "$file" config --quiet || fault "docker-compose doesn't read it"
    wanted="esp-1 esp-2 esp-3 kafka1 kafka2 kafka3 publisher subscriber topics zookeeper"
    found=$(docker-compose -f "$file" config --services | sort | tr '\n' ' ')
    [ "${found% }" = "$wanted" ] || fault "services are $found, not $wanted"
else
    say "check-compose: docker-compose is not installed, its own check is left out; run: sudo apt-get install -y docker-compose"
fi
[ $faults = 0 ] || exit 1
say "check-compose: names and ports of $file equal those of kafka-scripts"
