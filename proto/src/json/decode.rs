//! Documents to events: walked while they are parsed, no tree is built.

use std::fmt;
use std::sync::Arc;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde_json::error::Category;
use types::{EventBlock, Flags, Opcode, Schema};

use super::value::ValueSeed;
use super::{FLAGS, OPCODE};
use crate::JsonOptions;
use crate::UnknownMembers;
use crate::decoder::upsert_if;
use crate::parse;
use crate::reject::{Fault, Place, Reason, Rejects, excerpt};

const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

#[derive(Debug)]
pub(crate) struct JsonDecoder {
    options: JsonOptions,
    schema: Arc<Schema>,
    generated: Option<usize>,
    /// Which fields the event at hand has had.
    seen: Vec<bool>,
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
struct Walk<'w, 'r> {
    decoder: &'w mut JsonDecoder,
    block: &'w mut EventBlock,
    rejects: &'w mut Rejects<'r>,
    /// The number of the next event in the payload.
    row: u32,
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
    fn member(&self, name: &str, guess: usize) -> Member {
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

enum Member {
    Field(usize),
    Opcode,
    Flags,
    /// Further members of the same event.
    More,
    /// Other events.
    Events,
    /// Known and not needed.
    Nothing,
    Unknown(String),
}

/// The visits of values that are neither array nor object, all alike: a bounded text is handed on.
macro_rules! scalars {
    (|$self:ident, $text:ident| $then:expr) => {
        fn visit_i64<E>($self, value: i64) -> Result<Self::Value, E> {
            let $text = &value.to_string();
            Ok($then)
        }

        fn visit_u64<E>($self, value: u64) -> Result<Self::Value, E> {
            let $text = &value.to_string();
            Ok($then)
        }

        fn visit_f64<E>($self, value: f64) -> Result<Self::Value, E> {
            let $text = ryu::Buffer::new().format(value).to_owned();
            let $text = &$text;
            Ok($then)
        }

        fn visit_bool<E>($self, value: bool) -> Result<Self::Value, E> {
            let $text = if value { "true" } else { "false" };
            Ok($then)
        }

        fn visit_unit<E>($self) -> Result<Self::Value, E> {
            let $text = "null";
            Ok($then)
        }

        fn visit_str<E>($self, value: &str) -> Result<Self::Value, E> {
            let $text = &excerpt(value.trim().as_bytes());
            Ok($then)
        }
    };
}

/// Anything that may hold events.
struct Node<'n, 'w, 'r> {
    walk: &'n mut Walk<'w, 'r>,
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
        let mut event = Event { walk: self.walk, opcode: None, flags: None, holds_events: false, fault: None };
        event.members(members)?;
        event.finish(kept);
        Ok(())
    }

    scalars!(|self, text| self.walk.not_an_event(text));
}

/// An event while its members come in, in any order and perhaps from nested objects.
struct Event<'n, 'w, 'r> {
    walk: &'n mut Walk<'w, 'r>,
    opcode: Option<Opcode>,
    flags: Option<Flags>,
    /// It is the wrapping of other events.
    holds_events: bool,
    /// The first thing that doesn't fit.
    fault: Option<Fault>,
}

