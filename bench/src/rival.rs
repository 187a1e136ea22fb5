//! A bare appender, a process of its own: two of them and one topic, nothing else, so that it shows what a takeover costs
//! when nobody elects, computes or compares.
//!
//! Both make the same records at the same times. One writes; the other holds a connection to it and writes when that ends.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use appender::machine::Layout;
use clap::Args;
use daemon::clock;
use ports::output::OutputCommand;
use types::{MessageId, Tick, Timestamp, TopicName};

use crate::cluster::{Cluster, Topics};
use crate::process::Program;
use crate::writer::{Writer, record};

/// The hidden part's name.
pub(crate) const NAME: &str = "rival";

/// Payload bytes of a record.
const PAYLOAD_BYTES: usize = 100;
/// How often records that became due are handed over.
const STEP: Duration = Duration::from_micros(500);

/// What a rival is told.
#[derive(Debug, Args)]
pub(crate) struct RivalArgs {
    bootstrap: String,
    topic: String,
    /// Its name in the records it writes.
    name: String,
    per_second: u32,
    /// When record 0 is due, on the clock that both share.
    zero_tick: u64,
    /// The writing one's address; the first one has none.
    active: Option<String>,
}

/// Starts it as a child process.
pub(crate) fn start(
    cluster: &Cluster,
    topics: &Topics,
    name: &str,
    per_second: u32,
    zero: Tick,
    active: Option<&str>,
) -> anyhow::Result<Program> {
    let (rate, zero) = (per_second.to_string(), zero.0.to_string());
    let fixed = [&cluster.bootstrap, topics.bare.as_str(), name, &rate, &zero];
    Program::part(NAME, &fixed.into_iter().chain(active).collect::<Vec<_>>())
}

/// What a rival prints, a line each.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Word {
    /// It follows the log; others reach it here.
    Ready { address: String },
    /// The other one's connection ended.
    Noticed(Tick),
    /// Its first append was acknowledged.
    TookOver(Tick),
}

impl Word {
    fn to_text(&self) -> String {
        match self {
            Self::Ready { address } => format!("ready {address}"),
            Self::Noticed(tick) => format!("noticed {}", tick.0),
            Self::TookOver(tick) => format!("took-over {}", tick.0),
        }
    }

    /// Reads a line; `None` when it is none of ours.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let (word, value) = text.split_once(' ')?;
        let tick = || value.parse().ok().map(Tick);
        match word {
            "ready" => Some(Self::Ready { address: value.to_owned() }),
            "noticed" => tick().map(Self::Noticed),
            "took-over" => tick().map(Self::TookOver),
            _ => None,
        }
    }
}

fn say(word: &Word) -> anyhow::Result<()> {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{}", word.to_text())?;
    Ok(out.flush()?)
}

/// Runs until it is killed.
pub(crate) fn run(args: &RivalArgs) -> anyhow::Result<()> {
    let writer = Writer::open(&args.bootstrap, &TopicName(args.topic.clone()), Layout::Sole, &args.name)?;
    writer.opened()?;
    let listener = TcpListener::bind("127.0.0.1:0").context("listening")?;
    let address = listener.local_addr()?.to_string();
    thread::spawn(move || {
        // Held open until the process ends: that they end is the whole message.
        let held: Vec<TcpStream> = listener.incoming().filter_map(Result::ok).collect();
        drop(held);
    });
    thread::scope(|scope| {
        let making = scope.spawn(|| make(&writer, args));
        match &args.active {
            Some(active) => {
                let stream = TcpStream::connect(active).with_context(|| format!("connecting to {active}"))?;
                say(&Word::Ready { address })?;
                say(&Word::Noticed(wait_for_end(stream)))?;
            }
            None => say(&Word::Ready { address })?,
        }
        writer.send(OutputCommand::Write)?;
        say(&Word::TookOver(writer.took_over()?))?;
        making.join().ok().context("the maker's thread has ended")?
    })
}

/// When the connection ended, however it did.
fn wait_for_end(mut stream: TcpStream) -> Tick {
    while stream.read(&mut [0; 1]).is_ok_and(|count| count > 0) {}
    clock::now()
}

/// Hands over what became due, until whoever started this process is gone.
fn make(writer: &Writer, args: &RivalArgs) -> anyhow::Result<()> {
    crate::process::end_with_input();
    let mut next = 0;
    loop {
        let passed = clock::now().since(Tick(args.zero_tick));
        let due = (passed.as_secs_f64() * f64::from(args.per_second)) as u64;
        let some = |index| record(index, MessageId(index), Timestamp(0), vec![0; PAYLOAD_BYTES]);
        if due > next {
            writer.send(OutputCommand::Push((next..due).map(some).collect()))?;
            next = due;
        }
        thread::sleep(STEP);
    }
}

/// Reads a rival's words on a thread of its own, for as long as it speaks.
pub(crate) fn words(program: &mut Program) -> anyhow::Result<crossbeam_channel::Receiver<Word>> {
    let lines = std::io::BufReader::new(program.words()?).lines();
    let (tell, heard) = crossbeam_channel::unbounded();
    thread::spawn(move || {
        lines.map_while(Result::ok).filter_map(|line| Word::parse(&line)).try_for_each(|word| tell.send(word))
    });
    Ok(heard)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_survive_the_way_to_the_other_process() {
        for word in
            [Word::Ready { address: "127.0.0.1:7".to_owned() }, Word::Noticed(Tick(5)), Word::TookOver(Tick(u64::MAX))]
        {
            assert_eq!(Word::parse(&word.to_text()), Some(word));
        }
        assert_eq!(Word::parse("something else"), None);
    }
}
