#!/usr/bin/env bash
# Makes the topics of a failover cluster: one partition, three copies, nothing lost when one broker dies.
#
#   create-replicated-topics.sh project.xml        all that the project needs (calls `understudy topics create`)
#   create-replicated-topics.sh TOPIC…             these; the last part of a name (.I .O .M .dead) says what each is for
#
# BOOTSTRAP=host:port,… names the brokers; by default those of `cluster`. Existing topics stay as they are.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=lib.sh
source "$here/lib.sh"
adopt_version

settings_for() { # topic
    # Every copy but one must have a record before it counts; a copy that lags never becomes the leader.
    echo --config cleanup.policy=delete --config min.insync.replicas=2 --config unclean.leader.election.enable=false
    case $1 in
        # Age and order of these are told by the brokers' clock alone.
        *.I | *.O | *.dead) echo --config message.timestamp.type=LogAppendTime ;;
        # The cluster's notebook is small and kept for ever.
        *.M) echo --config retention.ms=-1 --config retention.bytes=-1 ;;
    esac
}

[ $# -gt 0 ] || { sed -n '2,7p' "$0" | sed 's/^# \{0,1\}//'; exit 2; }
if [[ $1 == *.xml ]]; then
    project=$1; shift
    exec "$(understudy)" topics create -p "$project" --set "bootstrap=${BOOTSTRAP:-$(bootstrap)}" "$@"
fi
for topic in "$@"; do
    read -ra settings <<<"$(settings_for "$topic" | tr '\n' ' ')"
    topics --create --if-not-exists --topic "$topic" --partitions 1 --replication-factor 3 "${settings[@]}"
done
