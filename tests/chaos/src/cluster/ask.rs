//! Two questions to the cluster, by hand, because a Java tool takes seconds to start: Kafka's Metadata request, version 1
//! (every broker of our support matrix takes it), and ZooKeeper's four-letter word `srvr`.

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use crate::host::Host;

/// How long a node may take to answer; one that is struck never does.
const PATIENCE: Duration = Duration::from_millis(500);
/// A longer answer isn't one to our question.
const ANSWER_BYTES_MAX: usize = 1 << 20;

/// A topic's one partition.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Partition {
    /// Place of the leading broker, from 0; nobody leads while an election is under way.
    pub(crate) leader: Option<usize>,
    /// How many copies are in sync.
    pub(crate) in_sync: usize,
}

/// How many brokers this one knows; 0 when it doesn't answer.
pub(super) fn alive_brokers(host: &Host, port: u16) -> usize {
    metadata(host, port, None).map_or(0, |answer| answer.brokers)
}

/// What this broker says of the topic; nothing when it doesn't answer or doesn't know it.
pub(crate) fn partition(host: &Host, port: u16, topic: &str) -> Option<Partition> {
    metadata(host, port, Some(topic))?.partition
}

/// `leader` or `follower`; nothing when the node doesn't serve.
pub(super) fn mode(host: &Host, port: u16) -> Option<String> {
    let answer = host.namespace.inside(|| {
        let mut stream = connect(host, port)?;
        stream.write_all(b"srvr").ok()?;
        let mut text = String::new();
        stream.read_to_string(&mut text).ok()?;
        Some(text)
    });
    let text = answer.ok()??;
    text.lines().find_map(|line| line.strip_prefix("Mode: ")).map(str::to_owned)
}

fn connect(host: &Host, port: u16) -> Option<TcpStream> {
    let address: SocketAddr = format!("{}:{port}", host.address).parse().ok()?;
    let stream = TcpStream::connect_timeout(&address, PATIENCE).ok()?;
    stream.set_read_timeout(Some(PATIENCE)).ok()?;
    Some(stream)
}

struct Answer {
    brokers: usize,
    partition: Option<Partition>,
}

fn metadata(host: &Host, port: u16, topic: Option<&str>) -> Option<Answer> {
    let request = request(topic);
    let bytes = host.namespace.inside(|| {
        let mut stream = connect(host, port)?;
        stream.write_all(&request).ok()?;
        let mut length = [0; 4];
        stream.read_exact(&mut length).ok()?;
        let length = usize::try_from(u32::from_be_bytes(length)).ok()?;
        let mut bytes = vec![0; length.min(ANSWER_BYTES_MAX)];
        stream.read_exact(&mut bytes).ok()?;
        Some(bytes)
    });
    read_answer(&mut Words(&bytes.ok()??))
}

/// Length, key 3 (Metadata), version 1, correlation 0, no client id, then the topics; an empty list means none.
fn request(topic: Option<&str>) -> Vec<u8> {
    let mut body = vec![0, 3, 0, 1, 0, 0, 0, 0, 0xff, 0xff];
    body.extend(u32::from(topic.is_some()).to_be_bytes());
    if let Some(topic) = topic {
        body.extend(u16::try_from(topic.len()).unwrap_or_default().to_be_bytes());
        body.extend(topic.as_bytes());
    }
    let mut request = u32::try_from(body.len()).unwrap_or_default().to_be_bytes().to_vec();
    request.extend(body);
    request
}

fn read_answer(words: &mut Words<'_>) -> Option<Answer> {
    words.int32()?; // correlation
    let brokers = words.count()?;
    for _ in 0..brokers {
        words.int32()?; // number
        words.text()?; // host
        words.int32()?; // port
        words.text()?; // rack
    }
    words.int32()?; // controller
    let mut partition = None;
    for _ in 0..words.count()? {
        words.int16()?; // error
        words.text()?;
        words.take(1)?; // internal
        for _ in 0..words.count()? {
            partition = Some(read_partition(words)?);
        }
    }
    Some(Answer { brokers, partition })
}

fn read_partition(words: &mut Words<'_>) -> Option<Partition> {
    words.int16()?; // error
    words.int32()?; // number
    let leader = words.int32()?;
    let replicas = words.count()?;
    words.take(replicas * 4)?;
    let in_sync = words.count()?;
    words.take(in_sync * 4)?;
    // Brokers are numbered from 1.
    Some(Partition { leader: usize::try_from(leader).ok()?.checked_sub(1), in_sync })
}

/// Bytes as Kafka writes them, big end first.
struct Words<'a>(&'a [u8]);

impl<'a> Words<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    fn int16(&mut self) -> Option<i16> {
        Some(i16::from_be_bytes(self.take(2)?.try_into().ok()?))
    }

    fn int32(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Length of a list; one that is absent has no elements.
    fn count(&mut self) -> Option<usize> {
        Some(usize::try_from(self.int32()?).unwrap_or(0))
    }

    /// A text that may be absent.
    fn text(&mut self) -> Option<&'a [u8]> {
        let length = usize::try_from(self.int16()?).unwrap_or(0);
        self.take(length)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_tells_leader_and_copies_in_sync() {
        let mut bytes = vec![0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 1, b'h', 0, 0, 0x4a, 0x93, 0xff, 0xff, 0, 0, 0, 2];
        bytes.extend([0, 0, 0, 1, 0, 0, 0, 1, b't', 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 2]);
        bytes.extend([0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 2]);
        let answer = read_answer(&mut Words(&bytes)).expect("whole");
        assert_eq!(answer.brokers, 1);
        assert_eq!(answer.partition, Some(Partition { leader: Some(1), in_sync: 1 }));
        assert!(read_answer(&mut Words(&bytes[..bytes.len() - 1])).is_none(), "a torn answer is none");
    }
}