impl Event<'_, '_, '_> {
    fn members<'de, A: MapAccess<'de>>(&mut self, mut members: A) -> Result<(), A::Error> {
        let mut guess = 0;
        while let Some(member) = members.next_key_seed(MemberSeed { walk: self.walk, guess })? {
            match member {
                _ if self.fault.is_some() => drop(members.next_value::<IgnoredAny>()?),
                Member::Nothing => drop(members.next_value::<IgnoredAny>()?),
                Member::Field(i) => {
                    guess = i + 1;
                    self.field(i, &mut members)?;
                }
                Member::Opcode => {
                    let text = members.next_value_seed(ShortText)?;
                    let opcode = parse::opcode(text.as_bytes());
                    let is_repeated = self.opcode.is_some();
                    self.special(OPCODE, text, opcode.is_none().then_some(Reason::UnknownOpcode), is_repeated);
                    self.opcode = opcode;
                }
                Member::Flags => {
                    let text = members.next_value_seed(ShortText)?;
                    let flags = parse::flags(text.as_bytes());
                    let is_repeated = self.flags.is_some();
                    self.special(FLAGS, text, flags.is_none().then_some(Reason::UnknownFlags), is_repeated);
                    self.flags = flags;
                }
                Member::More => members.next_value_seed(MoreMembers { event: self })?,
                Member::Events => self.events(&mut members)?,
                Member::Unknown(name) => {
                    members.next_value::<IgnoredAny>()?;
                    self.fault = Some(Fault { place: None, text: name, reason: Reason::UnknownMember });
                }
            }
        }
        Ok(())
    }

    fn field<'de, A: MapAccess<'de>>(&mut self, i: usize, members: &mut A) -> Result<(), A::Error> {
        let JsonDecoder { options, generated, seen, .. } = &mut *self.walk.decoder;
        if *generated == Some(i) {
            members.next_value::<IgnoredAny>()?;
            return Ok(());
        }
        let outcome = if std::mem::replace(&mut seen[i], true) {
            members.next_value::<IgnoredAny>()?;
            Err((String::new(), Reason::RepeatedMember))
        } else {
            let column = &mut self.walk.block.columns[i];
            members.next_value_seed(ValueSeed { column, dates: options.date_format.as_ref() })?
        };
        if let Err((text, reason)) = outcome {
            let name = self.walk.decoder.schema.fields()[i].name.clone();
            let column = u32::try_from(i + 1).unwrap_or(u32::MAX);
            self.fault = Some(Fault { place: Some(Place { column, name }), text, reason });
        }
        Ok(())
    }

    /// Opcode or flags; they count as column 0, for they have no place among the fields.
    fn special(&mut self, name: &str, text: String, unknown: Option<Reason>, is_repeated: bool) {
        let reason = if is_repeated { Some(Reason::RepeatedMember) } else { unknown };
        if let Some(reason) = reason {
            self.fault = Some(Fault { place: Some(Place { column: 0, name: name.to_owned() }), text, reason });
        }
    }

    fn events<'de, A: MapAccess<'de>>(&mut self, members: &mut A) -> Result<(), A::Error> {
        if self.walk.decoder.seen.contains(&true) || self.opcode.is_some() || self.holds_events {
            self.fault = Some(Fault::of_block(Reason::NotAnEvent));
            members.next_value::<IgnoredAny>()?;
            return Ok(());
        }
        self.holds_events = true;
        members.next_value_seed(Node { walk: self.walk })?;
        // The events inside have used the list.
        self.walk.decoder.seen.fill(false);
        Ok(())
    }

    /// Adds the event, or reports it; `kept` is where it began.
    fn finish(self, kept: usize) {
        let has_fields = self.walk.decoder.seen.contains(&true);
        let is_mixture = self.holds_events && (has_fields || self.opcode.is_some() || self.flags.is_some());
        let fault = self.fault.or_else(|| is_mixture.then(|| Fault::of_block(Reason::NotAnEvent)));
        let Walk { decoder, block, rejects, row } = self.walk;
        if let Some(fault) = fault {
            // Not below events that stood inside: those are rows of their own.
            block.truncate(if self.holds_events { block.len() } else { kept });
            rejects.push(*row, fault);
            *row += 1;
        } else if !self.holds_events {
            for (column, seen) in block.columns.iter_mut().zip(&decoder.seen) {
                if !seen {
                    parse::push_null(column);
                }
            }
            let opcode = self.opcode.unwrap_or(Opcode::Insert);
            block.opcodes.push(upsert_if(decoder.options.publish_with_upsert, opcode));
            block.flags.push(self.flags.unwrap_or(Flags::NORMAL));
            *row += 1;
        }
    }
}

/// `event` and `attributes`: an object with further members of the same event.
struct MoreMembers<'e, 'n, 'w, 'r> {
    event: &'e mut Event<'n, 'w, 'r>,
}

impl<'de> DeserializeSeed<'de> for MoreMembers<'_, '_, '_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for MoreMembers<'_, '_, '_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, members: A) -> Result<(), A::Error> {
        self.event.members(members)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        self.event.fault = Some(Fault::of_block(Reason::NotAnEvent));
        Ok(())
    }

    scalars!(|self, text| {
        self.event.fault = Some(Fault { place: None, text: text.to_owned(), reason: Reason::NotAnEvent });
    });
}

/// A member's name, resolved without a copy.
struct MemberSeed<'m, 'w, 'r> {
    walk: &'m Walk<'w, 'r>,
    guess: usize,
}

impl<'de> DeserializeSeed<'de> for MemberSeed<'_, '_, '_> {
    type Value = Member;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Member, D::Error> {
        deserializer.deserialize_str(self)
    }
}

impl Visitor<'_> for MemberSeed<'_, '_, '_> {
    type Value = Member;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a name")
    }

    fn visit_str<E: serde::de::Error>(self, name: &str) -> Result<Member, E> {
        Ok(self.walk.member(name, self.guess))
    }
}

/// Opcode or flags: a short text.
struct ShortText;

impl<'de> DeserializeSeed<'de> for ShortText {
    type Value = String;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<String, D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for ShortText {
    type Value = String;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a text")
    }

    scalars!(|self, text| text.to_owned());

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<String, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok("[…]".to_owned())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<String, A::Error> {
        while members.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok("{…}".to_owned())
    }
}
