//! How far one output is here and in the log: what a replica holds, and whether it keeps up. The bytes lie elsewhere.

use core::time::Duration;

use types::{OutputIndex, Tick};

/// The arithmetic of one output's buffer.
///
/// A published end is often seen before the own engine is there, because the active was a moment faster. That is no
/// reason to leave the line, so lag is measured in *time*: what was published when the chase began must be computed
/// within the bound.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Buffer {
    computed: OutputIndex,
    /// `None` until the log's committed end is known.
    published: Option<OutputIndex>,
    /// While what is published may not last: where that began. Everything from there on is kept.
    kept_from: Option<OutputIndex>,
    chase: Option<Chase>,
    late: bool,
}

/// The engine runs after an end that somebody else published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Chase {
    target: OutputIndex,
    since: Tick,
}

impl Buffer {
    /// Nothing is known; late until proven otherwise.
    pub(crate) const fn new() -> Self {
        Self { computed: OutputIndex(0), published: None, kept_from: None, chase: None, late: true }
    }

    /// One past the last output computed here.
    pub(crate) const fn computed(&self) -> OutputIndex {
        self.computed
    }

    /// One past the last committed output; 0 until it is known.
    pub(crate) fn published(&self) -> OutputIndex {
        self.published.unwrap_or_default()
    }

    /// Whether the log's committed end is known.
    pub(crate) const fn is_open(&self) -> bool {
        self.published.is_some()
    }

    /// The log's committed end; what is committed stays so, hence an older word changes nothing. Tells whether it moved.
    pub(crate) fn set_published(&mut self, end: OutputIndex) -> bool {
        let before = self.published;
        self.published = before.max(Some(end));
        before.is_some() && before < self.published
    }

    /// The engine's end; several words may arrive in any order.
    pub(crate) fn set_computed(&mut self, end: OutputIndex) {
        self.computed = self.computed.max(end);
    }

    /// Outputs computed here that nobody published yet.
    pub(crate) fn held(&self) -> u64 {
        self.published.map_or(0, |published| self.computed.0.saturating_sub(published.0))
    }

    /// What is published from now on is kept, or nothing is kept any more.
    pub(crate) fn keep(&mut self, keep: bool) {
        self.kept_from = if keep { self.kept_from.or(Some(self.published())) } else { None };
    }

    /// Whether what is published is kept.
    pub(crate) const fn keeps(&self) -> bool {
        self.kept_from.is_some()
    }

    /// Published outputs that are kept, when that is a reason to compute no more: whoever is behind the published end must
    /// be able to follow, so its writer is the one who stops.
    pub(crate) fn kept(&self) -> u64 {
        let at_end = self.published.is_some_and(|published| self.computed >= published);
        self.kept_from.filter(|_| at_end).map_or(0, |from| self.computed.0.saturating_sub(from.0))
    }

    /// Whether everything computed here is published.
    pub(crate) fn is_settled(&self) -> bool {
        self.published.is_some_and(|published| self.computed <= published)
    }

    /// Whether it doesn't keep up.
    pub(crate) const fn is_late(&self) -> bool {
        self.late
    }

    /// Looks at the time; call it after every change and at [`Self::late_at`].
    pub(crate) fn judge(&mut self, now: Tick, lag_max: Duration) {
        let Some(published) = self.published else { return };
        if self.computed >= published {
            self.late = false;
            self.chase = None;
            return;
        }
        match self.chase {
            None => self.chase = Some(Chase { target: published, since: now }),
            Some(chase) if self.computed >= chase.target => {
                self.late = now.since(chase.since) > lag_max;
                self.chase = Some(Chase { target: published, since: now });
            }
            Some(chase) => self.late |= chase.since + lag_max <= now,
        }
    }

    /// Begins the chase anew: time during which the engine wasn't let run doesn't count.
    pub(crate) fn forgive(&mut self) {
        self.chase = None;
    }

