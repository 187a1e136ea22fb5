//! What the outbound topics, the journal and the preconditions tell, as the machine hears it.

use adapter_kafka::TopicNews;
use failover::{Exit, Fact, OutputId};
use ports::notebook::{Constant, Entry};
use ports::output::{OutputCommand, OutputFact};
use tracing::{error, info, warn};
use types::mutation::{Mutation, mutated};
use types::{Offset, OutputIndex, Tick, TopicName};

use super::super::{limits, preconditions, translate};
use super::{Control, JournalSide};

impl Control {
    pub(super) fn hear_output(&mut self, output: OutputId, fact: OutputFact, now: Tick) -> Option<Exit> {
        let fact = match fact {
            OutputFact::Opened { published_end, fence, .. } => {
                if let Some(fence) = fence {
                    self.note_output(output, fence, published_end);
                }
                Fact::OutputOpened { output, published_end }
            }
            OutputFact::Begun { fence } => {
                self.note_output(output, fence, OutputIndex(0));
                return None;
            }
            OutputFact::Identified { topic_id } => {
                self.outputs[output.0].watch.topic_id = Some(topic_id);
                return None;
            }
            OutputFact::TookOver { first, at } => {
                self.outputs[output.0].watch.first_own = Some(first);
                Fact::TookOver { output, first, at }
            }
            OutputFact::LastOnItsWay { next } => Fact::LastOnItsWay { output, next },
            OutputFact::Drained => Fact::Drained { output },
            OutputFact::ForeignWriter { writer, index } => {
                warn!(topic = %self.outputs[output.0].topic, writer, %index, "somebody else wrote while this replica was active");
                Fact::ForeignWriter { output }
            }
            OutputFact::WroteBehindUs { writer } => {
                let (member, incarnation) = translate::writer(&writer)?;
                Fact::PeerWrote { member, incarnation }
            }
            OutputFact::Refused { index } => {
                info!(topic = %self.outputs[output.0].topic, %index, "the broker refused an append: it doesn't come next");
                Fact::WriterRefused { output }
            }
            OutputFact::Blocked(block) => Fact::BlockMet(translate::output_block(&block)),
            OutputFact::Leader { address, epoch } => {
                info!(topic = %self.outputs[output.0].topic, leader = address, epoch, "partition leader");
                self.outputs[output.0].watch.leader = Some(address);
                return None;
            }
            OutputFact::ForeignRecord { offset, fence, from } => {
                warn!(topic = %self.outputs[output.0].topic, %offset, "a record of something else stands in the outbound topic");
                self.note_output(output, fence, from);
                return None;
            }
            // Of logs with several writers; an engine has none.
            OutputFact::SourceAt { .. } => return None,
        };
        self.tell(fact, now)
    }

    /// Only what stops this replica is the machine's business.
    pub(super) fn hear_journal(&mut self, fact: OutputFact, now: Tick) -> Option<Exit> {
        let Some(JournalSide { topic, topic_id, .. }) = &mut self.journal else { return None };
        let place = match fact {
            OutputFact::Blocked(block) => return self.tell(Fact::BlockMet(translate::output_block(&block)), now),
            OutputFact::Identified { topic_id: found } => {
                *topic_id = Some(found);
                None
            }
            OutputFact::Opened { published_end, fence, .. } => fence.map(|fence| (fence, published_end)),
            OutputFact::Begun { fence } => Some((fence, OutputIndex(0))),
            OutputFact::ForeignRecord { offset, fence, from } => {
                warn!(%topic, %offset, "a record of something else stands in the journal");
                Some((fence, from))
            }
            OutputFact::Refused { index } => {
                info!(%topic, %index, "another replica has decided first");
                None
            }
            OutputFact::ForeignWriter { writer, index } => {
                info!(%topic, writer, %index, "somebody else decided while this replica was active");
                None
            }
            OutputFact::Leader { address, epoch } => {
                info!(%topic, leader = address, epoch, "partition leader");
                None
            }
            OutputFact::TookOver { .. }
            | OutputFact::LastOnItsWay { .. }
            | OutputFact::Drained
            | OutputFact::SourceAt { .. }
            | OutputFact::WroteBehindUs { .. } => None,
        };
        let (topic, topic_id) = (topic.clone(), topic_id.clone());
        if let Some((fence, from)) = place {
            self.note_constant(topic, topic_id, fence, from);
        }
        None
    }

    /// A topic whose acknowledgements may not last is held, by everybody alike; the rest is said and shown.
    pub(super) fn hear_preconditions(&mut self, news: &TopicNews, now: Tick) -> Option<Exit> {
        preconditions::say(news);
        self.board.set_findings(news.standing.iter().map(ToString::to_string).collect());
        if let Some(clocks) = news.limits {
            let (producer_expiry, retention) = (clocks.producer_id_expiration, clocks.output_retention);
            self.command_outputs(|| OutputCommand::Lifetimes { producer_expiry, retention });
            self.command_journal(OutputCommand::Lifetimes { producer_expiry, retention });
            self.board.change_limits(|shown| shown.broker_session_ms = clocks.broker_session.map(limits::millis));
        }
        let mut facts = Vec::new();
        for (i, output) in self.outputs.iter_mut().enumerate() {
            output.watch.precondition = news.broken(&output.topic).map(ToString::to_string);
            let endangered = news.endangers(&output.topic);
            if endangered != output.watch.endangered {
                output.watch.endangered = endangered;
                if !(output.send)(OutputCommand::Hold(endangered)) {
                    error!(topic = %output.topic, "the writer of an outbound topic is gone");
                }
                facts.push(Fact::OutputEndangered { output: OutputId(i), endangered });
            }
        }
        facts.into_iter().find_map(|fact| self.tell(fact, now))
    }

    /// Where a generation begins in a topic, for replicas that find the log empty after retention; and where foreign records
    /// moved its indexes, at the latest from `from` on.
    pub(super) fn note_constant(
        &mut self,
        topic: TopicName,
        topic_id: Option<String>,
        fence: Offset,
        from: OutputIndex,
    ) {
        let known = self.ledger.project(&self.project).and_then(|known| known.constant(self.generation, &topic));
        if known.is_some_and(|known| known.fence == fence) || mutated(Mutation::ForgetsConstants) {
            return;
        }
        let entry = Constant {
            project: self.project.clone(),
            generation: self.generation,
            topic,
            fence,
            from: if known.is_some() { from } else { OutputIndex(0) },
            topic_id: topic_id.unwrap_or_default(),
        };
        self.post(&Entry::Constant(entry));
    }

    pub(super) fn note_output(&mut self, output: OutputId, fence: Offset, from: OutputIndex) {
        let side = &self.outputs[output.0];
        self.note_constant(side.topic.clone(), side.watch.topic_id.clone(), fence, from);
    }
}
