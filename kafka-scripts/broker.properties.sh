# Prints a broker's settings: what is fit for hot failover, and what each setting buys. Sourced by `cluster`.
# shellcheck shell=bash

broker_properties() { # broker number
    local n=$1 voters=() v
    for v in "${BROKERS[@]}"; do voters+=("$v@127.0.0.1:$(controller_port "$v")"); done
    cat <<P
log.dirs=$STATE/broker-$n
# Three copies, two of which must have a record before it counts as written: one broker may die, nothing is lost.
default.replication.factor=3
min.insync.replicas=2
# A copy that lags never becomes the leader: it would cut off acknowledged records.
unclean.leader.election.enable=false
# One partition is one order; topics are made on purpose, never by a typing error.
num.partitions=1
auto.create.topics.enable=false
offsets.topic.replication.factor=3
offsets.topic.num.partitions=1
transaction.state.log.replication.factor=3
# With 1, as old samples have it, the loss of one broker can lose the state of transactions.
transaction.state.log.min.isr=2
transaction.state.log.num.partitions=1
group.initial.rebalance.delay.ms=0
# Followers ask at once again: an acknowledgement waits for them.
replica.fetch.wait.max.ms=100
# A follower that died is out of the way of acknowledgements after this time, not after 30 s.
replica.lag.time.max.ms=3000
replica.socket.timeout.ms=2000
# Kafka forgets a producer's sequence after a day of silence; longer silence is guarded by markers.
producer.id.expiration.ms=86400000
# How late old log segments are looked at; must be below the shortest retention of a topic.
log.retention.check.interval.ms=30000
# Three brokers share one small machine.
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=4194304
P
    if [[ $KAFKA_VERSION == 3.* ]]; then
        cat <<P
broker.id=$n
listeners=PLAINTEXT://127.0.0.1:$(broker_port "$n")
zookeeper.connect=127.0.0.1:$ZOOKEEPER_PORT/kafka
# A dead broker is noticed after this time; the default of 18 s is how long output would stand still.
zookeeper.session.timeout.ms=2000
zookeeper.connection.timeout.ms=10000
controller.socket.timeout.ms=2000
P
        return
    fi
    cat <<P
process.roles=broker,controller
node.id=$n
controller.quorum.voters=$(IFS=,; echo "${voters[*]}")
listeners=PLAINTEXT://127.0.0.1:$(broker_port "$n"),CONTROLLER://127.0.0.1:$(controller_port "$n")$(secure_listener "$n")
advertised.listeners=PLAINTEXT://127.0.0.1:$(broker_port "$n")$(secure_listener "$n")
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
# A dead broker is fenced after this time and its partitions move; the default of 9 s is how long output would stand still.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
# When the dead broker was the controller too, a new controller must be elected first: followers of the quorum give
# the old one up after the fetch timeout, and an election that fails is tried again after the other two.
controller.quorum.fetch.timeout.ms=500
controller.quorum.election.timeout.ms=300
controller.quorum.election.backoff.max.ms=150
controller.quorum.request.timeout.ms=500
P
}

# The listener for tests of encryption and authentication; only with --secure.
secure_listener() { # broker number
    [ -f "$STATE/secure/ca.pem" ] && printf ',SASL_SSL://127.0.0.1:%s' "$(secure_port "$1")"
    return 0
}

secure_properties() { # broker number
    [ -f "$STATE/secure/ca.pem" ] || return 0
    cat <<P
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location=$STATE/secure/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$STATE/secure/ca.pem
ssl.client.auth=requested
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_alice="alice-secret";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
P
}
