//! The control loop: one thread, one closed list of reasons to wake, one machine that decides.

mod actions;
mod logs;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use adapter_kafka::NotebookFact;
use adapter_peer::{PeerFact, PeerMessage};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender};
use failover::{Block, BlockCause, Exit, Fact, Machine, OutputId, Sign, Stage};
use ports::coordinator::{Candidate, CoordinatorFact};
use ports::notebook::{Entry, Ledger};
use ports::output::{OutputCommand, OutputProgress};
use tracing::{error, info, warn};
use types::mutation::{Mutation, mutated};
use types::{Generation, Incarnation, MemberName, OutputIndex, Term, Tick, TopicName};

use super::buffer_advice::BufferAdvice;
use super::hands::{Notes, Ordering, Peers};
use super::shared::Shared;
use super::show::{member_addresses, others, takeovers};
use super::status::Board;
use super::translate;
use super::wake::{OperatorRequest, Wake};
use crate::clock;

/// How often positions are looked at while nothing else happens: they move without waking anybody.
const POSITIONS_EVERY: Duration = Duration::from_millis(5);
/// The same while nothing is owed and nothing moved since the last look. Whoever finds a peer dead or gets a wish wakes the
/// loop, and positions are looked at first then.
const POSITIONS_AT_REST_EVERY: Duration = Duration::from_millis(50);
/// Outputs that are due for so long without any progress of the log are worth telling the machine.
const STALL_WORTH_TELLING: Duration = Duration::from_millis(100);

/// One outbound topic as the control loop sees it.
pub struct OutputSide {
    /// Which.
    pub topic: TopicName,
    /// Hands commands to the topic's writer; false when it is gone.
    pub send: Box<dyn Fn(OutputCommand) -> bool + Send>,
    /// How far it is.
    pub progress: Arc<OutputProgress>,
    /// `numbufferedmsgs`.
    pub buffered_max: u64,
    /// What was last told of it; begins empty.
    pub watch: Watch,
}

/// The journal's writer as the control loop sees it: it writes while this replica writes. Which decisions it is given is the
/// hot thread's business, and the replica machine knows nothing of it: whoever can't decide can't publish either.
pub struct JournalSide {
    /// Which topic.
    pub topic: TopicName,
    /// Hands commands to the writer; false when it is gone.
    pub send: Box<dyn Fn(OutputCommand) -> bool + Send>,
    /// Kafka's id of the topic, once known; begins empty.
    pub topic_id: Option<String>,
}

/// What was last told of an output's positions, and since when nothing moved.
#[derive(Default)]
pub struct Watch {
    computed: OutputIndex,
    published: OutputIndex,
    topic_id: Option<String>,
    pub(super) leader: Option<String>,
    pub(super) precondition: Option<String>,
    /// Where this replica went on when it last became active.
    pub(super) first_own: Option<OutputIndex>,
    /// What it acknowledges may not last, so nothing published is dropped.
    pub(super) endangered: bool,
    advice: BufferAdvice,
    moved: Tick,
}

/// Everything the loop owns.
pub struct Control {
    /// Decides.
    pub machine: Machine,
    /// The project's name.
    pub project: String,
    /// Who this replica is.
    pub member: MemberName,
    /// What it runs.
    pub generation: Generation,
    /// In the machine's order.
    pub outputs: Vec<OutputSide>,
    /// Where several inbound topics get their order.
    pub journal: Option<JournalSide>,
    /// Takes the machine's wishes about the line.
    pub coordinator: Box<dyn Ordering>,
    /// Takes what is told to other replicas.
    pub peers: Box<dyn Peers>,
    /// Takes what everybody shall know.
    pub notebook: Box<dyn Notes>,
    /// The notebook as read so far.
    pub ledger: Ledger,
    /// Flags for the hot thread.
    pub shared: Arc<Shared>,
    /// What people see.
    pub board: Arc<Board>,
    /// What it has heard so far; begins empty.
    pub heard: Heard,
}

/// What a control loop remembers of what it heard and did.
#[derive(Default)]
pub struct Heard {
    /// The term as the coordinator last said it.
    pub(super) term: Term,
    /// As the coordinator gave it: the machine's candidates have no addresses.
    pub(super) line: Vec<Candidate>,
    /// Who waits for the answer to a switchover.
    pub(super) asked: Option<Sender<Result<String, String>>>,
    /// When status and heartbeats were last made anew.
    pub(super) shown: Tick,
    /// Nothing is owed to any log, and nothing moved between the last two looks.
    at_rest: bool,
    /// Who was active before this replica, for the history.
    pub(super) previous: Option<MemberName>,
}

