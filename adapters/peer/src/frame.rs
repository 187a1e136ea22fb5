//! Frames: four bytes of length, then JSON. Small, so that any of them can be read in a packet capture.

use std::io;

use tokio::io::{AsyncRead, AsyncReadExt};

/// The largest frame; a longer one ends the connection. A status of [`OUTPUTS_MAX`](crate::OUTPUTS_MAX) outputs
/// with the longest topic names has two thirds of it.
pub const FRAME_BYTES_MAX: usize = 256 * 1024;
/// Of the length.
const HEAD_BYTES: usize = 4;

/// Why a stream of frames ended.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    /// End of file, reset, or another end of the connection.
    #[error("the connection ended")]
    Ended(#[source] Option<io::Error>),
    /// The length is none that a peer sends.
    #[error("a frame of {bytes} bytes is announced")]
    TooLong {
        /// As announced.
        bytes: usize,
    },
}

/// Cuts a stream into frames; what was read of the next one is kept.
pub(crate) struct FrameReader<R> {
    stream: R,
    buffer: Vec<u8>,
    /// How much of the buffer was given out and goes with the next call.
    used: usize,
}

impl<R: AsyncRead + Unpin> FrameReader<R> {
    pub(crate) fn new(stream: R) -> Self {
        Self { stream, buffer: Vec::new(), used: 0 }
    }

    /// The next frame's contents.
    ///
    /// # Cancellation
    /// Safe: a frame half read is gone on with by the next call.
    pub(crate) async fn next(&mut self) -> Result<&[u8], FrameError> {
        self.buffer.drain(..std::mem::take(&mut self.used));
        let end = loop {
            match frame_end(&self.buffer)? {
                Some(end) => break end,
                None => match self.stream.read_buf(&mut self.buffer).await {
                    Ok(0) => return Err(FrameError::Ended(None)),
                    Ok(_) => (),
                    Err(error) => return Err(FrameError::Ended(Some(error))),
                },
            }
        };
        self.used = end;
        Ok(&self.buffer[HEAD_BYTES..end])
    }
}

/// Where the first frame ends, once all of it is there.
fn frame_end(buffer: &[u8]) -> Result<Option<usize>, FrameError> {
    let Some(head) = buffer.first_chunk::<HEAD_BYTES>() else { return Ok(None) };
    let bytes = u32::from_be_bytes(*head) as usize;
    if bytes > FRAME_BYTES_MAX {
        return Err(FrameError::TooLong { bytes });
    }
    let end = HEAD_BYTES + bytes;
    Ok((buffer.len() >= end).then_some(end))
}

/// Contents as a frame.
///
/// # Panics
/// When the contents pass [`FRAME_BYTES_MAX`]; what is sent is bounded far below that.
pub(crate) fn framed(contents: &[u8]) -> Vec<u8> {
    assert!(contents.len() <= FRAME_BYTES_MAX, "a frame of {} bytes", contents.len());
    let mut frame = Vec::with_capacity(HEAD_BYTES + contents.len());
    frame.extend_from_slice(&(contents.len() as u32).to_be_bytes());
    frame.extend_from_slice(contents);
    frame
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn frames_survive_any_cut() {
        let bytes = [framed(b"one"), framed(b""), framed(b"three")].concat();
        let (mut near, far) = tokio::io::duplex(1);
        let writer = tokio::spawn(async move { tokio::io::AsyncWriteExt::write_all(&mut near, &bytes).await });
        let mut reader = FrameReader::new(far);
        for expected in [&b"one"[..], b"", b"three"] {
            assert_eq!(reader.next().await.unwrap(), expected);
        }
        assert!(matches!(reader.next().await, Err(FrameError::Ended(None))));
        writer.await.unwrap().unwrap();
    }

    #[tokio::test]
    async fn what_is_no_frame_is_refused_by_its_length() {
        let mut reader = FrameReader::new(&b"GET / HTTP/1.1\r\n"[..]);
        assert!(matches!(reader.next().await, Err(FrameError::TooLong { bytes: 0x4745_5420 })));
    }
}
