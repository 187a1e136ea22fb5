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
    absent(
        "F16",
        "byte flips, half-open connections",
        "needs the proxy, which isn't built yet; resets are rows F16a to F16c",
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
    absent("F31", "lost watch", "needs a failpoint in the program; entry deletion is F33"),
    absent(
        "F32",
        "create whose answer is lost",
        "needs the proxy to cut exactly that answer; F10b loses answers at any moment",
    ),
    absent(
        "F34",
        "disk full on a replica",
        "not built yet; snapshots and dead-letter files are what a full disk would hit",
    ),
    absent("F35", "disk full on a broker", "not built yet"),
    absent("F36", "slow or hung disk", "not built yet"),
    absent("F37", "snapshot unreadable", "not built yet; covered by the program's tests of snapshots"),
    absent("F38", "topic deleted and made again", "not built yet; a restart test of the program covers the refusal"),
    absent("F39", "input deleted that a restarting standby needs", "not built yet"),
    absent("F41", "input that crashes an engine", "impossible by design: no record can; fuzzing of decoders covers it"),
    absent("F42", "wrong type in input", "not built yet; covered by the program's tests of dead letters"),
    absent("F43", "oversized input", "not built yet"),
    absent("F46", "standby's buffer overrun", "impossible by design: a full buffer stops reading, nothing is dropped"),
    absent("F48", "two versions of the program", "needs a second version"),
    absent("F49", "another model on one replica", "not built yet; covered by the program's tests"),
    absent("F50", "a project that isn't deterministic", "refused by the validator"),
    absent("F51", "state database fails", "there is none"),
    absent("F52", "descriptors, threads, memory run out", "not built yet"),
    absent("F53", "credentials expire", "not built yet"),
    absent("F54", "configuration reloaded under load", "there is no reload; a changed model is a reset"),
    absent(
        "F55",
        "very high offsets and epochs",
        "covered by unit tests of ids; a broker can't be made to start there",
    ),
];
