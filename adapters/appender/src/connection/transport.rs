//! Bytes of one connection on their way in and out, in the clear or through TLS.

use std::collections::VecDeque;
use std::io::{self, ErrorKind, IoSlice, Read as _, Write};

use bytes::{Buf as _, Bytes, BytesMut};
use rustls::ClientConnection;

use super::FRAME_BYTES_MAX;
use crate::link::LinkDown;

/// Parts given to the system in one write.
const SLICES_MAX: usize = 32;
/// Bytes of a frame before its content.
const LENGTH_BYTES: usize = 4;

/// What waits to be written, what was read, and the TLS session between, if any.
pub(super) struct Transport {
    tls: Option<Box<ClientConnection>>,
    outbox: VecDeque<Bytes>,
    inbox: BytesMut,
}

impl Transport {
    pub(super) fn new(tls: Option<ClientConnection>) -> Self {
        Self { tls: tls.map(Box::new), outbox: VecDeque::new(), inbox: BytesMut::new() }
    }

    /// Queues bytes; empty parts cost nothing.
    pub(super) fn push(&mut self, part: Bytes) {
        if !part.is_empty() {
            self.outbox.push_back(part);
        }
    }

    /// Writes as much as `sink` takes. `Ok(true)`: nothing is left that could be written now.
    pub(super) fn transmit(&mut self, sink: &mut dyn Write) -> io::Result<bool> {
        match &mut self.tls {
            Some(tls) => transmit_tls(tls, &mut self.outbox, sink),
            None => transmit_plain(&mut self.outbox, sink),
        }
    }

    /// Whether there are bytes that `sink` didn't take yet; those in the outbox have not even been encrypted.
    pub(super) fn wants_write(&self) -> bool {
        !self.outbox.is_empty() || self.tls.as_ref().is_some_and(|tls| tls.wants_write())
    }

    /// Takes bytes that the other side sent. `Ok(false)`: it said that nothing more will come.
    pub(super) fn receive(&mut self, bytes: &[u8]) -> Result<bool, String> {
        let Some(tls) = &mut self.tls else {
            self.inbox.extend_from_slice(bytes);
            return Ok(true);
        };
        let mut rest = bytes;
        let mut open = true;
        while open && !rest.is_empty() {
            tls.read_tls(&mut rest).map_err(|error| error.to_string())?;
            let state = tls.process_new_packets().map_err(|error| error.to_string())?;
            let start = self.inbox.len();
            self.inbox.resize(start + state.plaintext_bytes_to_read(), 0);
            tls.reader().read_exact(&mut self.inbox[start..]).map_err(|error| error.to_string())?;
            open = !state.peer_has_closed();
        }
        Ok(open)
    }

    /// The next whole frame, without its length.
    pub(super) fn frame(&mut self) -> Result<Option<Bytes>, LinkDown> {
        let Some(length) = self.inbox.first_chunk::<LENGTH_BYTES>() else { return Ok(None) };
        let claimed = i32::from_be_bytes(*length);
        let length = usize::try_from(claimed).ok().filter(|length| *length <= FRAME_BYTES_MAX);
        let Some(length) = length else { return Err(absurd(claimed)) };
        if self.inbox.len() < LENGTH_BYTES + length {
            self.inbox.reserve(LENGTH_BYTES + length - self.inbox.len());
            return Ok(None);
        }
        self.inbox.advance(LENGTH_BYTES);
        Ok(Some(self.inbox.split_to(length).freeze()))
    }
}

/// What a length tells that can't be one.
fn absurd(length: i32) -> LinkDown {
    // An alert record of TLS 1.x: what a TLS port answers to bytes in the clear.
    let hint = if length >> 8 == 0x15_03_03 || length >> 8 == 0x15_03_01 { ": the broker speaks TLS here" } else { "" };
    LinkDown::Protocol { reason: format!("a frame of {length} bytes, the bound is {FRAME_BYTES_MAX}{hint}") }
}

fn transmit_plain(outbox: &mut VecDeque<Bytes>, sink: &mut dyn Write) -> io::Result<bool> {
    while !outbox.is_empty() {
        let mut slices = [IoSlice::new(&[]); SLICES_MAX];
        let parts = outbox.iter().zip(&mut slices).map(|(part, slice)| *slice = IoSlice::new(part)).count();
        match sink.write_vectored(&slices[..parts]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(written) => drop_front(outbox, written),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(true)
}

fn transmit_tls(tls: &mut ClientConnection, outbox: &mut VecDeque<Bytes>, sink: &mut dyn Write) -> io::Result<bool> {
    loop {
        while let Some(part) = outbox.front() {
            let taken = tls.writer().write(part)?;
            if taken == 0 {
                break;
            }
            drop_front(outbox, taken);
        }
        if !tls.wants_write() {
            return Ok(true);
        }
        match tls.write_tls(sink) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(_) => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

fn drop_front(outbox: &mut VecDeque<Bytes>, mut count: usize) {
    while let Some(front) = outbox.front_mut() {
        if count < front.len() {
            front.advance(count);
            return;
        }
        count -= front.len();
        outbox.pop_front();
    }
}