impl Control {
    /// Runs until the machine says how to exit; `missed` are wakes from before.
    pub(crate) fn run(mut self, missed: Vec<Wake>, wakes: &Receiver<Wake>) -> Exit {
        for wake in missed {
            if let Some(exit) = self.hear(wake, clock::now()) {
                return exit;
            }
        }
        loop {
            let now = clock::now();
            let next_look = if self.heard.at_rest { POSITIONS_AT_REST_EVERY } else { POSITIONS_EVERY };
            let until_deadline = self.machine.deadline().map_or(next_look, |deadline| deadline.since(now));
            let wake = match wakes.recv_timeout(until_deadline.min(next_look)) {
                Ok(wake) => Some(wake),
                Err(RecvTimeoutError::Timeout) => None,
                // The loop holds a sender of its own channel through its helpers, so this can't be reached while they live.
                Err(RecvTimeoutError::Disconnected) => return Exit::Undrained,
            };
            if let Some(exit) = self.step(wake, clock::now()) {
                return exit;
            }
        }
    }

    /// One turn of the loop: positions, what woke it, deadlines, what is shown. Ends with how to exit.
    pub fn step(&mut self, wake: Option<Wake>, now: Tick) -> Option<Exit> {
        if let Some(exit) = self.hear_positions(now) {
            return Some(exit);
        }
        if let Some(wake) = wake
            && let Some(exit) = self.hear(wake, now)
        {
            return Some(exit);
        }
        if self.machine.deadline().is_some_and(|deadline| deadline <= now)
            && !mutated(Mutation::MissesDeadlines)
            && let Some(exit) = self.tell(Fact::DeadlinePassed, now)
        {
            return Some(exit);
        }
        self.show(now);
        None
    }

    fn hear(&mut self, wake: Wake, now: Tick) -> Option<Exit> {
        match wake {
            Wake::Output(output, fact) => self.hear_output(output, fact, now),
            Wake::Journal(fact) => self.hear_journal(fact, now),
            Wake::Coordinator(fact) => self.hear_coordinator(fact, now),
            Wake::Peer(fact) => self.hear_peer(fact, now),
            Wake::Notebook(fact) => {
                self.hear_notebook(&fact);
                None
            }
            Wake::Preconditions(news) => self.hear_preconditions(&news, now),
            Wake::TopicReplaced(detail) => {
                self.tell(Fact::BlockMet(Block { cause: BlockCause::TopicReplaced, detail }), now)
            }
            Wake::HotEnded(Ok(())) => None,
            Wake::HotEnded(Err(error)) => self.tell(Fact::BlockMet(translate::input_block(&error)), now),
            Wake::HotPanicked => {
                let detail = "the engine thread panicked; its words are in the log".to_owned();
                self.tell(Fact::BlockMet(Block { cause: BlockCause::EngineFailed, detail }), now)
            }
            Wake::Operator(request) => self.hear_operator(request, now),
            Wake::Terminate => self.tell(Fact::ShutdownAsked, now),
        }
    }

    /// Positions move without waking anybody; here they are told, and noticed when they stand still.
    fn hear_positions(&mut self, now: Tick) -> Option<Exit> {
        let mut facts = Vec::new();
        let mut owed = false;
        for (i, output) in self.outputs.iter_mut().enumerate() {
            let id = OutputId(i);
            let (computed, published) = (output.progress.computed(), output.progress.published());
            owed |= computed > published;
            let watch = &mut output.watch;
            if computed != watch.computed {
                watch.computed = computed;
                facts.push(Fact::Computed { output: id, end: computed });
            }
            if published != watch.published && !mutated(Mutation::KeepsPositionsToItself) {
                (watch.published, watch.moved) = (published, now);
                watch.advice.published(published, now);
                facts.push(Fact::Published { output: id, end: published });
            }
            if computed <= published {
                watch.moved = now;
            }
        }
        self.heard.at_rest = facts.is_empty() && !owed;
        facts.extend(self.stalls(now));
        facts.into_iter().find_map(|fact| self.tell(fact, now))
    }

