//! How long output could rest at worst, and which setting that comes from: computed from what holds now.

use std::time::Duration;

use serde::{Deserialize, Serialize};

/// What a takeover costs beside noticing, where none was measured yet: deciding and the first append on a busy machine.
const TAKEOVER_UNMEASURED: Duration = Duration::from_millis(50);

/// The bounds that a replica lives under, as `GET /limits` serves them; times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Limits {
    /// Silence of a peer's heartbeats that counts at the earliest, whatever its rhythm.
    pub silence_min_ms: u64,
    /// And at the latest.
    pub silence_max_ms: u64,
    /// How long a writer may go without an acknowledgement before somebody else tries.
    pub stall_ms: u64,
    /// How long a handover may take before it is given up.
    pub handover_ms: u64,
    /// ZooKeeper session that was asked for; none with `coordination = kafka`.
    pub session_asked_ms: Option<u64>,
    /// The one that the ensemble granted; none before it did.
    pub session_granted_ms: Option<u64>,
    /// The longest time after which a broker counts as dead to the others; none when they don't tell.
    pub broker_session_ms: Option<u64>,
}

/// How the standby that would take over stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Standing {
    /// How long it needs for the input that it hasn't processed; zero when it keeps up.
    pub catch_up: Duration,
    /// It holds as many outputs as it may and reads no input.
    pub is_held_back: bool,
}

/// One way to lose the writer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Case {
    /// What happens.
    pub what: &'static str,
    /// How long output rests at worst, in milliseconds; none when something that counts isn't known.
    pub worst_gap_ms: Option<u64>,
    /// The largest part of it.
    pub dominated_by: &'static str,
    /// What makes that part shorter.
    pub knob: &'static str,
}

/// One part of a gap.
#[derive(Debug, Clone, Copy)]
struct Part {
    name: &'static str,
    knob: &'static str,
    /// `None`: not known.
    lasts: Option<Duration>,
}

/// Every way to lose the writer, as it would go now. `measured` is the longest takeover so far, without the noticing.
#[must_use]
pub fn cases(limits: &Limits, standby: Option<Standing>, measured: Option<Duration>) -> Vec<Case> {
    let Some(standby) = standby else { return Vec::new() };
    let millis = |name, knob, lasts| Part { name, knob, lasts: Some(Duration::from_millis(lasts)) };
    let takeover = Part {
        name: "deciding and the first append",
        knob: "the way to the partition leader, and the machine's load",
        lasts: Some(measured.unwrap_or(TAKEOVER_UNMEASURED)),
    };
    let catch_up = Part {
        name: "what the standby has yet to compute",
        knob: if standby.is_held_back {
            "numbufferedmsgs: the standby stands still at it"
        } else {
            "the standby's machine"
        },
        lasts: Some(standby.catch_up),
    };
    let session = limits.session_granted_ms.or(limits.session_asked_ms);
    let unseen = Part {
        name: "the coordinator's patience",
        knob: "session-timeout, and tickTime of ZooKeeper",
        // Without ZooKeeper the links' silence is all there is.
        lasts: Some(Duration::from_millis(session.unwrap_or(limits.silence_max_ms))),
    };
    let broker = Part {
        name: "the brokers' patience with each other",
        knob: "broker.session.timeout.ms (zookeeper.session.timeout.ms in ZooKeeper mode)",
        lasts: limits.broker_session_ms.map(Duration::from_millis),
    };
    let silence =
        millis("the silence that counts as death", "fixed: peers are judged by their rhythm", limits.silence_max_ms);
    let stall =
        millis("a writer's time without an acknowledgement", "fixed: longer than a broker's death", limits.stall_ms);
    let handover = millis("a handover that is given up", "handover-timeout", limits.handover_ms);
    vec![
        case("the active hands over: switchover, SIGTERM", &[takeover, catch_up]),
        case("the active hands over, and its successor is lost meanwhile", &[handover, takeover]),
        case("the active's process dies", &[takeover, catch_up]),
        case("the active freezes, or its host or network is lost", &[silence, takeover, catch_up]),
        case("the same, and no link to it was ever up", &[unseen, takeover, catch_up]),
        case("the broker that leads an output topic dies", &[broker, takeover]),
        case("the active lives and gets nothing acknowledged", &[stall, takeover, catch_up]),
    ]
}

fn case(what: &'static str, parts: &[Part]) -> Case {
    let gap: Option<Duration> = parts.iter().map(|part| part.lasts).sum();
    // What isn't known may be anything.
    let largest = parts.iter().max_by_key(|part| part.lasts.unwrap_or(Duration::MAX));
    Case {
        what,
        worst_gap_ms: gap.map(|gap| u64::try_from(gap.as_millis()).unwrap_or(u64::MAX)),
        dominated_by: largest.map_or("", |part| part.name),
        knob: largest.map_or("", |part| part.knob),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: Limits = Limits {
        silence_min_ms: 150,
        silence_max_ms: 270,
        stall_ms: 8_000,
        handover_ms: 5_000,
        session_asked_ms: Some(1_500),
        session_granted_ms: Some(4_000),
        broker_session_ms: Some(2_000),
    };

    fn of(cases: &[Case], what: &str) -> (Option<u64>, &'static str) {
        let case = cases.iter().find(|case| case.what.contains(what)).expect("a case");
        (case.worst_gap_ms, case.knob)
    }

    #[test]
    fn the_largest_part_names_the_knob() {
        let cases = cases(&LIMITS, Some(Standing::default()), Some(Duration::from_millis(10)));
        assert_eq!(of(&cases, "process dies"), (Some(10), "the way to the partition leader, and the machine's load"));
        assert_eq!(of(&cases, "freezes").0, Some(280));
        assert_eq!(of(&cases, "ever up").0, Some(4_010), "what was granted counts");
        assert_eq!(of(&cases, "ever up").1, "session-timeout, and tickTime of ZooKeeper");
        assert_eq!(of(&cases, "leads an output topic").0, Some(2_010));
    }

    #[test]
    fn a_standby_that_is_behind_makes_every_takeover_longer_and_says_why() {
        let behind = Standing { catch_up: Duration::from_secs(20), is_held_back: true };
        let cases = cases(&LIMITS, Some(behind), None);
        assert_eq!(of(&cases, "process dies"), (Some(20_050), "numbufferedmsgs: the standby stands still at it"));
        assert_eq!(of(&cases, "gets nothing acknowledged").0, Some(28_050));
    }

    #[test]
    fn what_is_not_known_is_not_guessed() {
        let limits = Limits { broker_session_ms: None, ..LIMITS };
        let cases = cases(&limits, Some(Standing::default()), None);
        assert_eq!(of(&cases, "leads an output topic").0, None);
        assert!(of(&cases, "leads an output topic").1.contains("broker.session.timeout.ms"));
        assert!(super::cases(&LIMITS, None, None).is_empty(), "without a standby there is no gap, only an end");
    }
}
