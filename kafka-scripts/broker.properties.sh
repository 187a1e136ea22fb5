# Prints the settings of brokers and ZooKeeper: what is fit for hot failover, and what each setting buys. Sourced by `cluster`.
# shellcheck shell=bash

broker_properties() { # broker number
    local n=$1 voters=() v
    for v in "${BROKERS[@]}"; do voters+=("$v@$(host_of "$v"):$(controller_port "$v")"); done
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
# After a change of leader a follower often asks before the new leader knows; it asks again after this time, not after 1 s,
# and until then nothing is acknowledged.
replica.fetch.backoff.ms=50
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
    if ! kraft; then
        cat <<P
broker.id=$n
listeners=PLAINTEXT://$BIND_ADDRESS:$(broker_port "$n")$(secure_listener "$n")
advertised.listeners=PLAINTEXT://$(host_of "$n"):$(broker_port "$n")$(secure_listener "$n")
zookeeper.connect=$ZOOKEEPER_HOST:$ZOOKEEPER_PORT/kafka
# A dead broker is noticed after this time (at least two ticks); the default of 18 s is how long output would stand still.
zookeeper.session.timeout.ms=1500
zookeeper.connection.timeout.ms=10000
controller.socket.timeout.ms=2000
P
        return
    fi
    cat <<P
process.roles=broker,controller
node.id=$n
controller.quorum.voters=$(IFS=,; echo "${voters[*]}")
listeners=PLAINTEXT://$BIND_ADDRESS:$(broker_port "$n"),CONTROLLER://$BIND_ADDRESS:$(controller_port "$n")$(secure_listener "$n")
advertised.listeners=PLAINTEXT://$(host_of "$n"):$(broker_port "$n")$(secure_listener "$n")
controller.listener.names=CONTROLLER
inter.broker.listener.name=PLAINTEXT
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL_SSL:SASL_SSL
# A dead broker is fenced after this time and its partitions move; the default of 9 s is how long output would stand still.
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
# When the dead broker was the controller too, a new controller must be elected first: followers of the quorum give
# the old one up after the fetch timeout, and an election that fails is tried again after the other two.
controller.quorum.fetch.timeout.ms=400
# An idle controller writes an empty record this often. With the default of 500 ms the followers' fetches would come back
# only every 500 ms, and the timeout above would throw healthy controllers out.
metadata.max.idle.interval.ms=100
controller.quorum.election.timeout.ms=150
controller.quorum.election.backoff.max.ms=100
controller.quorum.request.timeout.ms=500
P
}

zookeeper_properties() {
    cat <<P
dataDir=$STATE/zookeeper
clientPort=$ZOOKEEPER_PORT
clientPortAddress=$BIND_ADDRESS
# Engines, brokers and tests all come from one address.
maxClientCnxns=0
# The shortest session is two ticks: a dead engine is noticed in about a second even without peer links.
tickTime=500
initLimit=10
syncLimit=5
autopurge.purgeInterval=24
P
}
