//! Which fault comes when.

/// A fault of a drill.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The active engine is killed.
    KillActive,
    /// The active engine is frozen and woken as a zombie.
    FreezeActive,
    /// The broker that leads the outbound topic is killed.
    KillLeader,
    /// The publisher is killed and started again.
    KillPublisher,
    /// The subscriber is killed and started again.
    KillSubscriber,
    /// ZooKeeper is restarted.
    RestartZooKeeper,
    /// Two more engines are forced active beside the real one.
    TwoActives,
}

impl Fault {
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::KillActive => "kill -9 of the active",
            Self::FreezeActive => "freeze of the active",
            Self::KillLeader => "kill -9 of the leading broker",
            Self::KillPublisher => "kill -9 of the publisher",
            Self::KillSubscriber => "kill -9 of the subscriber",
            Self::RestartZooKeeper => "restart of ZooKeeper",
            Self::TwoActives => "two engines forced active",
        }
    }
}

/// Spreads the other faults evenly among the kills.
pub(crate) fn plan(kills: u32, others: &[(Fault, u32)]) -> Vec<Fault> {
    let mut placed: Vec<(f64, Fault)> = Vec::new();
    let spread = |count: u32, shift: f64| (0..count).map(move |i| (f64::from(i) + shift) / f64::from(count));
    placed.extend(spread(kills, 0.0).map(|at| (at, Fault::KillActive)));
    for (kind, &(fault, count)) in others.iter().enumerate() {
        // Each kind a little later than the one before, so that no two fall together.
        let shift = 0.5 + 0.05 * kind as f64;
        placed.extend(spread(count, shift).map(|at| (at, fault)));
    }
    placed.sort_by(|a, b| a.0.total_cmp(&b.0));
    placed.into_iter().map(|(_, fault)| fault).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_fault_has_its_place_among_the_kills() {
        let faults = plan(4, &[(Fault::FreezeActive, 1), (Fault::KillLeader, 2)]);
        use Fault::{FreezeActive, KillActive, KillLeader};
        assert_eq!(faults, [KillActive, KillActive, KillLeader, KillActive, FreezeActive, KillActive, KillLeader]);
    }
}
