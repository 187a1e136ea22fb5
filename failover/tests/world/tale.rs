//! How the toy world is told.

use std::fmt::Write as _;

use failover::{Fact, Place, Role, Sign};

use super::World;
use super::node::{Life, Node};

impl World {
    /// The world as it is now.
    pub(crate) fn state(&self) -> String {
        let mut text = String::new();
        for node in &self.nodes {
            let _ = writeln!(text, "{}", self.state_of(node));
        }
        let line: Vec<String> = self.coordinator.line().iter().map(ToString::to_string).collect();
        let _ = writeln!(text, "line t{} [{}]", self.coordinator.term(), line.join(" "));
        for (output, log) in self.logs.iter().enumerate() {
            let writers: Vec<String> =
                log.writers.iter().map(|(writer, first)| format!("{writer} from {first}")).collect();
            let _ = writeln!(text, "o{output} ends at {}: {}", log.end, writers.join(", "));
        }
        text
    }

    fn state_of(&self, node: &Node) -> String {
        if node.life == Life::Down {
            return format!("{} down", node.name);
        }
        let machine = node.machine();
        let frozen = if node.life == Life::Frozen { "frozen " } else { "" };
        let particulars = match machine.role() {
            Role::Blocked(block) => format!(" ({block})"),
            Role::Starting
            | Role::Restoring
            | Role::Standby
            | Role::Active { .. }
            | Role::HandingOver(_)
            | Role::Stopped => String::new(),
        };
        let place = match machine.place() {
            Place::Out => "out of line".to_owned(),
            Place::Joining { .. } => "joining".to_owned(),
            Place::In { ticket } => format!("in line #{}", ticket.0),
        };
        let held: Vec<String> = machine.held().map(|held| held.to_string()).collect();
        let input = if node.input_open { "reads" } else { "paused" };
        let (name, stage, computed) = (&node.name, machine.stage(), node.computed);
        let health = machine.health().name();
        let held = held.join("+");
        format!("{name} {frozen}{stage}{particulars}, {place}, computed {computed}, holds {held}, {input}, {health}")
    }
}

/// Progress and signs of life are told only when something follows.
pub(crate) fn is_always_told(fact: &Fact) -> bool {
    match fact {
        Fact::Computed { .. }
        | Fact::Published { .. }
        | Fact::PeerHeard { .. }
        | Fact::PeerReported { .. }
        | Fact::WritingStarted
        | Fact::PeerWrote { .. }
        | Fact::Drained { .. }
        | Fact::PeerSuspected { sign: Sign::Stalled { .. }, .. }
        | Fact::DeadlinePassed => false,
        Fact::OutputOpened { .. }
        | Fact::TookOver { .. }
        | Fact::WriterRefused { .. }
        | Fact::ForeignWriter { .. }
        | Fact::OutputStalled { .. }
        | Fact::OutputEndangered { .. }
        | Fact::LastOnItsWay { .. }
        | Fact::BlockMet(_)
        | Fact::CoordinatorConnected
        | Fact::CoordinatorSuspended { .. }
        | Fact::SessionLost
        | Fact::CoordinatorFailed { .. }
        | Fact::LineChanged { .. }
        | Fact::PeerDied { .. }
        | Fact::PeerSuspected { sign: Sign::Silent(_), .. }
        | Fact::HandedOver { .. }
        | Fact::SwitchoverAsked { .. }
        | Fact::FailoverAsked
        | Fact::PauseAsked
        | Fact::ResumeAsked
        | Fact::ShutdownAsked
        | Fact::ForceAsked => true,
    }
}
