//! The outbound topic: a log where the broker decides what comes next.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use types::{Digest, Generation, MemberName, MessageId, Offset, OutputIndex, OutputRecord, SourceId, Tick};

use crate::headers::SourceHeader;

/// What the owner of an output log tells it.
#[derive(Debug)]
pub enum OutputCommand {
    /// Outputs in index order, following directly on the ones before; those already published are dropped at birth.
    Push(Vec<OutputRecord>),
    /// The same for a log with several writers (an inbound topic): blocks of one source.
    PushSourced(Vec<SourcedRecord>),
    /// While true nothing that is published from here on is dropped, so that it can be appended again: what the brokers
    /// acknowledge may not last (rule R16). Appending goes on.
    Hold(bool),
    /// The brokers' settings have changed: how long they keep what the protection rests on.
    Lifetimes {
        /// The shortest memory of a writer over all brokers; `None` when it isn't known.
        producer_expiry: Option<Duration>,
        /// Retention of the topic by time; `None` when it is unlimited.
        retention: Option<Duration>,
    },
    /// Append from the first output that isn't published.
    Write,
    /// Append from here on: there whoever wrote before says to have ended, and the last of its appends may still be on its way.
    /// Only a word: where it is wrong the log says so, and nothing below is dropped for it.
    WriteAt(OutputIndex),
    /// Append nothing more; what is on its way may still arrive. Goes on tailing.
    Follow,
    /// Close connections and end the thread.
    Stop,
}

/// One record of a log with several writers: its header [`crate::headers::SOURCE`] says whose it is and how far it brings the source.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourcedRecord {
    /// Who and how far; `source.position.index` is the record's index, 0, 1, 2, … without holes per source.
    pub source: SourceHeader,
    /// The encoded block.
    pub payload: Vec<u8>,
}

/// What an output log reports; each is said once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum OutputFact {
    /// Kafka's id of the topic, as its tools print it; said before [`OutputFact::Opened`], to be noted and compared ever after.
    Identified {
        /// As its tools print it.
        topic_id: String,
    },
    /// Of a log with several writers, before [`OutputFact::Opened`]: the last record of this source, `None` when there is none.
    SourceAt {
        /// Its header.
        last: Option<SourceHeader>,
    },
    /// Somebody else's record stands in the log between ours, so that offsets run further ahead of indexes from here on.
    ForeignRecord {
        /// Where.
        offset: Offset,
        /// The fence's offset that fits the indexes after it; to be noted behind the one before.
        fence: Offset,
        /// The first index for which it holds.
        from: OutputIndex,
    },
    /// The log's committed end is known for the first time.
    Opened {
        /// One past the last published output of this generation.
        published_end: OutputIndex,
        /// The last published output, when there is one.
        last: Option<(OutputIndex, MessageId, Digest)>,
        /// Offset of index 0 minus 1: the generation's fence record, moved on by every foreign record since. With transactions
        /// the fence record itself, and `None` while there is none. 0 in a log with several writers, where offsets prove nothing.
        fence: Option<Offset>,
    },
    /// The generation's fence record was seen after [`OutputFact::Opened`] said that there is none; to be noted.
    Begun {
        /// Where it stands.
        fence: Offset,
    },
    /// The first append after [`OutputCommand::Write`] was acknowledged as new.
    TookOver {
        /// The first output that this writer added.
        first: OutputIndex,
        /// When the acknowledgement came.
        at: Tick,
    },
    /// One append of ours is left on its way, and the leader takes it before whatever is sent from now on (said after
    /// [`OutputCommand::Follow`], before [`OutputFact::Drained`]; not by every log, and not when nothing was on its way).
    LastOnItsWay {
        /// One past its last output: where the next writer begins.
        next: OutputIndex,
    },
    /// Nothing of ours is on its way any more (said after [`OutputCommand::Follow`]); outputs may still be owed to the log.
    Drained,
    /// A record here was written by somebody else while this replica was writing.
    ForeignWriter {
        /// Header `esp-writer` of the record.
        writer: String,
        /// Where.
        index: OutputIndex,
    },
    /// A record of somebody else follows one that this replica has appended: its writer was alive after that. Said each
    /// time that it takes turns with us.
    WroteBehindUs {
        /// Header `esp-writer` of the record.
        writer: String,
    },
    /// The broker refused a batch because it doesn't come next: somebody else is writing.
    Refused {
        /// First index of the batch.
        index: OutputIndex,
    },
    /// The log can't be used any more by this replica.
    Blocked(OutputBlock),
    /// Which broker leads now.
    Leader {
        /// Host and port.
        address: String,
        /// Kafka's leader epoch.
        epoch: u32,
    },
}