    /// When it will be late unless it moves.
    pub(crate) fn late_at(&self, lag_max: Duration) -> Option<Tick> {
        if self.late { None } else { self.chase.map(|chase| chase.since + lag_max) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LAG_MAX: Duration = Duration::from_millis(100);

    fn at(millis: u64) -> Tick {
        Tick(millis * 1_000_000)
    }

    fn buffer(computed: u64, published: u64, now: Tick) -> Buffer {
        let mut buffer = Buffer::new();
        buffer.set_computed(OutputIndex(computed));
        buffer.set_published(OutputIndex(published));
        buffer.judge(now, LAG_MAX);
        buffer
    }

    #[test]
    fn a_buffer_holds_what_is_computed_and_not_published() {
        assert_eq!(buffer(7, 3, at(0)).held(), 4);
        assert_eq!(buffer(3, 7, at(0)).held(), 0);
        assert_eq!(Buffer::new().held(), 0);
    }

    #[test]
    fn a_buffer_that_keeps_what_is_published_counts_it_once_it_is_at_the_end() {
        let mut buffer = buffer(7, 5, at(0));
        buffer.keep(true);
        assert_eq!((buffer.held(), buffer.kept()), (2, 2));
        buffer.set_published(OutputIndex(7));
        assert_eq!((buffer.held(), buffer.kept()), (0, 2));
        buffer.set_published(OutputIndex(9));
        assert_eq!(buffer.kept(), 0, "it follows others");
        buffer.set_computed(OutputIndex(9));
        buffer.keep(true);
        assert_eq!(buffer.kept(), 4, "said again it changes nothing");
        buffer.keep(false);
        assert_eq!(buffer.kept(), 0);
    }

    #[test]
    fn an_older_word_changes_nothing() {
        let mut buffer = buffer(7, 5, at(0));
        buffer.set_published(OutputIndex(4));
        buffer.set_computed(OutputIndex(6));
        assert_eq!((buffer.computed(), buffer.published()), (OutputIndex(7), OutputIndex(5)));
    }

    #[test]
    fn a_cold_log_makes_nobody_late() {
        assert!(!buffer(0, 0, at(0)).is_late());
    }

    #[test]
    fn a_replica_that_restores_is_late_until_it_is_there() {
        let mut buffer = buffer(0, 50, at(0));
        assert!(buffer.is_late());
        buffer.set_computed(OutputIndex(50));
        buffer.judge(at(900), LAG_MAX);
        assert!(!buffer.is_late());
    }

    #[test]
    fn a_replica_always_a_little_behind_is_not_late() {
        let mut buffer = buffer(10, 10, at(0));
        for step in 1..100 {
            buffer.set_published(OutputIndex(10 + step * 10));
            buffer.judge(at(step * 50), LAG_MAX);
            buffer.set_computed(OutputIndex(5 + step * 10));
            buffer.judge(at(step * 50 + 10), LAG_MAX);
            assert!(!buffer.is_late(), "step {step}");
        }
    }

    #[test]
    fn a_replica_that_restores_behind_a_moving_end_becomes_fit_within_the_bound() {
        let mut buffer = buffer(0, 1000, at(0));
        buffer.set_published(OutputIndex(1100));
        buffer.set_computed(OutputIndex(1000));
        buffer.judge(at(1000), LAG_MAX);
        assert!(buffer.is_late(), "it needed a second for what was published at first");
        buffer.set_published(OutputIndex(1110));
        buffer.set_computed(OutputIndex(1105));
        buffer.judge(at(1080), LAG_MAX);
        assert!(!buffer.is_late(), "it needed 80 ms for the rest");
    }

    #[test]
    fn a_replica_that_stands_still_is_late_after_the_bound() {
        let mut buffer = buffer(10, 10, at(0));
        buffer.set_published(OutputIndex(11));
        buffer.judge(at(50), LAG_MAX);
        assert_eq!(buffer.late_at(LAG_MAX), Some(at(150)));
        buffer.judge(at(149), LAG_MAX);
        assert!(!buffer.is_late());
        buffer.judge(at(150), LAG_MAX);
        assert!(buffer.is_late());
        assert_eq!(buffer.late_at(LAG_MAX), None);
    }
}
