//! What the machine wants done.

use adapter_peer::PeerMessage;
use failover::{Action, Announcement, Fact, Stage, SwitchoverAnswer};
use ports::coordinator::CoordinatorCommand;
use ports::output::OutputCommand;
use tracing::{error, info, warn};
use types::Tick;
use types::mutation::{Mutation, mutated};

use super::super::translate;
use super::{Control, Outcome, OutputSide};

impl OutputSide {
    fn command(&self, command: OutputCommand) {
        if !(self.send)(command) {
            error!(topic = %self.topic, "the writer of an outbound topic is gone");
        }
    }
}

impl Control {
    pub(super) fn execute(&mut self, action: Action, now: Tick) -> Outcome {
        match action {
            Action::JoinLine => self.command(CoordinatorCommand::Join),
            Action::LeaveLine => self.command(CoordinatorCommand::Leave),
            Action::Displace(dead) => {
                let entry = self.heard.line.iter().find(|candidate| translate::candidate(candidate) == dead).cloned();
                if let Some(entry) = entry {
                    self.command(CoordinatorCommand::Displace(entry));
                }
            }
            Action::StartWriting => return self.start_writing(|_| OutputCommand::Write),
            Action::StartWritingAt(next) => {
                let begin = |i: usize| next.get(i).map_or(OutputCommand::Write, |next| OutputCommand::WriteAt(*next));
                return self.start_writing(begin);
            }
            Action::StopWriting => {
                self.shared.set_writing(false);
                self.command_outputs(|| OutputCommand::Follow);
                self.command_journal(OutputCommand::Follow);
            }
            Action::PauseInput => {
                self.shared.set_paused(true);
                self.advise_on_buffers(now);
            }
            Action::ResumeInput => self.shared.set_paused(false),
            Action::HandOver { to, next } => {
                let next = self.topics().into_iter().zip(next).collect();
                if let Err(error) = self.peers.send(&to, PeerMessage::HandOver { term: self.heard.term, next }) {
                    warn!(%error, peer = %to, "the successor could not be told; it learns it from the line");
                }
            }
            Action::Announce(announcement) => self.announce(announcement, now),
            Action::Answer(answer) => self.answer(answer),
            Action::CloseSession => self.command(CoordinatorCommand::Close),
            Action::Exit(exit) => return Outcome::Exit(exit),
        }
        Outcome::Done
    }

    fn start_writing(&self, begin: impl Fn(usize) -> OutputCommand) -> Outcome {
        self.shared.set_writing(true);
        if !mutated(Mutation::ForgetsToWrite) {
            self.outputs.iter().enumerate().for_each(|(i, output)| output.command(begin(i)));
        }
        self.command_journal(OutputCommand::Write);
        Outcome::Tell(Fact::WritingStarted)
    }

    pub(super) fn command(&self, command: CoordinatorCommand) {
        if let Err(error) = self.coordinator.send(command) {
            error!(%error, "the coordinator takes no commands");
        }
    }

    pub(super) fn command_outputs(&self, command: impl Fn() -> OutputCommand) {
        self.outputs.iter().for_each(|output| output.command(command()));
    }

    pub(super) fn command_journal(&self, command: OutputCommand) {
        if let Some(journal) = &self.journal
            && !(journal.send)(command)
        {
            error!(topic = %journal.topic, "the writer of the journal is gone");
        }
    }

    /// The lines that users of the original look for, and ours with fields.
    pub(super) fn announce(&mut self, announcement: Announcement, now: Tick) {
        let Announcement { from, to, why, term } = announcement;
        info!(%term, %from, %to, %why, "stage");
        match to {
            Stage::Active if from == Stage::Standby => {
                info!("dfESPkafkaConnector::goActive(): Hot failover state switched to active");
                self.heard.previous = self.board.active_seen();
                for output in &mut self.outputs {
                    output.watch.first_own = None;
                }
            }
            Stage::Standby => info!("dfESPkafkaConnector::start(): Hot failover state switched to standby"),
            Stage::Blocked => {
                error!(role = ?self.machine.role(), "blocked: this replica can't go on without an operator")
            }
            Stage::Active | Stage::Starting | Stage::Restoring | Stage::HandingOver | Stage::Stopped => (),
        }
        self.heard.shown = Tick::default();
        self.show(now);
    }

    pub(super) fn answer(&mut self, answer: SwitchoverAnswer) {
        let reply = match answer {
            SwitchoverAnswer::Begun { .. } => return,
            SwitchoverAnswer::Done { to } => Ok(to.to_string()),
            SwitchoverAnswer::Refused(refusal) => Err(refusal.to_string()),
            SwitchoverAnswer::GivenUp { to } => Err(format!("{to} did not take over in time; nothing changed")),
        };
        if let Some(asked) = self.heard.asked.take() {
            // Whoever asked may have gone; the log says it all the same.
            let _ = asked.send(reply);
        }
    }
}