    /// Outputs that are due and don't appear: the own writer's fault, or the active peer's.
    fn stalls(&self, now: Tick) -> Vec<Fact> {
        let stage = self.machine.role().stage();
        let mut facts = Vec::new();
        for (i, output) in self.outputs.iter().enumerate() {
            let stalled = now.since(output.watch.moved);
            if stalled < STALL_WORTH_TELLING || output.watch.moved == Tick::default() {
                continue;
            }
            match stage {
                Stage::Active => facts.push(Fact::OutputStalled { output: OutputId(i), stalled }),
                Stage::Standby => facts.extend(self.active_peer().map(|(member, incarnation)| Fact::PeerSuspected {
                    member,
                    incarnation,
                    sign: Sign::Stalled { lasting: stalled, unread: now.since(output.progress.read_at()) },
                })),
                Stage::Starting | Stage::Restoring | Stage::HandingOver | Stage::Blocked | Stage::Stopped => (),
            }
        }
        facts
    }

    fn active_peer(&self) -> Option<(MemberName, Incarnation)> {
        let active = self.machine.active_member()?;
        if *active == self.member {
            return None;
        }
        let candidate = self.heard.line.iter().find(|candidate| candidate.member == *active)?;
        Some((candidate.member.clone(), candidate.incarnation))
    }

    pub(super) fn post(&self, entry: &Entry) {
        if let Err(error) = self.notebook.post(entry) {
            warn!(%error, "an entry for the notebook was not written");
        }
    }

    fn hear_coordinator(&mut self, fact: CoordinatorFact, now: Tick) -> Option<Exit> {
        let fact = match fact {
            CoordinatorFact::Connected => Fact::CoordinatorConnected,
            CoordinatorFact::Suspended { silent } => Fact::CoordinatorSuspended { heard: translate::ago(silent, now) },
            CoordinatorFact::SessionLost => Fact::SessionLost,
            CoordinatorFact::Line { term, candidates } => {
                self.heard.term = term;
                self.board.set_coordinator_trouble(None);
                self.shared.set_alone(candidates.len() <= 1);
                let fact =
                    Fact::LineChanged { term, candidates: candidates.iter().map(translate::candidate).collect() };
                self.heard.line = candidates;
                self.meet_members();
                fact
            }
            // The coordinator is a hint: without it the active goes on, and the adapter keeps trying.
            CoordinatorFact::Failing { reason } => {
                error!(reason, "the coordinator can't be used; it is tried again");
                self.board.set_coordinator_trouble(Some(reason));
                return None;
            }
            CoordinatorFact::Failed { reason } => {
                error!(reason, "the coordinator can't be used any more by this process");
                self.board.set_coordinator_trouble(Some(reason.clone()));
                Fact::CoordinatorFailed { detail: reason }
            }
        };
        self.tell(fact, now)
    }

    /// Links go to everybody known: those in line, and those that only wrote themselves into the notebook.
    pub(super) fn meet_members(&self) {
        let mut members: BTreeMap<MemberName, Candidate> = BTreeMap::new();
        let noted = self.ledger.project(&self.project).into_iter().flat_map(|known| known.members());
        for presence in noted.filter(|presence| presence.present) {
            let member = &presence.member;
            let candidate = Candidate {
                member: member.name.clone(),
                incarnation: member.incarnation,
                peer: member.peer.clone(),
                ticket: 0,
            };
            members.insert(member.name.clone(), candidate);
        }
        for candidate in &self.heard.line {
            let newer = members.get(&candidate.member).is_none_or(|known| known.incarnation <= candidate.incarnation);
            if newer {
                members.insert(candidate.member.clone(), candidate.clone());
            }
        }
        members.remove(&self.member);
        self.peers.set_members(members.into_values().collect());
    }

    fn hear_notebook(&mut self, fact: &NotebookFact) {
        if let NotebookFact::Noted(noted) = fact {
            self.ledger.note(noted.offset, &noted.entry);
            if matches!(noted.entry, Entry::Member(_) | Entry::MemberLeft(_)) {
                self.meet_members();
                let members = member_addresses(&self.ledger, &self.project);
                self.shared.set_others(others(&members, self.member.as_str()));
                self.board.set_members(members);
            }
            if matches!(noted.entry, Entry::Failover(_)) {
                self.board.set_history(takeovers(&self.ledger, &self.project));
            }
        }
        self.coordinator.observe(fact);
    }

