//! The deciding thread: hears the owner, the tail and the producer, and does what the machine wants.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::thread;

use ports::output::{OutputCommand, OutputFact, OutputProgress, WriterIdentity};
use types::{Offset, Tick, TopicName};

use super::machine::{Beginning, Effect, Job, Machine, ProducerNews, TailNews};
use super::producer::Worker;
use super::tail::Tail;
use crate::config::ClientSettings;
use crate::error::Error;

/// Commands and news on their way to the thread; at the bound [`TransactionalOutput::send`] waits, and with it the engine.
const HEARD_MAX: usize = 1_024;
/// One job is being done, one more may follow it: to throw the producer away.
const JOBS_MAX: usize = 2;

/// What a transactional output is told once, at its start.
#[derive(Debug, Clone)]
pub struct TransactionalConfig {
    /// How to reach the brokers; all of librdkafka's security settings are honoured as far as it was built with them.
    pub settings: ClientSettings,
    /// The topic, whose name is the transactional id too; its only partition is 0.
    pub topic: TopicName,
    /// Who writes, under which generation.
    pub identity: WriterIdentity,
    /// The generation's fence record, when the notebook knows it.
    pub fence: Option<Offset>,
    /// `none`, `lz4` or `zstd`.
    pub compression: &'static str,
    /// The owner's steady clock: times in facts are of it.
    pub clock: fn() -> Tick,
}

/// The owner's end of an outbound topic that is written by transactions. When it is dropped the threads end.
#[derive(Debug)]
pub struct TransactionalOutput {
    heard: SyncSender<Heard>,
    progress: Arc<OutputProgress>,
    stop: Arc<AtomicBool>,
}

/// Everything that the deciding thread hears.
enum Heard {
    Command(OutputCommand),
    Tail(TailNews),
    Producer(ProducerNews),
}

impl TransactionalOutput {
    /// Starts tailing; nothing is written before [`OutputCommand::Write`]. `facts` is called on a thread of its own, and must
    /// not wait.
    ///
    /// # Errors
    /// [`Error::Client`] when librdkafka can't do what the settings ask for.
    pub fn start(config: TransactionalConfig, facts: impl FnMut(OutputFact) + Send + 'static) -> Result<Self, Error> {
        let TransactionalConfig { settings, topic, identity, fence, compression, clock } = config;
        let worker = Worker::open(&settings, &topic, &identity, compression)?;
        let (heard, hears) = sync_channel(HEARD_MAX);
        let (jobs, jobs_taken) = sync_channel(JOBS_MAX);
        let stop = Arc::new(AtomicBool::new(false));
        let progress = Arc::new(OutputProgress::default());

        let tell = heard.clone();
        start_thread(&format!("{topic} writes"), move || {
            // Whoever doesn't hear any more doesn't wait for an answer either.
            worker.run(&jobs_taken, |news| drop(tell.send(Heard::Producer(news))));
        })?;
        let (tell, last) = (heard.clone(), heard.clone());
        let tail = Tail::new(&settings, &topic, identity.generation, Arc::clone(&stop), move |news| {
            drop(tell.send(Heard::Tail(news)));
        });
        let stopped = Arc::clone(&stop);
        start_thread(&format!("{topic} tail"), move || {
            tail.run();
            // An owner that is gone says nothing any more, but it has raised the flag.
            if stopped.load(Ordering::Acquire) {
                drop(last.send(Heard::Command(OutputCommand::Stop)));
            }
        })?;
        let machine = Machine::new(Beginning { generation: identity.generation, writer: identity.writer, fence });
        let driver = Driver { machine, jobs, facts, progress: Arc::clone(&progress), stop: Arc::clone(&stop), clock };
        start_thread(topic.as_str(), move || driver.run(&hears))?;
        Ok(Self { heard, progress, stop })
    }

    /// Hands over a command; waits while `HEARD_MAX` are on their way. `false` when the thread has ended.
    pub fn send(&self, command: OutputCommand) -> bool {
        self.heard.send(Heard::Command(command)).is_ok()
    }

    /// How far the log is.
    #[must_use]
    pub const fn progress(&self) -> &Arc<OutputProgress> {
        &self.progress
    }
}

impl Drop for TransactionalOutput {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Release);
    }
}

fn start_thread(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), Error> {
    let thread = thread::Builder::new().name(name.to_owned()).spawn(run);
    thread.map(drop).map_err(|source| Error::Thread { source })
}

struct Driver<F> {
    machine: Machine,
    jobs: SyncSender<Job>,
    facts: F,
    progress: Arc<OutputProgress>,
    stop: Arc<AtomicBool>,
    clock: fn() -> Tick,
}

impl<F: FnMut(OutputFact)> Driver<F> {
    fn run(mut self, hears: &Receiver<Heard>) {
        loop {
            let heard = match self.machine.deadline() {
                Some(deadline) => hears.recv_timeout(deadline.since((self.clock)())),
                None => hears.recv().map_err(|_| RecvTimeoutError::Disconnected),
            };
            let now = (self.clock)();
            let last = matches!(heard, Ok(Heard::Command(OutputCommand::Stop)) | Err(RecvTimeoutError::Disconnected));
            match heard {
                Ok(Heard::Command(command)) => self.machine.command(command, now),
                Ok(Heard::Tail(news)) => self.machine.on_tail(news, now),
                Ok(Heard::Producer(news)) => self.machine.on_producer(news, now),
                Err(RecvTimeoutError::Timeout) => self.machine.on_deadline(now),
                Err(RecvTimeoutError::Disconnected) => {}
            }
            self.obey();
            if last {
                self.stop.store(true, Ordering::Release);
                return;
            }
        }
    }

    fn obey(&mut self) {
        // Before the facts are heard: whoever hears one may look.
        self.progress.set_published(self.machine.published());
        while let Some(effect) = self.machine.poll() {
            match effect {
                Effect::Job(job) => {
                    let taken = self.jobs.send(job);
                    assert!(taken.is_ok(), "the producer's thread ended before its jobs");
                }
                Effect::Fact(fact) => (self.facts)(fact),
            }
        }
    }
}
