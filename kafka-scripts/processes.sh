# Starting, watching and ending the processes of a cluster. Sourced by `cluster`.
# shellcheck shell=bash

# A process is ours when its command line names our state folder: the kernel gives old pids to strangers. While a process
# becomes another program (nohup, setsid, java) it has no command line, for milliseconds where that program comes from disk.
running() { # name
    local pid line tries
    pid=$(cat "$STATE/$1.pid" 2>/dev/null) || return 1
    for tries in {1..50}; do
        line=$(tr '\0' ' ' 2>/dev/null <"/proc/$pid/cmdline") || return 1
        [ -z "$line" ] || break
        [ "$(state_of "$pid")" != Z ] || return 1
        sleep 0.01
    done
    [[ $line == *"$STATE/$1.properties"* ]]
}

# The kernel's letter; Z when only its number is left.
state_of() { sed 's/.*) \(.\).*/\1/' "/proc/$1/stat" 2>/dev/null; } # pid

# Fast start over peak speed: the cluster is here to be killed.
JVM_OPTIONS=(-XX:+UseSerialGC -XX:TieredStopAtLevel=1 -XX:-UsePerfData -XX:+ExitOnOutOfMemoryError -Xshare:auto
    -Djava.awt.headless=true -Dzookeeper.admin.enableServer=false '-Dzookeeper.4lw.commands.whitelist=*'
    -Dorg.slf4j.simpleLogger.defaultLogLevel=warn -Dorg.slf4j.simpleLogger.showDateTime=true
    -Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS)

launch() { # name, heap, lib folder, main class
    local name=$1 heap=$2 lib=$3 class=$4
    # The lock (9) must not live on in the child.
    nohup setsid java "-Xms$heap" "-Xmx$heap" "${JVM_OPTIONS[@]}" -cp "$lib/*" "$class" "$STATE/$name.properties" \
        >>"$STATE/$name.log" 2>&1 </dev/null 9>&- &
    echo $! >"$STATE/$name.pid"
    # Until the new process has become Java it has no name that we know.
    local tries
    for tries in {1..100}; do running "$name" && return; sleep 0.02; done
    fail "$name did not start; its log: $STATE/$name.log (tried $tries times)"
}

# KRaft wants a formatted folder. A format that was interrupted is begun afresh.
format_broker() { # name
    [ -f "$STATE/$1.formatted" ] && return
    rm -rf "${STATE:?}/$1"
    kafka_tool kafka.tools.StorageTool format -t UnderstudyCluster000A -c "$STATE/$1.properties" >>"$STATE/$1.log" 2>&1 ||
        fail "formatting $1 failed; see $STATE/$1.log"
    touch "$STATE/$1.formatted"
}

# Waits until a process serves; one that ended, or takes too long, is an error with its last words.
wait_for() { # name, seconds, command…
    local name=$1 end=$((SECONDS + $2)); shift 2
    until "$@" 9>&-; do
        running "$name" || fail "$name ended while it started; its last words:"$'\n'"$(tail -n 3 "$STATE/$name.log")"
        [ $SECONDS -lt $end ] || fail "$name does not serve; its log: $STATE/$name.log"
        sleep 0.1
    done
}

# A dying process has no command line any more while its last threads still hold its sockets.
gone() { # pid
    local state threads
    [ -e "/proc/$1" ] || return 0
    state=$(state_of "$1") || return 1
    threads=("/proc/$1/task/"*)
    [ "$state" = Z ] && [ ${#threads[@]} -le 1 ]
}

# Ends a process and waits until it is gone. After a polite signal it gets 20 s, then the other one.
end() { # name, signal
    running "$1" || return 0
    local pid since=$SECONDS
    pid=$(cat "$STATE/$1.pid")
    kill "-$2" "$pid" 2>/dev/null || true
    # A frozen process hears nothing but KILL until it runs again.
    kill -CONT "$pid" 2>/dev/null || true
    while running "$1"; do
        [ $((SECONDS - since)) -lt 20 ] || kill -9 "$pid" 2>/dev/null || true
        sleep 0.02
    done
    until gone "$pid" || [ $((SECONDS - since)) -ge 30 ]; do sleep 0.01; done
}

port_open() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

# Somebody else on one of our ports would be taken for our own broker.
port_free() { # name, port
    port_open "$2" || return 0
    fail "port $2 for $1 is in use by a process that isn't of this cluster; take other ports with UNDERSTUDY_PORT_BASE (now $PORT_BASE)"
}

# How many brokers this one knows to be alive. One Metadata request (version 1, no topics) by hand: a Java tool needs a second.
alive_brokers() { # port
    local answer
    answer=$({
        exec 3<>"/dev/tcp/127.0.0.1/$1" || exit
        printf '\0\0\0\x0e\0\x03\0\x01\0\0\0\x01\xff\xff\0\0\0\0' >&3
        timeout 2 head -c 12 <&3 | od -An -v -tx1 | tr -d ' \n'
    } 2>/dev/null) || true
    # Length, correlation id, then the number of brokers.
    [ ${#answer} = 24 ] && echo $((16#${answer:16:8})) || echo 0
}
