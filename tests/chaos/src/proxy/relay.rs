//! Frames on their way: each direction of a connection has one thread that reads and judges, and one that writes what is due.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::twist::{Common, Direction, Fate, Known, Twist};
use crate::chance::Chance;
use crate::fault::Way;

/// How long a target may take to accept.
pub(super) const CONNECT_PATIENCE: Duration = Duration::from_secs(5);
/// Frames that are late; at the bound nothing more is read, as behind a slow link.
const LATE_FRAMES_MAX: usize = 4_096;
/// A longer frame ends the connection: none of these clients asks for so much.
const FRAME_BYTES_MAX: usize = 64 << 20;
const READ_BYTES: usize = 64 << 10;
const LENGTH_BYTES: usize = 4;

/// What all connections of a proxy share.
pub(super) struct Shared {
    twist: Twist,
    common: Arc<Common>,
    ended: AtomicBool,
    open: Mutex<Vec<TcpStream>>,
}

impl Shared {
    pub(super) fn new(twist: Twist) -> Self {
        Self { twist, common: Arc::default(), ended: AtomicBool::new(false), open: Mutex::default() }
    }

    pub(super) fn has_ended(&self) -> bool {
        self.ended.load(Ordering::Acquire)
    }

    /// No further connection; those that are there end, which wakes their threads.
    pub(super) fn end(&self) {
        self.ended.store(true, Ordering::Release);
        for stream in self.open.lock().unwrap_or_else(PoisonError::into_inner).drain(..) {
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    /// Keeps it until the proxy ends; one that comes after the end ends at once.
    fn keep(&self, stream: TcpStream) {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        if self.has_ended() {
            let _ = stream.shutdown(Shutdown::Both);
        } else {
            open.push(stream);
        }
    }
}

/// Both ends of a connection.
struct Ends {
    client: TcpStream,
    server: TcpStream,
    silent: AtomicBool,
}

impl Ends {
    fn cut(&self) {
        let _ = self.client.shutdown(Shutdown::Both);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    fn fall_silent(&self) {
        self.silent.store(true, Ordering::Release);
        let _ = self.server.shutdown(Shutdown::Both);
    }

    fn is_silent(&self) -> bool {
        self.silent.load(Ordering::Acquire)
    }
}

/// Starts the threads of a connection.
pub(super) fn start(client: TcpStream, server: TcpStream, shared: &Shared, chance: &mut Chance) -> io::Result<()> {
    for stream in [&client, &server] {
        stream.set_nodelay(true)?;
        // What a nonblocking listener accepts blocks on Linux; said, so that it needn't be known.
        stream.set_nonblocking(false)?;
        shared.keep(stream.try_clone()?);
    }
    let ends = Arc::new(Ends { client, server, silent: AtomicBool::new(false) });
    let known = Arc::new(Known::default());
    for way in [Way::Out, Way::In] {
        let direction = Direction {
            twist: shared.twist,
            way,
            chance: Chance::new(chance.next()),
            known: Arc::clone(&known),
            common: Arc::clone(&shared.common),
            frames: 0,
        };
        let (due, frames) = sync_channel(LATE_FRAMES_MAX);
        let (reading, writing) = (Arc::clone(&ends), Arc::clone(&ends));
        std::thread::Builder::new().name("proxy-read".to_owned()).spawn(move || read(&reading, direction, &due))?;
        std::thread::Builder::new().name("proxy-write".to_owned()).spawn(move || write(&writing, way, &frames))?;
    }
    Ok(())
}

type Due = (Instant, Vec<u8>);

fn read(ends: &Ends, mut direction: Direction, due: &SyncSender<Due>) {
    let mut from = match direction.way {
        Way::In => &ends.server,
        Way::Out | Way::Both => &ends.client,
    };
    let mut pending = Vec::new();
    let mut chunk = vec![0; READ_BYTES];
    loop {
        let count = match from.read(&mut chunk) {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        // What comes on a silent connection is taken and forgotten.
        if ends.is_silent() {
            continue;
        }
        pending.extend_from_slice(&chunk[..count]);
        loop {
            let mut frame = match next_frame(&mut pending) {
                Ok(Some(frame)) => frame,
                Ok(None) => break,
                Err(TooLong) => return ends.cut(),
            };
            match direction.on_frame(&mut frame) {
                Fate::Pass => {
                    if due.send((Instant::now() + direction.delay(), frame)).is_err() {
                        return;
                    }
                }
                Fate::Drop => (),
                Fate::Cut => return ends.cut(),
                Fate::Silence => {
                    ends.fall_silent();
                    break;
                }
            }
        }
    }
}

fn write(ends: &Ends, way: Way, frames: &Receiver<Due>) {
    let mut to = match way {
        Way::In => &ends.client,
        Way::Out | Way::Both => &ends.server,
    };
    for (due, frame) in frames {
        std::thread::sleep(due.saturating_duration_since(Instant::now()));
        if to.write_all(&frame).is_err() {
            return ends.cut();
        }
    }
    // The other side has ended, and this one is told; unless nobody is to be told.
    if !ends.is_silent() {
        let _ = to.shutdown(Shutdown::Write);
    }
}

#[derive(Debug, PartialEq, Eq)]
struct TooLong;

/// Takes the first whole frame, its length included.
fn next_frame(pending: &mut Vec<u8>) -> Result<Option<Vec<u8>>, TooLong> {
    let Some(length) = pending.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
    let length = usize::try_from(u32::from_be_bytes(*length)).map_err(|_| TooLong)?;
    if length > FRAME_BYTES_MAX {
        return Err(TooLong);
    }
    let end = LENGTH_BYTES + length;
    if pending.len() < end {
        return Ok(None);
    }
    let rest = pending.split_off(end);
    Ok(Some(std::mem::replace(pending, rest)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_are_cut_as_they_were_sent() {
        let mut pending = vec![0, 0, 0, 2, 1, 2, 0, 0, 0, 0, 0, 0, 0, 3, 9];
        assert_eq!(next_frame(&mut pending), Ok(Some(vec![0, 0, 0, 2, 1, 2])));
        assert_eq!(next_frame(&mut pending), Ok(Some(vec![0, 0, 0, 0])));
        assert_eq!(next_frame(&mut pending), Ok(None));
        pending.extend([8, 7]);
        assert_eq!(next_frame(&mut pending), Ok(Some(vec![0, 0, 0, 3, 9, 8, 7])));
        pending.extend([0x40, 0, 0, 0]);
        assert_eq!(next_frame(&mut pending), Err(TooLong));
    }
}