/// Why an output log can't be used any more.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum OutputBlock {
    /// The log holds another output than the one computed here.
    #[error(
        "diverged at index {index} (message id {id}): digest {theirs} in the log, {mine} here, written by {writer}"
    )]
    Diverged {
        /// First difference seen.
        index: OutputIndex,
        /// Its message id.
        id: MessageId,
        /// Computed here.
        mine: Digest,
        /// In the log.
        theirs: Digest,
        /// Header `esp-writer` of the record.
        writer: String,
    },
    /// An index is missing or repeated in the log.
    #[error("the log is forked at offset {offset}: index {found} where {expected} belongs")]
    LogForked {
        /// Where.
        offset: Offset,
        /// What stands there.
        found: OutputIndex,
        /// What belongs there.
        expected: OutputIndex,
    },
    /// The log ends before what was already dropped here as published.
    #[error("the log was shortened: it ends before index {end}, outputs up to {dropped} were published")]
    LogShortened {
        /// One past the last output in the log.
        end: OutputIndex,
        /// One past the last output dropped here.
        dropped: OutputIndex,
    },
    /// A newer generation was opened.
    #[error("fenced: generation {ours} was replaced by a newer one")]
    Fenced {
        /// The generation this replica runs.
        ours: Generation,
    },
    /// The topic was deleted and made again.
    #[error("the topic was replaced (topic id {expected} became {found})")]
    TopicReplaced {
        /// As noted.
        expected: String,
        /// As seen.
        found: String,
    },
    /// One record alone is larger than the broker takes.
    #[error("output {index} has {bytes} bytes; the topic's max.message.bytes is smaller")]
    RecordTooLarge {
        /// Which.
        index: OutputIndex,
        /// Encoded size.
        bytes: usize,
    },
    /// A source's blocks were all deleted, so its place is lost, while the broker still remembers that there were some.
    #[error(
        "no block of source {source_id} is left in the topic, though the brokers remember {remembered} of them: \
         retention deleted them, and with them how far the source was published"
    )]
    SourceDeleted {
        /// Whose.
        source_id: SourceId,
        /// So many blocks were written, by the broker's memory.
        remembered: OutputIndex,
    },
    /// The broker refuses for a reason that doesn't pass by itself.
    #[error("the broker refuses for good: {reason}")]
    Refused {
        /// The broker's words and code.
        reason: String,
    },
}

/// How far an output log is, shared between threads without locks; all ends are "one past the last".
#[derive(Debug, Default)]
pub struct OutputProgress {
    computed: AtomicU64,
    published: AtomicU64,
    /// Published and not dropped, while dropping is held: so many below the published end.
    kept_back: AtomicU64,
    read_at: AtomicU64,
}

impl OutputProgress {
    /// One past the last output computed here.
    #[must_use]
    pub fn computed(&self) -> OutputIndex {
        OutputIndex(self.computed.load(Ordering::Acquire))
    }

    /// One past the last output known to be committed in the log.
    #[must_use]
    pub fn published(&self) -> OutputIndex {
        OutputIndex(self.published.load(Ordering::Acquire))
    }

    /// Published outputs that can't be dropped, see [`OutputCommand::Hold`]; 0 unless dropping is held.
    #[must_use]
    pub fn kept_back(&self) -> u64 {
        self.kept_back.load(Ordering::Acquire)
    }

    /// The log's side.
    pub fn set_kept_back(&self, outputs: u64) {
        self.kept_back.store(outputs, Ordering::Release);
    }

    /// When the log's committed end was last read; never before the first time.
    #[must_use]
    pub fn read_at(&self) -> Tick {
        Tick(self.read_at.load(Ordering::Acquire))
    }

    /// The log's side, after [`Self::set_published`]: whoever sees this moment sees what was read then.
    pub fn set_read_at(&self, moment: Tick) {
        self.read_at.store(moment.0, Ordering::Release);
    }

    /// The engine's side.
    pub fn set_computed(&self, end: OutputIndex) {
        self.computed.store(end.0, Ordering::Release);
    }

    /// The log's side.
    pub fn set_published(&self, end: OutputIndex) {
        self.published.store(end.0, Ordering::Release);
    }
}

/// Who writes, and under which generation: the same for all outputs of a replica.
#[derive(Debug, Clone)]
pub struct WriterIdentity {
    /// Header `esp-writer`, `<member>.<incarnation>`.
    pub writer: String,
    /// The member alone.
    pub member: MemberName,
    /// Header `esp-model`, `<fingerprint>.<generation>`.
    pub model: String,
    /// Kafka producer epoch.
    pub generation: Generation,
}

/// How long an idle writer with unpublished outputs waits before it asks the leader again (rule R14).
pub const ASK_AGAIN_AFTER: Duration = Duration::from_millis(100);
