#!/usr/bin/env bash
# Prints how a node of the chaos runner's cluster is started: the settings of kafka-scripts with addresses of its network.
#
#   properties.sh broker|zookeeper N FOLDER     the node's properties; FOLDER is where it keeps its data
#   properties.sh jars broker|zookeeper         the folder with its jars, fetched when it isn't there
#   properties.sh jvm                           options for every JVM, one in a line
set -euo pipefail
scripts=$(cd "$(dirname "$0")/../../kafka-scripts" && pwd)
# shellcheck source=../../kafka-scripts/lib.sh
source "$scripts/lib.sh"
# shellcheck source=../../kafka-scripts/processes.sh
source "$scripts/processes.sh"
# shellcheck source=../../kafka-scripts/broker.properties.sh
source "$scripts/broker.properties.sh"

KAFKA_VERSION=${KAFKA_VERSION:-$KAFKA_VERSION_NEWEST}
# shellcheck disable=SC2034  # used by broker_port
PORT_BASE=19090
# shellcheck disable=SC2034  # used by zookeeper_properties
ZOOKEEPER_PORT=12181
# As tests/chaos/src/host/network.rs deals them out.
host_of() { echo "10.77.0.$((20 + $1))"; } # broker number
zookeeper_of() { echo "10.77.0.$((10 + $1))"; } # node number
secure_listener() { :; }

zookeeper_node() { # number
    zookeeper_properties
    local n
    for n in 1 2 3; do echo "server.$n=$(zookeeper_of "$n"):12888:13888"; done
    # A node that was cut off asks for the others again at once.
    echo "cnxTimeout=2"
}

case ${1:-} in
    broker) STATE=$3; BIND_ADDRESS=$(host_of "$2"); broker_properties "$2" ;;
    zookeeper) STATE=$3; BIND_ADDRESS=$(zookeeper_of "$2"); zookeeper_node "$2" ;;
    jars)
        version=$KAFKA_VERSION
        [ "$2" = broker ] || version=$KAFKA_WITH_ZOOKEEPER
        fetch_jars "$version"; lib_of "$version" ;;
    jvm) printf '%s\n' "${JVM_OPTIONS[@]}" ;;
    *) sed -n '2,7p' "$0" | sed 's/^# \{0,1\}//'; exit 2 ;;
esac
