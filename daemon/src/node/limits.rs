//! Times and bounds of replicas, engines and publishers alike.

use std::time::Duration;

use types::{Incarnation, MemberName};

use super::hot::UNACKNOWLEDGED_MAX;
use crate::budget::Limits;
use crate::config::{Config, Coordination, Fencing};

/// Wakes that wait for the control loop at most; at the bound whoever reports waits, and nothing is lost.
pub(crate) const WAKES_MAX: usize = 65_536;
/// Where engines listen for their peers when nothing is set.
pub(crate) const ENGINE_PEER: &str = "127.0.0.1:31416";
/// How long a replica may need to compute what others have published; whoever needs longer leaves the line.
const LAG_MAX: Duration = Duration::from_secs(2);
/// Silence of a peer's heartbeats from which on it counts as gone; the links judge the rhythm, this is the floor.
const SILENCE_MAX: Duration = Duration::from_millis(150);
/// Outputs due and no acknowledgement for so long: longer than a broker's death costs, or every death of a leader would
/// move the active role as well.
const STALL_MAX: Duration = Duration::from_secs(8);
/// Outputs due for so long in a log that standbys can read: the active is cut from its brokers, or hangs. Reading ends and
/// begins again with the leader as writing does, so a leader's death isn't held against it; the death of a follower may
/// be, where brokers need longer than this to shrink the ISR, and then moves the active role once, without a cost.
const OWED_MAX: Duration = Duration::from_millis(2_500);
/// Whoever hasn't read a log's end for so long doesn't judge by it whether the active writes. An idle read is answered
/// twice a second.
const READ_MAX: Duration = Duration::from_millis(1_500);
/// How long standbys let a living active re-enter the line first when all sessions were lost.
const REJOIN_DELAY: Duration = Duration::from_millis(300);

/// Who a machine is made for.
pub(crate) struct Replica {
    pub(crate) member: MemberName,
    pub(crate) incarnation: Incarnation,
    /// How many logs it writes.
    pub(crate) outputs: usize,
    /// `numbufferedmsgs`.
    pub(crate) buffered_max: u64,
}

/// What the replica machine is told.
pub(crate) fn machine_config(config: &Config, replica: Replica) -> failover::Config {
    failover::Config {
        member: replica.member,
        incarnation: replica.incarnation,
        outputs: replica.outputs,
        fencing: match config.fencing {
            Fencing::Sequence | Fencing::Transaction => failover::Fencing::Log,
            Fencing::None => failover::Fencing::None,
        },
        session_timeout: config.session_timeout,
        buffered_outputs_max: replica.buffered_max,
        unacknowledged_outputs_max: replica.buffered_max.max(UNACKNOWLEDGED_MAX),
        lag_max: LAG_MAX,
        silence_max: SILENCE_MAX,
        stall_max: STALL_MAX,
        owed_max: OWED_MAX,
        read_max: READ_MAX,
        rejoin_delay: REJOIN_DELAY,
        handover_timeout: config.handover_timeout,
    }
}

/// What the replica's bounds are, for `explain`; what coordinator and brokers say is added as it comes.
pub(super) fn shown(config: &Config, broker_session: Option<Duration>) -> Limits {
    Limits {
        silence_min_ms: millis(adapter_peer::SILENCE_FLOOR.max(SILENCE_MAX)),
        silence_max_ms: millis(adapter_peer::SILENCE_CEILING.max(SILENCE_MAX)),
        stall_ms: millis(STALL_MAX),
        handover_ms: millis(config.handover_timeout),
        session_asked_ms: match config.coordination {
            Coordination::ZooKeeper => Some(millis(config.session_timeout)),
            Coordination::Kafka => None,
        },
        session_granted_ms: None,
        broker_session_ms: broker_session.map(millis),
    }
}

pub(super) fn millis(span: Duration) -> u64 {
    u64::try_from(span.as_millis()).unwrap_or(u64::MAX)
}
