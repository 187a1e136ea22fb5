# Encryption and authentication for the tests that need them: a test authority, certificates, one user. Sourced by `cluster`.
# shellcheck shell=bash

SECURE_USER=alice
SECURE_PASSWORD=alice-secret

secure() { [ -f "$STATE/secure/ca.pem" ]; }

make_certificates() {
    local dir=$STATE/secure
    secure && return
    need openssl openssl
    mkdir -p "$dir"
    (
        cd "$dir"
        printf 'subjectAltName=DNS:localhost,IP:127.0.0.1\n' >san
        openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=understudy-test-ca -keyout ca.key -out ca.part
        for who in server client; do
            openssl req -newkey rsa:2048 -nodes -subj "/CN=$who" -keyout $who.key -out $who.csr
            openssl x509 -req -in $who.csr -CA ca.part -CAkey ca.key -CAcreateserial -days 30 -extfile san -out $who.crt
        done
        # Kafka reads a PEM key store as one file: PKCS#8 key, then certificate.
        openssl pkcs8 -topk8 -nocrypt -in server.key -out server.p8
        cat server.p8 server.crt >server.pem
        # Last, because this file says that all of it is there.
        mv ca.part ca.pem
    ) >>"$dir/openssl.log" 2>&1 || fail "making certificates failed; see $dir/openssl.log"
}

# SCRAM passwords live in the cluster's metadata, in ZooKeeper or KRaft alike, and are made through a running broker.
make_users() {
    local dir=$STATE/secure mechanism
    [ -f "$dir/users-made" ] && return
    # One request each: a KRaft controller refuses to alter a user twice in one.
    for mechanism in SCRAM-SHA-256 SCRAM-SHA-512; do
        kafka_tool kafka.admin.ConfigCommand --bootstrap-server "$(bootstrap)" --alter --entity-type users \
            --entity-name "$SECURE_USER" --add-config "$mechanism=[password=$SECURE_PASSWORD]" >>"$dir/users.log" 2>&1 ||
            fail "making the user $SECURE_USER failed; see $dir/users.log"
    done
    touch "$dir/users-made"
}

secure_listener() { # broker number
    secure && printf ',SASL_SSL://127.0.0.1:%s' "$(secure_port "$1")"
    return 0
}

secure_properties() {
    secure || return 0
    cat <<P
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512
ssl.keystore.type=PEM
ssl.keystore.location=$STATE/secure/server.pem
ssl.truststore.type=PEM
ssl.truststore.location=$STATE/secure/ca.pem
ssl.client.auth=requested
listener.name.sasl_ssl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_$SECURE_USER="$SECURE_PASSWORD";
listener.name.sasl_ssl.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
P
}
