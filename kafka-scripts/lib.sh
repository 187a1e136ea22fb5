# Shared by the scripts of this folder: versions, folders, ports, jars, Kafka's own tools. Sourced, never run.
# shellcheck shell=bash
# shellcheck disable=SC2034  # the variables are for those who source this file

# The newest line that is tried here; 3.9.x runs in ZooKeeper mode.
KAFKA_VERSION_NEWEST=4.1.0
# Kafka 4 brings no ZooKeeper, so the one for our own election always comes from this folder.
KAFKA_WITH_ZOOKEEPER=3.9.1
CACHE=${UNDERSTUDY_CACHE:-$HOME/.cache/understudy}
STATE=${UNDERSTUDY_CLUSTER_DIR:-/tmp/understudy-cluster}
# A second cluster beside the first takes its own: 21090 gives 21091…, 21191…, 21291… and 14181.
PORT_BASE=${UNDERSTUDY_PORT_BASE:-19090}
BROKERS=(1 2 3)
# Loopback only; containers put their own names in place of these.
BIND_ADDRESS=127.0.0.1
ZOOKEEPER_HOST=127.0.0.1
host_of() { echo 127.0.0.1; } # broker number
ZOOKEEPER_PORT=$((PORT_BASE - 6909)) # 12181 beside 19091..19093

# A cluster that was made with another version keeps it, unless the caller says one.
adopt_version() {
    [ -n "${KAFKA_VERSION:-}" ] || KAFKA_VERSION=$(cat "$STATE/version" 2>/dev/null) || KAFKA_VERSION=$KAFKA_VERSION_NEWEST
}

kraft() { [[ $KAFKA_VERSION != 3.* ]]; }

broker_port() { echo $((PORT_BASE + $1)); }
controller_port() { echo $((PORT_BASE + 100 + $1)); }
secure_port() { echo $((PORT_BASE + 200 + $1)); }

bootstrap() {
    local list=() n
    for n in "${BROKERS[@]}"; do list+=("$(host_of "$n"):$(broker_port "$n")"); done
    (IFS=,; echo "${list[*]}")
}

say() { printf '%s\n' "$*" >&2; }
fail() { say "${0##*/}: $*"; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# Installs a Debian package when that is possible, else prints the one line to run.
need() { # command, package
    have "$1" && return
    if [ "$(id -u)" = 0 ] && have apt-get; then
        say "installing $2"
        { apt-get update -qq && DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2"; } >/dev/null 2>&1 && have "$1" && return
    fi
    fail "$1 is missing; run: sudo apt-get install -y $2"
}

lib_of() { echo "$CACHE/kafka-$1/lib"; }

# Fetches the jars of a version into the cache; a folder that is there is complete, because it is renamed into place.
fetch_jars() { # version
    local lib; lib=$(lib_of "$1")
    [ -d "$lib" ] && return
    need java default-jre-headless
    need mvn maven
    say "fetching the jars of Kafka $1"
    local part="$lib.part.$$"
    mkdir -p "$part"
    mvn -q -B -f "$(dirname "${BASH_SOURCE[0]}")/pom.xml" -Dkafka.version="$1" \
        dependency:copy-dependencies -DoutputDirectory="$part" -DincludeScope=runtime >"$part.log" 2>&1 ||
        fail "Maven could not fetch Kafka $1; its words are in $part.log"
    mv -T "$part" "$lib" 2>/dev/null || rm -rf "$part"
    rm -f "$part.log"
}

# One of Kafka's own command line tools.
kafka_tool() { # class, arguments…
    local class=$1; shift
    fetch_jars "$KAFKA_VERSION"
    java -Xmx256m -XX:+UseSerialGC -XX:TieredStopAtLevel=1 -Dorg.slf4j.simpleLogger.defaultLogLevel=error \
        -cp "$(lib_of "$KAFKA_VERSION")/*" "$class" "$@"
}

# kafka-topics on the brokers of the environment variable BOOTSTRAP, by default the ones of `cluster`.
topics() { # arguments…
    kafka_tool org.apache.kafka.tools.TopicCommand --bootstrap-server "${BOOTSTRAP:-$(bootstrap)}" "$@"
}

# Our own program: as the caller says, else as installed, else as built here.
understudy() {
    local here; here=$(dirname "${BASH_SOURCE[0]}")
    local candidate
    for candidate in "${UNDERSTUDY:-}" "$(command -v understudy || true)" "$here"/../target/{release,debug}/understudy; do
        if [ -x "$candidate" ]; then echo "$candidate"; return; fi
    done
    fail "understudy is not built; run: cargo build --release"
}
