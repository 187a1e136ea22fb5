//! Documents to events: walked while they are parsed, no tree is built.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use types::{EventBlock, Schema};

use super::event::{Event, Member};
use super::scalars::scalars;
use super::{FLAGS, OPCODE};
use crate::reject::{Fault, Reason, Rejects, excerpt};
use crate::{JsonOptions, UnknownMembers};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug)]
pub(crate) struct JsonDecoder {
    pub(super) options: JsonOptions,
    pub(super) schema: Arc<Schema>,
    /// The position of the key that the source generates, when it does.
    pub(super) generated: Option<usize>,
    /// Which fields the event at hand has had.
    pub(super) seen: Vec<bool>,
}

impl JsonDecoder {
    pub(crate) fn new(options: JsonOptions, schema: Arc<Schema>) -> Self {
        Self { options, seen: vec![false; schema.fields().len()], schema, generated: None }
    }

    /// The key's member is ignored on input.
    pub(crate) fn generate_key(&mut self) {
        self.generated = self.schema.keys().first().copied();
    }

    pub(crate) fn decode(&mut self, payload: &[u8], block: &mut EventBlock, rejects: &mut Rejects<'_>) {
        let payload = payload.strip_prefix(BYTE_ORDER_MARK).unwrap_or(payload);
        let mut walk = Walk { decoder: self, block, rejects, row: 0 };
        let mut lines = payload.split(|&byte| byte == b'\n').filter(|line| !line.trim_ascii().is_empty());
        let Some(first) = lines.next() else { return };
        match walk.document(first) {
            Ok(()) => {}
            // The first line is the beginning of a longer document: then there is only this one.
            Err(error) if error.classify() == Category::Eof => {
                if let Err(error) = walk.document(payload) {
                    walk.refuse(payload, &error);
                }
                return;
            }
            Err(error) => walk.refuse(first, &error),
        }
        for line in lines {
            if let Err(error) = walk.document(line) {
                walk.refuse(line, &error);
            }
        }
    }
}

/// The way through a document.
pub(super) struct Walk<'w, 'r> {
    pub(super) decoder: &'w mut JsonDecoder,
    pub(super) block: &'w mut EventBlock,
    pub(super) rejects: &'w mut Rejects<'r>,
    /// The number of the next event in the payload.
    pub(super) row: u32,
}

impl Walk<'_, '_> {
    /// All events of a document; when it isn't json, none, and nothing is reported yet.
    fn document(&mut self, text: &[u8]) -> serde_json::Result<()> {
        let (kept, mark, row) = (self.block.len(), self.rejects.mark(), self.row);
        let mut parser = serde_json::Deserializer::from_slice(text);
        let read = Node { walk: self }.deserialize(&mut parser).and_then(|()| parser.end());
        if read.is_err() {
            self.block.truncate(kept);
            self.rejects.forget_since(mark);
            self.row = row;
        }
        read
    }

    fn refuse(&mut self, text: &[u8], error: &serde_json::Error) {
        let reason = Reason::NotJson { message: excerpt(error.to_string().as_bytes()) };
        self.rejects.push(self.row, Fault { place: None, text: excerpt(text.trim_ascii()), reason });
        self.row += 1;
    }

    fn not_an_event(&mut self, text: &str) {
        self.rejects.push(self.row, Fault { place: None, text: text.to_owned(), reason: Reason::NotAnEvent });
        self.row += 1;
    }

    /// What a member of an event is for; fields of the schema go first.
    pub(super) fn member(&self, name: &str, guess: usize) -> Member {
        let fields = self.decoder.schema.fields();
        if fields.get(guess).is_some_and(|field| field.name == name) {
            return Member::Field(guess);
        }
        if let Some(i) = self.decoder.schema.position(name) {
            return Member::Field(i);
        }
        match name.strip_prefix('@').unwrap_or(name) {
            OPCODE => Member::Opcode,
            FLAGS => Member::Flags,
            "timestamp" => Member::Nothing,
            "event" | "attributes" => Member::More,
            "events" | "entries" | "data" => Member::Events,
            _ if self.decoder.options.unknown_members == UnknownMembers::Ignore => Member::Nothing,
            _ => Member::Unknown(excerpt(name.as_bytes())),
        }
    }
}

/// Anything that may hold events.
pub(super) struct Node<'n, 'w, 'r> {
    pub(super) walk: &'n mut Walk<'w, 'r>,
}

impl<'de> DeserializeSeed<'de> for Node<'_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Node<'_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("events")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element_seed(Node { walk: self.walk })?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        let kept = self.walk.block.len();
        self.walk.decoder.seen.fill(false);
        let mut event = Event::new(self.walk);
        event.members(members)?;
        event.finish(kept);
        Ok(())
    }

    scalars!(|self, text| self.walk.not_an_event(text));
}
