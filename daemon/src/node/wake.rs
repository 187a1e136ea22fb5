//! The closed list of reasons for the control loop to wake.

use adapter_kafka::{NotebookFact, TopicNews};
use adapter_peer::PeerFact;
use crossbeam_channel::Sender;
use failover::OutputId;
use ports::coordinator::CoordinatorFact;
use ports::input::InputError;
use ports::output::OutputFact;
use types::MemberName;

/// Why the control loop wakes; a deadline is the one reason that isn't sent.
#[derive(Debug)]
pub enum Wake {
    /// An outbound topic reports.
    Output(OutputId, OutputFact),
    /// The journal's writer reports.
    Journal(OutputFact),
    /// The coordinator reports.
    Coordinator(CoordinatorFact),
    /// The peer links report.
    Peer(PeerFact),
    /// Somebody wrote into the notebook.
    Notebook(NotebookFact),
    /// What the promises rest on has changed, or was looked at for the first time.
    Preconditions(TopicNews),
    /// A topic that this replica builds on was deleted and made again; what was seen, in words.
    TopicReplaced(String),
    /// The hot thread ended: with an error of the input, or because it panicked.
    HotEnded(Result<(), InputError>),
    /// The hot thread panicked; its words are on standard error.
    HotPanicked,
    /// An operator wants something.
    Operator(OperatorRequest),
    /// SIGTERM or SIGINT.
    Terminate,
}

/// What an operator can ask, with where the answer goes.
#[derive(Debug)]
pub enum OperatorRequest {
    /// Another active.
    Switchover {
        /// Whom; the first fit one when absent.
        to: Option<MemberName>,
        /// Answered when it is over.
        reply: Sender<Result<String, String>>,
    },
    /// This replica as the active one, whatever the present one says.
    Failover {
        /// Answered at once.
        reply: Sender<Result<String, String>>,
    },
    /// Begin again, without state and snapshots; refused while it writes.
    Reinit {
        /// Answered before it ends.
        reply: Sender<Result<String, String>>,
    },
    /// Freeze automatic failover.
    Pause,
    /// Thaw it.
    Resume,
}