    fn hear_peer(&mut self, fact: PeerFact, now: Tick) -> Option<Exit> {
        let fact = match fact {
            PeerFact::Up { member, incarnation, .. } | PeerFact::Heard { member, incarnation, .. } => {
                Fact::PeerHeard { member, incarnation }
            }
            PeerFact::Dead { member, incarnation, evidence } => {
                info!(peer = %member, %incarnation, ?evidence, "peer is gone");
                Fact::PeerDied { member, incarnation, evidence: translate::evidence(evidence) }
            }
            PeerFact::Silent { member, incarnation, lasting } => {
                info!(peer = %member, %incarnation, silent_ms = lasting.as_millis(), "peer is silent");
                Fact::PeerSuspected { member, incarnation, sign: Sign::Silent(lasting) }
            }
            PeerFact::Status { member, incarnation, status } => {
                let report = translate::report(&status, &self.topics());
                Fact::PeerReported { member, incarnation, report }
            }
            PeerFact::Message { from, message, .. } => return self.hear_message(from, message, now),
            // The later start is the wrong one, and is told so itself.
            PeerFact::Superseded { incarnation, peer } => {
                warn!(%incarnation, peer, "another process uses this replica's name; the later one is asked to stop");
                return None;
            }
            PeerFact::NameTaken { incarnation, peer } => {
                let detail = format!("another process is called {} too: start {incarnation}, at {peer}", self.member);
                Fact::BlockMet(Block { cause: BlockCause::NameTaken, detail })
            }
        };
        self.tell(fact, now)
    }

    fn hear_message(&mut self, from: MemberName, message: PeerMessage, now: Tick) -> Option<Exit> {
        match message {
            PeerMessage::HandOver { next, .. } => {
                let index = |topic: &TopicName| next.iter().find(|(name, _)| name == topic).map(|(_, index)| *index);
                let next = self.topics().iter().map(|topic| index(topic).unwrap_or_default()).collect();
                self.tell(Fact::HandedOver { from, next }, now)
            }
            PeerMessage::Switchover { to } => self.tell(Fact::SwitchoverAsked { to }, now),
            // The successor displaces whoever stands before it, so nobody has to be asked to step aside.
            PeerMessage::StepAside { .. } => None,
        }
    }

    fn hear_operator(&mut self, request: OperatorRequest, now: Tick) -> Option<Exit> {
        let fact = match request {
            OperatorRequest::Switchover { to, reply } => {
                if self.is_answering(&reply) {
                    return None;
                }
                self.heard.asked = Some(reply);
                Fact::SwitchoverAsked { to }
            }
            OperatorRequest::Failover { reply } => {
                if self.is_answering(&reply) {
                    return None;
                }
                self.heard.asked = Some(reply);
                Fact::FailoverAsked
            }
            OperatorRequest::Reinit { reply } => {
                let stage = self.machine.stage();
                if matches!(stage, Stage::Active | Stage::HandingOver) {
                    let _ = reply.send(Err(format!("it is {stage}; hand over first: understudy switchover")));
                    return None;
                }
                info!("asked to begin again without state and snapshots");
                self.shared.begin_again();
                let _ = reply.send(Ok(self.member.to_string()));
                Fact::ShutdownAsked
            }
            OperatorRequest::Pause => Fact::PauseAsked,
            OperatorRequest::Resume => Fact::ResumeAsked,
        };
        self.tell(fact, now)
    }

    /// Whether an earlier request still waits for its answer; the later one is refused then.
    fn is_answering(&self, later: &Sender<Result<String, String>>) -> bool {
        let is_busy = self.heard.asked.is_some();
        if is_busy {
            let _ = later.send(Err("another request is being answered".to_owned()));
        }
        is_busy
    }

    /// One fact in, every action out.
    pub(super) fn tell(&mut self, fact: Fact, now: Tick) -> Option<Exit> {
        let mut next = Some(fact);
        while let Some(fact) = next.take() {
            tracing::debug!(%fact, "fact");
            self.machine.handle(fact, now);
            while let Some(action) = self.machine.poll_action() {
                tracing::debug!(%action, "action");
                match self.execute(action, now) {
                    Outcome::Done => (),
                    Outcome::Tell(fact) => next = Some(fact),
                    Outcome::Exit(exit) => return Some(exit),
                }
            }
        }
        None
    }

    /// E010, when a standby stands still though the active works.
    fn advise_on_buffers(&mut self, now: Tick) {
        if self.machine.stage() != Stage::Standby {
            return;
        }
        for output in &mut self.outputs {
            let held = output.watch.computed.0.saturating_sub(output.watch.published.0);
            if held >= output.buffered_max
                && let Some(advice) = output.watch.advice.full(output.topic.as_str(), output.buffered_max, now)
            {
                warn!("{advice}");
            }
        }
    }

    fn topics(&self) -> Vec<TopicName> {
        self.outputs.iter().map(|output| output.topic.clone()).collect()
    }
}

enum Outcome {
    Done,
    Tell(Fact),
    Exit(Exit),
}
