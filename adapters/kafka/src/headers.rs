//! Reading the headers of records that anybody may have written.

use std::panic::{AssertUnwindSafe, catch_unwind};

use ports::headers::{SOURCE, SourceHeader, TICK};
use rdkafka::message::{BorrowedMessage, Headers as _, Message as _};
use types::{SourceId, SourcePosition};

/// Shows each header of a record: name and value.
///
/// rdkafka unwraps a header's name as UTF-8, so one foreign record with another name would bring down every replica that
/// reads it. Such a header is left out instead: nothing of ours has such a name.
pub(crate) fn each(message: &BorrowedMessage<'_>, mut visit: impl FnMut(&str, Option<&[u8]>)) {
    let Some(headers) = message.headers() else { return };
    for i in 0..headers.count() {
        let header = catch_unwind(AssertUnwindSafe(|| headers.try_get(i)));
        if let Ok(Some(header)) = header {
            visit(header.key, header.value);
        }
    }
}

/// What the engine needs to know of an inbound record before it looks at the payload.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct InboundHeaders {
    pub(crate) tick: bool,
    pub(crate) source: Option<(SourceId, SourcePosition)>,
}

impl InboundHeaders {
    pub(crate) fn of(message: &BorrowedMessage<'_>) -> Self {
        let mut found = Self::default();
        each(message, |name, value| found.learn(name, value));
        found
    }

    /// The first of several headers of one name counts; one that can't be read is as good as none.
    fn learn(&mut self, name: &str, value: Option<&[u8]>) {
        if name == TICK {
            self.tick = true;
        } else if name == SOURCE && self.source.is_none() {
            let header = value.and_then(|value| std::str::from_utf8(value).ok()).and_then(SourceHeader::parse);
            self.source = header.map(|header| (header.id, header.position));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_source_header_that_cannot_be_read_is_as_good_as_none() {
        let mut found = InboundHeaders::default();
        for (name, value) in
            [("other", Some(&b"x"[..])), (SOURCE, None), (SOURCE, Some(b"\xff")), (SOURCE, Some(b"1 2"))]
        {
            found.learn(name, value);
        }
        assert_eq!(found, InboundHeaders::default());
        found.learn(SOURCE, Some(b"3 40 900 0000000000000abc trades.csv"));
        found.learn(SOURCE, Some(b"4 50 999 0000000000000abc other.csv"));
        found.learn(TICK, None);
        let position = SourcePosition { index: 3, row: 40, byte: 900 };
        assert_eq!(found, InboundHeaders { tick: true, source: Some(("trades.csv".into(), position)) });
    }
}
