//! Rows of the matrix that aren't played, each with its reason. Shown by `--list` and in docs/reliability.md.

/// A row that isn't played.
pub(crate) struct Absent {
    pub(crate) id: &'static str,
    pub(crate) what: &'static str,
    pub(crate) why: &'static str,
}

const fn absent(id: &'static str, what: &'static str, why: &'static str) -> Absent {
    Absent { id, what, why }
}

pub(crate) const ABSENT: &[Absent] = &[
    absent(
        "F6",
        "wall clock jumps",
        "needs a preloaded clock library; the brokers' clock alone dates records, timers are monotonic",
    ),
    absent("F17", "name resolution fails", "the hosts are addressed by number"),
    absent(
        "F24",
        "transaction coordinator killed amid a commit",
        "belongs to fencing = transaction, which the runner does not play yet",
    ),
    absent(
        "F25",
        "a commit's end delayed past the next begin",
        "belongs to fencing = transaction, which the runner does not play yet",
    ),
    absent("F27", "unclean leader election", "refused as a precondition; the simulation covers the shortened log"),
    absent("F28", "log truncated after a change of leader", "as F27"),
    absent("F35", "disk full on a broker", "not built yet; to a cluster it is a broker that ends: F22a"),
    absent("F36", "slow or hung disk", "not built yet"),
    absent("F41", "input that crashes an engine", "impossible by design: no record can; fuzzing of decoders covers it"),
    absent("F46", "standby's buffer overrun", "impossible by design: a full buffer stops reading, nothing is dropped"),
    absent("F48", "two versions of the program", "needs a second version"),
    absent("F50", "a project that isn't deterministic", "refused by the validator"),
    absent("F51", "state database fails", "there is none"),
    absent("F53", "credentials expire", "not built yet"),
    absent(
        "F55",
        "very high offsets and epochs",
        "covered by unit tests of ids; a broker can't be made to start there",
    ),
];
