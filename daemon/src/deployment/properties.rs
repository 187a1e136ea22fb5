//! Every property of a `kafka` connector: works, is accepted without effect, or is refused with the reason.

use engine::project::Direction;

/// What becomes of a property.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Treatment {
    /// It does what users expect.
    Works,
    /// Nothing needs it here; said once in a notice.
    NoEffect(&'static str),
    /// It can't be honoured; the text says why and what to do.
    Refused(&'static str),
}

use Treatment::{NoEffect, Refused, Works};

const BOTH: &[(&str, Treatment)] = &[
    ("kafkahostport", Works),
    ("kafkatopic", Works),
    ("kafkapartition", Works),
    ("kafkatype", Works),
    ("urlhostport", Works),
    ("dateformat", Works),
    ("kafkaglobalconfig", Works),
    ("kafkatopicconfig", Works),
    ("useclientmsgid", Refused("message ids come from inbound offsets, which all replicas share; remove the property")),
    ("configfilesection", Refused("there is no connectors file here; write the properties into the connector")),
    ("protofile", Refused(PROTOBUF)),
    ("protomsg", Refused(PROTOBUF)),
    ("avroschemaregistryurl", Refused(AVRO)),
    ("avroschemadefinition", Refused(AVRO)),
    ("avroschemaname", Refused(AVRO)),
    ("avroschemanoopcode", Refused(AVRO)),
];

pub(super) const AVRO: &str = "avro is not built yet; use kafkatype binary, csv or json";
pub(super) const PROTOBUF: &str = "protobuf by description is not built yet; use kafkatype binary, csv or json";

const PUBLISHER: &[(&str, Treatment)] = &[
    ("kafkainitialoffset", Works),
    ("csvfielddelimiter", Works),
    ("noautogenfield", Works),
    ("addcsvopcode", Works),
    ("addcsvflags", Works),
    ("publishwithupsert", Works),
    ("useoffsetmsgid", NoEffect("message ids are always inbound offsets")),
    (
        "ignorecsvparseerrors",
        NoEffect("a bad row never stops an engine: it goes to the dead letters, the rest goes on"),
    ),
    ("blocksize", NoEffect("one inbound record is one event block, so that all replicas cut alike")),
    ("transactional", NoEffect("one inbound record is one event block")),
    (
        "kafkaconsumergroupid",
        Refused("a consumer group gives each record to one replica only; every replica must read all"),
    ),
    ("maxevents", Refused("an engine that stops reading can't take over; limit the publisher instead")),
];

const SUBSCRIBER: &[(&str, Treatment)] = &[
    ("hotfailover", Works),
    ("zookeeperhostport", Works),
    ("numbufferedmsgs", Works),
    ("collapse", Works),
    ("rmretdel", Works),
    ("csvincludeschema", Works),
    ("csvmsgperevent", Works),
    ("csvmsgpereventblock", Works),
    ("snapshot", Works),
];

/// What becomes of the property called `name`; `None` when there is no such property.
pub(super) fn treatment(direction: Direction, name: &str) -> Option<Treatment> {
    names(direction).find(|(known, _)| *known == name).map(|(_, treatment)| *treatment)
}

/// All properties of that direction.
pub(super) fn names(direction: Direction) -> impl Iterator<Item = &'static (&'static str, Treatment)> {
    let own = match direction {
        Direction::Publish => PUBLISHER,
        Direction::Subscribe => SUBSCRIBER,
    };
    BOTH.iter().chain(own)
}
