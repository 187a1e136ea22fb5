//! What a machine is told once: names, bounds, times. Nothing has a default here; the daemon's configuration has them.

use core::fmt;
use core::time::Duration;

use types::{Incarnation, MemberName};

/// Outbound topics of one replica at most; a project with more is refused at start.
pub const OUTPUTS_MAX: usize = 1024;

/// What keeps a second writer from doing harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fencing {
    /// The log does (settings `sequence` and `transaction`): evidence is enough to take over, and being wrong is harmless.
    Log,
    /// Nothing but the coordinator's session (setting `none`): only the line decides, and a suspended writer stops in time.
    None,
}

/// A machine's settings.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Who this replica is.
    pub member: MemberName,
    /// Which start of it.
    pub incarnation: Incarnation,
    /// How many outbound topics it has; ids run from 0.
    pub outputs: usize,
    /// What protects the log.
    pub fencing: Fencing,
    /// How long the coordinator keeps an entry whose owner it doesn't hear.
    pub session_timeout: Duration,
    /// `numbufferedmsgs`: outputs beyond the published end that a standby holds per topic; at the bound it stops reading input.
    pub buffered_outputs_max: u64,
    /// Outputs that an active holds per topic until they are acknowledged, and that any replica keeps while acknowledged ones
    /// may not last; at the bound it stops reading input.
    pub unacknowledged_outputs_max: u64,
    /// How long a replica may need to compute what others have published; whoever needs longer leaves the line.
    pub lag_max: Duration,
    /// Silence of a peer's heartbeats from which on it counts as gone; doubled by each false suspicion of that peer.
    pub silence_max: Duration,
    /// Time without an acknowledgement, outputs being due, from which on a writer counts itself as stuck.
    pub stall_max: Duration,
    /// How long the first in line may owe outputs to a log that others read and see standing still; then they doubt it.
    pub owed_max: Duration,
    /// Whoever hasn't read a log's end for so long doesn't judge by it whether others write.
    pub read_max: Duration,
    /// How long standbys let a living active re-enter the line first when all sessions were lost.
    pub rejoin_delay: Duration,
    /// How long a handover may take; a shutdown then exits anyway, a switchover is given up.
    pub handover_timeout: Duration,
}

impl Config {
    /// Checks the relations between the settings.
    ///
    /// # Errors
    /// [`ConfigError`]: the first relation that doesn't hold.
    pub fn check(&self) -> Result<(), ConfigError> {
        let Self { outputs, buffered_outputs_max: buffered, unacknowledged_outputs_max: unacknowledged, .. } = *self;
        if outputs == 0 || outputs > OUTPUTS_MAX {
            return Err(ConfigError::Outputs { outputs });
        }
        if buffered == 0 {
            return Err(ConfigError::NoBuffer);
        }
        if unacknowledged < buffered {
            return Err(ConfigError::ActiveHoldsLess { unacknowledged, buffered });
        }
        let times = [
            ("session timeout", self.session_timeout),
            ("lag bound", self.lag_max),
            ("silence bound", self.silence_max),
            ("stall bound", self.stall_max),
            ("bound of what is owed", self.owed_max),
            ("read bound", self.read_max),
        ];
        match times.into_iter().find(|(_, time)| time.is_zero()) {
            Some((name, _)) => Err(ConfigError::ZeroTime { name }),
            None => Ok(()),
        }
    }

    /// How long after it was last heard a coordinator's silence stops a writer that nothing else fences.
    pub(crate) fn unfenced_patience(&self) -> Duration {
        self.session_timeout * 2 / 3
    }
}

/// Why settings don't fit together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ConfigError {
    /// There must be 1 to [`OUTPUTS_MAX`] outbound topics.
    Outputs {
        /// As given.
        outputs: usize,
    },
    /// `numbufferedmsgs` is 0: a standby could never hold what the active owes.
    NoBuffer,
    /// A standby with a full buffer would become an active that may not read on.
    ActiveHoldsLess {
        /// The active's bound.
        unacknowledged: u64,
        /// The standby's bound.
        buffered: u64,
    },
    /// A time that must pass before something happens is 0.
    ZeroTime {
        /// Which.
        name: &'static str,
    },
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Outputs { outputs } => write!(f, "{outputs} outbound topics; 1 to {OUTPUTS_MAX} can be served"),
            Self::NoBuffer => f.write_str("numbufferedmsgs is 0; a standby must hold at least one output"),
            Self::ActiveHoldsLess { unacknowledged, buffered } => write!(
                f,
                "an active would hold {unacknowledged} unacknowledged outputs, less than the {buffered} of a standby"
            ),
            Self::ZeroTime { name } => write!(f, "the {name} is 0"),
        }
    }
}

impl core::error::Error for ConfigError {}
