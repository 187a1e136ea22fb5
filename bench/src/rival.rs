//! A bare appender, a process of its own: two of them copy one topic into another, so that they show what a takeover costs
//! when nobody elects, computes or compares, while the brokers have to do what they have to do for the daemon.
//!
//! Both read the same records. One writes; the other holds a connection to it and writes when that ends.

use std::io::{BufRead as _, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use appender::machine::Layout;
use clap::Args;
use daemon::clock;
use ports::output::OutputCommand;
use types::{Tick, TopicName};

use crate::cluster::{Cluster, Topics};
use crate::copy::copy;
use crate::process::{Program, end_with_input};
use crate::writer::Writer;

/// The hidden part's name.
pub(crate) const NAME: &str = "rival";

/// How often one that begins looks whether it has caught up.
const LOOK_EVERY: Duration = Duration::from_millis(5);

/// What a rival is told.
#[derive(Debug, Args)]
pub(crate) struct RivalArgs {
    bootstrap: String,
    from: String,
    to: String,
    /// Its name in the records it writes.
    name: String,
    /// Payload bytes of each record that is written.
    payload_bytes: usize,
    /// The writing one's address; the first one has none.
    active: Option<String>,
}

/// Starts it as a child process.
pub(crate) fn start(
    cluster: &Cluster,
    topics: &Topics,
    name: &str,
    payload_bytes: usize,
    active: Option<&str>,
) -> anyhow::Result<Program> {
    let size = payload_bytes.to_string();
    let fixed = [&cluster.bootstrap, topics.inbound.as_str(), topics.bare.as_str(), name, &size];
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
    end_with_input();
    let writer = Writer::open(&args.bootstrap, &TopicName(args.to.clone()), Layout::Sole, &args.name)?;
    writer.opened()?;
    let listener = TcpListener::bind("127.0.0.1:0").context("listening")?;
    let address = listener.local_addr()?.to_string();
    thread::spawn(move || {
        // Held open until the process ends: that they end is the whole message.
        let held: Vec<TcpStream> = listener.incoming().filter_map(Result::ok).collect();
        drop(held);
    });
    let copied = AtomicU64::new(0);
    thread::scope(|scope| {
        let copying = scope.spawn(|| copy(&args.bootstrap, &args.from, &writer, args.payload_bytes, &copied));
        while copied.load(Ordering::Relaxed) < writer.published() {
            thread::sleep(LOOK_EVERY);
        }
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
        copying.join().ok().context("the copying thread has ended")?
    })
}

/// When the connection ended, however it did.
fn wait_for_end(mut stream: TcpStream) -> Tick {
    while stream.read(&mut [0; 1]).is_ok_and(|count| count > 0) {}
    clock::now()
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
