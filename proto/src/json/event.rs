//! One event, put together from members that come in any order.

use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use types::{Flags, Opcode};

use super::decode::{JsonDecoder, Node, Walk};
use super::scalars::scalars;
use super::value::ValueSeed;
use super::{FLAGS, OPCODE};
use crate::decoder::upsert_if;
use crate::parse;
use crate::reject::{Fault, Place, Reason, excerpt};

/// What a member of an event is for.
pub(super) enum Member {
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

/// An event while its members come in, in any order and perhaps from nested objects.
pub(super) struct Event<'n, 'w, 'r> {
    walk: &'n mut Walk<'w, 'r>,
    opcode: Option<Opcode>,
    flags: Option<Flags>,
    /// It is the wrapping of other events.
    holds_events: bool,
    /// The first thing that doesn't fit.
    fault: Option<Fault>,
}

impl<'n, 'w, 'r> Event<'n, 'w, 'r> {
    pub(super) const fn new(walk: &'n mut Walk<'w, 'r>) -> Self {
        Self { walk, opcode: None, flags: None, holds_events: false, fault: None }
    }

    pub(super) fn members<'de, A: MapAccess<'de>>(&mut self, mut members: A) -> Result<(), A::Error> {
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
    pub(super) fn finish(self, kept: usize) {
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
